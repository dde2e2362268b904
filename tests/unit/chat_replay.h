// chat_replay.h: plays an upstream's answer through the Chat Completions protocol, the way the relay does.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "handler/proto_openai_chat.h"
#include "replay.h"
#include "still_clock.h"

namespace gc {

inline HttpRequest ChatRequest(std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/v1/chat/completions";
  request.body = std::move(body);
  return request;
}

inline Result<gemini::Request, ApiError> ParseChat(std::string body) {
  StillClock clock;
  return NewOpenAiChat(clock)->Parse(ChatRequest(std::move(body)), {});
}

using ChatReply = Reply;

inline ChatReply ErrorReply(const ApiError& error) { return ErrorReply(ErrorShape::kOpenAi, error, ""); }

inline ChatReply ReplayUnary(const std::string& request, int status, const std::vector<std::string>& answers) {
  StillClock clock;
  const auto protocol = NewOpenAiChat(clock);
  return ReplayUnary(protocol.get(), ErrorShape::kOpenAi, ChatRequest(request), status, answers);
}
inline ChatReply ReplayUnary(const std::string& request, int status, const std::string& answer) {
  return ReplayUnary(request, status, std::vector<std::string>{answer});
}

inline ChatReply ReplayStream(const std::string& request, const std::vector<std::string_view>& pieces) {
  StillClock clock;
  const auto protocol = NewOpenAiChat(clock);
  return ReplayStream(protocol.get(), ErrorShape::kOpenAi, ChatRequest(request), pieces);
}

// The data of each event in a stream; empty when the bytes are not `data: {...}\n\n` frames and nothing else.
inline std::vector<std::string> FramesOf(std::string_view stream) {
  std::vector<std::string> frames;
  while (!stream.empty()) {
    const size_t end = stream.find("\n\n");
    if (end == std::string_view::npos || !stream.starts_with("data: ")) return {};
    frames.emplace_back(stream.substr(6, end - 6));
    if (frames.back().find('\n') != std::string::npos) return {};
    stream.remove_prefix(end + 2);
  }
  return frames;
}

}  // namespace gc
