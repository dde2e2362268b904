// migrate.h: gemini-code-migrate without its command line: brings the databases to this program's schema, or says where
// they stand.
// SPDX-License-Identifier: MIT
#pragma once

#include <iosfwd>
#include <string>

#include "store/migrations.h"

namespace gc::jobs {

enum class OutputFormat { kText, kJson };
enum class Verbosity { kNormal, kQuiet };  // quiet: only errors

struct MigrateOptions {
  std::string command;        // up | status
  std::string database_path;  // empty: not this one
  std::string state_path;     // empty: not this one
  store::DryRun dry_run = store::DryRun::kNo;
  OutputFormat format = OutputFormat::kText;
  Verbosity verbosity = Verbosity::kNormal;
};

// Runs the command; results go to `out`, errors to `err`. `up` makes missing files (0600) and directories (0700).
// Returns a sysexits code: 0 done; 1 (status only) migrations are missing; 64 unknown command; 65 damaged file;
// 73 cannot create; 74 I/O error or full disk; 75 locked; 77 permission; 78 not this program's database, or a newer or
// edited schema. The first failure ends the run; what was applied before stays.
int RunMigrate(const MigrateOptions& options, std::ostream& out, std::ostream& err);

// Writes an error the way all of this program's errors look, and returns `exit_code`.
int ReportError(OutputFormat format, int exit_code, const std::string& message, std::ostream& err);

}  // namespace gc::jobs
