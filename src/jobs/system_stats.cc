// system_stats.cc: one statement per day over stats_hourly and stats_key_daily.
// SPDX-License-Identifier: MIT
#include "jobs/system_stats.h"

#include <Poco/Data/Statement.h>

#include <string>

#include "jobs/rollup.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

// $1 date, $2 and $3 the day's first second and the next day's, $4 date, $5 the timeout's error_type, $6 now: numbered
// in the order in which they appear, which is how SQLite counts them.
constexpr char kRecompute[] =
    "WITH keys(unique_keys, active_keys) AS ("
    "  SELECT count(*), count(CASE WHEN requests > errors THEN 1 END) FROM stats_key_daily"
    "  WHERE date = $1 AND key_hash <> ''),"
    " cells AS (SELECT * FROM stats_hourly WHERE hour >= $2 AND hour < $3)"
    "INSERT INTO system_stats AS s (date, total_requests, successful_requests, failed_requests, openai_requests,"
    " claude_requests, gemini_requests, unknown_requests, total_tokens_used, total_input_tokens, total_output_tokens,"
    " average_response_time, min_response_time, max_response_time, error_rate, timeout_count, rate_limit_count,"
    " auth_error_count, total_request_size, total_response_size, stream_request_count, unique_api_keys,"
    " active_api_keys, updated_at)"
    " SELECT $4, sum(requests), sum(CASE WHEN status_code < 400 THEN requests - errors ELSE 0 END),"
    " sum(CASE WHEN status_code < 400 THEN errors ELSE requests END),"
    " sum(CASE WHEN client_type = 'openai' THEN requests ELSE 0 END),"
    " sum(CASE WHEN client_type = 'claude' THEN requests ELSE 0 END),"
    " sum(CASE WHEN client_type = 'gemini' THEN requests ELSE 0 END),"
    " sum(CASE WHEN client_type NOT IN ('openai', 'claude', 'gemini') THEN requests ELSE 0 END),"
    " sum(total_tokens), sum(input_tokens), sum(output_tokens),"
    " sum(response_time_ms_sum) * 1.0 / sum(requests), min(response_time_ms_min), max(response_time_ms_max),"
    " sum(CASE WHEN status_code < 400 THEN errors ELSE requests END) * 1.0 / sum(requests),"
    " sum(CASE WHEN status_code = 504 OR error_type = $5 THEN requests ELSE 0 END),"
    " sum(CASE WHEN status_code = 429 THEN requests ELSE 0 END),"
    " sum(CASE WHEN status_code IN (401, 403) THEN requests ELSE 0 END),"
    " sum(request_bytes), sum(response_bytes), sum(streams), max(unique_keys), max(active_keys), $6"
    " FROM cells CROSS JOIN keys HAVING sum(requests) > 0"
    " ON CONFLICT (date) DO UPDATE SET"
    " total_requests = excluded.total_requests, successful_requests = excluded.successful_requests,"
    " failed_requests = excluded.failed_requests, openai_requests = excluded.openai_requests,"
    " claude_requests = excluded.claude_requests, gemini_requests = excluded.gemini_requests,"
    " unknown_requests = excluded.unknown_requests, total_tokens_used = excluded.total_tokens_used,"
    " total_input_tokens = excluded.total_input_tokens, total_output_tokens = excluded.total_output_tokens,"
    " average_response_time = excluded.average_response_time, min_response_time = excluded.min_response_time,"
    " max_response_time = excluded.max_response_time, error_rate = excluded.error_rate,"
    " timeout_count = excluded.timeout_count, rate_limit_count = excluded.rate_limit_count,"
    " auth_error_count = excluded.auth_error_count, total_request_size = excluded.total_request_size,"
    " total_response_size = excluded.total_response_size, stream_request_count = excluded.stream_request_count,"
    " unique_api_keys = excluded.unique_api_keys, active_api_keys = excluded.active_api_keys,"
    " updated_at = excluded.updated_at WHERE excluded.total_requests >= s.total_requests";

}  // namespace

void RecomputeDays(Poco::Data::Session& session, const std::set<int64_t>& days, int64_t now_unix_s) {
  for (const int64_t day : days) {
    std::string date = DateText(day), again = date, timeout = kTimeoutErrorType;
    Poco::Int64 first = day, next = day + kDayS, updated = now_unix_s;
    session << kRecompute, use(date), use(first), use(next), use(again), use(timeout), use(updated), now;
  }
}

}  // namespace gc::jobs
