// tool_schema_level.h: one level of a schema as it will be written: types, enum and bounds in Gemini's spelling, and
// the description with what has no keyword.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "handler/tool_schema_parts.h"

namespace gc {

struct SchemaLevel {
  SchemaParts parts;
  std::vector<std::string_view> types;          // lower case; empty: any value
  bool type_written = false;                    // the client gave a type, so that it has a place in parts.order
  std::vector<const json::Value*> enum_values;  // strings, numbers and null
  std::string minimum;                          // number as text; empty: none
  std::string maximum;
  std::string description;

  bool Is(std::string_view type) const;
};

// simple: bounds and long enums go into the description.
SchemaLevel MakeLevel(SchemaParts parts, bool simple);

}  // namespace gc
