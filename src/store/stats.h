// stats.h: the figures behind /health. All come from counter rows, so the cost does not grow with the log.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

struct HealthStats {
  // Since the first request ever counted; 0 everywhere in a new database.
  int64_t requests = 0;
  int64_t errors = 0;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cache_hits = 0;
  int64_t cache_misses = 0;
  int64_t since_unix_s = 0;

  // The last window_s seconds, widened to whole minutes and cut at the first request ever.
  int64_t window_requests = 0;
  int64_t window_errors = 0;
  int64_t window_response_time_ms = 0;  // sum
  int64_t window_covered_s = 1;         // seconds that these figures really cover; at least 1

  int64_t active_keys = 0;   // used in the last 24 hours
  int64_t healthy_keys = 0;  // of them

  std::vector<std::string> tables;  // those of the four public tables that exist
};

// Any open mode. Errors: as SQLite's; a missing table is kInternal.
Result<HealthStats> ReadHealthStats(Connection& connection, int64_t now_unix_s, int64_t window_s);

}  // namespace gc::store
