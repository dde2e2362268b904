// api_error_test.cc: each kind of error in each protocol.
// SPDX-License-Identifier: MIT
#include "handler/api_error.h"

#include <gtest/gtest.h>

#include <set>

namespace gc {
namespace {

constexpr int kKinds = static_cast<int>(ApiErrorKind::kInternal) + 1;

TEST(ApiError, StatusesOfTheProtocols) {
  struct Case {
    ApiErrorKind kind;
    int openai;
    int anthropic;
    int gemini;
  };
  using enum ApiErrorKind;
  constexpr Case kCases[] = {
      {kInvalidRequest, 400, 400, 400},
      {kInvalidImageUrl, 400, 400, 400},
      {kContextTooLong, 400, 400, 400},
      {kMissingCredential, 401, 401, 401},
      {kBadCredential, 401, 401, 401},
      {kForbidden, 403, 403, 403},
      {kNotFound, 404, 404, 404},
      {kModelNotFound, 404, 404, 404},
      {kMethodNotAllowed, 405, 405, 405},
      {kTooLarge, 413, 413, 413},
      {kConflict, 409, 409, 409},
      {kUnsupportedMediaType, 415, 415, 415},
      {kRateLimited, 429, 429, 429},
      {kQuotaExhausted, 429, 429, 429},
      {kNotImplemented, 501, 501, 501},
      {kUpstreamBadResponse, 502, 500, 502},
      {kUpstreamUnreachable, 502, 500, 502},
      {kUpstreamInterrupted, 502, 500, 502},
      {kUpstreamTimeout, 504, 504, 504},
      {kUpstreamOverloaded, 503, 529, 503},
      {kUpstreamError, 502, 500, 500},
      {kBusy, 503, 529, 503},
      {kInternal, 500, 500, 500},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(HttpStatus(ErrorShape::kOpenAi, c.kind), c.openai) << ErrorTypeName(c.kind);
    EXPECT_EQ(HttpStatus(ErrorShape::kAnthropic, c.kind), c.anthropic) << ErrorTypeName(c.kind);
    EXPECT_EQ(HttpStatus(ErrorShape::kGemini, c.kind), c.gemini) << ErrorTypeName(c.kind);
  }
}

TEST(ApiError, EveryKindHasANameOfItsOwnAndAnErrorStatus) {
  std::set<std::string_view> names;
  for (int i = 0; i < kKinds; ++i) {
    const auto kind = static_cast<ApiErrorKind>(i);
    EXPECT_TRUE(names.insert(ErrorTypeName(kind)).second) << ErrorTypeName(kind);
    EXPECT_FALSE(ErrorTypeName(kind).empty()) << i;
    for (const ErrorShape shape : {ErrorShape::kOpenAi, ErrorShape::kAnthropic, ErrorShape::kGemini}) {
      EXPECT_GE(HttpStatus(shape, kind), 400) << i;
      EXPECT_LE(HttpStatus(shape, kind), 599) << i;  // Google's decoder ignores an error whose code is not one
    }
  }
}

TEST(ApiError, Bodies) {
  struct Case {
    const char* name;
    ErrorShape shape;
    ApiError error;
    std::string_view body;
  };
  const Case cases[] = {
      {"a field",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kInvalidRequest, "m", "messages[1].content", 0},
       R"({"error":{"message":"m","type":"invalid_request_error","param":"messages[1].content","code":null}})"},
      {"the row's param",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kContextTooLong, "m", "", 0},
       R"({"error":{"message":"m","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"},
      {"the error's param goes first",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kContextTooLong, "m", "input", 0},
       R"({"error":{"message":"m","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}})"},
      {"bad key",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kBadCredential, "m", "", 0},
       R"({"error":{"message":"m","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})"},
      {"quota",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kQuotaExhausted, "m", "", 5},
       R"({"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})"},
      {"rate",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kRateLimited, "m", "", 5},
       R"({"error":{"message":"m","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}})"},
      {"upstream",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kUpstreamInterrupted, "m", "", 0},
       R"({"error":{"message":"m","type":"server_error","param":null,"code":null}})"},
      {"escapes",
       ErrorShape::kOpenAi,
       {ApiErrorKind::kInternal, "a\"\n", "", 0},
       R"({"error":{"message":"a\"\n","type":"server_error","param":null,"code":null}})"},
      {"anthropic",
       ErrorShape::kAnthropic,
       {ApiErrorKind::kUpstreamOverloaded, "m", "p", 0},
       R"({"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"req_r1"})"},
      {"anthropic model",
       ErrorShape::kAnthropic,
       {ApiErrorKind::kModelNotFound, "m", "", 0},
       R"({"type":"error","error":{"type":"not_found_error","message":"m"},"request_id":"req_r1"})"},
      {"gemini",
       ErrorShape::kGemini,
       {ApiErrorKind::kUpstreamOverloaded, "m", "", 0},
       R"({"error":{"code":503,"message":"m","status":"UNAVAILABLE"}})"},
      {"gemini key",
       ErrorShape::kGemini,
       {ApiErrorKind::kMissingCredential, "m", "", 0},
       R"({"error":{"code":401,"message":"m","status":"UNAUTHENTICATED"}})"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorBody(c.shape, c.error, "r1"), c.body) << c.name;
}

TEST(ApiError, RetriesArePointlessForTheDaysQuotaAndForWhatIsNotBuilt) {
  EXPECT_TRUE(RetryIsPointless(ApiErrorKind::kQuotaExhausted));
  EXPECT_TRUE(RetryIsPointless(ApiErrorKind::kNotImplemented));
  EXPECT_FALSE(RetryIsPointless(ApiErrorKind::kRateLimited));
  EXPECT_FALSE(RetryIsPointless(ApiErrorKind::kUpstreamInterrupted));
}

}  // namespace
}  // namespace gc
