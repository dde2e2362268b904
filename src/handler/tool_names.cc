// tool_names.cc: makes tool names legal, and remembers what they were.
// SPDX-License-Identifier: MIT
#include "handler/tool_names.h"

#include <cstdint>

namespace gc {
namespace {

constexpr size_t kMaxBytes = 64;

bool IsLetter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool IsLegal(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-'; }

// Cuts the middle out: MCP names differ at both ends (server, tool).
std::string Shorten(const std::string& name, size_t max_bytes) {
  if (name.size() <= max_bytes) return name;
  const size_t front = (max_bytes - 1) / 2;
  const size_t back = max_bytes - 1 - front;
  return name.substr(0, front) + "_" + name.substr(name.size() - back);
}

std::string Legal(std::string_view name) {
  std::string legal;
  if (name.empty() || !IsLetter(name.front())) legal = "_";
  for (const char c : name) legal += IsLegal(c) ? c : '_';
  return Shorten(legal, kMaxBytes);
}

// FNV-1a. From the name and not a counter, so that a name keeps its spelling when tools are added before it.
std::string HashSuffix(std::string_view name, uint32_t seed) {
  uint32_t hash = 2166136261U ^ seed;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::string suffix = "_";
  for (int shift = 28; shift >= 0; shift -= 4) suffix += "0123456789abcdef"[(hash >> shift) & 15U];
  return suffix;
}

}  // namespace

std::string_view ToolNames::ToGemini(std::string_view client_name) {
  const std::string legal = Legal(client_name);
  std::string candidate = legal;
  for (uint32_t seed = 0;; ++seed) {
    const auto [entry, is_new] = client_by_gemini_.try_emplace(candidate, client_name);
    if (is_new || entry->second == client_name) return entry->first;
    const std::string suffix = HashSuffix(client_name, seed);
    candidate = Shorten(legal, kMaxBytes - suffix.size()) + suffix;
  }
}

std::string_view ToolNames::ToClient(std::string_view gemini_name) const {
  const auto entry = client_by_gemini_.find(gemini_name);
  return entry == client_by_gemini_.end() ? gemini_name : std::string_view(entry->second);
}

}  // namespace gc
