// aggregate_test.cc: the roll-ups are what the rows come to, each row once, whatever happened before.
// SPDX-License-Identifier: MIT
#include "jobs/aggregate.h"

#include <Poco/Data/Session.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <random>
#include <sstream>

#include "base/json.h"
#include "handler/api_error.h"
#include "jobs/aggregate_rows.h"
#include "jobs/job_run.h"
#include "jobs/rollup.h"
#include "jobs/session.h"
#include "jobs/system_stats.h"
#include "store/spool.h"
#include "support/rollup_check.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

using store::RequestLogRow;
using test::DumpRollups;
using test::RollupDifference;

constexpr int64_t kNow = 1'700'000'100;  // MovableClock's

class AggregateTest : public store::StoreTest {
 protected:
  AggregateTest() {
    options_.database_path = db_;
    options_.spool_dir = spool_dir_;
  }

  int Run() {
    out_.str("");
    err_.str("");
    return RunAggregate(options_, &console_, clock_);
  }

  void Append(const std::vector<RequestLogRow>& rows) {
    auto log = store::RequestLog::Open(db_, 1000, clock_);
    ASSERT_TRUE(log.ok()) << log.error().message;
    const Status s = log->Append(rows);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  void AppendAt(int64_t unix_s) {
    RequestLogRow row = store::FreshRow();
    row.timestamp_unix_s = unix_s;
    Append({row});
  }
  void Execute(const std::string& sql) {
    const Status s = Open().Execute(sql);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }

  // Rows of `days` days up to now, of all kinds: errors, streams, unknown figures, no key.
  std::vector<RequestLogRow> RandomRows(int count, int days) {
    std::vector<RequestLogRow> rows;
    std::lognormal_distribution<double> ms(7, 1.5);
    const auto pick = [&](int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); };
    for (int i = 0; i < count; ++i) {
      static constexpr int kStatuses[] = {200, 200, 200, 200, 400, 401, 403, 404, 429, 499, 500, 502, 503, 504, 529};
      static constexpr const char* kErrors[] = {"", "upstream_timeout", "rate_limited", "client_left"};
      static constexpr const char* kClients[] = {"openai", "claude", "gemini", "unknown", "other"};
      RequestLogRow row = store::FreshRow();
      row.timestamp_unix_s = kNow - static_cast<int64_t>(random_() % static_cast<unsigned>(days * 86'400));
      row.status_code = kStatuses[pick(15)];
      row.has_error = row.status_code >= 400 || pick(20) == 0;
      row.error_type = row.has_error ? kErrors[pick(4)] : "";
      row.client_type = kClients[pick(5)];
      row.model = pick(10) == 0 ? "" : "gemini-" + std::to_string(pick(4));
      row.endpoint = pick(2) == 0 ? "/v1/messages" : "/v1/chat/completions";
      row.api_key_hash = pick(8) == 0 ? "" : "key" + std::to_string(pick(9));
      row.response_time_ms = static_cast<int64_t>(ms(random_));
      if (pick(3) == 0) row.first_token_ms = std::nullopt;
      if (pick(3) == 0) row.input_tokens = row.output_tokens = row.total_tokens = std::nullopt;
      if (pick(3) == 0) row.cached_tokens = row.thoughts_tokens = std::nullopt;
      row.is_stream = pick(2) == 0;
      row.attempts = pick(4);
      rows.push_back(row);
    }
    return rows;
  }

  json::Document Json(const std::string& text) {
    auto document = json::Document::Parse(text);
    if (!document) throw std::runtime_error(document.error().message + ": " + text);
    return std::move(*document);
  }

  std::mt19937 random_{11};
  store::MovableClock clock_;
  AggregateOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-aggregate", out_, err_};
};

TEST_F(AggregateTest, RollupsAreTheSumsOfTheRows) {
  for (int run = 0; run < 4; ++run) {
    Append(RandomRows(400, 6));
    // Other writers' rows may lack what ours have.
    Execute(
        "UPDATE request_logs SET is_stream = NULL, request_size = NULL, attempts = NULL, has_error = NULL"
        " WHERE seq % 7 = 0 AND seq > (SELECT coalesce(max(seq), 0) FROM watermarks)");
    EXPECT_EQ(Run(), 0) << err_.str();
    EXPECT_EQ(RollupDifference(db_), "") << "run " << run;
  }
  EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), 1600);
  EXPECT_EQ(Int("SELECT sum(count) FROM stats_histogram WHERE span = 'day' AND metric = 'response_time'"), 1600);
  EXPECT_EQ(Rows("SELECT job, rc, rows FROM job_runs WHERE seq = 4"), "aggregate|0|400");
}

