// tool_schema.cc: any schema becomes one that Gemini takes, of a small multiple of its size, and is normal soon.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema.h"

#include <vector>

#include "fuzz/fuzz.h"
#include "support/fake_gemini_schema.h"

namespace gc::fuzz {
namespace {

using test::fake::SchemaUse;

enum class Place { kAnswer, kParameters };

std::string Write(Place place, const json::Value& schema, SchemaDetail detail) {
  std::string out;
  json::Writer w(&out);
  if (place == Place::kAnswer) {
    WriteSchema(&w, schema, detail);
  } else {
    WriteParameters(&w, schema, detail);
  }
  return out;
}

std::string Again(Place place, const std::string& written, SchemaDetail detail) {
  const auto document = json::Document::Parse(written);
  return document.ok() ? Write(place, document->root(), detail) : "not JSON: " + written;
}

std::string Check(Place place, const json::Value& schema, SchemaDetail detail, size_t input_bytes) {
  const std::string out = Write(place, schema, detail);
  const auto document = json::Document::Parse(out);
  if (!document.ok()) return "not JSON: " + document.error().message;
  if (out.size() > 5 * input_bytes + 8192) return "the schema grew to " + std::to_string(out.size()) + " bytes";
  std::vector<test::fake::Violation> violations;
  const auto use = place == Place::kAnswer ? SchemaUse::kResponse : SchemaUse::kParameters;
  test::fake::CheckJsonSchema(document->root(), use, "schema", &violations);
  if (!violations.empty()) return "Gemini refuses it: " + violations.front().description + "\n" + out;
  if (place == Place::kParameters && document->root().StringOr("type", "") != "object") {
    return "parameters that are no object: " + out;
  }
  // Damaged schemas may lose more the second time, when what was of no known type is gone.
  const std::string second = Again(place, out, detail);
  const std::string third = Again(place, second, detail);
  return second == third ? "" : "what is normal does not stay as it is:\n" + second + "\n" + third;
}

}  // namespace

std::string CheckToolSchema(std::string_view input) {
  const auto schema = json::Document::Parse(std::string(input));
  if (!schema.ok()) return {};
  for (const Place place : {Place::kAnswer, Place::kParameters}) {
    for (const SchemaDetail detail : {SchemaDetail::kFull, SchemaDetail::kSimple}) {
      if (auto broken = Check(place, schema->root(), detail, input.size()); !broken.empty()) return broken;
    }
  }
  // As the arguments of a call, whatever they are.
  const json::Value* arguments = &Unwrap(schema->root());
  return arguments == &schema->root() || arguments == schema->root().Find("value") ? "" : "arguments are lost";
}

}  // namespace gc::fuzz
