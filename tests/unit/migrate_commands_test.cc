// migrate_commands_test.cc: verify, reset and generate of gemini-code-migrate, and what up does before a change.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "base/json.h"
#include "jobs/job_run.h"
#include "jobs/migrate.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

using store::StoreTest;

class MigrateCommandsTest : public StoreTest {
 protected:
  int Run(const std::string& command) {
    out_.str("");
    err_.str("");
    options_.command = command;
    options_.database_path = db_;
    return RunMigrate(options_, &console_);
  }
  void Execute(const std::string& sql) {
    const Status s = Open().Execute(sql);
    ASSERT_TRUE(s.ok()) << sql << ": " << s.error().message;
  }
  // A database that lacks the last migration.
  void MakeOlder(const std::string& path) {
    const auto all = store::Migrations(store::Database::kMain);
    ASSERT_TRUE(store::UpWith(all.first(all.size() - 1), path, store::Database::kMain, store::DryRun::kNo, "old", 0));
  }

  MigrateOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-migrate", out_, err_};
};

TEST_F(MigrateCommandsTest, VerifyTellsEachDifference) {
  EXPECT_EQ(Run("verify"), 0);
  EXPECT_EQ(out_.str(),
            db_ + ": schema version " + std::to_string(store::kSchemaVersion) + ", as its migrations made it\n");
  const struct {
    const char* sql;
    const char* line;
  } steps[] = {
      {"CREATE INDEX mine ON request_logs(model)", ": unexpected index mine\n"},
      {"ALTER TABLE totals ADD COLUMN mine", ": changed table totals\n"},
      {"DROP TABLE system_stats", ": missing table system_stats\n"},
      {"UPDATE schema_migrations SET sha256 = '0' WHERE version = 1",
       ": migration 1 (initial) was edited after it was applied\n"},
      {"DELETE FROM schema_migrations WHERE version = 1", ": the database has no record of migration 1 (initial)\n"},
      {"DROP TABLE schema_migrations", ": missing table schema_migrations\n"},
  };
  for (const auto& step : steps) {
    Execute(step.sql);
    EXPECT_EQ(Run("verify"), kExitFindings) << step.sql;
    EXPECT_NE(out_.str().find(db_ + step.line), std::string::npos) << step.sql << ": " << out_.str();
  }
  console_.format = OutputFormat::kJson;
  EXPECT_EQ(Run("verify"), kExitFindings);
  const auto document = json::Document::Parse(out_.str());
  ASSERT_TRUE(document.ok()) << out_.str();
  EXPECT_EQ(document->root().Find("databases")->Items()[0].Find("differences")->Items().size(), 4U) << out_.str();
}

TEST_F(MigrateCommandsTest, VerifyTakesAnOlderSchemaForWhatItIs) {
  options_.state_path = dir_.Path("older.db");
  MakeOlder(options_.state_path);
  options_.command = "verify";
  options_.database_path = std::exchange(options_.state_path, "");
  EXPECT_EQ(RunMigrate(options_, &console_), 0) << out_.str();
}

TEST_F(MigrateCommandsTest, VerifyHasItsExitCodes) {
  const struct {
    const char* name;
    int code;
    std::function<void()> make;
  } cases[] = {
      {"newer", 78, [&] { Execute("PRAGMA user_version=99"); }},
      {"another program's", 78, [&] { Execute("PRAGMA application_id=7"); }},
      {"a page of nonsense", 65,
       [&] {
         for (int i = 0; i < 200; ++i) Execute("INSERT INTO watermarks VALUES('" + std::to_string(i) + "',1,1)");
         const int64_t root = Int("SELECT rootpage FROM sqlite_schema WHERE name = 'watermarks'");
         Execute("PRAGMA journal_mode=DELETE");
         std::fstream file(db_, std::ios::in | std::ios::out | std::ios::binary);
         file.seekp((root - 1) * 4096);
         file << std::string(4096, 'x');
       }},
      {"no database", 65, [&] { dir_.Write("main.db", std::string(5000, 'x')); }},
      {"missing", 66, [&] { std::filesystem::remove(db_); }},
  };
  for (const auto& c : cases) {
    for (const char* file : {"main.db", "main.db-wal", "main.db-shm"}) std::filesystem::remove(dir_.Path(file));
    Migrate();
    c.make();
    EXPECT_EQ(Run("verify"), c.code) << c.name << ": " << out_.str() << err_.str();
    EXPECT_NE(err_.str(), "") << c.name;
  }
}

