// anthropic_replay.h: plays an upstream's answer through Anthropic's protocol.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "handler/proto_anthropic.h"
#include "replay.h"
#include "still_clock.h"

namespace gc {

inline constexpr char kAnthropicId[] = "0193-test";

inline HttpRequest AnthropicRequest(std::string body) {
  HttpRequest request;
  request.id = kAnthropicId;
  request.method = "POST";
  request.path = "/v1/messages";
  request.body = std::move(body);
  return request;
}

inline Result<gemini::Request, ApiError> ParseMessages(std::string body, AnthropicUse use = AnthropicUse::kMessage,
                                                       const ParseContext& context = {}) {
  StillClock clock;
  return NewAnthropic(clock, use)->Parse(AnthropicRequest(std::move(body)), context);
}

inline Reply AnthropicUnary(const std::string& request, int status, const std::string& answer) {
  StillClock clock;
  const auto protocol = NewAnthropic(clock, AnthropicUse::kMessage);
  return ReplayUnary(protocol.get(), ErrorShape::kAnthropic, AnthropicRequest(request), status, {answer});
}

inline Reply AnthropicStream(const std::string& request, const std::vector<std::string_view>& pieces) {
  StillClock clock;
  const auto protocol = NewAnthropic(clock, AnthropicUse::kMessage);
  return ReplayStream(protocol.get(), ErrorShape::kAnthropic, AnthropicRequest(request), pieces);
}

struct AnthropicEvent {
  std::string name;
  std::string data;
};

// Empty when the bytes are not `event: NAME\ndata: {...}\n\n` frames and nothing else.
inline std::vector<AnthropicEvent> EventsOf(std::string_view stream) {
  std::vector<AnthropicEvent> events;
  while (!stream.empty()) {
    const size_t line = stream.find('\n');
    const size_t end = stream.find("\n\n");
    if (end == std::string_view::npos || !stream.starts_with("event: ") ||
        !stream.substr(line + 1).starts_with("data: ") || end < line + 7) {
      return {};
    }
    events.push_back({std::string(stream.substr(7, line - 7)), std::string(stream.substr(line + 7, end - line - 7))});
    if (events.back().data.find('\n') != std::string::npos) return {};
    stream.remove_prefix(end + 2);
  }
  return events;
}

}  // namespace gc
