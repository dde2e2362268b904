// tool_schema_level.cc: what each keyword becomes.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema_level.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace gc {
namespace {

using json::Value;
using enum SchemaKeyword;

constexpr size_t kMaxNoteBytes = 300;       // a longer one is no text for a model
constexpr size_t kMaxEnumNoteBytes = 2000;  // values are worth more
constexpr size_t kLongEnum = 16;
constexpr double kExactDouble = 9007199254740992;  // integers below that are exact

constexpr std::string_view kTypes[] = {"object", "array", "string", "integer", "number", "boolean", "null"};

// The type in lower case; empty when JSON Schema has none of that name.
std::string_view KnownType(std::string_view text) {
  for (const std::string_view type : kTypes) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    if (std::equal(text.begin(), text.end(), type.begin(), type.end(), same)) return type;
  }
  return {};
}

std::string_view TypeOfValue(const Value& value) {
  switch (value.type()) {
    case json::Type::kNull:
      return "null";
    case json::Type::kFalse:
    case json::Type::kTrue:
      return "boolean";
    case json::Type::kNumber:
      return value.Text().find_first_of(".eE") == std::string_view::npos ? "integer" : "number";
    case json::Type::kString:
      return "string";
    case json::Type::kArray:
      return "array";
    case json::Type::kObject:
      return "object";
  }
  return {};
}

void AddType(std::string_view type, std::vector<std::string_view>* types) {
  if (!type.empty() && std::find(types->begin(), types->end(), type) == types->end()) types->push_back(type);
}

// The values that const or enum allow; empty when neither is there.
std::span<const Value> AllowedValues(const SchemaParts& parts) {
  if (const Value* value = parts.Get(kConst)) return {value, 1};
  const Value* values = parts.Get(kEnum);
  return values == nullptr ? std::span<const Value>() : values->Items();
}

void SetTypes(SchemaLevel* level) {
  const SchemaParts& parts = level->parts;
  if (const Value* type = parts.Get(kType)) {
    AddType(KnownType(type->Text()), &level->types);
    for (const Value& item : type->Items()) AddType(KnownType(item.Text()), &level->types);
  }
  level->type_written = !level->types.empty();
  if (level->types.empty()) {
    for (const Value& value : AllowedValues(parts)) AddType(TypeOfValue(value), &level->types);
  }
  if (level->types.empty() && parts.Get(kProperties) != nullptr) AddType("object", &level->types);
  if (level->types.empty() && (parts.Get(kItems) != nullptr || parts.Get(kPrefixItems) != nullptr)) {
    AddType("array", &level->types);
  }
  const Value* nullable = parts.Get(kNullable);
  if (nullable != nullptr && nullable->Bool().value_or(false) && !level->types.empty()) AddType("null", &level->types);
}

void SetEnum(SchemaLevel* level, bool simple) {
  const std::span<const Value> values = AllowedValues(level->parts);
  bool writable = !(simple && values.size() > kLongEnum);
  for (const Value& value : values) {
    writable = writable && (value.IsString() || value.IsNumber() || value.IsNull());
    if (!value.IsString() || !value.Text().empty()) level->enum_values.push_back(&value);
  }
  const auto is_null = [](const Value* value) { return value->IsNull(); };
  if (std::all_of(level->enum_values.begin(), level->enum_values.end(), is_null)) level->enum_values.clear();
  if (writable) return;
  level->enum_values.clear();
  if (!level->parts.MoveToNotes(kConst, "const")) level->parts.MoveToNotes(kEnum, "enum");
}

// The integer next to an exclusive bound, on the side that is allowed.
std::string Neighbour(const Value& bound, bool lower) {
  if (const auto exact = bound.Int()) {
    const int64_t edge = lower ? INT64_MAX : INT64_MIN;
    return *exact == edge ? std::string(bound.Text()) : std::to_string(lower ? *exact + 1 : *exact - 1);
  }
  const double value = bound.Double().value_or(kExactDouble);
  if (std::fabs(value) >= kExactDouble) return std::string(bound.Text());
  return std::to_string(static_cast<int64_t>(lower ? std::floor(value) + 1 : std::ceil(value) - 1));
}

