// backup.cc: SQLite's backup API in both directions, and the checks around it.
// SPDX-License-Identifier: MIT
#include "store/backup.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "store/connection.h"
#include "store/migrations.h"
#include "store/turn_lock.h"

namespace gc::store {
namespace {

constexpr int kSourceTimeoutMs = 5000;
// 8 MiB, then a pause, in which the disk takes the writers' commits.
constexpr int kPagesPerStep = 2000;
constexpr int kPauseUs = 1000;

constexpr char kTables[] =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
constexpr char kMaxSeq[] = "SELECT coalesce(max(seq), 0) FROM request_logs";

Error Prefixed(const std::string& path, const Error& error) { return {error.kind, path + ": " + error.message}; }

void RemoveDatabase(const std::string& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) unlink((path + suffix).c_str());
}

Result<std::vector<std::string>> TableNames(Connection& connection) {
  auto query = connection.Prepare(kTables);
  if (!query) return query.error();
  std::vector<std::string> names;
  for (;;) {
    const auto row = query->Step();
    if (!row) return row.error();
    if (!*row) return names;
    names.emplace_back(query->Text(0));
  }
}

// What the copy has to agree with, read in the transaction that is copied.
struct Moment {
  int schema_version = 0;
  int64_t max_seq = 0;
  std::vector<std::string> tables;
};

Result<Moment> ReadMoment(Connection& connection) {
  Moment moment;
  const auto version = CheckOwnSchema(connection, Database::kMain);
  if (!version) return version.error();
  if (*version == 0) return Error{ErrorKind::kCorrupt, "the database is empty"};
  auto tables = TableNames(connection);
  if (!tables) return tables.error();
  const auto max_seq = connection.QueryInt(kMaxSeq);
  if (!max_seq) return max_seq.error();
  moment.schema_version = *version;
  moment.max_seq = *max_seq;
  moment.tables = std::move(*tables);
  return moment;
}

struct BackupCloser {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

// All pages. The first step takes the target's write lock, which stays until the end: one transaction.
Status CopyPages(Connection& from, Connection& to, int pause_us, const PageProgress& progress) {
  std::unique_ptr<sqlite3_backup, BackupCloser> backup(sqlite3_backup_init(to.handle(), "main", from.handle(), "main"));
  if (!backup) return LastError(to.handle());
  for (;;) {
    const int rc = sqlite3_backup_step(backup.get(), kPagesPerStep);
    const int total = sqlite3_backup_pagecount(backup.get());
    if (progress) progress(total - sqlite3_backup_remaining(backup.get()), total);
    if (rc == SQLITE_DONE) break;
    if (rc != SQLITE_OK) {
      // The result goes into the target's handle when the backup ends.
      sqlite3_backup_finish(backup.release());
      return LastError(to.handle());
    }
    if (pause_us > 0) usleep(static_cast<useconds_t>(pause_us));
  }
  if (sqlite3_backup_finish(backup.release()) != SQLITE_OK) return LastError(to.handle());
  return {};
}

Status CopyInto(const std::string& source, Connection& to, const PageProgress& progress, Moment* moment) {
  auto from = Connection::Open(source, OpenMode::kReadOnly, kSourceTimeoutMs);
  if (!from) return from.error();
  // A SELECT makes it a read transaction, which ends with the connection.
  if (Status s = from->Execute("BEGIN"); !s.ok()) return Prefixed(source, s.error());
  auto read = ReadMoment(*from);
  if (!read) return Prefixed(source, read.error());
  *moment = std::move(*read);
  // Nobody trusts the file before it is whole, so nothing has to be undone.
  if (Status s = to.Execute("PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF"); !s.ok()) {
    return s;
  }
  return CopyPages(*from, to, kPauseUs, progress);
}

// Its header still says WAL, as the source's does. In exclusive mode SQLite needs no -shm. Nothing is synced: that
// would write all of a copy that is read once and removed.
Result<Connection> OpenAlone(const std::string& path) {
  auto connection = Connection::Open(path, OpenMode::kReadWrite, 0);
  if (!connection) return connection.error();
  if (Status s = connection->Execute("PRAGMA synchronous=OFF;PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=DELETE");
      !s.ok()) {
    return Prefixed(path, s.error());
  }
  return connection;
}

Status CompareCopy(const std::string& target, const Moment& source) {
  auto copy = OpenAlone(target);
  if (!copy) return copy.error();
  const auto found = ReadMoment(*copy);
  if (!found) return Prefixed(target, found.error());
  if (found->schema_version != source.schema_version || found->tables != source.tables ||
      found->max_seq < source.max_seq) {
    return Error{ErrorKind::kCorrupt, target + ": the copy is not what the database was"};
  }
  return {};
}

// The tables of that schema version, from the migrations themselves.
Result<std::vector<std::string>> ExpectedTables(int version) {
  auto memory = Connection::OpenInMemory();
  if (!memory) return memory.error();
  for (const Migration& m : Migrations(Database::kMain).first(static_cast<size_t>(version))) {
    if (Status s = memory->Execute(std::string(m.sql)); !s.ok()) return s.error();
  }
  return TableNames(*memory);
}

Status RunCheck(Connection& connection, CheckDepth depth) {
  auto check = connection.Prepare(depth == CheckDepth::kFull ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)");
  if (!check) return check.error();
  const auto row = check->Step();
  if (!row) return row.error();
  const std::string first(*row ? check->Text(0) : "no answer");
  if (first == "ok") return {};
  return Error{ErrorKind::kCorrupt, "damaged: " + first.substr(0, first.find('\n', 1))};
}

Result<DatabaseFacts> ReadFacts(Connection& connection, CheckDepth depth) {
  const auto moment = ReadMoment(connection);
  if (!moment) return moment.error();
  const auto expected = ExpectedTables(moment->schema_version);
  if (!expected) return expected.error();
  for (const std::string& table : *expected) {
    if (std::find(moment->tables.begin(), moment->tables.end(), table) == moment->tables.end()) {
      return Error{ErrorKind::kCorrupt, "the table " + table + " is missing"};
    }
  }
  if (Status s = RunCheck(connection, depth); !s.ok()) return s.error();
  DatabaseFacts facts;
  facts.schema_version = moment->schema_version;
  facts.max_seq = moment->max_seq;
  for (const std::string& table : moment->tables) {
    char* sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table.c_str());
    const auto rows = connection.QueryInt(sql);
    sqlite3_free(sql);
    if (!rows) return rows.error();
    facts.rows.push_back({table, *rows});
  }
  const auto pages = connection.QueryInt("PRAGMA page_count");
  const auto page_bytes = connection.QueryInt("PRAGMA page_size");
  if (!pages || !page_bytes) return pages ? page_bytes.error() : pages.error();
  facts.bytes = *pages * *page_bytes;
  return facts;
}

}  // namespace

