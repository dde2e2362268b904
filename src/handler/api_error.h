// api_error.h: every error a client can see, and its status and body in the client's own protocol. The one table of
// HTTP statuses, types and codes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gc {

enum class ErrorShape { kOpenAi, kAnthropic, kGemini };

enum class ApiErrorKind {
  kInvalidRequest,        // the body or a field is wrong; `param` names it
  kInvalidImageUrl,       // an image, or another file, that cannot be had from its URL; `param` names it
  kContextTooLong,        // more input tokens than the model takes
  kMissingCredential,     // no Gemini key came with the request
  kBadCredential,         // a credential is malformed, doubled, or Google refuses the key
  kForbidden,             // Google refuses this key for this thing
  kNotFound,              // unknown path
  kModelNotFound,         // Gemini does not know the model
  kMethodNotAllowed,      // the path exists under another method
  kTooLarge,              // body over request.max_body_bytes, or refused by Gemini for its size
  kUnsupportedMediaType,  // the body is compressed
  kConflict,              // Gemini says ABORTED or ALREADY_EXISTS
  kRateLimited,           // a limit that passes; retry_after_s says when, if known
  kQuotaExhausted,        // the day's quota is gone
  kNotImplemented,        // known and not built here
  kUpstreamBadResponse,   // Gemini answered something that is not an answer (HTML, broken JSON)
  kUpstreamUnreachable,   // refused, no address, TLS failure
  kUpstreamInterrupted,   // the answer was cut
  kUpstreamTimeout,       // silent for too long
  kUpstreamOverloaded,    // Gemini says UNAVAILABLE
  kUpstreamError,         // any other 5xx of Gemini
  kBusy,                  // no worker thread is free
  kInternal,              // a bug of ours
};

struct ApiError {
  ApiErrorKind kind = ApiErrorKind::kInternal;
  std::string message;        // for the client; redacted, valid UTF-8
  std::string param;          // field path such as messages[1].content; empty: none
  int64_t retry_after_s = 0;  // 0: unknown
};

// The HTTP status that this error has in this protocol (Anthropic's overloaded is 529, others' is 503).
int HttpStatus(ErrorShape shape, ApiErrorKind kind);
// The whole JSON body. `request_id`, the request's id here, stands in Anthropic's only, and as AnthropicRequestId.
std::string ErrorBody(ErrorShape shape, const ApiError& error, std::string_view request_id);
// What Anthropic's clients call a request's id: the header request-id and the member request_id of errors.
std::string AnthropicRequestId(std::string_view request_id);
// The low-cardinality name for request_logs.error_type and error_logs.error_type, e.g. "upstream_timeout".
std::string_view ErrorTypeName(ApiErrorKind kind);
// True when the same request cannot succeed soon: the answer then says `x-should-retry: false`, because SDKs repeat
// every 429 and 5xx on their own.
bool RetryIsPointless(ApiErrorKind kind);

}  // namespace gc
