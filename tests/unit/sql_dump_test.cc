// sql_dump_test.cc: a database as SQL text and back: nothing is lost, and nothing else is run.
// SPDX-License-Identifier: MIT
#include "store/sql_dump.h"

#include "support/database_content.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

std::string Dump(const std::string& path) {
  std::string text;
  const Status written = WriteSqlDump(
      path, [&](std::string_view piece) { return text.append(piece), Status{}; }, nullptr);
  if (!written.ok()) ADD_FAILURE() << written.error().message;
  return text;
}

Status Load(const std::string& text, const std::string& path, size_t piece_bytes = 4096) {
  size_t at = 0;
  const TextSource source = [&](char* buffer, size_t bytes) -> Result<size_t> {
    const size_t taken = std::min({bytes, piece_bytes, text.size() - at});
    text.copy(buffer, taken, at);
    at += taken;
    return taken;
  };
  return ReadSqlDump(source, path, nullptr);
}

class SqlDumpTest : public StoreTest {
 protected:
  void Execute(const std::string& sql) {
    const Status done = Open().Execute(sql);
    ASSERT_TRUE(done.ok()) << sql << ": " << done.error().message;
  }
};

TEST_F(SqlDumpTest, EveryValueComesBackExactly) {
  Execute("CREATE TABLE \"odd \"\"name'\" (a, \"b'c\" REAL, d INTEGER, e TEXT COLLATE NOCASE DEFAULT ';')");
  const char* const values[] = {
      "NULL",
      "0",
      "9223372036854775807",
      "-9223372036854775808",
      "1.0",
      "0.1",
      "-0.0",
      "1e300",
      "5e-324",
      "2.2250738585072011e-308",
      "0.30000000000000004",
      "123456789012345680.0",
      "9e999",
      "-9e999",
      "'plain'",
      "''",
      "'it''s; \"x\" -- no comment'",
      "'two' || char(10) || 'lines);' || char(10)",
      "'tab' || char(9)",
      "CAST(X'61006200' AS TEXT)",
      "'bell' || char(7) || char(27) || '[31m'",
      "'\xC3\xA9\xE4\xBD\xA0'",
      "CAST(X'FFFE80' AS TEXT)",
      "X''",
      "X'00FF10'",
      "zeroblob(70000)",
      "'CAST(X''00'' AS TEXT)'",
      "'NULL'",
  };
  for (const char* value : values) Execute("INSERT INTO \"odd \"\"name'\"(a) VALUES(" + std::string(value) + ")");
  Execute("INSERT INTO \"odd \"\"name'\" VALUES(1, 2, 3.0, 4)");
  const std::string text = Dump(db_);
  for (const size_t piece_bytes : {size_t{1}, size_t{7}, size_t{4096}, size_t{1} << 20}) {
    const std::string copy = dir_.Path("copy" + std::to_string(piece_bytes));
    const Status loaded = Load(text, copy, piece_bytes);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(test::ContentOf(copy), test::ContentOf(db_)) << piece_bytes;
  }
}

TEST_F(SqlDumpTest, AnEmptyDatabaseComesBack) {
  const std::string copy = dir_.Path("copy.db");
  ASSERT_TRUE(Load(Dump(db_), copy).ok());
  EXPECT_EQ(test::ContentOf(copy), test::ContentOf(db_));
}

TEST_F(SqlDumpTest, SequencesOfDeletedRowsComeBack) {
  Execute("INSERT INTO job_runs(job, host, started_at, version) VALUES('a','h',1,'v'),('b','h',2,'v')");
  Execute("DELETE FROM job_runs");
  const std::string copy = dir_.Path("copy.db");
  ASSERT_TRUE(Load(Dump(db_), copy).ok());
  EXPECT_EQ(RowsOf(copy, "SELECT seq FROM sqlite_sequence WHERE name='job_runs'"), "2");
  EXPECT_EQ(test::ContentOf(copy), test::ContentOf(db_));
}

TEST_F(SqlDumpTest, ViewsTriggersAndIndexesComeBackWithoutRunning) {
  Execute(
      "CREATE TABLE seen(n);"
      "CREATE TRIGGER count_runs AFTER INSERT ON job_runs BEGIN INSERT INTO seen VALUES(new.seq); SELECT 1; END;"
      "CREATE VIEW slow AS SELECT * FROM request_logs WHERE response_time > 1000; -- a comment\n"
      "CREATE INDEX by_host ON job_runs(host) WHERE host <> ''");
  Execute("INSERT INTO job_runs(job, host, started_at, version) VALUES('a','h',1,'v')");
  const std::string copy = dir_.Path("copy.db");
  const Status loaded = Load(Dump(db_), copy);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(RowsOf(copy, "SELECT count(*) FROM seen"), "1");
  EXPECT_EQ(test::ContentOf(copy), test::ContentOf(db_));
}

