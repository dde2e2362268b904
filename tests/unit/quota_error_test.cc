// quota_error_test.cc: one recorded body for each row of the table of Gemini's errors: what it means for the client,
// the key, and what to try next.
// SPDX-License-Identifier: MIT
#include "handler/quota_error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gc {
namespace {

// 2026-11-24 22:00:00 UTC is 14:00 in California: ten hours before midnight.
constexpr int64_t kNow = 1795557600;
constexpr int64_t kToMidnight = 10 * 3600;

std::string Details(std::string_view type, const std::string& members) {
  return R"("details":[{"@type":"type.googleapis.com/google.rpc.)" + std::string(type) + "\"," + members + "}]";
}

std::string Reason(const std::string& text) { return Details("ErrorInfo", R"("reason":")" + text + "\""); }

std::string QuotaOf(const std::string& id, const std::string& value, const std::string& delay) {
  return R"("status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure",)"
         R"("violations":[{"quotaMetric":"m","quotaId":")" +
         id + R"(","quotaDimensions":{"location":"global","model":"m"},"quotaValue":")" + value +
         R"("}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" + delay + "\"}]";
}

struct Case {
  const char* name;
  int http_status;
  std::string error;  // members of Gemini's error object
  FailureClass failure_class;
  ApiErrorKind kind;
  KeyEffect effect;
  NextStep next;
  int64_t rest_s = 0;         // the key's, without a failure before
  int64_t retry_after_s = 0;  // the client's
};