// Draft 4 has a number and `true` beside it, later drafts two numbers of which the stricter counts.
std::string Bound(SchemaLevel* level, bool lower) {
  const Value* limit = level->parts.Get(lower ? kMinimum : kMaximum);
  const Value* exclusive = level->parts.Get(lower ? kExclusiveMinimum : kExclusiveMaximum);
  if (limit != nullptr && !limit->IsNumber()) limit = nullptr;
  if (exclusive != nullptr && exclusive->type() == json::Type::kTrue) std::swap(limit, exclusive);
  if (exclusive == nullptr || !exclusive->IsNumber()) {
    return limit == nullptr || !limit->IsNumber() ? "" : std::string(limit->Text());
  }
  if (limit != nullptr && limit->IsNumber()) {
    const double difference = limit->Double().value_or(0) - exclusive->Double().value_or(0);
    if (lower ? difference > 0 : difference < 0) return std::string(limit->Text());
  }
  if (level->Is("integer") && !level->Is("number")) return Neighbour(*exclusive, lower);
  level->parts.notes.push_back({lower ? "exclusiveMinimum" : "exclusiveMaximum", exclusive});
  return std::string(exclusive->Text());
}

bool HasKnownType(const Value& schema) {
  const Value* type = schema.Find("type");
  if (type == nullptr) return false;
  const auto is_known = [](const Value& name) { return !KnownType(name.Text()).empty(); };
  return is_known(*type) || std::any_of(type->Items().begin(), type->Items().end(), is_known);
}

bool HasShape(const Value& option) {
  for (const std::string_view name : {"$ref", "properties", "items", "enum", "const", "anyOf", "oneOf", "allOf"}) {
    if (option.Find(name) != nullptr) return true;
  }
  return HasKnownType(option) || option.type() == json::Type::kFalse;
}

// Alternatives that only narrow what stands beside them (one of two names is required, say) would be taken for the
// whole schema.
void MoveNarrowingAlternatives(SchemaLevel* level) {
  if (level->types.empty()) return;
  for (const auto& [keyword, name] : {std::pair(kAnyOf, "anyOf"), std::pair(kOneOf, "oneOf")}) {
    const Value* options = level->parts.Get(keyword);
    if (options == nullptr || std::all_of(options->Items().begin(), options->Items().end(), HasShape)) continue;
    level->parts.MoveToNotes(keyword, name);
  }
}

// As many of the values as fit; empty when none does.
std::string EnumText(const Value& values) {
  std::string text;
  for (const Value& value : values.Items()) {
    const std::string next = json::ToText(value);
    if (text.size() + next.size() > kMaxEnumNoteBytes) return text.empty() ? text : text + ", …";
    text.append(text.empty() ? "" : ", ").append(next);
  }
  return text;
}

std::string NoteText(const SchemaNote& note) {
  if (note.name == "enum") return EnumText(*note.value);
  std::string text = note.value->IsString() ? std::string(note.value->Text()) : json::ToText(*note.value);
  return text.size() > kMaxNoteBytes ? "" : text;
}

std::string Describe(const SchemaParts& parts) {
  const Value* given = parts.Get(kDescription);
  std::string description(given == nullptr ? std::string_view() : given->Text());
  std::string notes;
  for (const SchemaNote& note : parts.notes) {
    const std::string text = NoteText(note);
    if (text.empty()) continue;
    notes.append(notes.empty() ? "" : ", ").append(note.name).append(": ").append(text);
  }
  if (notes.empty()) return description;
  return description.append(description.empty() ? "[" : " [").append(notes).append("]");
}

void MoveConstraints(SchemaParts* parts) {
  parts->MoveToNotes(kMinItems, "minItems");
  parts->MoveToNotes(kMaxItems, "maxItems");
  parts->MoveToNotes(kMinimum, "minimum");
  parts->MoveToNotes(kMaximum, "maximum");
  parts->MoveToNotes(kExclusiveMinimum, "exclusiveMinimum");
  parts->MoveToNotes(kExclusiveMaximum, "exclusiveMaximum");
}

}  // namespace

bool SchemaLevel::Is(std::string_view type) const { return std::find(types.begin(), types.end(), type) != types.end(); }

SchemaLevel MakeLevel(SchemaParts parts, bool simple) {
  SchemaLevel level;
  level.parts = std::move(parts);
  SetTypes(&level);
  if (simple) MoveConstraints(&level.parts);
  SetEnum(&level, simple);
  level.minimum = Bound(&level, true);
  level.maximum = Bound(&level, false);
  MoveNarrowingAlternatives(&level);
  level.parts.MoveToNotes(kDefault, "default");
  level.description = Describe(level.parts);
  return level;
}

}  // namespace gc