// Such a text needs a line end before its semicolon, which it then has for good.
TEST_F(SqlDumpTest, ACommentMayEndTheSchemasText) {
  Execute("CREATE INDEX by_version ON job_runs(version) -- its comment; ends the text");
  const std::string copy = dir_.Path("copy.db");
  const Status loaded = Load(Dump(db_), copy);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(RowsOf(copy, "SELECT rtrim(sql, char(10)) FROM sqlite_master WHERE name='by_version'"),
            Rows("SELECT sql FROM sqlite_master WHERE name='by_version'"));
}

// For people and other tools: plain SQL.
TEST_F(SqlDumpTest, SqliteItselfReadsTheText) {
  Execute("INSERT INTO job_runs(job, host, started_at, version) VALUES('it''s',CAST(X'6100' AS TEXT),1,'v')");
  auto other = Connection::Open(dir_.Path("other.db"), OpenMode::kNew, 0);
  ASSERT_TRUE(other.ok());
  const Status read = other->Execute(Dump(db_));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(test::ContentOf(dir_.Path("other.db")), test::ContentOf(db_));
}

TEST_F(SqlDumpTest, AVirtualTableIsRefused) {
  Execute("CREATE VIRTUAL TABLE words USING fts5(text)");
  const Status written = WriteSqlDump(
      db_, [](std::string_view) { return Status{}; }, nullptr);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, ErrorKind::kUnsupported);
}

TEST_F(SqlDumpTest, WhatTheSinkCannotTakeEndsIt) {
  const Status written = WriteSqlDump(
      db_,
      [](std::string_view) {
        return Status(Error{ErrorKind::kFull, "no space"});
      },
      nullptr);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, ErrorKind::kFull);
}

TEST_F(SqlDumpTest, OtherTextIsRefusedAndLeavesNothing) {
  Execute("INSERT INTO job_runs(job, host, started_at, version) VALUES('a','h',1,'v')");
  const std::string whole = Dump(db_);
  const auto with = [&](const std::string& statement) {
    std::string text = whole;
    return text.insert(text.find("DELETE FROM"), statement);
  };
  const std::string elsewhere = dir_.Path("elsewhere.db");
  const struct {
    const char* name;
    std::string text;
  } cases[] = {
      {"nothing", ""},
      {"another text", "SELECT 1;\n"},
      {"the shell's dump", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(a);\nCOMMIT;\n"},
      {"cut in a row", whole.substr(0, whole.find("'a'"))},
      {"without its end", whole.substr(0, whole.rfind("COMMIT"))},
      {"without its last line end", whole.substr(0, whole.size() - 1)},
      {"more after the end", whole + "CREATE TABLE more(a);\n"},
      {"attach", with("ATTACH '" + elsewhere + "' AS e;\n")},
      {"attach inside create", with("CREATE TABLE t(a); ATTACH '" + elsewhere + "' AS e;\n")},
      {"pragma", with("PRAGMA writable_schema=ON;\n")},
      {"update", with("UPDATE job_runs SET job='x';\n")},
      {"drop", with("DROP TABLE job_runs;\n")},
      {"vacuum into", with("VACUUM INTO '" + elsewhere + "';\n")},
      {"rows from a query", with("INSERT INTO \"job_runs\" SELECT * FROM job_runs;\n")},
      {"a function as a value", with("INSERT INTO \"watermarks\" VALUES(load_extension('x'),1,1);\n")},
      {"two rows", with("INSERT INTO \"watermarks\" VALUES('a',1,1),('b',1,1);\n")},
      {"a value too few", with("INSERT INTO \"watermarks\" VALUES('a',1);\n")},
      {"a value too many", with("INSERT INTO \"watermarks\" VALUES('a',1,1,1);\n")},
      {"a number that is none", with("INSERT INTO \"watermarks\" VALUES('a',1-1,1);\n")},
      {"a broken blob", with("INSERT INTO \"watermarks\" VALUES(X'0g',1,1);\n")},
      {"an unknown table", with("INSERT INTO \"nothing\" VALUES(1);\n")},
      {"the schema as a table", with("INSERT INTO \"sqlite_master\" VALUES('table','x','x',0,'x');\n")},
      {"a row twice", with("INSERT INTO \"schema_migrations\" VALUES(1,'a','b',1,1,'c');\n")},
      {"a virtual table", with("CREATE VIRTUAL TABLE v USING fts5(a);\n")},
      {"a temporary table", with("CREATE TEMP TABLE v(a);\n")},
      {"a table from a query", with("CREATE TABLE v AS SELECT * FROM job_runs;\n")},
      {"a table elsewhere", with("CREATE TABLE temp.v(a);\n")},
  };
  for (const auto& c : cases) {
    const std::string copy = dir_.Path("copy.db");
    const Status loaded = Load(c.text, copy);
    ASSERT_FALSE(loaded.ok()) << c.name;
    EXPECT_EQ(loaded.error().kind, ErrorKind::kCorrupt) << c.name << ": " << loaded.error().message;
    EXPECT_FALSE(std::filesystem::exists(copy)) << c.name;
    EXPECT_FALSE(std::filesystem::exists(elsewhere)) << c.name;
  }
}

}  // namespace
}  // namespace gc::store
