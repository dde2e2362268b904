// quota_error.cc: the table of Gemini's errors.
// SPDX-License-Identifier: MIT
#include "handler/quota_error.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/pacific.h"

namespace gc {
namespace {

using enum FailureClass;

constexpr int64_t kMinuteS = 60;
constexpr int64_t kDayS = 86400;
constexpr int64_t kSpendWindowS = 600;
constexpr int64_t kAvoidS = 600;

constexpr FailureMeaning kMeanings[] = {
    {kBadRequest, "bad_request", ApiErrorKind::kInvalidRequest, KeyEffect::kNone, NextStep::kNone},
    {kContextTooLong, "context_too_long", ApiErrorKind::kContextTooLong, KeyEffect::kNone, NextStep::kNone},
    {kPayloadTooLarge, "payload_too_large", ApiErrorKind::kTooLarge, KeyEffect::kNone, NextStep::kNone},
    {kInvalidKey, "invalid_key", ApiErrorKind::kBadCredential, KeyEffect::kDisableDay, NextStep::kOtherKey},
    {kSuspendedKey, "suspended_key", ApiErrorKind::kBadCredential, KeyEffect::kDisableDay, NextStep::kOtherKey},
    {kServiceDisabled, "service_disabled", ApiErrorKind::kBadCredential, KeyEffect::kDisableTenMinutes,
     NextStep::kOtherKey},
    {kLocation, "location", ApiErrorKind::kForbidden, KeyEffect::kNone, NextStep::kNone},
    {kForeignObject, "foreign_object", ApiErrorKind::kForbidden, KeyEffect::kNone, NextStep::kOtherKey},
    {kModelUnknown, "model_unknown", ApiErrorKind::kModelNotFound, KeyEffect::kAvoid, NextStep::kOtherKeyOnce},
    {kMinuteRequests, "minute_requests", ApiErrorKind::kRateLimited, KeyEffect::kCoolDelay, NextStep::kOtherKey},
    {kMinuteTokens, "minute_tokens", ApiErrorKind::kRateLimited, KeyEffect::kCoolDelay, NextStep::kOtherKey},
    {kDayQuota, "day_quota", ApiErrorKind::kQuotaExhausted, KeyEffect::kCoolToMidnight, NextStep::kOtherKey},
    {kZeroQuota, "zero_quota", ApiErrorKind::kQuotaExhausted, KeyEffect::kCoolToMidnight, NextStep::kOtherKey},
    {kSpendLimit, "spend_limit", ApiErrorKind::kRateLimited, KeyEffect::kDisableTenMinutes, NextStep::kOtherKey},
    {kSharedCapacity, "shared_capacity", ApiErrorKind::kRateLimited, KeyEffect::kCoolBackOff, NextStep::kSoon},
    {kOverloaded, "overloaded", ApiErrorKind::kUpstreamOverloaded, KeyEffect::kNone, NextStep::kSoon},
    {kUpstreamInternal, "upstream_error", ApiErrorKind::kUpstreamError, KeyEffect::kNone, NextStep::kSoonOnce},
    {kUpstreamTimeout, "upstream_timeout", ApiErrorKind::kUpstreamTimeout, KeyEffect::kNone, NextStep::kSoonOnce},
    {kCancelled, "cancelled", ApiErrorKind::kUpstreamInterrupted, KeyEffect::kNone, NextStep::kNone},
    {kConflict, "conflict", ApiErrorKind::kConflict, KeyEffect::kNone, NextStep::kNone},
    {kNotImplemented, "not_implemented", ApiErrorKind::kNotImplemented, KeyEffect::kNone, NextStep::kNone},
    {kNotAnAnswer, "not_an_answer", ApiErrorKind::kUpstreamBadResponse, KeyEffect::kNone, NextStep::kNone},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kMeanings); ++i) {
    if (kMeanings[i].failure_class != static_cast<FailureClass>(i)) return false;
  }
  return std::size(kMeanings) == static_cast<size_t>(kNotAnAnswer) + 1;
}
static_assert(InOrder(), "one row for each FailureClass, in its order");

bool Has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool AnyQuota(const gemini::Failure& failure, std::string_view part) {
  return std::any_of(failure.violations.begin(), failure.violations.end(),
                     [&](const gemini::QuotaViolation& violation) { return Has(violation.quota_id, part); });
}

// A 400 says four different things; only reason and text tell them apart.
FailureClass ClassOf400(const gemini::Failure& failure) {
  const std::string_view text = failure.message;
  if (failure.reason == "API_KEY_INVALID" || Has(text, "API key not valid") || Has(text, "API key expired")) {
    return kInvalidKey;
  }
  if (Has(text, "exceeds the maximum number of tokens")) return kContextTooLong;
  if (Has(text, "payload size exceeds")) return kPayloadTooLarge;
  return failure.status == "FAILED_PRECONDITION" ? kLocation : kBadRequest;
}

