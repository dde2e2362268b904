// migrate.h: gemini-code-migrate without its command line: brings the databases to this program's schema, says where
// they stand, whether they are what their migrations made, or makes the main one empty again.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <istream>
#include <string>

#include "jobs/console.h"
#include "store/migrations.h"

namespace gc::jobs {

struct MigrateOptions {
  std::string command;        // up | status | verify | reset | generate
  std::string database_path;  // empty: not this one
  std::string state_path;     // empty: not this one
  store::DryRun dry_run = store::DryRun::kNo;
  int64_t lock_wait_s = 0;  // up, reset

  // up, reset: makes a backup of the main database before an existing one is changed; its error ends the run. Empty:
  // none can be made, which `reset` refuses and `up` warns of, unless no_backup says that none is wanted.
  std::function<Status()> backup_first;
  bool no_backup = false;

  std::string confirm;               // reset: the base name of database_path
  std::istream* terminal = nullptr;  // reset: where a person answers instead; nullptr: nobody is there

  std::string name;          // generate
  std::string source = ".";  // generate: the source tree
};

// Runs the command. `up` makes missing files (0600) and directories (0700).
// Returns a sysexits code: 0 done; 1 migrations are missing (status), or differences were found (verify); 64 usage, or
// not confirmed; 65 damaged file, or a difference that generate cannot write; 66 no database (verify, reset), or no
// source tree; 73 cannot create; 74 I/O error or full disk; 75 locked, or another copy runs; 77 permission; 78 not this
// program's database, or a newer or edited schema. The first failure ends the run; what was applied before stays.
int RunMigrate(const MigrateOptions& options, Console* console);

}  // namespace gc::jobs
