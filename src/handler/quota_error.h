// quota_error.h: what an error of Gemini's means: for the client, for the key it was called with, and for what to try
// next. One table; it goes by the error's details, never by the status alone, and never by retryDelay, which is some
// seconds even when the day's quota is gone.
// Source: google.rpc.Status with ErrorInfo, QuotaFailure and RetryInfo, and Google's texts as users report them, up to
// November 2026. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include "handler/api_error.h"
#include "handler/gemini.h"
#include "store/quota.h"

namespace gc {

enum class FailureClass : uint8_t {
  kBadRequest,      // a field is wrong: the client's, or our translation's
  kContextTooLong,  // more tokens than the model takes
  kPayloadTooLarge,
  kInvalidKey,       // no such key, expired, or no key at all
  kSuspendedKey,     // its project is suspended, or it is known to have leaked
  kServiceDisabled,  // the Gemini API is off in its project: somebody may be about to switch it on
  kLocation,         // this host's country, or a tier without billing
  kForeignObject,    // a file, cache or model that is not this project's
  kModelUnknown,     // or retired, or not for this project any more
  kMinuteRequests,   // per-minute quotas of project and model
  kMinuteTokens,
  kDayQuota,          // the day's, which ends at midnight in California
  kZeroQuota,         // the project's tier does not have this model
  kSpendLimit,        // of a paid tier, for ten minutes
  kSharedCapacity,    // a 429 that names no quota: everybody's capacity, or too many keys from one address
  kOverloaded,        // Gemini has no capacity for the model, for nobody
  kUpstreamInternal,  // a 5xx, which is often the request's doing
  kUpstreamTimeout,
  kCancelled,
  kConflict,
  kNotImplemented,
  kNotAnAnswer,  // a redirect, or a success without an answer
};

// What it means for the key.
enum class KeyEffect : uint8_t {
  kNone,
  kDisableDay,         // not asked for anything for 24 hours
  kDisableTenMinutes,  // for ten minutes
  kCoolDelay,          // not asked for this model for retryDelay, a minute at most
  kCoolToMidnight,     // until midnight in California
  kCoolBackOff,        // for 2, 4, 8 ... seconds, a minute at most
  kAvoid,              // not the first choice for this model, for a while
};

// What to try while the client has nothing yet.
enum class NextStep : uint8_t {
  kNone,
  kOtherKey,      // at once
  kOtherKeyOnce,  // at once; a second key that says the same is believed
  kSoon,          // after a short random pause, with whichever key is best
  kSoonOnce,
};

struct FailureMeaning {
  FailureClass failure_class;
  std::string_view name;  // low cardinality: reason in state.db, action in the log of attempts
  ApiErrorKind kind;
  KeyEffect effect;
  NextStep next;
};

const FailureMeaning& MeaningOf(FailureClass failure_class);
// By its name; null when there is none.
const FailureMeaning* FindMeaning(std::string_view name);
FailureClass Classify(const gemini::Failure& failure);

// The limits that a refusal names.
store::QuotaLimits LimitsIn(const gemini::Failure& failure);
// Unix seconds until which the key is not asked; 0 when it may be at once. `failures`: in a row before this one.
int64_t RestUntil(KeyEffect effect, const gemini::Failure& failure, int64_t failures, int64_t now_unix_s);

// The error a client gets. Fills kind, message, retry_after_s and, for a field violation, nothing in param: the field
// names are Gemini's, not the caller's. The caller redacts.
ApiError ToApiError(const gemini::Failure& failure, int64_t now_unix_s);

}  // namespace gc
