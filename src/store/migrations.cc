// migrations.cc: applies migrations and refuses databases that are not ours to change.
// SPDX-License-Identifier: MIT
#include "store/migrations.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/clock.h"
#include "base/sha256.h"

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

// Compares what was applied with the list. REQUIRES: version <= migrations.size().
Status CheckApplied(Connection& connection, std::span<const Migration> migrations, int version) {
  if (version == 0) return {};
  auto query = connection.Prepare("SELECT sha256 FROM schema_migrations WHERE version = ?");
  if (!query) return query.error();
  for (const Migration& m : migrations.first(static_cast<size_t>(version))) {
    const auto row = query->BindInt(1, m.version).Step();
    if (!row) return row.error();
    const std::string found(*row ? query->Text(0) : "");
    query->Reset();
    if (found == Sha256Hex(m.sql)) continue;
    const std::string name = std::to_string(m.version) + " (" + std::string(m.name) + ")";
    return Error{ErrorKind::kConfig, found.empty() ? "the database has no record of migration " + name
                                                   : "migration " + name + " was edited after it was applied"};
  }
  return {};
}

// The database's version, after all checks that make it ours to change.
Result<int> CheckedVersion(Connection& connection, Database which, std::span<const Migration> migrations) {
  if (Status s = CheckOwner(connection, which); !s.ok()) return s.error();
  const auto version = CurrentVersion(connection);
  if (!version) return version.error();
  if (*version > static_cast<int>(migrations.size())) {
    return NewerSchema(*version, static_cast<int64_t>(migrations.size()));
  }
  if (Status s = CheckApplied(connection, migrations, *version); !s.ok()) return s.error();
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
