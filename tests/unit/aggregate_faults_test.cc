// aggregate_faults_test.cc: each row counts once whatever kills, locks, fills, damages or empties the database.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "jobs/aggregate_rows.h"
#include "jobs/job_run.h"
#include "jobs/rollup.h"
#include "jobs/session.h"
#include "support/rollup_check.h"
#include "unit/aggregate_fixture.h"

namespace gc::jobs {
namespace {

using test::RollupDifference;

class AggregateFaultsTest : public AggregateTest {};

// A child that is killed after a number of SQLite's steps, or right after a commit.
TEST_F(AggregateFaultsTest, KilledAtAnyStepItLeavesWholeTransactions) {
  Append(RandomRows(3000, 20));
  int killed = 0;
  int killed_after_commit = 0;
  for (int step = 0; step < 40; ++step) {
    Append(RandomRows(200, 20));
    const pid_t child = fork();
    if (child == 0) {
      const auto die = [](void* /*left*/) { return raise(SIGKILL); };
      auto session = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 5000);
      auto reader = Open();
      store::TurnLock turns(db_);
      if (step % 2 == 0) {
        sqlite3_wal_hook(
            HandleOf(*session), [](void*, sqlite3*, const char*, int) { return raise(SIGKILL); }, nullptr);
      } else {
        sqlite3_progress_handler(HandleOf(*session), 1 << (6 + step / 4), die, nullptr);
      }
      AggregatedRows done;
      _exit(RowAggregator(*session, reader, turns, clock_, [](int64_t) {}).Run(&done).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status);
    killed_after_commit += WIFSIGNALED(status) && step % 2 == 0;
    const std::string counted =
        Rows("SELECT count(*), count(*) FROM request_logs WHERE seq <= (SELECT max(seq) FROM watermarks)");
    EXPECT_EQ(Rows("SELECT coalesce(sum(requests), 0), (SELECT coalesce(sum(total_requests), 0) FROM system_stats)"
                   " FROM stats_hourly"),
              counted)
        << "step " << step;
  }
  EXPECT_EQ(killed_after_commit, 20);
  EXPECT_GT(killed, 30);
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateFaultsTest, TimesThatNoDateCanHoldLandInTheFirstAndLastOne) {
  AppendAt(-5);
  AppendAt(0);
  AppendAt(kNow);
  Execute("UPDATE request_logs SET timestamp = 9223372036854775807 WHERE seq = 3");
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT date, total_requests FROM system_stats"), "1970-01-01|2\n9999-12-31|1");
}

TEST_F(AggregateFaultsTest, ADayWhoseRollupsAreGoneDoesNotShrink) {
  Append(RandomRows(50, 1));
  EXPECT_EQ(Run(), 0);
  Execute("DELETE FROM stats_hourly; DELETE FROM stats_key_daily");
  const std::string stats = Rows("SELECT * FROM system_stats");
  Append(RandomRows(3, 1));
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Rows("SELECT * FROM system_stats"), stats);
}

TEST_F(AggregateFaultsTest, RowsDeletedBeforeTheyWereCountedDoNotStopIt) {
  Append(RandomRows(20, 1));
  Execute("DELETE FROM request_logs WHERE seq <= 5 OR seq > 15");
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), 10);
  EXPECT_EQ(Int("SELECT seq FROM watermarks"), 15);
  EXPECT_EQ(Run(), 0);
  Append(RandomRows(4, 1));
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), 14);
}

// The log was emptied together with its sequence: its numbers begin again below the watermark.
TEST_F(AggregateFaultsTest, ALogThatBeganAnewIsNoticed) {
  Append(RandomRows(30, 1));
  EXPECT_EQ(Run(), 0);
  Execute("DELETE FROM request_logs; DELETE FROM sqlite_sequence WHERE name = 'request_logs'");
  AppendAt(kNow - 50);  // from before: it may have been counted
  AppendAt(kNow + 50);
  AppendAt(kNow + 60);
  clock_.unix_s = kNow + 100;
  EXPECT_EQ(Run(), kExitFindings);
  EXPECT_NE(err_.str().find("began anew below the watermark 30"), std::string::npos) << err_.str();
  EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), 32);
  EXPECT_EQ(Int("SELECT seq FROM watermarks"), 3);
  EXPECT_EQ(Run(), 0) << "said once";
  AppendAt(kNow + 200);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), 33);
}

TEST_F(AggregateFaultsTest, AnotherCopyIsRefused) {
  const auto lock = JobLock::Take(db_, "aggregate", 0);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(Run(), EX_TEMPFAIL);
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs"), 0);
  options_.dry_run = true;
  EXPECT_EQ(Run(), 0) << "a dry run needs no lock";
}

