// gemini_test.cc: answers, chunks and errors of Gemini in every variant that has been seen.
// SPDX-License-Identifier: MIT
#include "handler/gemini.h"

#include <gtest/gtest.h>

namespace gc::gemini {
namespace {

TEST(Gemini, ModelNames) {
  for (const std::string_view good : {"gemini-3.8-flash", "a", "9x", "A_b.c-d"}) EXPECT_TRUE(IsModelName(good)) << good;
  EXPECT_TRUE(IsModelName(std::string(128, 'a')));
  EXPECT_FALSE(IsModelName(std::string(129, 'a')));
  for (const std::string_view bad : {"", ".", "..", "-a", "a/b", "a:b", "a b", "a%2f", "ä", "a?b", "a\nb"}) {
    EXPECT_FALSE(IsModelName(bad)) << bad;
  }
}

TEST(Gemini, RepairsLoneSurrogateEscapesOnly) {
  struct Case {
    const char* name;
    std::string_view text;
    std::string_view expected;
  };
  constexpr Case kCases[] = {
      {"none", R"("a\nb\"c")", R"("a\nb\"c")"},
      {"pair", R"("\uD83D\uDE00")", R"("\uD83D\uDE00")"},
      {"lone high at the end", R"("a\ud83d")", R"("a\uFFFD")"},
      {"lone high before text", R"("\ud83dx")", R"("\uFFFDx")"},
      {"lone low", R"("\udc00")", R"("\uFFFD")"},
      {"two highs, then a low", R"("\ud83d\ud83d\ude00")", R"("\uFFFD\ud83d\ude00")"},
      {"high, then another escape", R"("\ud83d\u0041")", R"("\uFFFD\u0041")"},
      {"an escaped backslash is no escape", R"("\\ud83d")", R"("\\ud83d")"},
      {"escaped backslash, then an escape", R"("\\\ud83d")", R"("\\\uFFFD")"},
      {"cut in the escape", R"("\ud8)", R"("\ud8)"},
      {"cut after the backslash", R"("\)", R"("\)"},
      {"not hex", R"("\uD8zz")", R"("\uD8zz")"},
  };
  for (const Case& c : kCases) EXPECT_EQ(RepairSurrogates(std::string(c.text)), c.expected) << c.name;
}

TEST(Gemini, ParsesAnAnswer) {
  const auto response = ParseResponse(
      R"({"candidates":[{"index":1},{"finishReason":"STOP"}],"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":
      {"promptTokenCount":"7","cachedContentTokenCount":2,"candidatesTokenCount":3,"thoughtsTokenCount":4,
       "toolUsePromptTokenCount":5,"totalTokenCount":19}})");
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->finish_reason, "STOP");
  EXPECT_EQ(response->block_reason, "SAFETY");
  EXPECT_TRUE(response->usage.present);
  EXPECT_EQ(response->usage.prompt, 7);
  EXPECT_EQ(response->usage.cached, 2);
  EXPECT_EQ(response->usage.input(), 12);
  EXPECT_EQ(response->usage.output(), 7);
  EXPECT_EQ(response->usage.total, 19);
}

TEST(Gemini, ParsesWhatIsHardlyAnAnswer) {
  const auto empty = ParseResponse("{}");
  ASSERT_TRUE(empty.ok());
  EXPECT_FALSE(empty->usage.present);
  EXPECT_EQ(empty->finish_reason, "");
  const auto wrong_types = ParseResponse(R"({"candidates":{"a":1},"usageMetadata":[],"promptFeedback":"x"})");
  ASSERT_TRUE(wrong_types.ok());
  EXPECT_FALSE(wrong_types->usage.present);
  // Sums stay in range, and a missing total is made.
  const auto counts = ParseResponse(
      R"({"usageMetadata":{"promptTokenCount":9223372036854775807,"candidatesTokenCount":-5,"thoughtsTokenCount":1}})");
  ASSERT_TRUE(counts.ok());
  EXPECT_GT(counts->usage.input(), 0);
  EXPECT_EQ(counts->usage.output(), 1);
  EXPECT_EQ(counts->usage.total, counts->usage.input() + 1);
}