TEST_F(MigrateCommandsTest, ResetWantsTheNameOfTheFile) {
  Execute("INSERT INTO totals(id, requests, since) VALUES(1, 7, 1)");
  std::istringstream wrong("yes\n");
  std::istringstream nothing("");
  std::istringstream right("main.db\n");
  options_.no_backup = true;
  const struct {
    const char* name;
    std::string confirm;
    std::istream* terminal;
    int code;
  } cases[] = {
      {"nobody there", "", nullptr, 64},      {"another name", "gemini-code.db", nullptr, 64},
      {"the whole path", db_, nullptr, 64},   {"a wrong answer", "", &wrong, 64},
      {"the end of input", "", &nothing, 64}, {"a wrong name beside a person", "x", &right, 64},
      {"the right answer", "", &right, 0},    {"the right name", "main.db", nullptr, 0},
  };
  for (const auto& c : cases) {
    options_.confirm = c.confirm;
    options_.terminal = c.terminal;
    EXPECT_EQ(Run("reset"), c.code) << c.name << ": " << err_.str();
    EXPECT_EQ(Int("SELECT count(*) FROM totals"), c.code == 0 ? 0 : 1) << c.name;
    EXPECT_EQ(err_.str().find("main.db") != std::string::npos, c.code != 0 || c.terminal != nullptr) << err_.str();
  }
}