// The lock is by the file's name, and one file may have two.
TEST_F(AggregateFaultsTest, TwoCopiesPastTheLockCountEachRowOnce) {
  Append(RandomRows(50, 1));
  auto first = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 1000);
  auto second = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 1000);
  ASSERT_TRUE(first.ok() && second.ok());
  auto reader = Open();
  store::TurnLock turns(db_);
  int64_t by_second = 0;
  Status refused;
  // The clock is read between reading rows and writing them: there, the other copy comes in.
  struct Intruder final : Clock {
    int64_t UnixMs() override {
      if (auto once = std::exchange(work, nullptr)) once();
      return kNow * 1000;
    }
    int64_t MonotonicUs() override { return 0; }
    void Random(void* /*out*/, size_t /*bytes*/) override {}
    std::function<void()> work;
  } clock;
  clock.work = [&] {
    AggregatedRows done;
    RowAggregator rows(*second, reader, turns, clock_, [](int64_t) {});
    ASSERT_TRUE(rows.Run(&done).ok());
    by_second = done.rows;
  };
  AggregatedRows done;
  auto own_reader = Open();
  RowAggregator rows(*first, own_reader, turns, clock, [](int64_t) {});
  refused = rows.Run(&done);
  EXPECT_EQ(by_second, 50);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateFaultsTest, ALockedDatabaseIsTriedAgainLater) {
  Append(RandomRows(50, 1));
  auto session = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 0);
  auto reader = Open();
  store::TurnLock turns(db_);
  RowAggregator rows(*session, reader, turns, clock_, [](int64_t) {});
  AggregatedRows done;
  {
    auto holder = Open();
    auto held = store::Transaction::Begin(holder);
    ASSERT_TRUE(held.ok());
    const Status refused = rows.Run(&done);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(ExitCodeOf(refused.error().kind), EX_TEMPFAIL);
  }
  EXPECT_EQ(done.rows, 0);
  ASSERT_TRUE(rows.Run(&done).ok());
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateFaultsTest, AFullDiskLosesNothing) {
  Append(RandomRows(3000, 20));
  auto session = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 1000);
  auto reader = Open();
  store::TurnLock turns(db_);
  RowAggregator rows(*session, reader, turns, clock_, [](int64_t) {});
  const int64_t pages = Int("PRAGMA page_count");
  AggregatedRows done;
  // The pages end at each of many places within the transaction.
  for (int64_t room = 0; room < 60; room += 3) {
    const std::string limit = "PRAGMA max_page_count = " + std::to_string(pages + room);
    ASSERT_EQ(sqlite3_exec(HandleOf(*session), limit.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    const Status full = rows.Run(&done);
    ASSERT_FALSE(full.ok()) << room;
    EXPECT_EQ(ExitCodeOf(full.error().kind), EX_IOERR) << full.error().message;
    // What was committed before stands, and nothing of the transaction that failed.
    EXPECT_EQ(Rows("SELECT sum(requests), sum(requests) FROM stats_hourly"),
              Rows("SELECT (SELECT seq FROM watermarks), sum(total_requests) FROM system_stats"))
        << room;
  }
  ASSERT_EQ(sqlite3_exec(HandleOf(*session), "PRAGMA max_page_count = 1000000", nullptr, nullptr, nullptr), SQLITE_OK);
  ASSERT_TRUE(rows.Run(&done).ok());
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateFaultsTest, UnusableDatabasesAreTold) {
  struct Case {
    const char* name;
    std::function<void()> spoil;
    int exit_code;
    const char* message;
  };
  Append(RandomRows(2000, 2));
  const std::string whole = ReadFile(db_);  // all of it: the last connection has checkpointed
  const Case cases[] = {
      {"missing", [&] { std::filesystem::remove(db_); }, EX_NOINPUT, "main.db"},
      {"no database", [&] { dir_.Write("main.db", "text, no database at all"); }, EX_DATAERR, "main.db"},
      {"damaged pages",
       [&] {
         std::string text = whole;
         for (size_t at = size_t{4096} * 40; at < text.size(); ++at) text[at] = static_cast<char>(at * 7);
         dir_.Write("main.db", text);
       },
       EX_DATAERR, "malformed"},
      {"newer schema", [&] { Execute("PRAGMA user_version = 99"); }, EX_CONFIG, "99"},
      {"older schema", [&] { Execute("PRAGMA user_version = 1"); }, EX_CONFIG, "gemini-code-migrate up"},
  };
  for (const Case& c : cases) {
    for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(db_ + end);
    dir_.Write("main.db", whole);
    c.spoil();
    EXPECT_EQ(Run(), c.exit_code) << c.name << ": " << err_.str();
    EXPECT_NE(err_.str().find(c.message), std::string::npos) << c.name << ": " << err_.str();
    EXPECT_EQ(out_.str(), "") << c.name;
  }
}

}  // namespace
}  // namespace gc::jobs
