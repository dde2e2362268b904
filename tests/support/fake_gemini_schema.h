// fake_gemini_schema.h: schemas of function parameters and answers: what Gemini refuses, and values that fit.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "support/fake_gemini_error.h"

namespace gc::test::fake {

enum class SchemaUse { kParameters, kResponse };

// Keywords, $ref rules and consistency of a parametersJsonSchema or responseJsonSchema; `path` names it in messages.
void CheckJsonSchema(const json::Value& schema, SchemaUse use, const std::string& path, std::vector<Violation>* out);

// Consistency of a `parameters` or `responseSchema` (the OpenAPI subset) whose names CheckFields already passed.
// Messages are Google's "* GenerateContentRequest.…" lines, appended to `lines`.
void CheckOpenApiSchema(const json::Value& schema, const std::string& path, std::vector<std::string>* lines);

// A JSON value that satisfies the schema (either kind): required members and the first optional one, strings from
// `prompt`, numbers and enums by the bounds. Deterministic.
std::string SampleValue(const json::Value& schema, std::string_view prompt);

}  // namespace gc::test::fake
