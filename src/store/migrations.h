// migrations.h: brings a database to the schema that this program knows: numbered, forward only, embedded in the
// binary. A database says which migrations it had in PRAGMA user_version (the number) and schema_migrations (their
// checksums).
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/connection.h"
#include "store/schema.h"

namespace gc::store {

enum class Database {
  kMain,   // gemini-code.db
  kState,  // state.db
};

// Number of the last migration of each. A unit test compares them with the embedded files.
inline constexpr int kSchemaVersion = 2;
inline constexpr int kStateSchemaVersion = 3;

struct Migration {
  int version;            // 1, 2, ... without a gap
  std::string_view name;  // of its file, without number and ending
  std::string_view sql;   // the file's text
};

// The embedded migrations in order. Defined in the source that db/embed.sh writes.
std::span<const Migration> Migrations(Database which);

enum class DryRun { kNo, kYes };

struct AppliedMigration {
  const Migration* migration;  // points into the list that was given
  int64_t duration_ms;         // 0 in a dry run
};

struct UpResult {
  int from_version = 0;
  std::vector<AppliedMigration> applied;  // in a dry run: those that would be; empty: the database was up to date
};

// Applies what is missing, each migration in its own transaction: a failure or kill leaves the database at the last
// whole one. Makes the file (mode 0600) when it is missing; a dry run makes and changes nothing.
// Two at the same time are safe: the second one waits for `busy_timeout_ms`, then returns kBusy.
// kConfig: the file belongs to another program, has a newer schema, or an applied migration was edited since.
Result<UpResult> Up(const std::string& path, Database which, DryRun dry_run, const std::string& tool_version,
                    int busy_timeout_ms);
// The same with another list than the embedded one.
Result<UpResult> UpWith(std::span<const Migration> migrations, const std::string& path, Database which, DryRun dry_run,
                        const std::string& tool_version, int busy_timeout_ms);

// A database in memory to which these migrations were applied.
Result<Connection> MigrateInMemory(std::span<const Migration> migrations, Database which,
                                   const std::string& tool_version);

struct VerifyResult {
  int version = 0;
  std::vector<std::string> edited;            // migrations whose checksum is missing or another one, in words
  std::vector<SchemaDifference> differences;  // to what the migrations up to `version` make
};

// Compares an existing database with its migrations, and reads all of its pages. Changes nothing.
// kCorrupt: damaged; kConfig: another program's file or a newer schema.
Result<VerifyResult> Verify(const std::string& path, Database which, int busy_timeout_ms);

// Replaces all that is in an existing database by the newest schema without a row, in one transaction: who reads
// meanwhile sees the old state to the end, who writes waits, and a kill leaves the old state. The file stays the same
// one, so that open connections go on. Errors: as Up's; what Up would refuse is refused.
Status Reset(const std::string& path, Database which, const std::string& tool_version, int busy_timeout_ms);

// PRAGMA user_version; 0: nothing was applied yet.
Result<int> CurrentVersion(Connection& connection);

// The version of a database that Up would take: this program's own, of any version up to the newest; 0: empty. Else
// kConfig, as Up says it.
Result<int> CheckOwnSchema(Connection& connection, Database which);

// kConfig, with both versions in the message, unless the schema is this program's or the one before it.
Status CheckVersion(Connection& connection, Database which);

}  // namespace gc::store
