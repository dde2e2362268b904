// chat_replay.h: plays an upstream's answer through the Chat Completions protocol, the way the relay does.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sse.h"
#include "handler/api_error.h"
#include "handler/gemini.h"
#include "handler/proto_openai_chat.h"
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

// What a client gets: its body or event stream, or the error that came before any byte.
struct ChatReply {
  int status = 200;
  std::string body;
};

inline ChatReply ErrorReply(const ApiError& error) {
  return {HttpStatus(ErrorShape::kOpenAi, error.kind), ErrorBody(ErrorShape::kOpenAi, error, "")};
}

// A unary call that Gemini answered with that status and body.
inline ChatReply ReplayUnary(const std::string& request, int status, const std::string& answer) {
  StillClock clock;
  const auto protocol = NewOpenAiChat(clock);
  if (const auto parsed = protocol->Parse(ChatRequest(request), {}); !parsed.ok()) return ErrorReply(parsed.error());
  if (status != 200) return ErrorReply(gemini::ToApiError(gemini::ReadFailure(answer, status)));
  const auto response = gemini::ParseResponse(answer);
  if (!response.ok()) return ErrorReply({ApiErrorKind::kUpstreamBadResponse, response.error().message, "", 0});
  const auto body = protocol->WriteFull(*response);
  return body.ok() ? ChatReply{200, *body} : ErrorReply(body.error());
}

// A streamed call whose answer arrived in these pieces.
inline ChatReply ReplayStream(const std::string& request, const std::vector<std::string_view>& pieces) {
  StillClock clock;
  const auto protocol = NewOpenAiChat(clock);
  if (const auto parsed = protocol->Parse(ChatRequest(request), {}); !parsed.ok()) return ErrorReply(parsed.error());
  std::optional<ApiError> error;
  ChatReply reply;
  const auto on_event = [&](std::string data) {
    auto chunk = gemini::ParseResponse(std::move(data));
    gemini::Failure failure;
    if (!chunk.ok()) {
      error = ApiError{ApiErrorKind::kUpstreamBadResponse, chunk.error().message, "", 0};
    } else if (gemini::ParseFailure(chunk->root(), 200, &failure)) {
      error = gemini::ToApiError(failure);
    } else {
      protocol->WriteChunk(*chunk, &reply.body);
    }
    return !error.has_value();
  };
  protocol->WriteStart(&reply.body);
  SseReader events(1 << 20);
  for (const std::string_view piece : pieces) {
    if (!error && !events.Feed(piece, on_event).ok()) error = ApiError{};
  }
  if (std::string last = events.TakeUnterminated(); !error && !last.empty()) on_event(std::move(last));
  if (!error) {
    if (const auto end = protocol->WriteEnd(&reply.body); !end.ok()) error = end.error();
  }
  if (error) protocol->WriteError(*error, &reply.body);
  return reply;
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
