// tool_schema_index.h: where the references inside one JSON Schema point to.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/json.h"

namespace gc {

// One per schema; not thread-safe. The schema must outlive it.
class SchemaIndex {
 public:
  explicit SchemaIndex(const json::Value& root);

  // What a $ref means; nullptr for another document and for what is not there. "#/definitions/X" and "#/$defs/X" find X
  // at the root, else the first X anywhere: schemas that were put together from others keep their own lists inside.
  const json::Value* Resolve(std::string_view ref);

  const json::Value& root() const { return root_; }

 private:
  void Register(const json::Value& schema);
  void RegisterLists(const json::Value& schema);
  const json::Value* Find(std::string_view ref);
  const json::Value* Follow(std::string_view pointer) const;

  const json::Value& root_;
  std::unordered_map<std::string_view, const json::Value*> definitions_;
  std::unordered_map<std::string, const json::Value*> anchors_;  // "#name" and each $id
  std::unordered_map<std::string_view, const json::Value*> resolved_;
  int pointers_left_;
};

}  // namespace gc
