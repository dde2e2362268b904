// job_log.h: a log for the jobs to work on, the writers beside them, and whether all is there afterwards.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/write_load.h"

namespace gc::bench {

// Ends the run when the query fails.
int64_t QueryInt(const std::string& database_path, const std::string& sql);
// A database whose rows go evenly over the last `days` days.
void MakeLog(const std::string& database_path, int64_t rows, int days);
// What the log holds, and that the file is whole: empty, or what is wrong.
std::string CheckRows(const std::string& database_path, int64_t wanted_rows);
// Runs a program to its end; returns its seconds and notes the first failure. (1 is a finding, no failure: what arrives
// during the run is in no roll-up yet.)
double TimeOf(const std::vector<std::string>& argv, std::string* error);
// Eight writers with 1,500 rows a second together and nothing else, for kUndisturbedUs.
inline constexpr int64_t kUndisturbedUs = 4'000'000;
test::WriteLoadResult Undisturbed(const std::string& database_path, const std::string& spool_dir);

}  // namespace gc::bench
