// database.h: reads a database while the program under test writes it: assertions only, never a change.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace gc::test {

using Row = std::vector<std::string>;  // NULL reads as "NULL", a blob as its bytes

// Opened read-only per object; sees what was committed when a query begins. Waits 5 s for locks. A failure fails the
// running test and reads as no rows.
class Database {
 public:
  explicit Database(const std::string& file);

  std::vector<Row> Query(const std::string& sql, const std::vector<std::string>& arguments = {}) const;
  // The first column of the first row; empty when there is none.
  std::string One(const std::string& sql, const std::vector<std::string>& arguments = {}) const;
  int64_t Number(const std::string& sql, const std::vector<std::string>& arguments = {}) const;
  // "ok", or the first complaint.
  std::string IntegrityCheck() const;

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  std::string file_;
  std::unique_ptr<sqlite3, Closer> db_;
};

}  // namespace gc::test
