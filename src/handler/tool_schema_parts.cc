// tool_schema_parts.cc: the table of keywords, and how several schemas become one.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gc {
namespace {

using json::Value;
using enum SchemaKeyword;

constexpr size_t kMaxMergeDepth = 16;
constexpr int64_t kMaxMergedMembers = 100'000;

constexpr std::pair<std::string_view, SchemaKeyword> kKeywords[] = {
    {"type", kType},
    {"format", kFormat},
    {"title", kTitle},
    {"description", kDescription},
    {"const", kConst},
    {"enum", kEnum},
    {"properties", kProperties},
    {"required", kRequired},
    {"propertyOrdering", kPropertyOrdering},
    {"items", kItems},
    {"prefixItems", kPrefixItems},
    {"additionalItems", kAdditionalItems},
    {"additionalProperties", kAdditionalProperties},
    {"anyOf", kAnyOf},
    {"oneOf", kOneOf},
    {"minItems", kMinItems},
    {"maxItems", kMaxItems},
    {"minimum", kMinimum},
    {"maximum", kMaximum},
    {"exclusiveMinimum", kExclusiveMinimum},
    {"exclusiveMaximum", kExclusiveMaximum},
    {"nullable", kNullable},
    {"default", kDefault},
};

// What narrows a value in a way that Gemini has no keyword for: the model reads it in the description. All other
// unknown keywords are about the schema and not about values ($schema, examples, x-…), or would only repeat the
// obvious.
constexpr std::string_view kDescribed[] = {
    "pattern",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "patternProperties",
    "propertyNames",
    "contains",
    "minContains",
    "maxContains",
};

const SchemaKeyword* FindKeyword(std::string_view name) {
  for (const auto& [keyword, value] : kKeywords) {
    if (keyword == name) return &value;
  }
  return nullptr;
}

// A keyword whose value is of the wrong kind is none.
bool Fits(SchemaKeyword keyword, const Value& value) {
  switch (keyword) {
    case kFormat:
    case kTitle:
    case kDescription:
      return value.IsString();
    case kProperties:
      return value.IsObject();
    case kEnum:
    case kRequired:
    case kPropertyOrdering:
    case kPrefixItems:
    case kAnyOf:
    case kOneOf:
      return value.IsArray();
    case kItems:
    case kAdditionalItems:
      return value.IsObject() || value.IsArray() || value.Bool().has_value();
    case kAdditionalProperties:
      return value.IsObject() || value.Bool().has_value();
    default:
      return true;
  }
}

void AddProperties(const Value& properties, SchemaParts* parts) {
  for (const json::Member& m : properties.Members()) {
    if (m.value.type() == json::Type::kFalse) continue;  // may never be there
    if (parts->names.insert(m.name.Text()).second) {
      parts->properties.push_back(&m);
    } else {
      parts->notes.push_back({m.name.Text(), &m.value});  // two schemas of an allOf: both hold
    }
  }
}

void AddRequired(const Value& required, SchemaParts* parts) {
  for (const Value& name : required.Items()) {
    if (name.IsString() && parts->required_names.insert(name.Text()).second) parts->required.push_back(name.Text());
  }
}

void Add(const json::Member& m, SchemaParts* parts) {
  const std::string_view name = m.name.Text();
  const SchemaKeyword* keyword = FindKeyword(name);
  if (keyword == nullptr) {
    if (std::find(std::begin(kDescribed), std::end(kDescribed), name) != std::end(kDescribed)) {
      parts->notes.push_back({name, &m.value});
    }
    return;
  }
  if (!Fits(*keyword, m.value)) return;
  if (*keyword == kProperties) AddProperties(m.value, parts);
  if (*keyword == kRequired) AddRequired(m.value, parts);
  const Value*& at = parts->at[static_cast<size_t>(*keyword)];
  if (at == nullptr) {
    at = &m.value;
    parts->order.push_back(*keyword);
  } else if (*keyword != kProperties && *keyword != kRequired && *keyword != kTitle && *keyword != kDescription &&
             json::ToText(*at) != json::ToText(m.value)) {
    parts->notes.push_back({name, &m.value});
  }
}

bool IsReferenceInAllOf(const Value& schema, const Value& all_of) {
  if (all_of.Items().size() != 1 || all_of.Items().front().Find("$ref") == nullptr) return false;
  for (const std::string_view shape : {"$ref", "type", "properties", "items", "enum", "const", "anyOf", "oneOf"}) {
    if (schema.Find(shape) != nullptr) return false;
  }
  return true;
}

}  // namespace

bool SchemaParts::HasShape() const {
  if (reference != nullptr) return true;
  return std::any_of(order.begin(), order.end(), [](SchemaKeyword keyword) {
    return keyword == kType || keyword == kProperties || keyword == kItems || keyword == kPrefixItems ||
           keyword == kEnum || keyword == kConst || keyword == kAnyOf || keyword == kOneOf;
  });
}

bool SchemaParts::MoveToNotes(SchemaKeyword keyword, std::string_view name) {
  const Value*& value = at[static_cast<size_t>(keyword)];
  if (value == nullptr) return false;
  notes.push_back({name, value});
  value = nullptr;
  std::erase(order, keyword);
  return true;
}

void SchemaReader::ResetLimit() { members_left_ = kMaxMergedMembers; }

const Value* SchemaReader::Reference(const Value& schema) {
  const Value* ref = schema.Find("$ref");
  return ref != nullptr && ref->IsString() ? index_->Resolve(ref->Text()) : nullptr;
}

SchemaParts SchemaReader::Read(const Value& schema) {
  SchemaParts parts;
  merging_.assign(1, &schema);
  const Value* holder = &schema;  // of the reference
  const Value* all_of = schema.Find("allOf");
  if (all_of != nullptr && IsReferenceInAllOf(schema, *all_of)) holder = &all_of->Items().front();
  const Value* target = Reference(*holder);
  if (target == nullptr) {
    Merge(schema, &parts);
  } else if (&schema == &index_->root()) {
    for (const json::Member& m : schema.Members()) Add(m, &parts);
    MergeTarget(*target, &parts);
  } else {
    for (const json::Member& m : schema.Members()) Add(m, &parts);
    parts.reference = target;
    parts.reference_text = holder->StringOr("$ref", "");
  }
  return parts;
}

void SchemaReader::Merge(const Value& schema, SchemaParts* parts) {
  if (merging_.size() > 1) {
    const Value* properties = schema.Find("properties");
    members_left_ -= static_cast<int64_t>(schema.Members().size() + 1);
    if (properties != nullptr) members_left_ -= static_cast<int64_t>(properties->Members().size());
    if (members_left_ < 0) return;
  }
  for (const json::Member& m : schema.Members()) Add(m, parts);
  if (const Value* all_of = schema.Find("allOf")) {
    for (const Value& branch : all_of->Items()) {
      if (const Value* target = Reference(branch)) {
        MergeTarget(*target, parts);
      } else {
        Merge(branch, parts);
      }
    }
  }
}

void SchemaReader::MergeTarget(const Value& target, SchemaParts* parts) {
  if (merging_.size() > kMaxMergeDepth) return;
  if (std::find(merging_.begin(), merging_.end(), &target) != merging_.end()) return;
  merging_.push_back(&target);
  if (const Value* next = Reference(target)) {
    MergeTarget(*next, parts);
  } else {
    Merge(target, parts);
  }
  merging_.pop_back();
}

}  // namespace gc
