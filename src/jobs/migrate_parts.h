// migrate_parts.h: the commands of gemini-code-migrate that have a file of their own.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "jobs/migrate.h"

namespace gc::jobs {

struct MigrateTarget {
  const char* name;  // in the output
  store::Database which;
  std::string path;
};

// Each returns what RunMigrate returns for it.
int RunVerify(std::span<const MigrateTarget> targets, Console* console);
int RunReset(const MigrateOptions& options, Console* console);
// Writes the next migration of a source tree: what db/schema.sql has beyond db/migrations/.
int RunGenerate(const MigrateOptions& options, Console* console);

// Takes the lock that keeps two copies of `up` and `reset` apart, and calls `work`, whose exit code it returns.
// REQUIRES: the directory of the database is there.
int WithLock(const MigrateOptions& options, Console* console, const std::function<int()>& work);

// The backup before a change, as MigrateOptions says. REQUIRES: the main database is there.
Status BackupFirst(const MigrateOptions& options);

}  // namespace gc::jobs