TEST_F(AggregateTest, ManyCellsGoInSeveralTransactions) {
  Append(RandomRows(12'000, 60));
  std::vector<int64_t> commits;
  auto session = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 1000);
  ASSERT_TRUE(session.ok());
  auto reader = Open();
  store::TurnLock turns(db_);
  RowAggregator rows(*session, reader, turns, clock_, [&](int64_t done) {
    commits.push_back(done);
    // Each of them is consistent by itself.
    EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), done);
    EXPECT_EQ(Int("SELECT sum(total_requests) FROM system_stats"), done);
    EXPECT_EQ(Int("SELECT seq FROM watermarks"), done);
  });
  AggregatedRows done;
  ASSERT_TRUE(rows.Run(&done).ok());
  EXPECT_GT(commits.size(), 2U);
  EXPECT_EQ(done.rows, 12'000);
  EXPECT_EQ(RollupDifference(db_), "");
}

// A child that is killed after a number of SQLite's steps, or right after a commit.
TEST_F(AggregateTest, KilledAtAnyStepItLeavesWholeTransactions) {
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

TEST_F(AggregateTest, ASecondRunChangesNothing) {
  Append(RandomRows(500, 3));
  EXPECT_EQ(Run(), 0) << err_.str();
  const std::string before = DumpRollups(db_);
  clock_.unix_s += 300;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(DumpRollups(db_), before);
  EXPECT_EQ(out_.str(), "0 rows aggregated into 0 days, up to 500\n");
}

TEST_F(AggregateTest, ALateRowLandsInItsOwnHourAndDay) {
  AppendAt(kNow);
  EXPECT_EQ(Run(), 0);
  AppendAt(kNow - 5 * kDayS);
  AppendAt(kNow + 9 * kDayS);  // of a clock that ran ahead
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Rows("SELECT date, total_requests FROM system_stats ORDER BY date"),
            "2023-11-09|1\n2023-11-14|1\n2023-11-23|1");
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateTest, TimesThatNoDateCanHoldLandInTheFirstAndLastOne) {
  AppendAt(-5);
  AppendAt(0);
  AppendAt(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT date, total_requests FROM system_stats"), "1970-01-01|2\n9999-12-31|1");
}

TEST_F(AggregateTest, TheDayHasAllItsFigures) {
  EXPECT_EQ(ErrorTypeName(ApiErrorKind::kUpstreamTimeout), kTimeoutErrorType);
  std::vector<RequestLogRow> rows;
  const auto add = [&](int status, const std::string& error_type, const std::string& client, const std::string& key) {
    RequestLogRow row = store::FreshRow();
    row.status_code = status;
    row.error_type = error_type;
    row.has_error = !error_type.empty();
    row.client_type = client;
    row.api_key_hash = key;
    row.response_time_ms = 100 * static_cast<int64_t>(rows.size() + 1);
    row.is_stream = status == 200;
    rows.push_back(row);
  };
  add(200, "", "openai", "a");
  add(200, "upstream_timeout", "claude", "b");  // a stream that fell silent
  add(504, "upstream_timeout", "claude", "b");
  add(429, "rate_limited", "gemini", "a");
  add(401, "missing_credential", "unknown", "");
  add(403, "forbidden", "openai", "c");
  Append(rows);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Rows("SELECT * FROM system_stats"),
            "2023-11-14|6|1|5|2|2|1|1|840|600|240|350.0|100|600|0.833333333333333|2|1|2|12000|18000|2|3|1|1700000100");
  EXPECT_EQ(Rows("SELECT model, status_code FROM stats_hourly ORDER BY status_code"),
            "gemini-2.5-flash|200\ngemini-2.5-flash|200\n|401\n|403\ngemini-2.5-flash|429\ngemini-2.5-flash|504")
      << "a client's word is no model";
}

