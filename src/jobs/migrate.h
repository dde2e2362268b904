// migrate.h: gemini-code-migrate without its command line: brings the databases to this program's schema, or says where
// they stand.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "jobs/console.h"
#include "store/migrations.h"

namespace gc::jobs {

struct MigrateOptions {
  std::string command;        // up | status
  std::string database_path;  // empty: not this one
  std::string state_path;     // empty: not this one
  store::DryRun dry_run = store::DryRun::kNo;
};

// Runs the command. `up` makes missing files (0600) and directories (0700).
// Returns a sysexits code: 0 done; 1 (status only) migrations are missing; 64 unknown command; 65 damaged file;
// 73 cannot create; 74 I/O error or full disk; 75 locked; 77 permission; 78 not this program's database, or a newer or
// edited schema. The first failure ends the run; what was applied before stays.
int RunMigrate(const MigrateOptions& options, Console* console);

}  // namespace gc::jobs
