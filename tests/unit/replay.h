// replay.h: plays an upstream's answer through a protocol, the way the relay does.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sse.h"
#include "handler/api_error.h"
#include "handler/gemini.h"
#include "handler/protocol.h"
#include "handler/quota_error.h"

namespace gc {

// What a client gets: its body or event stream, or the error that came before any byte.
struct Reply {
  int status = 200;
  std::string body;
};

inline Reply ErrorReply(ErrorShape shape, const ApiError& error, std::string_view request_id) {
  return {HttpStatus(shape, error.kind), ErrorBody(shape, error, request_id)};
}

// A unary request whose calls Gemini answered with that status and these bodies. The protocol is used up.
inline Reply ReplayUnary(Protocol* protocol, ErrorShape shape, const HttpRequest& request, int status,
                         const std::vector<std::string>& answers) {
  const auto failed = [&](const ApiError& error) { return ErrorReply(shape, error, request.id); };
  if (const auto parsed = protocol->Parse(request, {}); !parsed.ok()) return failed(parsed.error());
  if (status != 200) return failed(ToApiError(gemini::ReadFailure(answers.front(), status), 0));
  std::vector<gemini::Response> responses;
  for (const std::string& answer : answers) {
    auto response = gemini::ParseResponse(answer);
    if (!response.ok()) return failed({ApiErrorKind::kUpstreamBadResponse, response.error().message, "", 0});
    response->call = responses.size();
    responses.push_back(std::move(*response));
  }
  const auto body = protocol->WriteFull(responses);
  return body.ok() ? Reply{200, *body} : failed(body.error());
}

// A streamed call whose answer arrived in these pieces. The protocol is used up.
inline Reply ReplayStream(Protocol* protocol, ErrorShape shape, const HttpRequest& request,
                          const std::vector<std::string_view>& pieces) {
  if (const auto parsed = protocol->Parse(request, {}); !parsed.ok()) {
    return ErrorReply(shape, parsed.error(), request.id);
  }
  std::optional<ApiError> error;
  Reply reply;
  const auto on_event = [&](std::string data) {
    auto chunk = gemini::ParseResponse(std::move(data));
    gemini::Failure failure;
    if (!chunk.ok()) {
      error = ApiError{ApiErrorKind::kUpstreamBadResponse, chunk.error().message, "", 0};
    } else if (gemini::ParseFailure(chunk->root(), 200, &failure)) {
      error = ToApiError(failure, 0);
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

}  // namespace gc
