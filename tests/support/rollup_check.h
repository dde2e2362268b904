// rollup_check.h: whether the roll-ups are what the rows of request_logs come to, computed from all of them in another
// way than the program's: SQL, and logarithms for the buckets.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gc::test {

// Up to a few lines of what differs; empty: stats_hourly, stats_histogram, stats_key_daily and system_stats are exactly
// what the rows say, and the watermark is at the last row. REQUIRES: no row was pruned.
std::string RollupDifference(const std::string& database_path);

// All rows of the tables that aggregate writes, but job_runs: two of them are equal when a run changed nothing.
std::string DumpRollups(const std::string& database_path);

}  // namespace gc::test
