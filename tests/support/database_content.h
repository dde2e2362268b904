// database_content.h: all that a database holds, as text to compare: owner, version, schema, rows with their types,
// sequence values. Tables are in the order of their names, rows sorted: neither is content.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace gc::test {

// One line per row: each value with its type's letter, a double by its bits.
inline std::vector<std::string> ExactRows(sqlite3* db, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  std::vector<std::string> rows;
  if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    return {"error: " + std::string(sqlite3_errmsg(db))};
  }
  int rc = SQLITE_OK;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    std::string line;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const int type = sqlite3_column_type(statement, i);
      char real[64] = {};
      if (type == SQLITE_FLOAT) snprintf(real, sizeof real, "%a", sqlite3_column_double(statement, i));
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, i));
      const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, i));
      line += "|";
      line += "?ifsbn"[type];
      line += type == SQLITE_FLOAT ? std::string(real) : bytes == nullptr ? "" : std::string(bytes, size);
    }
    rows.push_back(line);
  }
  if (rc != SQLITE_DONE) rows.push_back("error: " + std::string(sqlite3_errmsg(db)));
  sqlite3_finalize(statement);
  return rows;
}

inline std::string ContentOf(const std::string& path) {
  sqlite3* db = nullptr;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) {
    sqlite3_close(db);
    return "cannot open " + path;
  }
  sqlite3_busy_timeout(db, 5000);
  std::string text;
  std::vector<std::string> queries = {"PRAGMA application_id", "PRAGMA user_version",
                                      "SELECT type, name, tbl_name, sql FROM sqlite_master"};
  for (std::string table : ExactRows(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")) {
    queries.push_back("SELECT * FROM \"" + table.substr(2) + "\"");
  }
  for (const std::string& query : queries) {
    std::vector<std::string> rows = ExactRows(db, query);
    std::sort(rows.begin(), rows.end());
    text += query + "\n";
    for (const std::string& row : rows) text += row + "\n";
  }
  sqlite3_close(db);
  return text;
}

}  // namespace gc::test
