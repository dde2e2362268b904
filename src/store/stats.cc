// stats.cc: reads totals, metrics_minute and api_key_metrics for /health.
// SPDX-License-Identifier: MIT
#include "store/stats.h"

#include <algorithm>

namespace gc::store {
namespace {

constexpr int64_t kActiveS = 86'400;

Status ReadTotals(Connection& connection, HealthStats* stats) {
  auto query = connection.Prepare(
      "SELECT requests, errors, input_tokens, output_tokens, cache_hits, cache_misses, since FROM totals WHERE id = 1");
  if (!query) return query.error();
  const auto row = query->Step();
  if (!row) return row.error();
  if (!*row) return {};
  stats->requests = query->Int(0);
  stats->errors = query->Int(1);
  stats->input_tokens = query->Int(2);
  stats->output_tokens = query->Int(3);
  stats->cache_hits = query->Int(4);
  stats->cache_misses = query->Int(5);
  stats->since_unix_s = query->Int(6);
  return {};
}

Status ReadWindow(Connection& connection, int64_t now_unix_s, int64_t window_s, HealthStats* stats) {
  const int64_t start = now_unix_s - window_s;
  const int64_t first_minute = start - start % 60;
  auto query = connection.Prepare(
      "SELECT sum(requests), sum(errors), sum(response_time_ms_sum) FROM metrics_minute"
      " WHERE minute >= ? AND minute <= ?");
  if (!query) return query.error();
  const auto row = query->BindInt(1, first_minute).BindInt(2, now_unix_s).Step();
  if (!row) return row.error();
  stats->window_requests = query->Int(0);
  stats->window_errors = query->Int(1);
  stats->window_response_time_ms = query->Int(2);
  stats->window_covered_s = std::max<int64_t>(1, now_unix_s - std::max(first_minute, stats->since_unix_s));
  return {};
}

Status ReadKeys(Connection& connection, int64_t now_unix_s, HealthStats* stats) {
  auto query = connection.Prepare("SELECT count(*), sum(is_healthy <> 0) FROM api_key_metrics WHERE last_used >= ?");
  if (!query) return query.error();
  const auto row = query->BindInt(1, now_unix_s - kActiveS).Step();
  if (!row) return row.error();
  stats->active_keys = query->Int(0);
  stats->healthy_keys = query->Int(1);
  return {};
}

Status ReadTables(Connection& connection, HealthStats* stats) {
  auto query = connection.Prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table'"
      " AND name IN ('request_logs', 'api_key_metrics', 'system_stats', 'error_logs') ORDER BY rowid");
  if (!query) return query.error();
  auto row = query->Step();
  for (; row.ok() && *row; row = query->Step()) stats->tables.emplace_back(query->Text(0));
  if (!row) return row.error();
  return {};
}

}  // namespace

Result<HealthStats> ReadHealthStats(Connection& connection, int64_t now_unix_s, int64_t window_s) {
  HealthStats stats;
  if (Status s = ReadTotals(connection, &stats); !s.ok()) return s.error();
  if (Status s = ReadWindow(connection, now_unix_s, window_s, &stats); !s.ok()) return s.error();
  if (Status s = ReadKeys(connection, now_unix_s, &stats); !s.ok()) return s.error();
  if (Status s = ReadTables(connection, &stats); !s.ok()) return s.error();
  return stats;
}

}  // namespace gc::store
