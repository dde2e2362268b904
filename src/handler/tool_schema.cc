// tool_schema.cc: writes a schema level by level, and the definitions that it used at its end.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "handler/tool_schema_graph.h"
#include "handler/tool_schema_index.h"
#include "handler/tool_schema_level.h"
#include "handler/tool_schema_parts.h"

namespace gc {
namespace {

using json::Value;
using enum SchemaKeyword;

// Schemas inside each other; deeper ones say their type only. Gemini's limit is not documented.
constexpr int kMaxDepth = 32;
constexpr int kMaxSimpleDepth = 6;
constexpr size_t kGrowth = 4;  // merging and naming make a schema longer, but never more than this
constexpr size_t kMinBytes = 4096;
constexpr std::string_view kWrapped = "value";

// Two keywords become one, which stands where the first of them stood.
bool IsFirst(SchemaKeyword keyword, SchemaKeyword a, SchemaKeyword b, const SchemaParts& parts) {
  const auto is_either = [&](SchemaKeyword k) { return k == a || k == b; };
  return *std::find_if(parts.order.begin(), parts.order.end(), is_either) == keyword;
}

class SchemaWriter {
 public:
  SchemaWriter(json::Writer* w, const Value& root, SchemaDetail detail)
      : w_(w),
        simple_(detail == SchemaDetail::kSimple),
        max_depth_(simple_ ? kMaxSimpleDepth : kMaxDepth),
        index_(root),
        reader_(&index_),
        graph_(root, &reader_, max_depth_, simple_),
        is_used_(1, false) {
    max_bytes_ = w->out()->size() + kMinBytes + kGrowth * json::ToText(root).size();
    reader_.ResetLimit();
  }

  void Write(bool is_parameters) {
    const Value& root = index_.root();
    is_wrapped_ = is_parameters && IsWrapped(root);
    w_->BeginObject();
    if (is_parameters && !root.IsObject()) w_->Key("type").String("object");
    if (is_wrapped_) {
      w_->Key("type").String("object").Key("properties").BeginObject().Key(kWrapped);
      WriteSchema(root, {});
      w_->EndObject().Key("required").BeginArray().String(kWrapped).EndArray();
    } else if (root.IsObject()) {
      SchemaLevel level = MakeLevel(reader_.Read(root), simple_);
      if (is_parameters) level.types.assign(1, "object");
      WriteMembers(level, {});
    }
    WriteDefinitions();
    w_->EndObject();
  }

 private:
  using Types = std::vector<std::string_view>;
  struct Place {
    size_t definition = 0;
    int depth = 0;
    bool is_needed = true;  // every value of the definition has this
    bool is_property = false;
  };

  void WriteSchema(const Value& schema, const Place& place);
  void WriteReference(const Value& target, const SchemaParts* parts, const Place& place);
  void WriteMembers(const SchemaLevel& level, const Place& place);
  void WriteMember(SchemaKeyword keyword, const SchemaLevel& level, const Place& place);
  void WriteLimit(SchemaKeyword keyword, const SchemaLevel& level);
  void WriteTypes(const Types& types);
  void WriteProperties(const SchemaParts& parts, const Place& place);
  void WriteNames(std::string_view keyword, const SchemaParts& parts, const std::vector<std::string_view>& names);
  void WriteItems(const SchemaLevel& level, const Place& place);
  void WriteAlternatives(std::string_view keyword, const SchemaLevel& level, const Value& options, const Place& place);
  void WriteDefinitions();
  const Types& LeafTypes(size_t definition);
  void WriteLeaf(const Types& types);
  bool IsFull() const { return w_->out()->size() > max_bytes_; }

  static Place Below(const Place& place) { return {place.definition, place.depth + 1, place.is_needed, false}; }

