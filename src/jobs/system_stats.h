// system_stats.h: the rows of system_stats, made anew from the roll-ups: never from request_logs, whose rows of a past
// day may be pruned.
// Successful is a status below 400 without an error; failed is the rest, and error_rate is failed by all. Timeouts are
// status 504 or error_type upstream_timeout, rate limits status 429, authentication errors status 401 or 403. A unique
// key is a hash of the day, an active one of them has a request without an error.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <set>

namespace gc::jobs {

// request_logs.error_type of a call that Gemini left without an answer for too long.
inline constexpr char kTimeoutErrorType[] = "upstream_timeout";

// Writes the rows of these days (Unix seconds of their start, UTC). A row that counts more requests than the roll-ups
// still know stays as it is: it never shrinks. Throws what Poco throws.
// REQUIRES: inside a transaction of the session.
void RecomputeDays(Poco::Data::Session& session, const std::set<int64_t>& days, int64_t now_unix_s);

}  // namespace gc::jobs