const std::vector<Case>& Cases() {
  using enum FailureClass;
  using Client = ApiErrorKind;
  static const std::vector<Case> kCases = {
      {"bad field", 400, R"("status":"INVALID_ARGUMENT","message":"m")", kBadRequest, Client::kInvalidRequest,
       KeyEffect::kNone, NextStep::kNone},
      {"context", 400, R"("message":"The input token count (9) exceeds the maximum number of tokens allowed (8).")",
       kContextTooLong, Client::kContextTooLong, KeyEffect::kNone, NextStep::kNone},
      {"payload", 400, R"("message":"Request payload size exceeds the limit: 104857600 bytes.")", kPayloadTooLarge,
       Client::kTooLarge, KeyEffect::kNone, NextStep::kNone},
      {"413", 413, "", kPayloadTooLarge, Client::kTooLarge, KeyEffect::kNone, NextStep::kNone},
      {"dead key by reason", 400, Reason("API_KEY_INVALID"), kInvalidKey, Client::kBadCredential,
       KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"dead key by text", 400, R"("message":"API key not valid. Please pass a valid API key.")", kInvalidKey,
       Client::kBadCredential, KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"expired key", 400, R"("message":"API key expired. Please renew the API key.")", kInvalidKey,
       Client::kBadCredential, KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"wrong kind of credential", 401, R"("status":"UNAUTHENTICATED")", kInvalidKey, Client::kBadCredential,
       KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"country", 400, R"("status":"FAILED_PRECONDITION","message":"User location is not supported for the API use.")",
       kLocation, Client::kForbidden, KeyEffect::kNone, NextStep::kNone},
      {"suspended by reason", 403, Reason("CONSUMER_SUSPENDED"), kSuspendedKey, Client::kBadCredential,
       KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"suspended by text", 403, R"("message":"Permission denied: Consumer 'api_key:x' has been suspended.")",
       kSuspendedKey, Client::kBadCredential, KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"leaked", 403, R"("message":"Your API key was reported as leaked.")", kSuspendedKey, Client::kBadCredential,
       KeyEffect::kDisableDay, NextStep::kOtherKey, 86400},
      {"service off", 403, Reason("SERVICE_DISABLED"), kServiceDisabled, Client::kBadCredential,
       KeyEffect::kDisableTenMinutes, NextStep::kOtherKey, 600},
      {"foreign object", 403, R"("message":"You do not have permission to access the File x or it may not exist.")",
       kForeignObject, Client::kForbidden, KeyEffect::kNone, NextStep::kOtherKey},
      {"retired model", 404, R"("message":"models/x is no longer available to new users.")", kModelUnknown,
       Client::kModelNotFound, KeyEffect::kAvoid, NextStep::kOtherKeyOnce, 600},
      {"requests per minute", 429, QuotaOf("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "5", "10.2s"),
       kMinuteRequests, Client::kRateLimited, KeyEffect::kCoolDelay, NextStep::kOtherKey, 11, 11},
      {"per minute, long delay", 429, QuotaOf("GenerateRequestsPerMinutePerProjectPerModel", "5", "3000s"),
       kMinuteRequests, Client::kRateLimited, KeyEffect::kCoolDelay, NextStep::kOtherKey, 60, 60},
      {"per minute, no delay", 429, QuotaOf("EmbedContentRequestsPerMinutePerProjectPerModel-FreeTier", "5", ""),
       kMinuteRequests, Client::kRateLimited, KeyEffect::kCoolDelay, NextStep::kOtherKey, 60, 60},
      {"tokens per minute", 429, QuotaOf("GenerateContentInputTokensPerModelPerMinute-FreeTier", "250000", "7s"),
       kMinuteTokens, Client::kRateLimited, KeyEffect::kCoolDelay, NextStep::kOtherKey, 7, 7},
      {"per day, whatever retryDelay says", 429,
       QuotaOf("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20", "22s"), kDayQuota, Client::kQuotaExhausted,
       KeyEffect::kCoolToMidnight, NextStep::kOtherKey, kToMidnight, kToMidnight},
      {"not in this tier, by value", 429, QuotaOf("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "0", "5s"),
       kZeroQuota, Client::kQuotaExhausted, KeyEffect::kCoolToMidnight, NextStep::kOtherKey, kToMidnight, kToMidnight},
      {"not in this tier, by text", 429, R"("message":"Quota exceeded for metric: x, limit: 0, model: y")", kZeroQuota,
       Client::kQuotaExhausted, KeyEffect::kCoolToMidnight, NextStep::kOtherKey, kToMidnight, kToMidnight},
      {"spend limit", 429, QuotaOf("SpendLimitPerTenMinutes", "10", "30s"), kSpendLimit, Client::kRateLimited,
       KeyEffect::kDisableTenMinutes, NextStep::kOtherKey, 600, 600},
      {"no details", 429, R"("message":"Resource has been exhausted (e.g. check quota).")", kSharedCapacity,
       Client::kRateLimited, KeyEffect::kCoolBackOff, NextStep::kSoon, 2},
      {"overloaded", 503, R"("status":"UNAVAILABLE","message":"The model is overloaded. Please try again later.")",
       kOverloaded, Client::kUpstreamOverloaded, KeyEffect::kNone, NextStep::kSoon},
      {"500", 500, R"("status":"INTERNAL")", kUpstreamInternal, Client::kUpstreamError, KeyEffect::kNone,
       NextStep::kSoonOnce},
      {"502", 502, "", kUpstreamInternal, Client::kUpstreamError, KeyEffect::kNone, NextStep::kSoonOnce},
      {"504", 504, R"("status":"DEADLINE_EXCEEDED")", kUpstreamTimeout, Client::kUpstreamTimeout, KeyEffect::kNone,
       NextStep::kSoonOnce},
      {"cancelled", 499, R"("status":"CANCELLED")", kCancelled, Client::kUpstreamInterrupted, KeyEffect::kNone,
       NextStep::kNone},
      {"conflict", 409, "", kConflict, Client::kConflict, KeyEffect::kNone, NextStep::kNone},
      {"501", 501, "", kNotImplemented, Client::kNotImplemented, KeyEffect::kNone, NextStep::kNone},
      {"another 4xx", 422, "", kBadRequest, Client::kInvalidRequest, KeyEffect::kNone, NextStep::kNone},
  };
  return kCases;
}

TEST(QuotaError, EveryRowHasItsActionOnClientKeyAndNextStep) {
  for (const Case& c : Cases()) {
    const gemini::Failure failure = gemini::ReadFailure(R"({"error":{)" + c.error + "}}", c.http_status);
    EXPECT_EQ(Classify(failure), c.failure_class) << c.name;
    const FailureMeaning& meaning = MeaningOf(c.failure_class);
    EXPECT_EQ(meaning.effect, c.effect) << c.name;
    EXPECT_EQ(meaning.next, c.next) << c.name;
    const int64_t until = RestUntil(meaning.effect, failure, 0, kNow);
    EXPECT_EQ(until == 0 ? 0 : until - kNow, c.rest_s) << c.name;
    const ApiError error = ToApiError(failure, kNow);
    EXPECT_EQ(error.kind, c.kind) << c.name << ": " << ErrorTypeName(error.kind);
    EXPECT_EQ(error.retry_after_s, c.retry_after_s) << c.name;
    EXPECT_EQ(error.param, "") << c.name;
    EXPECT_FALSE(error.message.empty()) << c.name;
  }
}

TEST(QuotaError, EveryClassHasACase) {
  std::set<FailureClass> seen;
  for (const Case& c : Cases()) seen.insert(c.failure_class);
  // A redirect has no body of Google's.
  EXPECT_EQ(Classify(gemini::ReadFailure("<html>moved</html>", 302)), FailureClass::kNotAnAnswer);
  seen.insert(FailureClass::kNotAnAnswer);
  EXPECT_EQ(seen.size(), static_cast<size_t>(FailureClass::kNotAnAnswer) + 1);
}

TEST(QuotaError, SeveralViolationsTheWorstCounts) {
  const gemini::Failure failure =
      gemini::ReadFailure(R"({"error":{"details":[{"@type":"x/google.rpc.QuotaFailure","violations":[)"
                          R"({"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"10"},)"
                          R"({"quotaId":"GenerateContentInputTokensPerModelPerMinute-FreeTier","quotaValue":250000},)"
                          R"({"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"20"},)"
                          R"({"quotaId":"GenerateContentInputTokensPerModelPerDay","quotaValue":"junk"}]}]}})",
                          429);
  EXPECT_EQ(Classify(failure), FailureClass::kDayQuota);
  const store::QuotaLimits limits = LimitsIn(failure);
  EXPECT_EQ(limits.minute_requests, 10);
  EXPECT_EQ(limits.minute_tokens, 250000);
  EXPECT_EQ(limits.day_requests, 20);
  EXPECT_FALSE(LimitsIn(gemini::ReadFailure(R"({"error":{}})", 429)).any());
}

TEST(QuotaError, BackOffDoublesUpToAMinute) {
  int64_t expected = 2;
  for (int64_t failures = 0; failures < 40; ++failures) {
    EXPECT_EQ(RestUntil(KeyEffect::kCoolBackOff, {}, failures, kNow) - kNow, expected) << failures;
    expected = std::min<int64_t>(expected * 2, 60);
  }
}

}  // namespace
}  // namespace gc
