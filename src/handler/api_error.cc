// api_error.cc: the table of statuses, types and codes, and the three bodies made from it.
// Sources: openai's and Anthropic's SDK error classes (they go by the status), google.rpc.Code.
// SPDX-License-Identifier: MIT
#include "handler/api_error.h"

#include "base/json.h"

namespace gc {
namespace {

enum class Retry { kWorthwhile, kPointless };

struct Row {
  std::string_view name;
  struct {
    int status;
    std::string_view type;
    std::string_view code;   // empty: null
    std::string_view param;  // stands in when the error names none; empty: null
  } openai;
  struct {
    int status;
    std::string_view type;
  } anthropic;
  struct {
    int status;
    std::string_view code;
  } gemini;
  Retry retry = Retry::kWorthwhile;
};

// A switch and not an array, so that the compiler finds a kind without a row.
constexpr Row RowOf(ApiErrorKind kind) {
  constexpr std::string_view kInvalid = "invalid_request_error";
  constexpr std::string_view kServer = "server_error";
  using enum ApiErrorKind;
  switch (kind) {
    case kInvalidRequest:
      return {"invalid_request", {400, kInvalid, "", ""}, {400, kInvalid}, {400, "INVALID_ARGUMENT"}};
    case kInvalidImageUrl:
      return {
          "invalid_image_url", {400, kInvalid, "invalid_image_url", ""}, {400, kInvalid}, {400, "INVALID_ARGUMENT"}};
    case kContextTooLong:
      return {"context_too_long",
              {400, kInvalid, "context_length_exceeded", "messages"},
              {400, kInvalid},
              {400, "INVALID_ARGUMENT"}};
    case kMissingCredential:
      return {"missing_credential",
              {401, kInvalid, "invalid_api_key", ""},
              {401, "authentication_error"},
              {401, "UNAUTHENTICATED"}};
    case kBadCredential:
      return {"bad_credential",
              {401, kInvalid, "invalid_api_key", ""},
              {401, "authentication_error"},
              {401, "UNAUTHENTICATED"}};
    case kForbidden:
      return {"forbidden", {403, "permission_error", "", ""}, {403, "permission_error"}, {403, "PERMISSION_DENIED"}};
    case kNotFound:
      return {"not_found", {404, kInvalid, "", ""}, {404, "not_found_error"}, {404, "NOT_FOUND"}};
    case kModelNotFound:
      return {
          "model_not_found", {404, kInvalid, "model_not_found", "model"}, {404, "not_found_error"}, {404, "NOT_FOUND"}};
    case kMethodNotAllowed:
      return {"method_not_allowed", {405, kInvalid, "", ""}, {405, kInvalid}, {405, "UNIMPLEMENTED"}};
    case kTooLarge:
      return {"too_large", {413, kInvalid, "", ""}, {413, "request_too_large"}, {413, "INVALID_ARGUMENT"}};
    case kUnsupportedMediaType:
      return {"unsupported_media_type", {415, kInvalid, "", ""}, {415, kInvalid}, {415, "INVALID_ARGUMENT"}};
    case kConflict:
      return {"conflict", {409, kInvalid, "", ""}, {409, kInvalid}, {409, "ABORTED"}};
    case kRateLimited:
      return {"rate_limited",
              {429, "rate_limit_error", "rate_limit_exceeded", ""},
              {429, "rate_limit_error"},
              {429, "RESOURCE_EXHAUSTED"}};
    case kQuotaExhausted:
      return {"quota_exhausted",
              {429, "insufficient_quota", "insufficient_quota", ""},
              {429, "rate_limit_error"},
              {429, "RESOURCE_EXHAUSTED"},
              Retry::kPointless};
    case kNotImplemented:
      return {"not_implemented",
              {501, kInvalid, "not_implemented", ""},
              {501, kInvalid},
              {501, "UNIMPLEMENTED"},
              Retry::kPointless};
    case kUpstreamBadResponse:
      return {"upstream_bad_response", {502, kServer, "", ""}, {500, "api_error"}, {502, "INTERNAL"}};
    case kUpstreamUnreachable:
      return {"upstream_unreachable", {502, kServer, "", ""}, {500, "api_error"}, {502, "UNAVAILABLE"}};
    case kUpstreamInterrupted:
      return {"upstream_interrupted", {502, kServer, "", ""}, {500, "api_error"}, {502, "UNAVAILABLE"}};
    case kUpstreamTimeout:
      return {"upstream_timeout", {504, kServer, "", ""}, {504, "timeout_error"}, {504, "DEADLINE_EXCEEDED"}};
    case kUpstreamOverloaded:
      return {"upstream_overloaded", {503, kServer, "", ""}, {529, "overloaded_error"}, {503, "UNAVAILABLE"}};
    case kUpstreamError:
      return {"upstream_error", {502, kServer, "", ""}, {500, "api_error"}, {500, "INTERNAL"}};
    case kBusy:
      return {"busy", {503, kServer, "", ""}, {529, "overloaded_error"}, {503, "UNAVAILABLE"}};
    case kInternal:
      return {"internal", {500, kServer, "", ""}, {500, "api_error"}, {500, "INTERNAL"}};
  }
  return {};  // unreachable: the switch is complete
}

// The first number in parentheses from *at on, which is moved behind it; empty: there is none.
std::string_view NumberInParentheses(std::string_view text, size_t* at) {
  for (size_t open = text.find('(', *at); open != std::string_view::npos; open = text.find('(', open + 1)) {
    const size_t end = text.find_first_not_of("0123456789", open + 1);
    if (end == std::string_view::npos || end == open + 1 || text[end] != ')') continue;
    *at = end + 1;
    return text.substr(open + 1, end - open - 1);
  }
  return {};
}

// Anthropic's words for a prompt that is too long: Claude Code compacts its conversation when it reads them, and no
// others. Gemini's text is "The input token count (N) exceeds the maximum number of tokens allowed (M)."
std::string AnthropicMessage(const ApiError& error) {
  if (error.kind != ApiErrorKind::kContextTooLong) return error.message;
  size_t at = 0;
  const std::string tokens(NumberInParentheses(error.message, &at));
  const std::string maximum(tokens.empty() ? std::string_view() : NumberInParentheses(error.message, &at));
  if (maximum.empty()) return "prompt is too long: " + error.message;
  return "prompt is too long: " + tokens + " tokens > " + maximum + " maximum";
}

void StringOrNull(json::Writer& w, std::string_view text) {
  if (text.empty()) {
    w.Null();
  } else {
    w.String(text);
  }
}

}  // namespace

int HttpStatus(ErrorShape shape, ApiErrorKind kind) {
  const Row row = RowOf(kind);
  switch (shape) {
    case ErrorShape::kOpenAi:
      return row.openai.status;
    case ErrorShape::kAnthropic:
      return row.anthropic.status;
    case ErrorShape::kGemini:
      return row.gemini.status;
  }
  return 500;
}

std::string ErrorBody(ErrorShape shape, const ApiError& error, std::string_view request_id) {
  const Row row = RowOf(error.kind);
  std::string body;
  json::Writer w(&body);
  w.BeginObject();
  switch (shape) {
    case ErrorShape::kOpenAi:
      w.Key("error").BeginObject().Key("message").String(error.message).Key("type").String(row.openai.type);
      StringOrNull(w.Key("param"), error.param.empty() ? row.openai.param : std::string_view(error.param));
      StringOrNull(w.Key("code"), row.openai.code);
      w.EndObject();
      break;
    case ErrorShape::kAnthropic:
      w.Key("type").String("error").Key("error").BeginObject();
      w.Key("type").String(row.anthropic.type).Key("message").String(AnthropicMessage(error)).EndObject();
      w.Key("request_id").String(AnthropicRequestId(request_id));
      break;
    case ErrorShape::kGemini:
      w.Key("error").BeginObject().Key("code").Int(row.gemini.status);
      w.Key("message").String(error.message).Key("status").String(row.gemini.code).EndObject();
      break;
  }
  w.EndObject();
  return body;
}

std::string AnthropicRequestId(std::string_view request_id) { return "req_" + std::string(request_id); }

std::string_view ErrorTypeName(ApiErrorKind kind) { return RowOf(kind).name; }

bool RetryIsPointless(ApiErrorKind kind) { return RowOf(kind).retry == Retry::kPointless; }

}  // namespace gc