// A 403 is about the key (its project is suspended, the service off, the key known to have leaked) or about one object.
FailureClass ClassOf403(const gemini::Failure& failure) {
  if (failure.reason == "API_KEY_INVALID") return kInvalidKey;
  if (failure.reason == "SERVICE_DISABLED") return kServiceDisabled;
  const bool suspended = failure.reason == "CONSUMER_SUSPENDED" || Has(failure.message, "has been suspended") ||
                         Has(failure.message, "reported as leaked");
  return suspended ? kSuspendedKey : kForeignObject;
}

FailureClass ClassOf429(const gemini::Failure& failure) {
  if (failure.quota_is_zero) return kZeroQuota;
  if (AnyQuota(failure, "PerDay")) return kDayQuota;
  if (AnyQuota(failure, "Spend") || Has(failure.message, "spend")) return kSpendLimit;
  if (failure.violations.empty()) return kSharedCapacity;
  return AnyQuota(failure, "Tokens") ? kMinuteTokens : kMinuteRequests;
}

std::optional<int64_t> ReadLimit(std::string_view text) {
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

}  // namespace

const FailureMeaning& MeaningOf(FailureClass failure_class) { return kMeanings[static_cast<size_t>(failure_class)]; }

const FailureMeaning* FindMeaning(std::string_view name) {
  const auto* found = std::find_if(std::begin(kMeanings), std::end(kMeanings),
                                   [&](const FailureMeaning& meaning) { return meaning.name == name; });
  return found == std::end(kMeanings) ? nullptr : found;
}

FailureClass Classify(const gemini::Failure& failure) {
  switch (failure.http_status) {
    case 400:
      return ClassOf400(failure);
    case 401:
      return kInvalidKey;
    case 403:
      return ClassOf403(failure);
    case 404:
      return kModelUnknown;
    case 408:
    case 504:
      return kUpstreamTimeout;
    case 409:
      return kConflict;
    case 413:
      return kPayloadTooLarge;
    case 429:
      return ClassOf429(failure);
    case 499:
      return kCancelled;
    case 501:
      return kNotImplemented;
    case 503:
      return kOverloaded;
    default:
      break;
  }
  if (failure.http_status >= 500) return kUpstreamInternal;
  // A redirect (we follow none) or a success without an answer is no answer; any other 4xx blames the request.
  return failure.http_status >= 400 ? kBadRequest : kNotAnAnswer;
}

store::QuotaLimits LimitsIn(const gemini::Failure& failure) {
  store::QuotaLimits limits;
  for (const gemini::QuotaViolation& violation : failure.violations) {
    const auto value = ReadLimit(violation.quota_value);
    if (!value) continue;
    const bool tokens = Has(violation.quota_id, "Tokens");
    if (Has(violation.quota_id, "PerMinute")) {
      (tokens ? limits.minute_tokens : limits.minute_requests) = value;
    } else if (Has(violation.quota_id, "PerDay") && !tokens) {
      limits.day_requests = value;
    }
  }
  return limits;
}

int64_t RestUntil(KeyEffect effect, const gemini::Failure& failure, int64_t failures, int64_t now_unix_s) {
  switch (effect) {
    case KeyEffect::kNone:
      return 0;
    case KeyEffect::kDisableDay:
      return now_unix_s + kDayS;
    case KeyEffect::kDisableTenMinutes:
      return now_unix_s + kSpendWindowS;
    case KeyEffect::kCoolDelay:
      return now_unix_s + (failure.retry_delay_s > 0 ? std::min(failure.retry_delay_s, kMinuteS) : kMinuteS);
    case KeyEffect::kCoolToMidnight:
      return NextPacificMidnight(now_unix_s);
    case KeyEffect::kCoolBackOff:
      return now_unix_s + std::min(int64_t{2} << std::min<int64_t>(failures, 5), kMinuteS);
    case KeyEffect::kAvoid:
      return now_unix_s + kAvoidS;
  }
  return 0;
}

ApiError ToApiError(const gemini::Failure& failure, int64_t now_unix_s) {
  const FailureMeaning& meaning = MeaningOf(Classify(failure));
  ApiError error;
  error.kind = meaning.kind;
  error.message = failure.message;
  if (error.message.empty()) {
    error.message = "Gemini answered with HTTP status " + std::to_string(failure.http_status) + " and no explanation.";
  }
  const bool is_limit = error.kind == ApiErrorKind::kRateLimited || error.kind == ApiErrorKind::kQuotaExhausted;
  if (!is_limit) return error;
  if (meaning.effect == KeyEffect::kCoolBackOff) {
    error.retry_after_s = failure.retry_delay_s;
  } else {
    error.retry_after_s = RestUntil(meaning.effect, failure, 0, now_unix_s) - now_unix_s;
  }
  return error;
}

}  // namespace gc
