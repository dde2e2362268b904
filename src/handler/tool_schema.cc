// tool_schema.cc: what Gemini does not take in a schema is left out.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema.h"

#include <algorithm>

namespace gc {

void WriteSchema(json::Writer* w, const json::Value& schema, SchemaDetail /*detail*/) { w->Copy(schema); }

bool IsBareObject(const json::Value& schema) {
  const auto says_nothing = [](const json::Member& m) {
    const std::string_view name = m.name.Text();
    if (name == "properties") return m.value.Members().empty();
    if (name == "additionalProperties") return !m.value.IsObject();
    return name == "type" || name == "required" || name == "$schema" || name == "title" || name == "description";
  };
  return std::all_of(schema.Members().begin(), schema.Members().end(), says_nothing);
}

}  // namespace gc
