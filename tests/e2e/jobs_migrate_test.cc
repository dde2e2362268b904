// jobs_migrate_test.cc: gemini-code-migrate as a process: reset under a running gateway, killed, and without a
// terminal.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <csignal>

#include "e2e/calls.h"

namespace gc::test {
namespace {

RunResult Migrate(const std::string& database, std::vector<std::string> arguments, const std::string& input = "") {
  Command command;
  command.argv = {BuildDirectory() + "/gemini-code-migrate", "--db", database};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.input = input;
  return RunCommand(command);
}

void Execute(const std::string& file, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

constexpr char kRowCount[] = "SELECT count(*) FROM request_logs";

TEST(MigrateReset, LetsTheGatewayGoOn) {
  Gateway gateway;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Do(Chat(gateway, "Hello")).status, 200);
  ASSERT_TRUE(gateway.WaitForCount(kRowCount, 3));
  EXPECT_EQ(Field(Do(Get(gateway, "/health", "")).body, {"metrics", "requests_total"}), "3");
  const pid_t master = gateway.master();

  const RunResult reset =
      Migrate(gateway.Path("gemini-code.db"), {"reset", "--confirm=gemini-code.db", "--no-backup", "--json"});
  EXPECT_EQ(reset.code, 0) << reset.err;
  EXPECT_EQ(Field(reset.out, {"command"}), "reset");
  EXPECT_EQ(gateway.database().Number(kRowCount), 0);
  EXPECT_EQ(gateway.database().One("SELECT job || rc FROM job_runs WHERE message = 'reset'"), "migrate0");

  for (int i = 0; i < 2; ++i) EXPECT_EQ(Do(Chat(gateway, "Hello")).status, 200);
  ASSERT_TRUE(gateway.WaitForCount(kRowCount, 2));
  const std::string health = Do(Get(gateway, "/health", "")).body;
  EXPECT_EQ(Field(health, {"status"}), "healthy") << health;
  EXPECT_EQ(Field(health, {"metrics", "requests_total"}), "2") << health;
  EXPECT_EQ(Field(health, {"log", "spooled"}), "0") << health;
  EXPECT_EQ(gateway.master(), master);
  EXPECT_EQ(gateway.database().IntegrityCheck(), "ok");
  EXPECT_EQ(Migrate(gateway.Path("gemini-code.db"), {"verify"}).code, 0);
}

TEST(MigrateReset, WantsTheNameWhereNobodyCanBeAsked) {
  const TempDir dir;
  const std::string file = dir.Path("logs.db");
  ASSERT_EQ(Migrate(file, {"up"}).code, 0);
  Execute(file, "INSERT INTO totals(id, requests, since) VALUES(1, 7, 1)");
  const RunResult asked = Migrate(file, {"reset", "--no-backup"}, "logs.db\n");
  EXPECT_EQ(asked.code, 64) << "a pipe is no person";
  EXPECT_NE(asked.err.find("--confirm=logs.db"), std::string::npos) << asked.err;
  EXPECT_EQ(Migrate(file, {"reset", "--no-backup", "--confirm=gemini-code.db"}).code, 64);
  EXPECT_EQ(Database(file).Number("SELECT requests FROM totals"), 7);
}

// A kill at any moment leaves all rows, or none.
TEST(MigrateReset, IsWholeOrNothingWhenKilled) {
  constexpr int kRows = 20'000;
  int emptied = 0;
  int kept = 0;
  for (int i = 0; i < 24; ++i) {
    const TempDir dir;
    const std::string file = dir.Path("logs.db");
    ASSERT_EQ(Migrate(file, {"up"}).code, 0);
    Execute(file,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            "INSERT INTO error_logs(id, timestamp, error_type, error_message, created_at)"
            "SELECT i, i, 'test', 'a message of some length, so that there are pages', i FROM n");
    Command command;
    command.argv = {
        BuildDirectory() + "/gemini-code-migrate", "--db", file, "reset", "--confirm=logs.db", "--no-backup"};
    {
      const Process reset(command);
      usleep(static_cast<useconds_t>(i) * 2000);
      reset.Signal(SIGKILL);
      ASSERT_TRUE(reset.Wait(10'000).has_value());
    }
    const int64_t rows = Database(file).Number("SELECT count(*) FROM error_logs");
    EXPECT_TRUE(rows == 0 || rows == kRows) << rows;
    (rows == 0 ? emptied : kept) += 1;
    EXPECT_EQ(Database(file).IntegrityCheck(), "ok");
    EXPECT_EQ(Migrate(file, {"verify"}).code, 0);
    const RunResult again = Migrate(file, {"reset", "--confirm=logs.db", "--no-backup"});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(Database(file).Number("SELECT count(*) FROM error_logs"), 0);
  }
  EXPECT_GT(kept, 0) << "never killed before the end";
  RecordProperty("emptied", emptied);
}

}  // namespace
}  // namespace gc::test
