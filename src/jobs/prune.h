// prune.h: gemini-code-prune without its command line: deletes what has been kept long enough, in short transactions,
// so that the gateway's log goes on meanwhile.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "jobs/console.h"

namespace gc::jobs {

// What no option changes.
inline constexpr int64_t kDayS = 86400;
inline constexpr int64_t kKeepHourHistogramsS = 35 * kDayS;
inline constexpr int64_t kKeepJobRunsS = 90 * kDayS;
// The least that a limit on bytes may be: below it is a slip of the pen.
inline constexpr int64_t kLeastMaxBytes = int64_t{1} << 20;

struct PruneOptions {
  std::string database_path;
  int64_t requests_s = 30 * kDayS;
  int64_t errors_s = 90 * kDayS;
  int64_t stats_s = 400 * kDayS;    // in whole UTC days
  int64_t max_bytes = 0;            // of the database's pages in use; 0: no limit
  int64_t max_rows = 0;             // of request_logs; 0: no limit
  int64_t batch_rows = 5000;        // at most, in one transaction
  std::optional<int64_t> pause_ms;  // after a transaction; nullopt: by how long it held the write lock
  int64_t budget_s = 60;
  int64_t lock_wait_s = 0;
  int64_t max_wal_bytes = int64_t{64} << 20;  // a WAL over it that a reader holds ends the run
  bool force = false;                         // in spite of the safety stops
  bool dry_run = false;
};

// Rows of request_logs go only when the roll-ups have them: up to watermarks(name='request_logs').
// Returns a sysexits code: 0 done, or the time budget is used up and the next run goes on; 1 a safety stop, rows that
// could not go because they are in no roll-up, or a limit that could not be kept; 65 damaged; 66 no database; 74 I/O
// error or full disk; 75 locked, another copy runs, or a reader holds the WAL; 77 permission; 78 another schema. What
// was deleted before an error stays deleted.
int RunPrune(const PruneOptions& options, Console* console, Clock& clock = SystemClock());

}  // namespace gc::jobs
