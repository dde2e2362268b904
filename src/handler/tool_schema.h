// tool_schema.h: the JSON Schemas of clients, for tools and for structured output, as Gemini takes them in
// parametersJsonSchema and responseJsonSchema: known keywords only, what they cannot say in the description.
// Sources: Gemini API reference (GenerationConfig.responseJsonSchema, FunctionDeclaration); JSON Schema 2020-12,
// draft 7. The order of keys stays, and so does the text of numbers. Any schema is answered with one of a small
// multiple of its size. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include "base/json.h"

namespace gc {

enum class SchemaDetail {
  kFull,
  kSimple,  // after Gemini found it too complex: bounds and big enums go into the description, deep nesting ends
};

// Writes the schema for responseJsonSchema.
void WriteSchema(json::Writer* w, const json::Value& schema, SchemaDetail detail);
// Writes the schema for parametersJsonSchema: always an object. One that describes something else stands under the
// property "value"; Unwrap takes the arguments of a call out of there again.
void WriteParameters(json::Writer* w, const json::Value& schema, SchemaDetail detail);
// Whether WriteParameters wraps this schema.
bool IsWrapped(const json::Value& schema);
// REQUIRES: the tool's schema is wrapped. Arguments that are not as the schema says are returned whole.
const json::Value& Unwrap(const json::Value& arguments);

// True when it says no more than "an object": for a tool, Gemini then wants no schema at all.
bool IsBareObject(const json::Value& schema);

}  // namespace gc
