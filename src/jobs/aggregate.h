// aggregate.h: gemini-code-aggregate without its command line: replays the spool, brings new rows into the roll-ups,
// keeps api_key_metrics and totals in order, checkpoints.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "jobs/console.h"

namespace gc::jobs {

struct AggregateOptions {
  std::string database_path;
  std::string spool_dir;
  int64_t max_keys = 100'000;  // rows of api_key_metrics
  int64_t lock_wait_s = 0;     // for another copy to end
  bool dry_run = false;        // say what there is to do, and change nothing
  bool repair = false;         // correct what the comparison finds
};

// Returns a sysexits code: 0 done; 1 done, and there is something to look at, which was printed; 65 damaged database;
// 66 no database; 74 I/O error or full disk; 75 locked, or another copy runs; 77 permission; 78 not this program's
// database, or another schema. What was committed before an error stays, and the next run goes on from there.
int RunAggregate(const AggregateOptions& options, Console* console, Clock& clock = SystemClock());

}  // namespace gc::jobs
