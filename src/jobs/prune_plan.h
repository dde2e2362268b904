// prune_plan.h: which rows have to go, counted before any is deleted, and what speaks against deleting them.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/prune.h"

namespace gc::jobs {

// A part of a table with one period. The texts are SQL and hold nothing from outside this program.
struct PruneTarget {
  std::string name;  // in the output
  std::string table;
  std::string key;                 // columns that name a row
  std::string time;                // column that says how old it is
  std::string scope;               // condition: which part of the table
  std::string old;                 // condition: older than its period
  std::string allowed;             // condition: may go at all
  int64_t least_rows_to_stop = 1;  // fewer that go are no reason for a safety stop

  int64_t rows = 0;           // in all, when the plan was made
  int64_t waiting = 0;        // of them old, but not allowed yet
  int64_t left_by_age = 0;    // to delete: old and allowed
  int64_t left_by_limit = 0;  // to delete of the others, oldest first; for a limit on bytes an estimate
  int64_t deleted = 0;

  int64_t left() const { return left_by_age + left_by_limit; }
  int64_t kept() const { return rows - deleted; }
};

struct DatabaseSize {
  int64_t page_bytes = 0;
  int64_t pages = 0;
  int64_t free_pages = 0;

  int64_t used_bytes() const { return (pages - free_pages) * page_bytes; }
};

struct PrunePlan {
  std::vector<PruneTarget> targets;  // in the order in which they are pruned: what takes long comes last
  bool has_watermark = false;        // else nobody knows which rows are in the roll-ups
  int64_t not_aggregated = 0;        // rows of request_logs that are in no roll-up yet, old or not
  int64_t error_row_bytes = 1;       // on average, estimated
  bool limit_is_missed = false;      // more rows would have to go than may

  PruneTarget& errors() { return targets[targets.size() - 2]; }
  PruneTarget& requests() { return targets.back(); }
  const PruneTarget& requests() const { return targets.back(); }
  int64_t left() const;
  int64_t deleted() const;
};

// Reads only.
Result<PrunePlan> MakePrunePlan(Poco::Data::Session& session, const PruneOptions& options, int64_t now_unix_s);
Result<DatabaseSize> ReadDatabaseSize(Poco::Data::Session& session);

// Sets left_by_limit, and limit_is_missed, for a database of that size as it will be once left_by_age is gone.
void PlanLimits(const DatabaseSize& size, const PruneOptions& options, PrunePlan* plan);

// Reasons to doubt the clock or the options; empty: none.
Result<std::vector<std::string>> FindSafetyStops(Poco::Data::Session& session, const PruneOptions& options,
                                                 const PrunePlan& plan, int64_t now_unix_s);

// A date or time in the output; empty: no rows are left.
Result<std::string> OldestKept(Poco::Data::Session& session, const PruneTarget& target);

}  // namespace gc::jobs
