// call_ids.cc: keeps Gemini's ids where it can.
// SPDX-License-Identifier: MIT
#include "handler/call_ids.h"

#include <algorithm>
#include <functional>

namespace gc {
namespace {

constexpr size_t kMaxGeminiIdBytes = 40;  // longer ids are cut or refused by some clients
constexpr size_t kIdLetters = 24;

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

}  // namespace

void CallIds::Note(std::string_view id) { used_.push_back(std::hash<std::string_view>()(id)); }

std::string CallIds::Take(std::string_view gemini_id, std::string_view prefix, Clock& clock) {
  const size_t hash = std::hash<std::string_view>()(gemini_id);
  const bool keep = !gemini_id.empty() && gemini_id.size() <= kMaxGeminiIdBytes &&
                    std::all_of(gemini_id.begin(), gemini_id.end(), IsPlain) &&
                    std::find(used_.begin(), used_.end(), hash) == used_.end();
  if (!keep) return std::string(prefix) + RandomAlnum(clock, kIdLetters);
  used_.push_back(hash);
  return std::string(gemini_id);
}

}  // namespace gc
