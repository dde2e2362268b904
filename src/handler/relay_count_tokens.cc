// relay_count_tokens.cc: countTokens, or an estimate that says what it is.
// SPDX-License-Identifier: MIT
#include "handler/relay_count_tokens.h"

#include <optional>
#include <utility>

#include "handler/exchange_keys.h"
#include "handler/proto_anthropic.h"

namespace gc {
namespace {

// True when the request may be fine and only Gemini cannot say so now.
bool IsPassing(ApiErrorKind kind) {
  switch (kind) {
    case ApiErrorKind::kRateLimited:
    case ApiErrorKind::kQuotaExhausted:
    case ApiErrorKind::kUpstreamBadResponse:
    case ApiErrorKind::kUpstreamUnreachable:
    case ApiErrorKind::kUpstreamInterrupted:
    case ApiErrorKind::kUpstreamTimeout:
    case ApiErrorKind::kUpstreamOverloaded:
    case ApiErrorKind::kUpstreamError:
      return true;
    default:
      return false;
  }
}

// Fills *tokens, or says why not.
std::optional<ApiError> Count(Exchange* exchange, const gemini::Request& request, int64_t* tokens) {
  const std::string body = CountTokensBody(request);
  GeminiCall call;
  call.method = "POST";
  call.target = "/v1beta/models/" + request.model + ":countTokens";
  call.headers = {{"content-type", "application/json"}};
  call.body = body;
  Collector collected(exchange);
  if (auto error = CallUnary(exchange, {}, call, &collected)) return error;
  const auto document = json::Document::Parse(std::move(collected.body()));
  *tokens = document.ok() ? document->root().IntOr("totalTokens", -1) : -1;
  if (*tokens >= 0) return std::nullopt;
  return ApiError{ApiErrorKind::kUpstreamBadResponse, "Gemini sent a count that is none", "", 0};
}

}  // namespace

void RelayCountTokens(Exchange* exchange, const gemini::Request& request, int64_t estimate) {
  int64_t tokens = 0;
  auto error = Count(exchange, request, &tokens);
  if (exchange->status == 499) return;
  if (!error) return AnswerJson(exchange, 200, TokenCountBody(tokens));
  if (!IsPassing(error->kind)) return AnswerError(exchange, std::move(*error));
  const std::string body = TokenCountBody(estimate);
  exchange->error = std::move(error);  // for the log
  StartAnswer(exchange, 200,
              {{"content-type", "application/json"},
               {"content-length", std::to_string(body.size())},
               {"x-gemini-code-estimate", "true"}});
  if (!exchange->sink.Write(body) || !exchange->sink.Flush()) ClientLeft(exchange);
}

}  // namespace gc
