// tool_schema.h: the JSON Schemas of clients, for tools and for structured output, as Gemini takes them.
// SPDX-License-Identifier: MIT
#pragma once

#include "base/json.h"

namespace gc {

enum class SchemaDetail {
  kFull,
  kSimple,  // after Gemini found it too complex: constraints and big enums are left out
};

// Writes the schema for parametersJsonSchema or responseJsonSchema.
void WriteSchema(json::Writer* w, const json::Value& schema, SchemaDetail detail);
// True when it says no more than "an object": for a tool, Gemini then wants no schema at all.
bool IsBareObject(const json::Value& schema);

}  // namespace gc
