// database.cc: the sqlite3 calls of the assertion reader.
// SPDX-License-Identifier: MIT
#include "support/database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace gc::test {
namespace {

constexpr int kBusyMs = 5000;

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

std::string Column(sqlite3_stmt* statement, int i) {
  if (sqlite3_column_type(statement, i) == SQLITE_NULL) return "NULL";
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, i));
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement, i))};
}

// Reads as the owner of the file: what SQLite makes beside it (-wal, -shm) would be root's for a moment, and the
// gateway could not open it. The calling thread only.
class AsOwner {
 public:
  explicit AsOwner(const std::string& file) {
    struct stat status {};
    if (geteuid() != 0 || stat(file.c_str(), &status) != 0) return;
    setfsgid(status.st_gid);
    setfsuid(status.st_uid);
  }
  ~AsOwner() {
    setfsuid(geteuid());
    setfsgid(getegid());
  }
  AsOwner(const AsOwner&) = delete;
  AsOwner& operator=(const AsOwner&) = delete;
};

}  // namespace

void Database::Closer::operator()(sqlite3* db) const { sqlite3_close(db); }

Database::Database(const std::string& file) : file_(file) {
  const AsOwner owner(file);
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) ADD_FAILURE() << "cannot open " << file << ": " << sqlite3_errstr(code);
  sqlite3_busy_timeout(db, kBusyMs);
}

std::vector<Row> Database::Query(const std::string& sql, const std::vector<std::string>& arguments) const {
  const AsOwner owner(file_);
  std::vector<Row> rows;
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, Finalizer> statement(raw);
  for (size_t i = 0; code == SQLITE_OK && i < arguments.size(); ++i) {
    code = sqlite3_bind_text(raw, static_cast<int>(i) + 1, arguments[i].data(), static_cast<int>(arguments[i].size()),
                             SQLITE_STATIC);
  }
  if (code == SQLITE_OK) {
    while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
      Row& row = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(raw); ++i) row.push_back(Column(raw, i));
    }
  }
  if (code != SQLITE_DONE) ADD_FAILURE() << file_ << ": " << sqlite3_errmsg(db_.get()) << "\n" << sql;
  return rows;
}

std::string Database::One(const std::string& sql, const std::vector<std::string>& arguments) const {
  const std::vector<Row> rows = Query(sql, arguments);
  return rows.empty() || rows.front().empty() ? std::string() : rows.front().front();
}

int64_t Database::Number(const std::string& sql, const std::vector<std::string>& arguments) const {
  return std::strtoll(One(sql, arguments).c_str(), nullptr, 10);
}

std::string Database::IntegrityCheck() const { return One("PRAGMA integrity_check"); }

}  // namespace gc::test
