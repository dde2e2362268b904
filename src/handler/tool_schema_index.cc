// tool_schema_index.cc: definitions by name, anchors, and JSON pointers (RFC 6901).
// SPDX-License-Identifier: MIT
#include "handler/tool_schema_index.h"

#include <charconv>

namespace gc {
namespace {

using json::Value;

constexpr int kMaxPointers = 64;  // each costs a walk through the document; definitions are looked up

bool IsDefinitions(std::string_view keyword) { return keyword == "$defs" || keyword == "definitions"; }

// Calls fn for each schema that stands directly under this one.
template <class Fn>
void ForEachSubschema(const Value& schema, Fn&& fn) {
  for (const json::Member& m : schema.Members()) {
    const std::string_view name = m.name.Text();
    if (name == "properties" || name == "patternProperties" || IsDefinitions(name)) {
      for (const json::Member& child : m.value.Members()) fn(child.value);
    } else if (name == "items" || name == "prefixItems" || name == "anyOf" || name == "oneOf" || name == "allOf" ||
               name == "additionalProperties" || name == "additionalItems") {
      fn(m.value);
      for (const Value& child : m.value.Items()) fn(child);
    }
  }
}

// One step of a pointer: ~1 is '/', ~0 is '~', and a URI's %XX is a byte.
std::string Unescape(std::string_view step) {
  std::string out;
  for (size_t i = 0; i < step.size(); ++i) {
    unsigned byte = 0;
    if (step[i] == '~' && i + 1 < step.size() && (step[i + 1] == '0' || step[i + 1] == '1')) {
      out += step[++i] == '0' ? '~' : '/';
    } else if (step[i] == '%' && i + 2 < step.size() &&
               std::from_chars(&step[i + 1], &step[i + 1] + 2, byte, 16).ptr == &step[i + 1] + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += step[i];
    }
  }
  return out;
}

}  // namespace

SchemaIndex::SchemaIndex(const Value& root) : root_(root), pointers_left_(kMaxPointers) {
  RegisterLists(root);  // the root's own go before those inside
  Register(root);
}

void SchemaIndex::RegisterLists(const Value& schema) {
  for (const json::Member& m : schema.Members()) {
    if (!IsDefinitions(m.name.Text())) continue;
    for (const json::Member& d : m.value.Members()) definitions_.try_emplace(d.name.Text(), &d.value);
  }
}

// Recursion is bounded: no document is deeper than json::kMaxDepth.
void SchemaIndex::Register(const Value& schema) {
  RegisterLists(schema);
  if (const std::string_view anchor = schema.StringOr("$anchor", ""); !anchor.empty()) {
    anchors_.try_emplace("#" + std::string(anchor), &schema);
  }
  if (std::string_view id = schema.StringOr("$id", ""); !id.empty()) {
    if (id.ends_with('#')) id.remove_suffix(1);
    anchors_.try_emplace(std::string(id), &schema);
  }
  ForEachSubschema(schema, [this](const Value& child) { Register(child); });
}

const Value* SchemaIndex::Resolve(std::string_view ref) {
  const auto [entry, is_new] = resolved_.try_emplace(ref, nullptr);
  if (is_new) entry->second = Find(ref);
  return entry->second;
}

const Value* SchemaIndex::Find(std::string_view ref) {
  if (const auto found = anchors_.find(std::string(ref)); found != anchors_.end()) return found->second;
  const std::string_view id = root_.StringOr("$id", "");
  if (!id.empty() && ref.starts_with(id)) ref.remove_prefix(id.ends_with('#') ? id.size() - 1 : id.size());
  if (ref == "#") return &root_;
  if (!ref.starts_with("#/")) return nullptr;
  const std::string_view pointer = ref.substr(2);
  const size_t slash = pointer.find('/');
  if (slash != std::string_view::npos && IsDefinitions(pointer.substr(0, slash)) &&
      pointer.find('/', slash + 1) == std::string_view::npos) {
    const auto found = definitions_.find(Unescape(pointer.substr(slash + 1)));
    return found == definitions_.end() ? nullptr : found->second;
  }
  return pointers_left_-- > 0 ? Follow(pointer) : nullptr;
}

const Value* SchemaIndex::Follow(std::string_view pointer) const {
  const Value* at = &root_;
  while (at != nullptr) {
    const size_t slash = pointer.find('/');
    const std::string step = Unescape(pointer.substr(0, slash));
    if (at->IsArray()) {
      size_t i = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), i);
      const bool is_index = error == std::errc() && end == step.data() + step.size() && i < at->Items().size();
      at = is_index ? &at->Items()[i] : nullptr;
    } else {
      at = at->Find(step);
    }
    if (slash == std::string_view::npos) break;
    pointer.remove_prefix(slash + 1);
  }
  return at != nullptr && at->IsObject() ? at : nullptr;
}

}  // namespace gc
