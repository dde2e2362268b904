// job_runs.h: when each job ran and what came of it: the table that /health, monitor and report read.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

struct JobRunRow {
  std::string job;  // program name without gemini-code-
  std::string host;
  int64_t started_unix_s = 0;
  std::optional<int64_t> finished_unix_s;  // nullopt: running, or killed
  std::optional<int64_t> rc;               // exit code
  std::optional<int64_t> rows;             // rows it handled
  std::optional<int64_t> bytes;            // bytes it wrote
  std::string message;                     // one line; empty: NULL
  std::string version;                     // of the program
};

// Adds a row and returns its seq.
Result<int64_t> AddJobRun(Connection& connection, const JobRunRow& row);
// Writes what is known at the end into row `seq`; adds the row when it is not there, or is another one's, as in a
// database that was restored meanwhile.
Status EndJobRun(Connection& connection, int64_t seq, const JobRunRow& row);

struct JobState {
  std::string job;
  std::optional<int64_t> last_success_unix_s;  // end of the last run with exit code 0 or 1; nullopt: none yet
  int64_t last_started_unix_s = 0;
  std::optional<int64_t> last_rc;  // of the last run that ended
};

// One for each job that ever ran, by name.
Result<std::vector<JobState>> ReadJobStates(Connection& connection);

}  // namespace gc::store
