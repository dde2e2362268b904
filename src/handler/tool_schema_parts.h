// tool_schema_parts.h: one level of a JSON Schema taken apart: allOf merged in, keywords sorted by what Gemini makes of
// them. Only names in keyword position count: a property may be named like a keyword.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "handler/tool_schema_index.h"

namespace gc {

// The keywords that go to Gemini, or that are folded into one of those.
enum class SchemaKeyword : uint8_t {
  kType,
  kFormat,
  kTitle,
  kDescription,
  kConst,
  kEnum,
  kProperties,
  kRequired,
  kPropertyOrdering,
  kItems,
  kPrefixItems,
  kAdditionalItems,
  kAdditionalProperties,
  kAnyOf,
  kOneOf,
  kMinItems,
  kMaxItems,
  kMinimum,
  kMaximum,
  kExclusiveMinimum,
  kExclusiveMaximum,
  kNullable,
  kDefault,
  kCount_,
};

// Something that Gemini takes in words only.
struct SchemaNote {
  std::string_view name;
  const json::Value* value;
};

struct SchemaParts {
  const json::Value* reference = nullptr;  // what $ref means; beside it only description, default and notes count
  std::string_view reference_text;
  std::array<const json::Value*, static_cast<size_t>(SchemaKeyword::kCount_)> at{};
  std::vector<SchemaKeyword> order;             // of those that are there, as written
  std::vector<const json::Member*> properties;  // each name once, and none whose schema is `false`
  std::unordered_set<std::string_view> names;   // theirs
  std::vector<std::string_view> required;       // each once, as written
  std::unordered_set<std::string_view> required_names;
  std::vector<SchemaNote> notes;

  // cppcheck-suppress CastIntegerToAddressAtReturn  // it does not see what the array holds
  const json::Value* Get(SchemaKeyword keyword) const { return at[static_cast<size_t>(keyword)]; }
  // Says what kind of value it describes.
  bool HasShape() const;
  // Replaced by words; false when it is not there.
  bool MoveToNotes(SchemaKeyword keyword, std::string_view name);
};

// Calls fn(schema, is_optional) for each schema one level down. Optional: the value of a property that may be missing.
template <class Fn>
void ForEachChild(const SchemaParts& parts, Fn&& fn) {
  for (const json::Member* m : parts.properties) fn(m->value, !parts.required_names.contains(m->name.Text()));
  for (const auto keyword : {SchemaKeyword::kItems, SchemaKeyword::kPrefixItems, SchemaKeyword::kAdditionalItems,
                             SchemaKeyword::kAdditionalProperties, SchemaKeyword::kAnyOf, SchemaKeyword::kOneOf}) {
    const json::Value* value = parts.Get(keyword);
    if (value == nullptr) continue;
    if (value->IsObject()) fn(*value, false);
    for (const json::Value& child : value->Items()) fn(child, false);
  }
}

// One per schema; not thread-safe.
class SchemaReader {
 public:
  explicit SchemaReader(SchemaIndex* index) : index_(index) { ResetLimit(); }

  // A reference at the root is taken for what it means: Gemini wants an object there.
  SchemaParts Read(const json::Value& schema);
  // What may still be merged in: at the start of each pass over the schema.
  void ResetLimit();

 private:
  void Merge(const json::Value& schema, SchemaParts* parts);
  void MergeTarget(const json::Value& target, SchemaParts* parts);
  const json::Value* Reference(const json::Value& schema);

  SchemaIndex* index_;
  std::vector<const json::Value*> merging_;  // references that are being merged in: each ends up in itself only once
  int64_t members_left_ = 0;                 // merging copies: what grows beyond reason is left out
};

}  // namespace gc
