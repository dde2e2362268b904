// jobs_aggregate_test.cc: the real gemini-code-aggregate: behind the real gateway, killed at any moment, in bad places.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "e2e/calls.h"
#include "store/migrations.h"
#include "store/spool.h"
#include "support/rollup_check.h"

namespace gc::test {
namespace {

std::string Program() { return BuildDirectory() + "/gemini-code-aggregate"; }

Command ProgramWith(const std::vector<std::string>& arguments) {
  Command command;
  command.argv = arguments;
  command.argv.insert(command.argv.begin(), Program());
  return command;
}

// A row of one of forty days, so that a run has many cells to write.
store::RequestLogRow RowOf(std::mt19937* random) {
  const auto pick = [&](int below) { return static_cast<int64_t>((*random)() % static_cast<unsigned>(below)); };
  store::RequestLogRow row;
  row.id = UuidV7(SystemClock());
  row.timestamp_unix_s = SystemClock().UnixS() - pick(40 * 86'400);
  row.client_type = pick(2) == 0 ? "openai" : "claude";
  row.api_key_hash = "key" + std::to_string(pick(50));
  row.model = "gemini-" + std::to_string(pick(4));
  row.endpoint = "/v1/messages";
  row.method = "POST";
  row.response_time_ms = pick(20'000);
  row.status_code = pick(10) == 0 ? 503 : 200;
  row.has_error = row.status_code != 200;
  if (row.has_error) row.error_type = "upstream_overloaded";
  row.first_token_ms = pick(5000);
  row.input_tokens = pick(1000);
  row.output_tokens = pick(1000);
  row.total_tokens = *row.input_tokens + *row.output_tokens;
  row.attempts = 1;
  return row;
}

class AggregateProgram : public testing::Test {
 protected:
  AggregateProgram() : db_(dir_.Path("main.db")), spool_(dir_.Path("spool")) {
    const auto up = store::Up(db_, store::Database::kMain, store::DryRun::kNo, "test", 5000);
    EXPECT_TRUE(up.ok()) << up.error().message;
  }

  Command With(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--db", db_, "--spool", spool_});
    return ProgramWith(arguments);
  }
  // The program under a command that changes its circumstances.
  RunResult RunUnder(std::vector<std::string> prefix) const {
    Command command = With({});
    command.argv.insert(command.argv.begin(), prefix.begin(), prefix.end());
    return RunCommand(command);
  }
  void Append(int count) {
    auto log = store::RequestLog::Open(db_, 5000);
    ASSERT_TRUE(log.ok()) << log.error().message;
    std::vector<store::RequestLogRow> rows;
    for (int i = 0; i < count; ++i) rows.push_back(RowOf(&random_));
    const Status s = log->Append(rows);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  int64_t Number(const std::string& sql) const { return Database(db_).Number(sql); }

  TempDir dir_;
  const std::string db_;
  const std::string spool_;
  std::mt19937 random_{5};
};

TEST_F(AggregateProgram, KilledAtAnyMomentItCountsEachRowOnce) {
  Append(10'000);
  std::atomic<bool> stop = false;
  std::atomic<int64_t> made = 10'000;
  const auto write = [&](unsigned seed, bool spools) {
    std::mt19937 random(seed);
    auto log = store::RequestLog::Open(db_, 10'000);
    ASSERT_TRUE(log.ok()) << log.error().message;
    store::Spool spool(spool_, 1 << 26);
    while (!stop) {
      std::vector<store::RequestLogRow> rows;
      for (int i = 0; i < 50; ++i) rows.push_back(RowOf(&random));
      const Status s = spools ? spool.Append(rows) : log->Append(rows);
      ASSERT_TRUE(s.ok()) << s.error().message;
      made += static_cast<int64_t>(rows.size());
      usleep(10'000);
    }
  };
  std::thread to_database(write, 1, false);
  std::thread to_spool(write, 2, true);
  int killed = 0;
  int killed_at_work = 0;  // with something committed, and something left
  for (int i = 0; i < 30; ++i) {
    const int64_t before = Number("SELECT coalesce(max(seq), 0) FROM watermarks");
    Process process(With({"-q"}));
    usleep(static_cast<useconds_t>(random_() % 300'000));
    process.Signal(SIGKILL);
    const bool was_killed = process.Wait(30'000) == 128 + SIGKILL;
    const int64_t after = Number("SELECT coalesce(max(seq), 0) FROM watermarks");
    killed += was_killed;
    killed_at_work += was_killed && after > before;
    const int64_t counted = Number("SELECT count(*) FROM request_logs WHERE seq <= " + std::to_string(after));
    EXPECT_EQ(Number("SELECT coalesce(sum(requests), 0) FROM stats_hourly"), counted) << "run " << i;
    EXPECT_EQ(Number("SELECT coalesce(sum(total_requests), 0) FROM system_stats"), counted) << "run " << i;
  }
  stop = true;
  to_database.join();
  to_spool.join();
  EXPECT_GT(killed, 5);
  EXPECT_GT(killed_at_work, 0);
  const RunResult last = RunCommand(With({}));
  EXPECT_EQ(last.code, 0) << last.out << last.err;
  EXPECT_EQ(Number("SELECT count(*) FROM request_logs"), made);
  EXPECT_EQ(Number("SELECT requests FROM totals"), made);
  EXPECT_EQ(RollupDifference(db_), "");
  EXPECT_EQ(Database(db_).IntegrityCheck(), "ok");
  EXPECT_TRUE(std::filesystem::is_empty(spool_));
  const std::string dump = DumpRollups(db_);
  EXPECT_EQ(RunCommand(With({})).code, 0);
  EXPECT_EQ(DumpRollups(db_), dump);
}

TEST_F(AggregateProgram, AFullDiskEndsTheRunAndTheNextGoesOn) {
  Append(4000);
  const RunResult full = RunUnder({"sh", "-c", "ulimit -f 200; exec \"$@\"", "sh"});
  EXPECT_EQ(full.code, EX_IOERR) << full.out << full.err;
  EXPECT_EQ(RunCommand(With({})).code, 0);
  EXPECT_EQ(RollupDifference(db_), "");
  EXPECT_EQ(Database(db_).IntegrityCheck(), "ok");
}

TEST_F(AggregateProgram, AReadOnlyDatabaseIsRefused) {
  Append(10);
  chmod(db_.c_str(), 0444);
  const RunResult refused = geteuid() == 0
                                ? RunUnder({"setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"})
                                : RunCommand(With({}));
  EXPECT_EQ(refused.code, EX_NOPERM) << refused.err;
  EXPECT_NE(refused.err.find("main.db"), std::string::npos) << refused.err;
  EXPECT_EQ(Number("SELECT count(*) FROM watermarks"), 0);
}

TEST_F(AggregateProgram, ASecondCopyWaitsOnlyWhenTold) {
  Append(10);
  const int fd = open((db_ + ".aggregate.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  const RunResult second = RunCommand(With({"-q"}));
  EXPECT_EQ(second.code, EX_TEMPFAIL);
  EXPECT_NE(second.err.find("another aggregate is running"), std::string::npos) << second.err;
  Process waiting(With({"--lock-wait=60"}));
  EXPECT_FALSE(waiting.Wait(300).has_value());
  close(fd);
  EXPECT_EQ(waiting.Wait(30'000), 0);
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateProgram, TheCommandLineIsChecked) {
  struct Case {
    const char* name;
    std::vector<std::string> arguments;
    int code;
    const char* text;  // in what it prints
  };
  const Case cases[] = {
      {"help", {"--help"}, 0, "--repair"},
      {"version", {"--version"}, 0, "gemini-code-aggregate "},
      {"unknown option", {"--rebuild"}, EX_USAGE, "rebuild"},
      {"argument", {"now"}, EX_USAGE, "unexpected argument 'now'"},
      {"bad wait", {"--lock-wait=soon"}, EX_USAGE, "--lock-wait: 'soon'"},
      {"dry run", {"-n"}, 0, "0 rows to aggregate, 0 B in the spool"},
  };
  for (const Case& c : cases) {
    const RunResult result = RunCommand(With(c.arguments));
    EXPECT_EQ(result.code, c.code) << c.name << ": " << result.err;
    EXPECT_NE((result.out + result.err).find(c.text), std::string::npos) << c.name << ": " << result.out << result.err;
  }
}

// The configured spool belongs to the configured database, not to a copy of it.
TEST_F(AggregateProgram, AnotherDatabaseLeavesTheSpoolAlone) {
  const store::RequestLogRow row = RowOf(&random_);
  ASSERT_TRUE(store::Spool(spool_, 1 << 20).Append({&row, 1}).ok());
  const std::string config = dir_.Write("gemini-code.properties", "spool.dir = " + spool_ + "\n");
  EXPECT_EQ(RunCommand(ProgramWith({"-c", config, "--db", db_})).code, 0);
  EXPECT_EQ(Number("SELECT count(*) FROM request_logs"), 0);
  EXPECT_TRUE(std::filesystem::exists(spool_ + "/requests.ndjson"));
}

TEST(AggregateBehindTheGateway, AllRequestsAreInTheStatistics) {
  Gateway gateway;
  int64_t requests = 0;
  for (const std::string text : {"one", "two", "x [[fake: error=rpm]]", "x [[fake: status=500]]"}) {
    Do(Chat(gateway, text));
    Do(Chat(gateway, text, Answer::kStream));
    requests += 2;
  }
  Do(Get(gateway, "/v1/nope"));
  Do(Get(gateway, "/v1/models", ""));
  requests += 2;
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", requests));
  sqlite3* db = nullptr;
  sqlite3_open(gateway.Path("gemini-code.db").c_str(), &db);
  sqlite3_busy_timeout(db, 5000);
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  Do(Chat(gateway, "spooled"));
  ++requests;
  EXPECT_TRUE(WaitUntil([&] { return !ReadFile(gateway.Path("spool/requests.ndjson")).empty(); }));
  sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(db);

  const RunResult run = RunCommand(ProgramWith({"-c", gateway.config_file(), "--json"}));
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(Field(run.out, {"rows"}), std::to_string(requests)) << run.out;
  EXPECT_EQ(Field(run.out, {"spool", "rows"}), "1") << run.out;
  EXPECT_EQ(RollupDifference(gateway.Path("gemini-code.db")), "");
  EXPECT_EQ(gateway.database().Number("SELECT sum(total_requests) FROM system_stats"), requests);
  EXPECT_EQ(gateway.database().One("SELECT DISTINCT model FROM stats_hourly WHERE endpoint = 'unmatched'"), "");
}

}  // namespace
}  // namespace gc::test
