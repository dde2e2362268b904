// backup.h: gemini-code-backup without its command line: makes, lists, checks, tries and prunes backups of the main
// database.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "jobs/backup_set.h"
#include "jobs/console.h"
#include "store/backup.h"

namespace gc::jobs {

struct BackupOptions {
  std::string command;  // create | list | check | drill | prune
  std::string database_path;
  std::string directory;  // backup.dir
  std::string file;       // check: this one alone; a path, or a name in the directory
  std::string output;     // create: this file and no retention; "-": standard output
  BackupFormat format = BackupFormat::kDatabase;
  store::CheckDepth depth = store::CheckDepth::kQuick;
  Retention retention;
  bool all = false;      // check: all of them instead of the newest
  bool dry_run = false;  // create, prune
  int64_t lock_wait_s = 0;
};

// Runs the command. Returns a sysexits code: 0 done; 1 there is something to look at (check: a backup without a
// manifest; create, prune: one from the future, or one that could not be deleted); 64 usage; 65 a database or backup is
// damaged; 66 no database or backup; 73 cannot create; 74 I/O error or no space; 75 locked; 77 permission; 78 not this
// program's database, or a newer schema.
int RunBackup(const BackupOptions& options, Clock& clock, Console* console);

}  // namespace gc::jobs
