// migrations.cc: applies migrations and refuses databases that are not ours to change.
// SPDX-License-Identifier: MIT
#include "store/migrations.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/clock.h"
#include "base/sha256.h"
#include "store/turn_lock.h"

namespace gc::store {
namespace {

// PRAGMA application_id, so that a state database given as the main one (or any other file) is noticed.
constexpr int64_t ApplicationId(Database which) {
  return which == Database::kMain ? 0x476D4364 /* GmCd */ : 0x476D4373 /* GmCs */;
}

std::string Sha256Hex(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.Hex();
}

Error NewerSchema(int64_t found, int64_t known) {
  return {ErrorKind::kConfig, "the database has schema version " + std::to_string(found) +
                                  ", this program knows versions up to " + std::to_string(known)};
}

// Refuses a database that some other program made.
Status CheckOwner(Connection& connection, Database which) {
  const auto id = connection.QueryInt("PRAGMA application_id");
  if (!id) return id.error();
  if (*id == ApplicationId(which)) return {};
  const auto objects = connection.QueryInt("SELECT count(*) FROM sqlite_master");
  if (!objects) return objects.error();
  if (*id == 0 && *objects == 0) return {};
  const char* what = which == Database::kMain ? "a Gemini Code main database" : "a Gemini Code state database";
  return Error{ErrorKind::kConfig, std::string("the file is not ") + what};
}

// Of the applied migrations, those whose record is missing or has another checksum, in words.
// REQUIRES: version <= migrations.size().
Result<std::vector<std::string>> EditedMigrations(Connection& connection, std::span<const Migration> migrations,
                                                  int version) {
  std::vector<std::string> edited;
  if (version == 0) return edited;
  auto query = connection.Prepare("SELECT sha256 FROM schema_migrations WHERE version = ?");
  if (!query) return query.error();
  for (const Migration& m : migrations.first(static_cast<size_t>(version))) {
    const auto row = query->BindInt(1, m.version).Step();
    if (!row) return row.error();
    const std::string found(*row ? query->Text(0) : "");
    query->Reset();
    if (found == Sha256Hex(m.sql)) continue;
    const std::string name = std::to_string(m.version) + " (" + std::string(m.name) + ")";
    edited.push_back(found.empty() ? "the database has no record of migration " + name
                                   : "migration " + name + " was edited after it was applied");
  }
  return edited;
}

// The version of a database that is ours and no newer than the list.
Result<int> OwnVersion(Connection& connection, Database which, std::span<const Migration> migrations) {
  if (Status s = CheckOwner(connection, which); !s.ok()) return s.error();
  const auto version = CurrentVersion(connection);
  if (!version) return version.error();
  if (*version > static_cast<int>(migrations.size())) {
    return NewerSchema(*version, static_cast<int64_t>(migrations.size()));
  }
  return *version;
}

// The database's version, after all checks that make it ours to change.
Result<int> CheckedVersion(Connection& connection, Database which, std::span<const Migration> migrations) {
  const auto version = OwnVersion(connection, which, migrations);
  if (!version) return version.error();
  const auto edited = EditedMigrations(connection, migrations, *version);
  if (!edited) return edited.error();
  if (!edited->empty()) return Error{ErrorKind::kConfig, edited->front()};
  return *version;
}

Status Record(Connection& connection, Database which, const Migration& m, const std::string& tool_version,
              int64_t duration_ms) {
  auto insert = connection.Prepare("INSERT INTO schema_migrations VALUES (?, ?, ?, ?, ?, ?)");
  if (!insert) return insert.error();
  const std::string sha256 = Sha256Hex(m.sql);
  insert->BindInt(1, m.version).BindText(2, m.name).BindText(3, sha256);
  insert->BindInt(4, SystemClock().UnixS()).BindInt(5, duration_ms).BindText(6, tool_version);
  if (Status s = insert->Run(); !s.ok()) return s.error();
  return connection.Execute("PRAGMA user_version=" + std::to_string(m.version) +
                            ";PRAGMA application_id=" + std::to_string(ApplicationId(which)));
}

// Duration in milliseconds, or -1 when another process has applied it meanwhile.
Result<int64_t> Apply(Connection& connection, Database which, const Migration& m, const std::string& tool_version) {
  const int64_t start_us = SystemClock().MonotonicUs();
  auto transaction = Transaction::Begin(connection);
  if (!transaction) return transaction.error();
  const auto version = CurrentVersion(connection);
  if (!version) return version.error();
  if (*version >= m.version) return -1;
  if (Status s = connection.Execute(std::string(m.sql)); !s.ok()) {
    return Error{s.error().kind,
                 "migration " + std::to_string(m.version) + " (" + std::string(m.name) + "): " + s.error().message};
  }
  const int64_t duration_ms = (SystemClock().MonotonicUs() - start_us) / 1000;
  if (Status s = Record(connection, which, m, tool_version, duration_ms); !s.ok()) return s.error();
  if (Status s = transaction->Commit(); !s.ok()) return s.error();
  return duration_ms;
}

// Reads every page of every table. kCorrupt with SQLite's first complaint.
Status QuickCheck(Connection& connection) {
  auto check = connection.Prepare("PRAGMA quick_check(1)");
  if (!check) return check.error();
  const auto row = check->Step();
  if (!row) return row.error();
  if (check->Text(0) == "ok") return {};
  return Error{ErrorKind::kCorrupt, "damaged: " + std::string(check->Text(0))};
}

}  // namespace

Result<UpResult> Up(const std::string& path, Database which, DryRun dry_run, const std::string& tool_version,
                    int busy_timeout_ms) {
  return UpWith(Migrations(which), path, which, dry_run, tool_version, busy_timeout_ms);
}

Result<UpResult> UpWith(std::span<const Migration> migrations, const std::string& path, Database which, DryRun dry_run,
                        const std::string& tool_version, int busy_timeout_ms) {
  UpResult result;
  struct stat file {};
  if (dry_run == DryRun::kYes && stat(path.c_str(), &file) != 0 && errno == ENOENT) {
    for (const Migration& m : migrations) result.applied.push_back({&m, 0});
    return result;
  }
  const OpenMode mode = dry_run == DryRun::kYes ? OpenMode::kReadOnly : OpenMode::kCreate;
  auto connection = Connection::Open(path, mode, busy_timeout_ms);
  if (!connection) return connection.error();
  const auto version = CheckedVersion(*connection, which, migrations);
  if (!version) return Error{version.error().kind, path + ": " + version.error().message};
  result.from_version = *version;
  for (const Migration& m : migrations.subspan(static_cast<size_t>(*version))) {
    if (dry_run == DryRun::kYes) {
      result.applied.push_back({&m, 0});
      continue;
    }
    const auto duration_ms = Apply(*connection, which, m, tool_version);
    if (!duration_ms) return Error{duration_ms.error().kind, path + ": " + duration_ms.error().message};
    if (*duration_ms >= 0) result.applied.push_back({&m, *duration_ms});
  }
  return result;
}

Result<Connection> MigrateInMemory(std::span<const Migration> migrations, Database which,
                                   const std::string& tool_version) {
  auto connection = Connection::OpenInMemory();
  if (!connection) return connection.error();
  // As in the file that Connection::Open makes: Reset copies it.
  if (Status s = connection->Execute("PRAGMA auto_vacuum=INCREMENTAL"); !s.ok()) return s.error();
  for (const Migration& m : migrations) {
    if (const auto applied = Apply(*connection, which, m, tool_version); !applied) return applied.error();
  }
  return connection;
}

Result<VerifyResult> Verify(const std::string& path, Database which, int busy_timeout_ms) {
  auto connection = Connection::Open(path, OpenMode::kReadOnly, busy_timeout_ms);
  if (!connection) return connection.error();
  const auto in_file = [&path](const Error& error) { return Error{error.kind, path + ": " + error.message}; };
  const auto version = OwnVersion(*connection, which, Migrations(which));
  if (!version) return in_file(version.error());
  if (Status s = QuickCheck(*connection); !s.ok()) return in_file(s.error());
  VerifyResult result;
  result.version = *version;
  const auto applied = Migrations(which).first(static_cast<size_t>(*version));
  auto made = MigrateInMemory(applied, which, "");
  if (!made) return made.error();
  const auto expected = ReadSchema(*made);
  if (!expected) return expected.error();
  const auto found = ReadSchema(*connection);
  if (!found) return in_file(found.error());
  result.differences = CompareSchemas(*expected, *found);
  for (const SchemaDifference& difference : result.differences) {
    if (difference.expected.name == "schema_migrations") return result;  // its columns may not be there to be read
  }
  auto edited = EditedMigrations(*connection, applied, *version);
  if (!edited) return in_file(edited.error());
  result.edited = std::move(*edited);
  return result;
}

Status Reset(const std::string& path, Database which, const std::string& tool_version, int busy_timeout_ms) {
  auto connection = Connection::Open(path, OpenMode::kReadWrite, busy_timeout_ms);
  if (!connection) return connection.error();
  const auto in_file = [&path](const Error& error) { return Error{error.kind, path + ": " + error.message}; };
  if (const auto version = CheckedVersion(*connection, which, Migrations(which)); !version) {
    return in_file(version.error());
  }
  auto empty = MigrateInMemory(Migrations(which), which, tool_version);
  if (!empty) return empty.error();
  // The pages, not statements: DROP TABLE would write zeros over every page of the log, with the write lock held.
  TurnLock turns(path);
  const auto turn = turns.Wait(busy_timeout_ms);
  sqlite3_backup* backup = sqlite3_backup_init(connection->handle(), "main", empty->handle(), "main");
  if (backup == nullptr) return in_file(LastError(connection->handle()));
  const int rc = sqlite3_backup_step(backup, -1);
  const int finish_rc = sqlite3_backup_finish(backup);  // OK for a busy database too
  if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) return in_file({ErrorKind::kBusy, "the database is locked"});
  if (finish_rc != SQLITE_OK) return in_file(LastError(connection->handle()));
  return {};
}

Result<int> CurrentVersion(Connection& connection) {
  const auto version = connection.QueryInt("PRAGMA user_version");
  if (!version) return version.error();
  return static_cast<int>(*version);
}

Result<int> CheckOwnSchema(Connection& connection, Database which) {
  return CheckedVersion(connection, which, Migrations(which));
}

Status CheckVersion(Connection& connection, Database which) {
  const int known = which == Database::kMain ? kSchemaVersion : kStateSchemaVersion;
  if (Status s = CheckOwner(connection, which); !s.ok()) return s;
  const auto found = CurrentVersion(connection);
  if (!found) return found.error();
  if (*found > known) return NewerSchema(*found, known);
  if (*found < 1 || *found < known - 1) {
    return Error{ErrorKind::kConfig, "the database has schema version " + std::to_string(*found) +
                                         ", this program needs " + std::to_string(known) +
                                         ": run gemini-code-migrate up"};
  }
  return {};
}

}  // namespace gc::store
