// answer_events.h: the events of Gemini's answer that stand in an input, as they come over the wire.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/fuzz.h"
#include "handler/gemini.h"

namespace gc::fuzz {

// One a line, up to its CR if it has one; lines that are empty are none.
inline std::vector<std::string> EventsIn(std::string_view lines) {
  std::vector<std::string> events;
  while (!lines.empty()) {
    std::string_view line = TakeLine(&lines);
    line = line.substr(0, line.find('\r'));
    if (!line.empty()) events.emplace_back(line);
  }
  return events;
}

// Whether any of them says how the answer ended: without that the stream was cut.
inline bool AnyEnds(const std::vector<std::string>& events) {
  return std::any_of(events.begin(), events.end(), [](const std::string& event) {
    const auto response = gemini::ParseResponse(event);
    return response.ok() && !(response->finish_reason.empty() && response->block_reason.empty());
  });
}

// Whether the event says how each candidate in it ended: a stream of it alone is whole.
inline bool EndsAll(const std::string& event) {
  const auto response = gemini::ParseResponse(event);
  if (!response.ok()) return true;
  if (!response->block_reason.empty()) return true;
  const json::Value* candidates = response->root().Find("candidates");
  if (candidates == nullptr || candidates->Items().empty()) return false;
  return std::all_of(candidates->Items().begin(), candidates->Items().end(),
                     [](const json::Value& candidate) { return !candidate.StringOr("finishReason", "").empty(); });
}

inline std::string WireOf(const std::vector<std::string>& events) {
  std::string wire;
  for (const std::string& event : events) wire.append("data: ").append(event).append("\r\n\r\n");
  return wire;
}

}  // namespace gc::fuzz