TEST_F(AggregateTest, PrunedRowsStayCounted) {
  Append(RandomRows(300, 1));
  EXPECT_EQ(Run(), 0);
  const std::string stats = Rows("SELECT date, total_requests, average_response_time FROM system_stats");
  Execute("DELETE FROM request_logs");
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT date, total_requests, average_response_time FROM system_stats"), stats);
  Append(RandomRows(1, 1));  // into a day whose rows are gone
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Int("SELECT sum(total_requests) FROM system_stats"), 301);
  EXPECT_EQ(Int("SELECT seq FROM watermarks"), 301);
}

TEST_F(AggregateTest, ADayWhoseRollupsAreGoneDoesNotShrink) {
  Append(RandomRows(50, 1));
  EXPECT_EQ(Run(), 0);
  Execute("DELETE FROM stats_hourly; DELETE FROM stats_key_daily");
  const std::string stats = Rows("SELECT * FROM system_stats");
  Append(RandomRows(3, 1));
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(Rows("SELECT * FROM system_stats"), stats);
}

TEST_F(AggregateTest, RowsDeletedBeforeTheyWereCountedDoNotStopIt) {
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
TEST_F(AggregateTest, ALogThatBeganAnewIsNoticed) {
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

TEST_F(AggregateTest, TheSpoolIsPartOfTheRun) {
  Append(RandomRows(10, 1));
  ASSERT_TRUE(store::Spool(spool_dir_, 1 << 20).Append(RandomRows(7, 1)).ok());
  dir_.Write("spool/replay-0.ndjson", "{\"id\":\"torn");
  EXPECT_EQ(Run(), kExitFindings);
  EXPECT_EQ(Int("SELECT sum(requests) FROM stats_hourly"), 17);
  EXPECT_EQ(out_.str(), "17 rows aggregated into 1 day, up to 17\nspool: 7 rows of 2 files\n");
  EXPECT_NE(err_.str().find("1 line that no row could be made of, kept in " + spool_dir_), std::string::npos)
      << err_.str();
  EXPECT_EQ(RollupDifference(db_), "");
  EXPECT_EQ(Run(), 0) << err_.str();
}

TEST_F(AggregateTest, ADryRunChangesNothing) {
  Append(RandomRows(25, 1));
  ASSERT_TRUE(store::Spool(spool_dir_, 1 << 20).Append(RandomRows(2, 1)).ok());
  const std::string before = DumpRollups(db_);
  options_.dry_run = true;
  console_.format = OutputFormat::kJson;
  EXPECT_EQ(Run(), 0) << err_.str();
  const auto document = Json(out_.str());
  EXPECT_EQ(*document.root().Find("rows_waiting")->Int(), 25);
  EXPECT_GT(*document.root().Find("spool_bytes_waiting")->Int(), 500);
  EXPECT_EQ(DumpRollups(db_), before);
  EXPECT_EQ(SpoolLines(), 2);
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs"), 0);
}

TEST_F(AggregateTest, JsonTellsTheSame) {
  Append(RandomRows(25, 3));
  console_.format = OutputFormat::kJson;
  EXPECT_EQ(Run(), 0) << err_.str();
  const auto document = Json(out_.str());
  EXPECT_EQ(*document.root().Find("rows")->Int(), 25);
  EXPECT_EQ(*document.root().Find("watermark")->Int(), 25);
  EXPECT_EQ(static_cast<int64_t>(document.root().Find("days")->Items().size()),
            Int("SELECT count(*) FROM system_stats"));
  EXPECT_EQ(document.root().Find("days")->Items().front().Text(), Rows("SELECT min(date) FROM system_stats"));
  EXPECT_TRUE(document.root().Find("findings")->Items().empty());
}

TEST_F(AggregateTest, KeysOverTheBoundGoTheLongestUnusedFirst) {
  std::vector<RequestLogRow> rows;
  for (int i = 0; i < 2500; ++i) {
    rows.push_back(store::FreshRow());
    rows.back().api_key_hash = "key" + std::to_string(i);
    rows.back().timestamp_unix_s = kNow - i;
  }
  Append(rows);
  options_.max_keys = 10;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_NE(out_.str().find("2490 keys taken out"), std::string::npos) << out_.str();
  EXPECT_EQ(Int("SELECT count(*) FROM api_key_metrics"), 10);
  EXPECT_EQ(Int("SELECT min(last_used) FROM api_key_metrics"), kNow - 9 + 1) << "response time 1.5 s";
  EXPECT_EQ(Int("SELECT count(*) FROM stats_key_daily"), 2500);
}

TEST_F(AggregateTest, TotalsBelowTheDaysAreFoundAndRepaired) {
  Append(RandomRows(40, 2));
  EXPECT_EQ(Run(), 0);
  Execute("UPDATE totals SET requests = 7");
  EXPECT_EQ(Run(), kExitFindings);
  EXPECT_NE(err_.str().find("totals.requests is 33 below the sum of system_stats; --repair corrects it"),
            std::string::npos)
      << err_.str();
  EXPECT_EQ(Int("SELECT requests FROM totals"), 7);
  options_.repair = true;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Int("SELECT requests FROM totals"), 40);
  Execute("DELETE FROM totals");
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT requests, date(since, 'unixepoch') FROM totals"),
            Rows("SELECT 40, min(date) FROM system_stats"));
}

