// store_migrations_test.cc: migrations against db/schema.sql, and the databases they refuse.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "store/migrations.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class MigrationsTest : public StoreTest {
 protected:
  Result<UpResult> UpMain() const { return Up(db_, Database::kMain, DryRun::kNo, "test", 5000); }
};

// Tests run in the source tree: its files are found from this file's place.
std::string FromTree(const char* name) {
  const std::filesystem::path here(__FILE__);
  return ReadFile((here.parent_path().parent_path().parent_path() / name).string());
}

TEST_F(MigrationsTest, LeaveExactlySchemaSql) {
  const std::string whole = FromTree("db/schema.sql");
  ASSERT_FALSE(whole.empty());
  auto other = Connection::Open(dir_.Path("schema.db"), OpenMode::kCreate, 0);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Execute(whole).ok());
  auto migrated = Open();
  const auto expected = ReadSchema(*other);
  const auto found = ReadSchema(migrated);
  ASSERT_TRUE(expected.ok() && found.ok());
  EXPECT_FALSE(expected->empty());
  for (const SchemaDifference& d : CompareSchemas(*expected, *found)) {
    ADD_FAILURE() << d.expected.type << " " << d.expected.name << ": gemini-code-migrate generate tells more";
  }
}

// The statements that gemini-code-schema(5) gives its readers.
TEST_F(MigrationsTest, TakeTheStatementsOfThePage) {
  std::istringstream page(FromTree("man/gemini-code-schema.5"));
  auto connection = Open();
  std::string statement;
  int statements = 0;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(".Bd -literal")) statement.clear();
    if (!line.starts_with('.')) statement += line + "\n";
    if (line != ".Ed") continue;
    const Status run = connection.Execute(statement);
    EXPECT_TRUE(run.ok()) << run.error().message << ": " << statement;
    ++statements;
  }
  EXPECT_GE(statements, 7);
}

TEST_F(MigrationsTest, KeepTheColumnsThatUsersKnow) {
  const struct {
    const char* table;
    const char* columns;
  } cases[] = {
      {"request_logs",
       "seq,id,timestamp,client_type,client_ip,user_agent,api_key_hash,model,original_model,endpoint,response_time,"
       "status_code,input_tokens,output_tokens,total_tokens,is_stream,has_error,error_message,request_size,"
       "response_size,first_token_ms,cached_tokens,thoughts_tokens,finish_reason,error_type,attempts"},
      {"api_key_metrics",
       "key_hash,total_requests,successful_requests,failed_requests,average_response_time,last_response_time,"
       "min_response_time,max_response_time,is_healthy,last_health_check,consecutive_failures,last_failure_time,"
       "total_tokens,total_input_tokens,total_output_tokens,last_used,first_seen,created_at,updated_at"},
      {"system_stats",
       "date,total_requests,successful_requests,failed_requests,openai_requests,claude_requests,gemini_requests,"
       "unknown_requests,total_tokens_used,total_input_tokens,total_output_tokens,average_response_time,"
       "min_response_time,max_response_time,error_rate,timeout_count,rate_limit_count,auth_error_count,"
       "total_request_size,total_response_size,stream_request_count,unique_api_keys,active_api_keys,updated_at"},
      {"error_logs",
       "seq,id,timestamp,error_type,error_message,error_stack,request_id,client_type,client_ip,endpoint,method,"
       "api_key_hash,status_code,user_agent,referer,context,created_at"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Rows(std::string("SELECT group_concat(name, ',') FROM pragma_table_info('") + c.table + "')"), c.columns);
  }
}

TEST_F(MigrationsTest, TheConstantsNameTheLastFiles) {
  EXPECT_EQ(Migrations(Database::kMain).back().version, kSchemaVersion);
  EXPECT_EQ(Migrations(Database::kState).back().version, kStateSchemaVersion);
}

TEST_F(MigrationsTest, RecordWhatTheyDid) {
  EXPECT_EQ(Int("PRAGMA user_version"), kSchemaVersion);
  EXPECT_EQ(Int("PRAGMA auto_vacuum"), 2);
  std::string expected;
  for (const Migration& m : Migrations(Database::kMain)) {
    if (!expected.empty()) expected += '\n';
    expected += std::to_string(m.version) + "|" + std::string(m.name) + "|64|test";
  }
  EXPECT_EQ(Rows("SELECT version, name, length(sha256), tool_version FROM schema_migrations"), expected);
  EXPECT_EQ(Int("SELECT max(abs(applied_at - strftime('%s','now'))) < 60 FROM schema_migrations"), 1);
}

TEST_F(MigrationsTest, ASecondRunDoesNothing) {
  const std::string before = Rows("SELECT * FROM schema_migrations");
  const auto again = UpMain();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->from_version, kSchemaVersion);
  EXPECT_TRUE(again->applied.empty());
  EXPECT_EQ(Rows("SELECT * FROM schema_migrations"), before);
}

TEST_F(MigrationsTest, RefuseWhatIsNotTheirs) {
  const struct {
    const char* name;
    const char* sql;
    const char* message;
  } cases[] = {
      {"edited", "UPDATE schema_migrations SET sha256 = 'x'", "migration 1 (initial) was edited"},
      {"unrecorded", "DELETE FROM schema_migrations", "no record of migration 1"},
      {"newer", "PRAGMA user_version = 99", "schema version 99, this program knows versions up to"},
      {"another program's", "PRAGMA application_id = 7", "not a Gemini Code main database"},
  };
  for (const auto& c : cases) {
    std::filesystem::remove(db_);
    Migrate();
    ASSERT_TRUE(Open().Execute(c.sql).ok());
    for (const DryRun dry_run : {DryRun::kNo, DryRun::kYes}) {
      const auto up = Up(db_, Database::kMain, dry_run, "test", 0);
      ASSERT_FALSE(up.ok()) << c.name;
      EXPECT_EQ(up.error().kind, ErrorKind::kConfig) << c.name;
      EXPECT_NE(up.error().message.find(c.message), std::string::npos) << c.name << ": " << up.error().message;
    }
  }
}

