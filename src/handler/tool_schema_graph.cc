// tool_schema_graph.cc: finds the definitions that are used, and the cycles between them.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema_graph.h"

#include <utility>

namespace gc {

using json::Value;

namespace {

constexpr size_t kMaxNameBytes = 64;

// Letters, digits, `_`, `-` and `.` need no escape in a reference.
std::string PlainName(std::string_view reference) {
  const size_t slash = reference.find_last_of("/#");
  std::string name;
  for (const char c : slash == std::string_view::npos ? reference : reference.substr(slash + 1)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (name.size() < kMaxNameBytes) name += plain ? c : '_';
  }
  return name.empty() ? "root" : name;
}

}  // namespace

SchemaGraph::SchemaGraph(const Value& root, SchemaReader* reader, int max_depth, bool cut_optional)
    : reader_(reader), max_depth_(max_depth), cut_optional_(cut_optional) {
  Define(root, "#");
  reader_->ResetLimit();
  for (size_t i = 0; i < definitions_.size(); ++i) Discover(*definitions_[i].schema, 0);  // which appends
  reader_->ResetLimit();
  for (size_t i = 0; i < definitions_.size(); ++i) Link(*definitions_[i].schema, i, 0);
  CutCycles();
}

std::optional<size_t> SchemaGraph::Find(const Value& schema) const {
  const auto found = by_schema_.find(&schema);
  if (found == by_schema_.end()) return std::nullopt;
  return found->second;
}

void SchemaGraph::Define(const Value& schema, std::string_view reference) {
  const size_t definition = definitions_.size();
  if (!by_schema_.try_emplace(&schema, definition).second) return;
  std::string name = PlainName(reference);
  if (names_.contains(name)) name += "_" + std::to_string(definition);
  while (!names_.insert(name).second) name += '_';
  definitions_.push_back({&schema, std::move(name), {}});
}

void SchemaGraph::Discover(const Value& schema, int depth) {
  if (depth > max_depth_ || !schema.IsObject()) return;
  const SchemaParts parts = reader_->Read(schema);
  if (parts.reference != nullptr) return Define(*parts.reference, parts.reference_text);
  ForEachChild(parts, [&](const Value& child, bool) { Discover(child, depth + 1); });
}

void SchemaGraph::Link(const Value& schema, size_t owner, int depth) {
  if (depth > max_depth_ || !schema.IsObject()) return;
  const auto need = [&](const Value& target) {
    if (const auto definition = Find(target)) definitions_[owner].needs.push_back(*definition);
  };
  if (depth > 0 && by_schema_.contains(&schema)) return need(schema);
  const SchemaParts parts = reader_->Read(schema);
  if (parts.reference != nullptr) return need(*parts.reference);
  ForEachChild(parts, [&](const Value& child, bool is_optional) {
    if (!is_optional || cut_optional_) Link(child, owner, depth + 1);
  });
}

// Depth first, without recursion: a hostile schema chains a hundred thousand definitions.
void SchemaGraph::CutCycles() {
  enum class State : uint8_t { kNew, kOpen, kDone };
  std::vector<State> states(definitions_.size(), State::kNew);
  std::vector<std::pair<size_t, size_t>> path;  // definition, its next need
  for (size_t start = 0; start < definitions_.size(); ++start) {
    if (states[start] == State::kNew) path.emplace_back(start, 0);
    while (!path.empty()) {
      auto& [at, next] = path.back();
      states[at] = State::kOpen;
      if (next == definitions_[at].needs.size()) {
        states[at] = State::kDone;
        path.pop_back();
        continue;
      }
      const size_t to = definitions_[at].needs[next++];
      if (states[to] == State::kOpen) cut_.insert(Edge(at, to));
      if (states[to] == State::kNew) path.emplace_back(to, 0);
    }
  }
}

}  // namespace gc