TEST_F(AggregateTest, KeysThatDifferAreFoundOnceADayAndRepaired) {
  RequestLogRow row = store::FreshRow();
  row.timestamp_unix_s = kNow - 3 * kDayS;
  row.api_key_hash = "old";  // first seen on the first day that is covered: not compared
  Append({row});
  row = store::FreshRow();
  row.api_key_hash = "wrong";
  RequestLogRow local = store::FreshRow();
  local.api_key_hash = "right";
  local.attempts = 0;  // counted in stats_key_daily only
  Append({row, local});
  row = store::FreshRow();
  row.api_key_hash = "right";
  Append({row});
  Execute(
      "UPDATE api_key_metrics SET total_requests = 9, failed_requests = 5, successful_requests = 4,"
      " total_input_tokens = 1000, total_tokens = 1040 WHERE key_hash IN ('wrong', 'old')");
  EXPECT_EQ(Run(), kExitFindings);
  EXPECT_NE(err_.str().find("1 key with more in api_key_metrics"), std::string::npos) << err_.str();
  Append(RandomRows(1, 1));
  EXPECT_EQ(Run(), 0) << "once a day";
  options_.repair = true;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_NE(out_.str().find("repaired: 1 key"), std::string::npos) << out_.str();
  EXPECT_EQ(Rows("SELECT total_requests, successful_requests, failed_requests, total_input_tokens,"
                 " total_output_tokens, total_tokens FROM api_key_metrics WHERE key_hash = 'wrong'"),
            "1|0|1|100|40|140");
  EXPECT_EQ(Int("SELECT total_requests FROM api_key_metrics WHERE key_hash = 'old'"), 9);
  EXPECT_EQ(Int("SELECT total_requests FROM api_key_metrics WHERE key_hash = 'right'"), 1);
}

TEST_F(AggregateTest, AWalThatGrewIsCheckpointed) {
  auto other = Open();  // so that nobody is the last to close
  for (int i = 0; i < 12; ++i) Append(RandomRows(1000, 1));
  auto reader = Open();
  ASSERT_GT(std::filesystem::file_size(db_ + "-wal"), 4U << 20);
  console_.verbosity = Verbosity::kVerbose;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_NE(err_.str().find("checkpoint: "), std::string::npos) << err_.str();
  EXPECT_EQ(RollupDifference(db_), "");
}

TEST_F(AggregateTest, AnotherCopyIsRefused) {
  const auto lock = JobLock::Take(db_, "aggregate", 0);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(Run(), EX_TEMPFAIL);
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs"), 0);
  options_.dry_run = true;
  EXPECT_EQ(Run(), 0) << "a dry run needs no lock";
}

// The lock is by the file's name, and one file may have two.
TEST_F(AggregateTest, TwoCopiesPastTheLockCountEachRowOnce) {
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

TEST_F(AggregateTest, ALockedDatabaseIsTriedAgainLater) {
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

TEST_F(AggregateTest, AFullDiskLosesNothing) {
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

TEST_F(AggregateTest, UnusableDatabasesAreTold) {
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
         for (size_t at = 4096 * 40; at < text.size(); ++at) text[at] = static_cast<char>(at * 7);
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
