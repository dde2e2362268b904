// store_schema_test.cc: what counts as a difference between two schemas.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "store/schema.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

// One line for each difference.
std::string Differences(const std::string& expected_sql, const std::string& found_sql) {
  const auto read = [](const std::string& sql) {
    auto connection = Connection::OpenInMemory();
    if (!connection) throw std::runtime_error(connection.error().message);
    if (const Status s = connection->Execute(sql); !s.ok()) throw std::runtime_error(s.error().message);
    auto objects = ReadSchema(*connection);
    if (!objects) throw std::runtime_error(objects.error().message);
    return *objects;
  };
  std::string text;
  for (const auto& [change, object] : CompareSchemas(read(expected_sql), read(found_sql))) {
    const char* what = change == SchemaChange::kMissing ? "-" : change == SchemaChange::kChanged ? "~" : "+";
    text += what + object.type + " " + object.name + "\n";
  }
  return text;
}

TEST(SchemaDifferences, AreThoseOfTheWords) {
  const struct {
    const char* name;
    const char* expected;
    const char* found;
    const char* differences;
  } cases[] = {
      {"the same", "CREATE TABLE t (a INT)", "CREATE TABLE t (a INT)", ""},
      {"blanks", "CREATE TABLE t(a INT,b)", "CREATE TABLE t (\n  a  INT, b\n)", ""},
      {"comments", "CREATE TABLE t(a INT, -- one\n b /* two */)", "CREATE TABLE t(a INT,b)", ""},
      {"a column by ALTER", "CREATE TABLE t(a, -- x\n b)", "CREATE TABLE t(a -- x\n); ALTER TABLE t ADD b", ""},
      {"type", "CREATE TABLE t(a INT)", "CREATE TABLE t(a TEXT)", "~table t\n"},
      {"default", "CREATE TABLE t(a DEFAULT 'a b')", "CREATE TABLE t(a DEFAULT 'a  b')", "~table t\n"},
      {"a comment's sign in a text", "CREATE TABLE t(a DEFAULT '--', b)", "CREATE TABLE t(a DEFAULT '--', c)",
       "~table t\n"},
      {"a quote in a text", "CREATE TABLE t(a DEFAULT 'x''--', b)", "CREATE TABLE t(a DEFAULT 'x''--', c)",
       "~table t\n"},
      {"words that blanks keep apart", "CREATE TABLE t(a b)", "CREATE TABLE t(ab)", "~table t\n"},
      {"missing", "CREATE TABLE t(a); CREATE INDEX i ON t(a)", "CREATE TABLE t(a)", "-index i\n"},
      {"unexpected", "", "CREATE TABLE t(a); CREATE VIEW v AS SELECT 1", "+table t\n+view v\n"},
      {"of SQLite itself", "CREATE TABLE t(a PRIMARY KEY)", "CREATE TABLE t(a PRIMARY KEY); ANALYZE", ""},
      {"a name that only looks like SQLite's", "", "CREATE TABLE sqlitefoo(a)", "+table sqlitefoo\n"},
      {"another type of that name", "CREATE TABLE t(a)", "CREATE VIEW t AS SELECT 1", "-table t\n+view t\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(Differences(c.expected, c.found), c.differences) << c.name;
}

TEST(SchemaDefinitions, AreColumnsThenConstraints) {
  const std::vector<std::string> expected = {"a INTEGER PRIMARY KEY", "b TEXT DEFAULT 'x, (y' NOT NULL",
                                             "c DECIMAL(10,2) CHECK(c>0)", "PRIMARY KEY(a,b)"};
  EXPECT_EQ(TableDefinitions("CREATE TABLE t (\n  a INTEGER   PRIMARY KEY, -- one, two\n"
                             "  b TEXT DEFAULT 'x, (y' NOT NULL,\n  c DECIMAL(10,2) CHECK(c>0),\n"
                             "  PRIMARY KEY(a,b)\n) WITHOUT ROWID"),
            expected);
}

}  // namespace
}  // namespace gc::store
