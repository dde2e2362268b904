// backup.h: copies a live database into a file of its own, says whether a copy is whole, and writes a copy back into
// the live database.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace gc::store {

// Pages done, pages in all. Called between steps, by the thread that copies.
using PageProgress = std::function<void(int64_t done, int64_t total)>;

enum class CheckDepth {
  kQuick,  // PRAGMA quick_check: every page of every table, not the agreement of indexes with them
  kFull,   // PRAGMA integrity_check: that too; ten times as long
};

struct TableRows {
  std::string table;
  int64_t rows = 0;

  bool operator==(const TableRows&) const = default;
};

struct DatabaseFacts {
  int schema_version = 0;
  int64_t bytes = 0;            // of the database's pages
  int64_t max_seq = 0;          // newest row of request_logs; 0: none
  std::vector<TableRows> rows;  // all tables but SQLite's own, by name
};

// Bytes of a database's pages, those in its WAL included.
Result<int64_t> DatabaseBytes(const std::string& path);

// Copies the main database as it is at this moment into `target`, a new file (mode 0600), while others write. One read
// transaction on the source holds that moment, or every commit of another process would start the copy over; the WAL
// grows meanwhile. The copy has no -wal, is not synced, and was compared with what the source said: owner, schema
// version, tables, newest row. A failure removes the file; a kill leaves it, incomplete, with files named <target>-*.
// Errors: as Connection::Open and CheckOwnSchema; kExists when there is a file; kFull, kIo, kPermission of the target.
Status CopyDatabase(const std::string& source, const std::string& target, const PageProgress& progress);

// Checks a main database of any schema version that this program knows, and counts its rows. Nobody else may use it: it
// is given a rollback journal, so that it is one file again, and not synced. kCorrupt: damaged, empty, or without a
// table that its schema has; kConfig: another program's, or newer.
Result<DatabaseFacts> CheckDatabase(const std::string& path, CheckDepth depth);

// The same of a database that others use, as it is at one moment. A reader that takes long lets the WAL grow.
Result<DatabaseFacts> CheckLiveDatabase(const std::string& path, CheckDepth depth);

// Replaces the whole content of `live` by that of `copy` in one transaction: who reads meanwhile sees the old state to
// the end of its own transaction, who writes waits (the log writer spools), a kill leaves the old state. The file stays
// the same file, so that open connections stay valid. `copy` is used by nobody else.
// kBusy when a writer did not end within `busy_timeout_ms`; kCorrupt when SQLite cannot open `live` as a database (its
// first page and its schema are needed, the rest is overwritten unread); kInvalid when the two differ in page size.
Status RestoreInto(const std::string& copy, const std::string& live, int busy_timeout_ms, const PageProgress& progress);

}  // namespace gc::store
