// targets.cc: the table of targets.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>

#include "fuzz/fuzz.h"

namespace gc::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"sse", CheckSse},
    {"json", CheckJson},
    {"chat", CheckChat},
    {"chat-answer", CheckChatAnswer},
    {"anthropic", CheckAnthropic},
    {"anthropic-answer", CheckAnthropicAnswer},
    {"tool-schema", CheckToolSchema},
    {"config", CheckConfig},
};

}  // namespace

std::span<const Target> Targets() { return kTargets; }

const Target* FindTarget(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTargets), std::end(kTargets), [&](const Target& target) { return target.name == name; });
  return found == std::end(kTargets) ? nullptr : found;
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

}  // namespace gc::fuzz