TEST_F(MigrateCommandsTest, ResetLeavesTheNewestSchemaAndARecord) {
  for (const char* file : {"main.db", "main.db-wal", "main.db-shm"}) std::filesystem::remove(dir_.Path(file));
  MakeOlder(db_);
  Execute("INSERT INTO error_logs(id, timestamp, error_type, error_message, created_at) VALUES('a', 1, 't', 'm', 1)");
  options_.confirm = "main.db";
  bool backed_up = false;
  options_.backup_first = [&]() -> Status {
    backed_up = Int("SELECT count(*) FROM error_logs") == 1;
    return {};
  };
  EXPECT_EQ(Run("reset"), 0) << err_.str();
  EXPECT_TRUE(backed_up);
  EXPECT_EQ(Rows("SELECT (SELECT count(*) FROM error_logs), job, rc, message FROM job_runs"), "0|migrate|0|reset");
  EXPECT_EQ(Rows("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(Rows("PRAGMA auto_vacuum"), "2");
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(Run("verify"), 0) << out_.str();
  EXPECT_EQ(Run("status"), 0) << out_.str();
}

TEST_F(MigrateCommandsTest, ResetThatMayNotBeChangesNothing) {
  Execute("INSERT INTO totals(id, requests, since) VALUES(1, 7, 1)");
  options_.confirm = "main.db";
  EXPECT_EQ(Run("reset"), 64) << "no backup can be made";
  options_.backup_first = [] { return Status(Error{ErrorKind::kFull, "no space"}); };
  EXPECT_EQ(Run("reset"), 74) << "the backup failed";
  EXPECT_NE(err_.str().find("no space"), std::string::npos);
  EXPECT_EQ(Rows("SELECT rc, message FROM job_runs"), "74|reset: no space");
  options_.backup_first = [] { return Status{}; };
  options_.dry_run = store::DryRun::kYes;
  EXPECT_EQ(Run("reset"), 0) << "a dry run";
  options_.dry_run = store::DryRun::kNo;
  {
    const auto other = JobLock::Take(db_, "migrate", 0);
    EXPECT_EQ(Run("reset"), 75) << "another copy runs";
  }
  Execute("UPDATE schema_migrations SET sha256 = '0' WHERE version = 1");
  EXPECT_EQ(Run("reset"), 78) << "an edited migration";
  EXPECT_EQ(Int("SELECT requests FROM totals"), 7);
  std::filesystem::remove(db_);
  EXPECT_EQ(Run("reset"), 66) << "no database";
  EXPECT_FALSE(std::filesystem::exists(db_));
}

// The handler's writer and a reader have their statements prepared, and go on.
TEST_F(MigrateCommandsTest, ResetUnderARunningWriter) {
  store::LogWriter writer(WriterOptions());
  auto reader = Open(store::OpenMode::kReadOnly);
  auto count = reader.Prepare("SELECT count(*) FROM request_logs");
  ASSERT_TRUE(count.ok());
  const auto rows = [&] {
    const auto row = count->Step();
    const int64_t value = row && *row ? count->Int(0) : -1;
    count->Reset();
    return value;
  };
  for (int i = 0; i < 500; ++i) writer.Add(store::FreshRow());
  ASSERT_TRUE(store::WaitUntil(5000, [&] { return writer.status().written == 500; }));
  EXPECT_EQ(rows(), 500);
  options_.confirm = "main.db";
  options_.no_backup = true;
  EXPECT_EQ(Run("reset"), 0) << err_.str();
  EXPECT_EQ(rows(), 0);
  for (int i = 0; i < 20; ++i) writer.Add(store::FreshRow());
  ASSERT_TRUE(store::WaitUntil(5000, [&] { return writer.status().written == 520; }));
  writer.Stop();
  EXPECT_EQ(writer.status().spooled + writer.status().dropped, 0);
  EXPECT_EQ(rows(), 20);
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
}

// A snapshot that a reader holds lasts to its end; a writer that does not end stops the reset.
TEST_F(MigrateCommandsTest, ResetWaitsForWritersOnly) {
  Execute("INSERT INTO totals(id, requests, since) VALUES(1, 7, 1)");
  options_.confirm = "main.db";
  options_.no_backup = true;
  auto reader = Open(store::OpenMode::kReadOnly);
  ASSERT_TRUE(reader.Execute("BEGIN; SELECT * FROM totals").ok());
  auto writer = Open();
  {
    const auto open = store::Transaction::Begin(writer);
    EXPECT_EQ(store::Reset(db_, store::Database::kMain, "test", 10).error().kind, ErrorKind::kBusy);
  }
  EXPECT_EQ(Int("SELECT requests FROM totals"), 7);
  EXPECT_EQ(Run("reset"), 0) << err_.str();
  const auto seen = reader.QueryInt("SELECT requests FROM totals");
  EXPECT_EQ(seen ? *seen : -1, 7);
  EXPECT_EQ(Int("SELECT count(*) FROM totals"), 0);
}

TEST_F(MigrateCommandsTest, UpMakesABackupOnlyOfWhatItChanges) {
  int backups = 0;
  options_.backup_first = [&]() -> Status {
    ++backups;
    return {};
  };
  EXPECT_EQ(Run("up"), 0);
  EXPECT_EQ(backups, 0) << "up to date";
  EXPECT_EQ(Rows("SELECT job, rc, rows, message FROM job_runs"), "migrate|0|0|up");
  std::filesystem::remove(db_);
  EXPECT_EQ(Run("up"), 0);
  EXPECT_EQ(backups, 0) << "there was none";
  std::filesystem::remove(db_);
  MakeOlder(db_);
  EXPECT_EQ(Run("up"), 0);
  EXPECT_EQ(backups, 1);
  std::filesystem::remove(db_);
  MakeOlder(db_);
  options_.backup_first = [] { return Status(Error{ErrorKind::kFull, "no space"}); };
  EXPECT_EQ(Run("up"), 74);
  EXPECT_EQ(Int("PRAGMA user_version"), store::kSchemaVersion - 1);
  options_.no_backup = true;
  EXPECT_EQ(Run("up"), 0);
  EXPECT_EQ(err_.str(), "");
}

class GenerateTest : public MigrateCommandsTest {
 protected:
  GenerateTest() {
    options_.source = dir_.Path("tree");
    options_.name = "more";
    dir_.Write("tree/db/migrations/0001_initial.sql", kTables);
    // What Apply writes its record into.
    dir_.Write("tree/db/schema.sql", kTables);
  }
  static constexpr char kTables[] =
      "CREATE TABLE schema_migrations(version, name, sha256, applied_at, duration_ms, tool_version);\n"
      "CREATE TABLE t (\n  a INTEGER PRIMARY KEY, -- first\n  b TEXT NOT NULL -- second\n);\n"
      "CREATE TABLE u (\n  c INTEGER,\n  d INTEGER,\n  PRIMARY KEY (c, d)\n) WITHOUT ROWID;\n"
      "CREATE INDEX i ON t(b);\n";
  // schema.sql with `old` replaced.
  void Change(const std::string& old, const std::string& replacement) {
    std::string sql = kTables;
    ASSERT_NE(sql.find(old), std::string::npos) << old;
    dir_.Write("tree/db/schema.sql", sql.replace(sql.find(old), old.size(), replacement));
  }
  std::string Written() const { return ReadFile(dir_.Path("tree/db/migrations/0002_more.sql")); }
};

TEST_F(GenerateTest, WritesWhatIsNew) {
  const struct {
    const char* name;
    const char* old;
    const char* replacement;
    const char* sql;
  } cases[] = {
      {"a table", "CREATE INDEX i", "CREATE TABLE v (\n  e TEXT -- why\n);\nCREATE INDEX i",
       "CREATE TABLE v (\n  e TEXT -- why\n);\n"},
      {"an index", "CREATE INDEX i ON t(b);", "CREATE INDEX i ON t(b);\nCREATE INDEX j ON u(d);",
       "CREATE INDEX j ON u(d);\n"},
      {"two columns", "b TEXT NOT NULL -- second", "b TEXT NOT NULL, -- second\n  e INTEGER DEFAULT 0, -- e\n  f REAL",
       "ALTER TABLE t ADD COLUMN e INTEGER DEFAULT 0;\nALTER TABLE t ADD COLUMN f REAL;\n"},
      {"a column before a constraint", "d INTEGER,\n", "d INTEGER,\n  e TEXT,\n", "ALTER TABLE u ADD COLUMN e TEXT;\n"},
  };
  for (const auto& c : cases) {
    std::filesystem::remove(dir_.Path("tree/db/migrations/0002_more.sql"));
    Change(c.old, c.replacement);
    options_.dry_run = store::DryRun::kYes;
    EXPECT_EQ(Run("generate"), 0) << c.name << ": " << err_.str();
    EXPECT_EQ(Written(), "") << c.name;
    const std::string dry = out_.str();
    options_.dry_run = store::DryRun::kNo;
    EXPECT_EQ(Run("generate"), 0) << c.name << ": " << err_.str();
    EXPECT_EQ(Written(), std::string("-- 0002_more: TODO: what it is for.\n") + c.sql) << c.name;
    EXPECT_EQ(dry, Written()) << c.name;
    // The tree is whole now.
    options_.name = "again";
    EXPECT_EQ(Run("generate"), 0) << c.name;
    EXPECT_FALSE(std::filesystem::exists(dir_.Path("tree/db/migrations/0003_again.sql"))) << c.name;
    options_.name = "more";
  }
}

TEST_F(GenerateTest, RefusesWhatItCannotWrite) {
  const struct {
    const char* name;
    const char* old;
    const char* replacement;
    const char* message;
  } cases[] = {
      {"another type", "b TEXT", "b INTEGER", "table t is changed"},
      {"a column in the middle", "b TEXT", "e TEXT,\n  b TEXT", "table t is changed"},
      {"a column that is gone", ",\n  d INTEGER,\n  PRIMARY KEY (c, d)", ",\n  PRIMARY KEY (c)", "table u is changed"},
      {"a table that is gone", "CREATE INDEX i ON t(b);", "DROP TABLE u;", "table u is gone"},
      {"another index", "i ON t(b)", "i ON t(a)", "index i is changed"},
      {"a constraint", "PRIMARY KEY (c, d)", "PRIMARY KEY (c, d), CHECK (c > 0)", "SQLite refuses"},
      {"NOT NULL without a default", "b TEXT NOT NULL", "b TEXT NOT NULL, e TEXT NOT NULL", "SQLite refuses"},
      {"a default that is no constant", "b TEXT NOT NULL", "b TEXT NOT NULL, e DEFAULT (1+1)", "SQLite refuses"},
      {"no SQL", "CREATE INDEX i", "CREATE INDX i", "syntax error"},
  };
  for (const auto& c : cases) {
    Change(c.old, c.replacement);
    EXPECT_EQ(Run("generate"), 65) << c.name << ": " << out_.str();
    EXPECT_NE(err_.str().find(c.message), std::string::npos) << c.name << ": " << err_.str();
    EXPECT_EQ(Written(), "") << c.name;
  }
}

TEST_F(GenerateTest, RefusesANameOrATreeThatIsNone) {
  Change("b TEXT NOT NULL", "b TEXT NOT NULL, e TEXT");
  for (const char* name : {"", "../x", "Upper", "a-b"}) {
    options_.name = name;
    EXPECT_EQ(Run("generate"), 64) << name;
  }
  options_.name = "more";
  dir_.Write("tree/db/migrations/0003_gap.sql", "");
  EXPECT_EQ(Run("generate"), 65) << "a gap in the numbers";
  options_.source = dir_.Path("nowhere");
  EXPECT_EQ(Run("generate"), 66);
}

// This program's own tree.
TEST_F(GenerateTest, FindsNothingMissingHere) {
  options_.source = (std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / ".").string();
  EXPECT_EQ(Run("generate"), 0) << err_.str();
  EXPECT_NE(out_.str().find("nothing to write"), std::string::npos) << out_.str();
}

}  // namespace
}  // namespace gc::jobs