Result<int64_t> DatabaseBytes(const std::string& path) {
  auto connection = Connection::Open(path, OpenMode::kReadOnly, kSourceTimeoutMs);
  if (!connection) return connection.error();
  const auto pages = connection->QueryInt("PRAGMA page_count");
  if (!pages) return Prefixed(path, pages.error());
  const auto page_bytes = connection->QueryInt("PRAGMA page_size");
  if (!page_bytes) return Prefixed(path, page_bytes.error());
  return *pages * *page_bytes;
}

Status CopyDatabase(const std::string& source, const std::string& target, const PageProgress& progress) {
  Moment moment;
  Status done;
  {
    auto to = Connection::Open(target, OpenMode::kNew, 0);
    if (!to) return to.error();
    done = CopyInto(source, *to, progress, &moment);
  }
  if (!done.ok() && !done.error().message.starts_with(source)) done = Prefixed(target, done.error());
  if (done.ok()) done = CompareCopy(target, moment);
  if (!done.ok()) RemoveDatabase(target);
  return done;
}

Result<DatabaseFacts> CheckDatabase(const std::string& path, CheckDepth depth) {
  auto connection = OpenAlone(path);
  if (!connection) return connection.error();
  auto facts = ReadFacts(*connection, depth);
  if (!facts) return Prefixed(path, facts.error());
  return facts;
}

Result<DatabaseFacts> CheckLiveDatabase(const std::string& path, CheckDepth depth) {
  auto connection = Connection::Open(path, OpenMode::kReadOnly, kSourceTimeoutMs);
  if (!connection) return connection.error();
  if (Status s = connection->Execute("BEGIN"); !s.ok()) return Prefixed(path, s.error());
  auto facts = ReadFacts(*connection, depth);
  if (!facts) return Prefixed(path, facts.error());
  return facts;
}

Status RestoreInto(const std::string& copy, const std::string& live, int busy_timeout_ms,
                   const PageProgress& progress) {
  auto from = Connection::Open(copy, OpenMode::kReadOnly, 0);
  if (!from) return from.error();
  auto to = Connection::Open(live, OpenMode::kReadWrite, busy_timeout_ms);
  if (!to) return to.error();
  const auto from_bytes = from->QueryInt("PRAGMA page_size");
  const auto to_bytes = to->QueryInt("PRAGMA page_size");
  if (!from_bytes || !to_bytes)
    return from_bytes ? Prefixed(live, to_bytes.error()) : Prefixed(copy, from_bytes.error());
  // SQLite cannot change it in WAL mode.
  if (*from_bytes != *to_bytes) {
    return Error{ErrorKind::kInvalid, live + ": its pages have " + std::to_string(*to_bytes) +
                                          " bytes, those of the copy " + std::to_string(*from_bytes)};
  }
  // Power must not take back what the operator was told.
  if (Status s = to->Execute("PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL"); !s.ok())
    return Prefixed(live, s.error());
  TurnLock turns(live);
  const TurnLock::Turn turn = turns.Wait(busy_timeout_ms);
  if (Status s = CopyPages(*from, *to, 0, progress); !s.ok()) return Prefixed(live, s.error());
  return {};
}

}  // namespace gc::store