TEST_F(MigrationsTest, TheStateDatabaseIsNotTheMainOne) {
  const std::string state = dir_.Path("state.db");
  ASSERT_TRUE(Up(state, Database::kState, DryRun::kNo, "test", 0).ok());
  const auto wrong = Up(state, Database::kMain, DryRun::kNo, "test", 0);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kConfig);
}

TEST_F(MigrationsTest, RefuseAFileWithSomebodyElsesTables) {
  const std::string other = dir_.Path("other.db");
  {
    auto db = Connection::Open(other, OpenMode::kCreate, 0);
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Execute("CREATE TABLE request_logs(id)").ok());
  }
  const auto up = Up(other, Database::kMain, DryRun::kNo, "test", 0);
  ASSERT_FALSE(up.ok());
  EXPECT_EQ(up.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(RowsOf(other, "SELECT name FROM sqlite_master"), "request_logs");
}

TEST_F(MigrationsTest, ADryRunTouchesNothing) {
  const std::string path = dir_.Path("new.db");
  const auto up = Up(path, Database::kMain, DryRun::kYes, "test", 0);
  ASSERT_TRUE(up.ok());
  ASSERT_EQ(up->applied.size(), static_cast<size_t>(kSchemaVersion));
  EXPECT_EQ(up->applied[0].migration->name, "initial");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(MigrationsTest, AFailureLeavesTheLastWholeVersion) {
  std::vector<Migration> list(Migrations(Database::kMain).begin(), Migrations(Database::kMain).end());
  list.push_back({kSchemaVersion + 1, "good", "CREATE TABLE second(a);"});
  list.push_back({kSchemaVersion + 2, "bad", "CREATE TABLE third(a); CREATE TABLE third(a);"});
  const auto failed = UpWith(list, db_, Database::kMain, DryRun::kNo, "test", 0);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("migration " + std::to_string(kSchemaVersion + 2) + " (bad)"),
            std::string::npos)
      << failed.error().message;
  EXPECT_EQ(Int("PRAGMA user_version"), kSchemaVersion + 1);
  EXPECT_EQ(Rows("SELECT name FROM sqlite_master WHERE name IN ('second', 'third')"), "second");

  list.back().sql = "CREATE TABLE third(a);";
  const auto mended = UpWith(list, db_, Database::kMain, DryRun::kNo, "test", 0);
  ASSERT_TRUE(mended.ok()) << mended.error().message;
  EXPECT_EQ(mended->from_version, kSchemaVersion + 1);
  ASSERT_EQ(mended->applied.size(), 1U);
  EXPECT_EQ(mended->applied[0].migration->version, kSchemaVersion + 2);
}

TEST_F(MigrationsTest, ManyAtOnceApplyEachOnce) {
  const std::string path = dir_.Path("race.db");
  auto gate = Connection::Open(path, OpenMode::kCreate, 0);
  ASSERT_TRUE(gate.ok());
  std::vector<std::thread> threads;
  std::atomic<int> applied = 0;
  {
    const auto held = Transaction::Begin(*gate);
    ASSERT_TRUE(held.ok());
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto up = Up(path, Database::kMain, DryRun::kNo, "test", 5000);
        EXPECT_TRUE(up.ok()) << up.error().message;
        if (up.ok()) applied += static_cast<int>(up->applied.size());
      });
    }
    usleep(100'000);  // all have seen version 0 and wait for the lock
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(applied, kSchemaVersion);
  EXPECT_EQ(RowsOf(path, "SELECT count(*) FROM schema_migrations"), std::to_string(kSchemaVersion));
}

TEST_F(MigrationsTest, ALockedDatabaseIsBusy) {
  auto holder = Open();
  const auto held = Transaction::Begin(holder);
  ASSERT_TRUE(held.ok());
  std::vector<Migration> list(Migrations(Database::kMain).begin(), Migrations(Database::kMain).end());
  list.push_back({kSchemaVersion + 1, "next", "CREATE TABLE next(a);"});
  const auto up = UpWith(list, db_, Database::kMain, DryRun::kNo, "test", 50);
  ASSERT_FALSE(up.ok());
  EXPECT_EQ(up.error().kind, ErrorKind::kBusy);
}

TEST_F(MigrationsTest, CheckVersionTakesThisSchemaAndThePrevious) {
  const struct {
    int version;
    bool taken;
  } cases[] = {{0, false}, {kSchemaVersion, true}, {kSchemaVersion - 1, kSchemaVersion > 1}, {99, false}};
  for (const auto& c : cases) {
    auto db = Open();
    ASSERT_TRUE(db.Execute("PRAGMA user_version = " + std::to_string(c.version)).ok());
    const Status s = CheckVersion(db, Database::kMain);
    EXPECT_EQ(s.ok(), c.taken) << c.version;
    if (s.ok()) continue;
    EXPECT_EQ(s.error().kind, ErrorKind::kConfig);
    EXPECT_NE(s.error().message.find("version " + std::to_string(c.version)), std::string::npos);
    EXPECT_NE(s.error().message.find(std::to_string(kSchemaVersion)), std::string::npos);
  }
}

TEST_F(MigrationsTest, CheckVersionRefusesTheOtherDatabase) {
  auto db = Open();
  EXPECT_FALSE(CheckVersion(db, Database::kState).ok());
}

}  // namespace
}  // namespace gc::store
