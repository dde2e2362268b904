// tool_schema_graph.h: which definitions a schema uses, under which names they go out, and which references must be cut
// because Gemini unrolls recursion only below a property that may be missing.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "handler/tool_schema_parts.h"

namespace gc {

// One per schema; not thread-safe. Definition 0 is the root.
class SchemaGraph {
 public:
  // max_depth: schemas deeper inside a definition are not looked at. cut_optional: no recursion at all.
  SchemaGraph(const json::Value& root, SchemaReader* reader, int max_depth, bool cut_optional);

  // The definition that stands for this schema wherever it occurs.
  std::optional<size_t> Find(const json::Value& schema) const;
  const json::Value& schema(size_t definition) const { return *definitions_[definition].schema; }
  const std::string& name(size_t definition) const { return definitions_[definition].name; }
  // A reference inside `from` to `to` that every value would have to follow.
  bool IsCut(size_t from, size_t to) const { return cut_.contains(Edge(from, to)); }

 private:
  struct Definition {
    const json::Value* schema;
    std::string name;
    std::vector<size_t> needs;  // definitions that a value of this one always has inside
  };

  static uint64_t Edge(size_t from, size_t to) { return (static_cast<uint64_t>(from) << 32U) | to; }
  void Discover(const json::Value& schema, int depth);
  void Define(const json::Value& schema, std::string_view reference);
  void Link(const json::Value& schema, size_t owner, int depth);
  void CutCycles();

  SchemaReader* reader_;
  int max_depth_;
  bool cut_optional_;
  std::vector<Definition> definitions_;
  std::unordered_map<const json::Value*, size_t> by_schema_;
  std::unordered_set<std::string> names_;
  std::unordered_set<uint64_t> cut_;
};

}  // namespace gc
