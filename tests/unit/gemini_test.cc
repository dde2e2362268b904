// gemini_test.cc: answers, chunks and errors of Gemini in every variant that has been seen.
// SPDX-License-Identifier: MIT
#include "handler/gemini.h"

#include <gtest/gtest.h>

#include "handler/quota_error.h"

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
  ASSERT_EQ(failure.violations.size(), 2U);
  EXPECT_EQ(failure.violations[0].quota_id + "=" + failure.violations[0].quota_value, "A-PerMinute=5");
  EXPECT_EQ(failure.violations[1].quota_id + "=" + failure.violations[1].quota_value, "B=");
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
    const ApiError error = ToApiError(failure, 0);
    EXPECT_EQ(error.kind, ApiErrorKind::kUpstreamError);
    EXPECT_NE(error.message.find("502"), std::string::npos);
  }
}

TEST(Gemini, ReadsTheProjectThatAnErrorNames) {
  const struct {
    const char* name;
    std::string error;
    std::string project;
  } cases[] = {
      {"consumer", R"("details":[{"@type":"x/google.rpc.ErrorInfo","metadata":{"consumer":"projects/123456789"}}])",
       "123456789"},
      {"text", R"("message":"... of service 'x' for consumer 'project_number:987654321'.")", "987654321"},
      {"service off", R"("message":"Generative Language API has not been used in project 55555555 before")",
       "55555555"},
      {"a word", R"("message":"your project has no billing")", ""},
      {"no number", R"("message":"projects/my-project")", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(FailureIn("{\"error\":{" + c.error + "}}", 403).project, c.project) << c.name;
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