TEST(Gemini, RepairsTextThatIsNotUnicode) {
  const auto text_of = [](std::string json) {
    const auto response = ParseResponse(std::move(json));
    return response.ok() ? std::string(response->root().StringOr("t", "none")) : response.error().message;
  };
  EXPECT_EQ(text_of("{\"t\":\"a\xFFz\"}"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(text_of("{\"t\":\"\xC3\"}"), "\xEF\xBF\xBD");
  EXPECT_EQ(text_of(R"({"t":"\ud83d!"})"), "\xEF\xBF\xBD!");
  EXPECT_EQ(text_of(R"({"t":"\ude00"})"), "\xEF\xBF\xBD");
  EXPECT_EQ(text_of(R"({"t":"\ud83d\ude00"})"), "\xF0\x9F\x98\x80");
}

TEST(Gemini, RefusesWhatIsNotAnObject) {
  for (const std::string text : {"", "[]", "null", "<html>", "{\"a\":", "{} {}", "{\"t\":\"\xFF"}) {
    EXPECT_FALSE(ParseResponse(text).ok()) << text;
  }
}

Failure FailureIn(std::string body, int http_status) {
  const auto document = json::Document::Parse(std::move(body));
  Failure failure;
  EXPECT_TRUE(document.ok() && ParseFailure(document->root(), http_status, &failure));
  return failure;
}

TEST(Gemini, ReadsAFailureWithAllItsDetails) {
  const Failure failure = FailureIn(R"({"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[
    {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"A-PerMinute","quotaValue":"5"},
      {"quotaId":"B"}]},
    {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"10.684s"},
    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"},
    {"@type":"type.googleapis.com/google.rpc.Help"}, 7]}})",
                                    429);
  EXPECT_EQ(failure.http_status, 429);
  EXPECT_EQ(failure.status, "RESOURCE_EXHAUSTED");
  EXPECT_EQ(failure.message, "quota");
  EXPECT_EQ(failure.reason, "R");
  EXPECT_EQ(failure.retry_delay_s, 11);
  EXPECT_EQ(failure.quota_ids, (std::vector<std::string>{"A-PerMinute", "B"}));
  EXPECT_FALSE(failure.quota_is_zero);
}

TEST(Gemini, ReadsEveryFormOfAFailure) {
  EXPECT_EQ(FailureIn(R"([{"error":{"code":400,"message":"m"}}])", 400).message, "m");
  EXPECT_EQ(FailureIn(R"({"error":"plain"})", 502).message, "plain");
  // A frame of a stream: its own code, else its status, else 500.
  EXPECT_EQ(FailureIn(R"({"error":{"code":503,"status":"UNAVAILABLE"}})", 200).http_status, 503);
  EXPECT_EQ(FailureIn(R"({"error":{"code":"429"}})", 200).http_status, 429);
  EXPECT_EQ(FailureIn(R"({"error":{"status":"DEADLINE_EXCEEDED"}})", 200).http_status, 504);
  EXPECT_EQ(FailureIn(R"({"error":{"status":"CANCELLED","code":1}})", 200).http_status, 499);
  EXPECT_EQ(FailureIn(R"({"error":{"message":"?"}})", 200).http_status, 500);
  // The response's own status is believed first.
  EXPECT_EQ(FailureIn(R"({"error":{"code":500}})", 429).http_status, 429);

  Failure none;
  for (const std::string text : {"{}", "[]", "[[]]", "null", R"({"error":null})", R"({"candidates":[]})", "3"}) {
    const auto document = json::Document::Parse(text);
    EXPECT_FALSE(ParseFailure(document->root(), 400, &none)) << text;
  }
}

TEST(Gemini, RoundsRetryDelaysUp) {
  const auto delay = [](const std::string& text) {
    return FailureIn(R"({"error":{"details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":")" + text + R"("}]}})",
                     429)
        .retry_delay_s;
  };
  EXPECT_EQ(delay("22s"), 22);
  EXPECT_EQ(delay("0.001s"), 1);
  EXPECT_EQ(delay("3.000s"), 3);
  for (const std::string bad : {"", "s", "-1s", "abc", "5", "99999999999999999999s"}) EXPECT_EQ(delay(bad), 0) << bad;
}

TEST(Gemini, ReadsAnyErrorBody) {
  EXPECT_EQ(ReadFailure(R"([{"error":{"message":"m"}}])", 400).message, "m");
  EXPECT_EQ(ReadFailure("{\"error\":{\"message\":\"\xFF\\udc00\"}}", 400).message, "\xEF\xBF\xBD\xEF\xBF\xBD");
  for (const std::string body : {"", "<html>502</html>", "{}", "[", "null"}) {
    const Failure failure = ReadFailure(body, 502);
    EXPECT_EQ(failure.http_status, 502) << body;
    const ApiError error = ToApiError(failure);
    EXPECT_EQ(error.kind, ApiErrorKind::kUpstreamError);
    EXPECT_NE(error.message.find("502"), std::string::npos);
  }
}