  json::Writer* w_;
  bool simple_;
  int max_depth_;
  SchemaIndex index_;
  SchemaReader reader_;
  SchemaGraph graph_;
  std::vector<bool> is_used_;  // by definition
  std::vector<size_t> used_;   // in the order of their first use
  std::unordered_map<size_t, Types> leaf_types_;
  size_t max_bytes_ = 0;
  bool is_wrapped_ = false;
};

void SchemaWriter::WriteSchema(const Value& schema, const Place& place) {
  if (place.depth > 0 && graph_.Find(schema)) return WriteReference(schema, nullptr, place);
  const SchemaParts parts = schema.IsObject() ? reader_.Read(schema) : SchemaParts();
  if (parts.reference != nullptr) return WriteReference(*parts.reference, &parts, place);
  const SchemaLevel level = MakeLevel(parts, simple_);
  w_->BeginObject();
  if (place.depth >= max_depth_ || IsFull()) {
    WriteLeaf(level.types);
  } else {
    WriteMembers(level, place);
  }
  w_->EndObject();
}

// Beside $ref Gemini takes no other keyword: a property keeps its description around it.
void SchemaWriter::WriteReference(const Value& target, const SchemaParts* parts, const Place& place) {
  const auto definition = graph_.Find(target);
  w_->BeginObject();
  if (!definition || IsFull() || (place.is_needed && graph_.IsCut(place.definition, *definition))) {
    WriteLeaf(definition ? LeafTypes(*definition) : Types());
    w_->EndObject();
    return;
  }
  std::string reference = "#";
  if (*definition != 0 || is_wrapped_) {
    reference = "#/$defs/" + graph_.name(*definition);
    is_used_.resize(std::max(is_used_.size(), *definition + 1));
    if (!is_used_[*definition]) used_.push_back(*definition);
    is_used_[*definition] = true;
  }
  const std::string description =
      parts != nullptr && place.is_property && !simple_ ? MakeLevel(*parts, false).description : "";
  if (!description.empty()) {
    w_->Key("description").String(description).Key("anyOf").BeginArray().BeginObject();
    w_->Key("$ref").String(reference).EndObject().EndArray();
  } else {
    w_->Key("$ref").String(reference);
  }
  w_->EndObject();
}

// Kept: a thousand references may be cut to the same definition, and that may be large.
const SchemaWriter::Types& SchemaWriter::LeafTypes(size_t definition) {
  const auto [entry, is_new] = leaf_types_.try_emplace(definition);
  if (is_new) entry->second = MakeLevel(reader_.Read(graph_.schema(definition)), simple_).types;
  return entry->second;
}

void SchemaWriter::WriteLeaf(const Types& types) {
  const bool is_known = !types.empty();
  WriteTypes(is_known ? types : Types(1, "object"));
  if (is_known && std::find(types.begin(), types.end(), "array") != types.end()) {
    w_->Key("items").BeginObject().EndObject();
  }
}

void SchemaWriter::WriteMembers(const SchemaLevel& level, const Place& place) {
  if (!level.type_written) WriteTypes(level.types);
  for (const SchemaKeyword keyword : level.parts.order) WriteMember(keyword, level, place);
  if (level.parts.Get(kDescription) == nullptr && !level.description.empty()) {
    w_->Key("description").String(level.description);
  }
  if (level.Is("array") && level.parts.Get(kItems) == nullptr && level.parts.Get(kPrefixItems) == nullptr) {
    w_->Key("items").BeginObject().EndObject();
  }
}

void SchemaWriter::WriteMember(SchemaKeyword keyword, const SchemaLevel& level, const Place& place) {
  const SchemaParts& parts = level.parts;
  const Value& value = *parts.Get(keyword);
  switch (keyword) {
    case kType:
      return level.type_written ? WriteTypes(level.types) : void();
    case kFormat:
      w_->Key("format").Copy(value);
      return;
    case kTitle:
      w_->Key("title").Copy(value);
      return;
    case kDescription:
      w_->Key("description").String(level.description);
      return;
    case kConst:
    case kEnum:
      if (!IsFirst(keyword, kConst, kEnum, parts) || level.enum_values.empty()) return;
      w_->Key("enum").BeginArray();
      for (const Value* allowed : level.enum_values) w_->Copy(*allowed);
      w_->EndArray();
      return;
    case kProperties:
      return WriteProperties(parts, place);
    case kRequired:
      return WriteNames("required", parts, parts.required);
    case kPropertyOrdering: {
      std::vector<std::string_view> names;
      for (const Value& name : value.Items()) names.push_back(name.Text());
      return WriteNames("propertyOrdering", parts, names);
    }
    case kItems:
    case kPrefixItems:
      return IsFirst(keyword, kItems, kPrefixItems, parts) ? WriteItems(level, place) : void();
    case kAdditionalProperties:
      if (simple_) return;
      if (value.Bool()) w_->Key("additionalProperties").Copy(value);
      if (value.IsObject()) WriteSchema(value, (w_->Key("additionalProperties"), Below(place)));
      return;
    case kAnyOf:
      return WriteAlternatives("anyOf", level, value, place);
    case kOneOf:
      return WriteAlternatives("oneOf", level, value, place);
    case kMinItems:
    case kMaxItems:
    case kMinimum:
    case kMaximum:
    case kExclusiveMinimum:
    case kExclusiveMaximum:
      return WriteLimit(keyword, level);
    case kAdditionalItems:
    case kNullable:
    case kDefault:
    case kCount_:
      return;
  }
}

void SchemaWriter::WriteLimit(SchemaKeyword keyword, const SchemaLevel& level) {
  const SchemaParts& parts = level.parts;
  if (keyword == kMinItems || keyword == kMaxItems) {
    const Value& count = *parts.Get(keyword);
    if (count.Int().value_or(-1) >= 0) w_->Key(keyword == kMinItems ? "minItems" : "maxItems").Copy(count);
  } else if (keyword == kMinimum || keyword == kExclusiveMinimum) {
    if (level.minimum.empty() || !IsFirst(keyword, kMinimum, kExclusiveMinimum, parts)) return;
    w_->Key("minimum").Raw(level.minimum);
  } else {
    if (level.maximum.empty() || !IsFirst(keyword, kMaximum, kExclusiveMaximum, parts)) return;
    w_->Key("maximum").Raw(level.maximum);
  }
}

void SchemaWriter::WriteTypes(const Types& types) {
  if (types.empty()) return;
  w_->Key("type");
  if (types.size() == 1) {
    w_->String(types.front());
    return;
  }
  w_->BeginArray();
  for (const std::string_view type : types) w_->String(type);
  w_->EndArray();
}

void SchemaWriter::WriteProperties(const SchemaParts& parts, const Place& place) {
  if (parts.properties.empty()) return;
  w_->Key("properties").BeginObject();
  for (const json::Member* m : parts.properties) {
    Place below = Below(place);
    below.is_needed &= simple_ || parts.required_names.contains(m->name.Text());
    below.is_property = true;
    w_->Key(m->name.Text());
    WriteSchema(m->value, below);
  }
  w_->EndObject();
}

// Names that are no properties are refused.
void SchemaWriter::WriteNames(std::string_view keyword, const SchemaParts& parts,
                              const std::vector<std::string_view>& names) {
  bool is_open = false;
  for (const std::string_view name : names) {
    if (!parts.names.contains(name)) continue;
    if (!is_open) w_->Key(keyword).BeginArray();
    is_open = true;
    w_->String(name);
  }
  if (is_open) w_->EndArray();
}

// Draft 7 writes tuples as a list of items, and what follows it as additionalItems.
void SchemaWriter::WriteItems(const SchemaLevel& level, const Place& place) {
  const Value* items = level.parts.Get(kItems);
  const Value* prefix = level.parts.Get(kPrefixItems);
  if (prefix == nullptr && items->IsArray()) {
    prefix = items;
    items = level.parts.Get(kAdditionalItems);
  }
  if (prefix != nullptr && !prefix->Items().empty()) {
    w_->Key("prefixItems").BeginArray();
    for (const Value& item : prefix->Items()) WriteSchema(item, Below(place));
    w_->EndArray();
    if (items == nullptr || !items->IsObject()) return;
  }
  static const Value kAnything;
  w_->Key("items");
  WriteSchema(items != nullptr && items->IsObject() ? *items : kAnything, Below(place));
}

void SchemaWriter::WriteAlternatives(std::string_view keyword, const SchemaLevel& level, const Value& options,
                                     const Place& place) {
  bool is_open = false;
  for (const Value& option : options.Items()) {
    if (option.type() == json::Type::kFalse) continue;
    if (!is_open) w_->Key(keyword).BeginArray();
    is_open = true;
    WriteSchema(option, Below(place));
  }
  if (!is_open) return;
  const Value* nullable = level.parts.Get(kNullable);
  if (level.types.empty() && nullable != nullptr && nullable->Bool().value_or(false)) {
    w_->BeginObject().Key("type").String("null").EndObject();
  }
  w_->EndArray();
}

void SchemaWriter::WriteDefinitions() {
  if (used_.empty()) return;
  w_->Key("$defs").BeginObject();
  for (size_t i = 0; i < used_.size(); ++i) {  // writing one uses others
    w_->Key(graph_.name(used_[i]));
    WriteSchema(graph_.schema(used_[i]), {.definition = used_[i]});
  }
  w_->EndObject();
}

}  // namespace

void WriteSchema(json::Writer* w, const Value& schema, SchemaDetail detail) {
  SchemaWriter(w, schema, detail).Write(false);
}

void WriteParameters(json::Writer* w, const Value& schema, SchemaDetail detail) {
  SchemaWriter(w, schema, detail).Write(true);
}

bool IsWrapped(const Value& schema) {
  if (!schema.IsObject()) return false;
  SchemaIndex index(schema);
  const SchemaLevel level = MakeLevel(SchemaReader(&index).Read(schema), false);
  return !level.types.empty() && !level.Is("object");
}

const Value& Unwrap(const Value& arguments) {
  const Value* value = arguments.Find(kWrapped);
  return value != nullptr && arguments.Members().size() == 1 ? *value : arguments;
}

bool IsBareObject(const Value& schema) {
  const auto says_nothing = [](const json::Member& m) {
    const std::string_view name = m.name.Text();
    if (name == "type") return m.value.Text() == "object";
    if (name == "properties") return m.value.Members().empty();
    if (name == "additionalProperties") return !m.value.IsObject();
    return name == "required" || name == "title" || name == "description" || name == "$schema" || name == "$id" ||
           name == "$comment";
  };
  return std::all_of(schema.Members().begin(), schema.Members().end(), says_nothing);
}

}  // namespace gc
