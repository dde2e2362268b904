// connection.h: one SQLite connection, its prepared statements and transactions, as values that close themselves.
// Every program opens its databases here: the pragmas, the file modes and the translation of SQLite's result codes into
// Error live in connection.cc and nowhere else.
// A connection and what hangs on it is used by one thread at a time and never crosses a fork.
// SPDX-License-Identifier: MIT
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace gc::store {

enum class OpenMode {
  kReadWrite,  // the file must exist and be writable (else kNotFound, kPermission, kReadOnly)
  kReadOnly,   // the file must exist; its directory must be writable unless another connection is open (WAL)
  kCreate,     // as kReadWrite; a missing file is made with mode 0600, in WAL mode, auto_vacuum=INCREMENTAL
  kNew,        // the file must not exist (else kExists); it is made with mode 0600 and has a rollback journal
};

// A prepared statement. Positions of parameters start at 1, of columns at 0. A bind that fails shows at the next Step.
class Statement {
 public:
  Statement& BindInt(int position, int64_t value);
  Statement& BindInt(int position, std::optional<int64_t> value);  // nullopt: NULL
  // The text is not copied: it has to live until Run, or the last Step, is done.
  Statement& BindText(int position, std::string_view text);
  Statement& BindTextOrNull(int position, std::string_view text);  // empty: NULL

  // True: a row is there to read. False: done.
  Result<bool> Step();
  // Steps to the end and resets: for statements whose rows nobody reads.
  Status Run();
  void Reset();
  // For the calls of SQLite that are not here. Belongs to the statement.
  sqlite3_stmt* handle() const { return statement_.get(); }

  // Of the current row. NULL reads as 0 or empty. The text lives until the next Step or Reset.
  int64_t Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  bool IsNull(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::string_view Text(int column) const;

 private:
  friend class Connection;
  struct Finalizer {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  explicit Statement(sqlite3_stmt* s) : statement_(s) {}
  void Keep(int rc);

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bind_rc_ = SQLITE_OK;
};

class Connection {
 public:
  // `busy_timeout_ms` holds from the first statement on; 0: do not wait for a lock.
  static Result<Connection> Open(const std::string& path, OpenMode mode, int busy_timeout_ms);
  // An empty database that goes with the connection.
  static Result<Connection> OpenInMemory();

  Result<Statement> Prepare(std::string_view sql);
  // One or more statements without parameters whose rows nobody reads.
  Status Execute(const std::string& sql);
  // First column of the first row as an integer; 0 when there is no row.
  Result<int64_t> QueryInt(std::string_view sql);

  void SetBusyTimeout(int busy_timeout_ms);
  // Rows that the last INSERT, UPDATE or DELETE touched.
  int64_t changes() const { return sqlite3_changes64(db()); }
  // Pages in the WAL after this connection's last commit; 0 before the first.
  int wal_pages() const { return handle_->wal_pages; }
  // True when the path now leads to another file than the one that is open, or to none.
  bool HasMoved() const;
  // For the calls of SQLite that are not SQL (backup). Belongs to the connection.
  sqlite3* handle() const { return db(); }

 private:
  friend class Transaction;
  // On the heap because SQLite's WAL hook keeps its address.
  struct Handle {
    ~Handle();
    sqlite3* db = nullptr;
    int wal_pages = 0;
  };
  explicit Connection(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
  sqlite3* db() const { return handle_->db; }
  Status PrepareFile();  // auto_vacuum and WAL mode

  std::unique_ptr<Handle> handle_;
};

// For a handle that another library opened: our pragmas and the busy timeout; and what its last call came to, as an
// Error.
Status Configure(sqlite3* db, int busy_timeout_ms);
Error LastError(sqlite3* db);

// BEGIN IMMEDIATE; what is not committed is rolled back. The connection outlives it.
class Transaction {
 public:
  // kBusy: another connection is writing and did not end within the busy timeout.
  static Result<Transaction> Begin(Connection& connection);
  ~Transaction() { Rollback(); }
  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

  Status Commit();
  void Rollback();

 private:
  explicit Transaction(Connection* connection) : connection_(connection) {}
  Connection* connection_;  // nullptr: ended
};

}  // namespace gc::store
