// tool_schema_check.h: a schema normalised, and what the fake Gemini says of it.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "handler/tool_schema.h"
#include "support/fake_gemini_schema.h"

namespace gc::test {

inline std::string Normalised(const std::string& schema, SchemaDetail detail = SchemaDetail::kFull) {
  const auto document = json::Document::Parse(schema);
  if (!document.ok()) return document.error().message;
  std::string out;
  json::Writer w(&out);
  WriteSchema(&w, document->root(), detail);
  return out;
}

// What Gemini would refuse in this text as the schema of an answer, which is the stricter use; empty when nothing.
inline std::string RefusalOf(const std::string& schema) {
  const auto document = json::Document::Parse(schema);
  if (!document.ok()) return document.error().message;
  std::vector<fake::Violation> violations;
  fake::CheckJsonSchema(document->root(), fake::SchemaUse::kResponse, "schema", &violations);
  return violations.empty() ? "" : violations.front().description;
}

}  // namespace gc::test