TEST(Gemini, EveryFailureHasItsKind) {
  struct Case {
    const char* name;
    int http_status;
    std::string error;  // members of Gemini's error object
    ApiErrorKind kind;
    int64_t retry_after_s = 0;
  };
  const auto details = [](std::string_view type, const std::string& members) {
    return R"("details":[{"@type":"type.googleapis.com/google.rpc.)" + std::string(type) + "\"," + members + "}]";
  };
  const auto reason = [&](const std::string& text) { return details("ErrorInfo", R"("reason":")" + text + "\""); };
  const auto quota = [&](const std::string& id, const std::string& delay) {
    return R"("details":[{"@type":"x/google.rpc.QuotaFailure","violations":[{"quotaId":"Other"},{"quotaId":")" + id +
           R"("}]},{"@type":"x/google.rpc.RetryInfo","retryDelay":")" + delay + "\"}]";
  };
  using enum ApiErrorKind;
  const Case cases[] = {
      {"bad field", 400, R"("status":"INVALID_ARGUMENT","message":"m")", kInvalidRequest},
      {"context", 400, R"("message":"The input token count (9) exceeds the maximum number of tokens allowed (8).")",
       kContextTooLong},
      {"payload", 400, R"("message":"Request payload size exceeds the limit: 104857600 bytes.")", kTooLarge},
      {"413", 413, "", kTooLarge},
      {"dead key by reason", 400, reason("API_KEY_INVALID"), kBadCredential},
      {"dead key by text", 400, R"("message":"API key not valid. Please pass a valid API key.")", kBadCredential},
      {"expired key", 400, R"("message":"API key expired.")", kBadCredential},
      {"country", 400, R"("status":"FAILED_PRECONDITION")", kForbidden},
      {"401", 401, "", kBadCredential},
      {"suspended", 403, reason("CONSUMER_SUSPENDED"), kBadCredential},
      {"service off", 403, reason("SERVICE_DISABLED"), kBadCredential},
      {"leaked", 403, R"("message":"Your API key was reported as leaked.")", kBadCredential},
      {"foreign object", 403, R"("message":"You do not own it")", kForbidden},
      {"model", 404, "", kModelNotFound},
      {"conflict", 409, "", kConflict},
      {"per day, whatever retryDelay says", 429, quota("GenerateRequestsPerDayPerProject", "22s"), kQuotaExhausted},
      {"not in this tier", 429, R"("message":"Quota exceeded, limit: 0, model: x")", kQuotaExhausted},
      {"per minute", 429, quota("GenerateRequestsPerMinutePerProject", "10.2s"), kRateLimited, 11},
      {"per minute, long delay", 429, quota("XPerMinute", "3000s"), kRateLimited, 60},
      {"another quota", 429, quota("XPerWeek", "90s"), kRateLimited, 90},
      {"no details", 429, "", kRateLimited},
      {"cancelled", 499, "", kUpstreamInterrupted},
      {"500", 500, "", kUpstreamError},
      {"501", 501, "", kNotImplemented},
      {"502", 502, "", kUpstreamError},
      {"overloaded", 503, quota("XPerMinute", "5s"), kUpstreamOverloaded},
      {"504", 504, "", kUpstreamTimeout},
      {"another 4xx", 422, "", kInvalidRequest},
      {"redirect", 302, R"("code":302)", kUpstreamError},
  };
  for (const Case& c : cases) {
    const ApiError error = ToApiError(ReadFailure(R"({"error":{)" + c.error + "}}", c.http_status));
    EXPECT_EQ(error.kind, c.kind) << c.name << ": " << ErrorTypeName(error.kind);
    EXPECT_EQ(error.retry_after_s, c.retry_after_s) << c.name;
    EXPECT_EQ(error.param, "") << c.name;
    EXPECT_FALSE(error.message.empty()) << c.name;
  }
  EXPECT_EQ(ToApiError(ReadFailure("<html>moved</html>", 302)).kind, kUpstreamBadResponse);
}

TEST(Gemini, ZeroQuotaIsSeenInBothPlaces) {
  EXPECT_TRUE(
      FailureIn(R"({"error":{"details":[{"@type":"x/google.rpc.QuotaFailure","violations":[{"quotaValue":"0"}]}]}})",
                429)
          .quota_is_zero);
  EXPECT_TRUE(FailureIn(R"({"error":{"message":"Quota exceeded, limit: 0, model: x"}})", 429).quota_is_zero);
  EXPECT_FALSE(FailureIn(R"({"error":{"message":"Quota exceeded, limit: 0.5k"}})", 429).quota_is_zero);
}

}  // namespace
}  // namespace gc::gemini
