// prune_test.cc: what gemini-code-prune deletes, keeps, refuses and says.
// SPDX-License-Identifier: MIT
#include "jobs/prune.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <sstream>
#include <vector>

#include "base/json.h"
#include "store/checkpoint.h"
#include "support/write_load.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

using store::FullRow;

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z
constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 86400;

// Stands still, or goes on by `step_us` with each look.
class PruneClock final : public Clock {
 public:
  int64_t UnixMs() override { return unix_s * 1000; }
  int64_t MonotonicUs() override { return monotonic_us += step_us; }
  void Random(void* out, size_t bytes) override { SystemClock().Random(out, bytes); }
  int64_t unix_s = kNow;
  int64_t monotonic_us = 0;
  int64_t step_us = 0;
};

class PruneTest : public store::StoreTest {
 protected:
  PruneTest() {
    options_.database_path = db_;
    options_.pause_ms = 0;
  }

  int Run() {
    out_.str("");
    err_.str("");
    return RunPrune(options_, &console_, clock_);
  }
  // The JSON document of a run that returned `code`.
  json::Document RunJson(int code) {
    console_.format = OutputFormat::kJson;
    EXPECT_EQ(Run(), code) << err_.str();
    auto document = json::Document::Parse(out_.str());
    if (!document) throw std::runtime_error(document.error().message + ": " + out_.str());
    return std::move(*document);
  }

  void Append(int64_t rows, int64_t age_s, bool has_error = false, const std::string& message = "broken") {
    auto log = store::RequestLog::Open(db_, 5000);
    ASSERT_TRUE(log.ok());
    std::vector<store::RequestLogRow> batch(static_cast<size_t>(rows), FullRow(""));
    for (store::RequestLogRow& row : batch) {
      row.id = UuidV7(SystemClock());
      row.timestamp_unix_s = kNow - age_s;
      row.has_error = has_error;
      row.error_type = has_error ? "upstream_unavailable" : "";
      row.error_message = has_error ? message : "";
    }
    ASSERT_TRUE(log->Append(batch).ok());
  }
  void Execute(const std::string& sql) {
    const Status done = Open().Execute(sql);
    ASSERT_TRUE(done.ok()) << sql << ": " << done.error().message;
  }
  void Aggregated() {
    Execute("INSERT OR REPLACE INTO watermarks SELECT 'request_logs', ifnull(max(seq), 0), 0 FROM request_logs");
  }
  // Ages of the rows that are there, in days, with their number.
  std::string Ages(const std::string& table = "request_logs") {
    return Rows("SELECT (1800000000 - timestamp) / 86400, count(*) FROM " + table + " GROUP BY 1 ORDER BY 1");
  }
  // All that pruning could change.
  std::string Dump() {
    std::string text;
    for (const char* table :
         {"request_logs", "error_logs", "system_stats", "stats_hourly", "stats_histogram", "stats_key_daily"}) {
      text += Rows(std::string("SELECT * FROM ") + table) + "\n";
    }
    return text;
  }

  PruneOptions options_;
  PruneClock clock_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-prune", out_, err_};
};

TEST_F(PruneTest, ByAge) {
  Append(2, 100 * kDay, true);
  Append(3, 40 * kDay, true);
  Append(2, 30 * kDay);
  Append(4, 29 * kDay, true);
  Append(8, 0);
  Aggregated();
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Ages(), "0|8\n29|4\n30|2");
  EXPECT_EQ(Ages("error_logs"), "29|4\n40|3");
  EXPECT_NE(out_.str().find("request_logs: 5 rows deleted, 14 kept, oldest 2026-12-16T08:00:00Z"), std::string::npos)
      << out_.str();
  EXPECT_EQ(Rows("SELECT job, rc, rows, message FROM job_runs"), "prune|0|7|7 rows deleted, 0 left");
  EXPECT_EQ(Run(), 0) << "again";
  EXPECT_EQ(Ages(), "0|8\n29|4\n30|2");
}

TEST_F(PruneTest, AttemptsGoWithTheirRequests) {
  for (const int64_t days : {31, 30, 0}) {
    Execute("INSERT INTO key_attempts(request_id, timestamp, step, key_hash, called, start_ms, duration_ms) VALUES('" +
            std::to_string(days) + "'," + std::to_string(kNow - days * kDay) + ",1,'a',1,0,5)");
  }
  Append(1, 0);
  Aggregated();
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT request_id FROM key_attempts ORDER BY request_id"), "0\n30");
}

TEST_F(PruneTest, StatisticsGoByWholeDays) {
  // Midnight of the day that stays in full: 2025-12-11, for histograms of hours 2026-12-11.
  const std::string day = std::to_string(kNow / kDay * kDay - 400 * kDay);
  const std::string hours = std::to_string(kNow / kDay * kDay - 35 * kDay);
  const std::string young = std::to_string(kNow);
  Execute("INSERT INTO system_stats(date, updated_at) VALUES('2025-12-10',1),('2025-12-11',1),('2026-01-01',1)");
  Execute("INSERT INTO stats_key_daily(date, key_hash) VALUES('2025-12-10','a'),('2025-12-11','a'),('2026-01-01','b')");
  for (const std::string& hour : {day + "-3600", day, young}) {
    Execute(
        "INSERT INTO stats_hourly(hour,model,endpoint,client_type,status_code,error_type,response_time_ms_min,"
        "response_time_ms_max) VALUES(" +
        hour + ",'m','e','openai',200,'',1,1)");
  }
  for (const std::string& start : {day + "-86400", day, young}) {
    Execute("INSERT INTO stats_histogram VALUES('day'," + start + ",'m','response_time',5,1)");
  }
  for (const std::string& start : {hours + "-3600", hours, young}) {
    Execute("INSERT INTO stats_histogram VALUES('hour'," + start + ",'m','response_time',5,1)");
  }
  const std::string version = "','h'," + std::to_string(kNow - 91 * kDay) + ",'v')";
  Execute("INSERT INTO job_runs(job,host,started_at,version) VALUES('backup" + version + ",('backup" + version +
          ",('report" + version);
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT date FROM system_stats"), "2025-12-11\n2026-01-01");
  EXPECT_EQ(Rows("SELECT date FROM stats_key_daily"), "2025-12-11\n2026-01-01");
  EXPECT_EQ(Rows("SELECT hour FROM stats_hourly"), day + "\n" + young);
  EXPECT_EQ(Rows("SELECT start FROM stats_histogram WHERE span = 'day'"), day + "\n" + young);
  EXPECT_EQ(Rows("SELECT start FROM stats_histogram WHERE span = 'hour'"), hours + "\n" + young);
  EXPECT_EQ(Rows("SELECT seq, job FROM job_runs WHERE job <> 'prune'"), "2|backup\n3|report") << "the last of each";
}

TEST_F(PruneTest, WhatIsNotAggregatedStays) {
  Append(3, 40 * kDay);
  Append(5, 0);
  Aggregated();
  Append(2, 50 * kDay);  // late rows, as from the spool
  Append(1, 0);
  EXPECT_EQ(Run(), 1);
  EXPECT_EQ(Ages(), "0|6\n50|2");
  EXPECT_NE(err_.str().find("2 old rows are in no roll-up yet"), std::string::npos) << err_.str();
  Aggregated();
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Ages(), "0|6");
}

TEST_F(PruneTest, NothingGoesWithoutAWatermark) {
  EXPECT_EQ(Run(), 0) << "an empty database has nothing to wait for: " << err_.str();
  Append(3, 40 * kDay, true);
  Append(5, 0);
  for (const bool force : {false, true}) {
    options_.force = force;
    EXPECT_EQ(Run(), 1);
    EXPECT_NE(err_.str().find("run gemini-code-aggregate first"), std::string::npos) << err_.str();
    EXPECT_EQ(Ages(), "0|5\n40|3");
  }
}

TEST_F(PruneTest, MaxRowsTakesTheOldestByTime) {
  Append(10, 3 * kDay);
  Append(10, 1 * kDay);
  Append(5, 2 * kDay);  // late
  Aggregated();
  options_.max_rows = 12;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Ages(), "1|10\n2|2");
  Append(20, 0);
  EXPECT_EQ(Run(), 1) << "the twenty are in no roll-up";
  EXPECT_EQ(Ages(), "0|20");
  EXPECT_NE(err_.str().find("the limit on rows or bytes"), std::string::npos) << err_.str();
  Aggregated();
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Ages(), "0|12");
}

TEST_F(PruneTest, MaxBytesLimitsBothLogs) {
  const std::string long_message(900, 'x');
  for (int day = 20; day > 0; --day) {
    Append(100, day * kDay, true, long_message);
    Append(300, day * kDay);
  }
  Aggregated();
  const char* used =
      "SELECT (a.page_count - b.freelist_count) * 4096 FROM pragma_page_count a, pragma_freelist_count b";
  options_.max_bytes = int64_t{2} << 20;
  ASSERT_GT(Int(used), 2 * options_.max_bytes);
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_LE(Int(used), options_.max_bytes);
  EXPECT_GT(Int(used), options_.max_bytes / 4 * 3) << "not more than needed";
  const int64_t requests = Int("SELECT count(*) FROM request_logs");
  const int64_t errors = Int("SELECT count(*) FROM error_logs");
  EXPECT_GT(requests, 2000);
  EXPECT_GT(errors, 100);
  EXPECT_LT(errors, 300) << "an eighth of the bytes";
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs WHERE timestamp = " + std::to_string(kNow - kDay)), 400);
  EXPECT_EQ(Int("SELECT max(timestamp) FROM error_logs"), kNow - kDay);
  EXPECT_EQ(Run(), 0) << "again";
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), requests);
}

TEST_F(PruneTest, TheNextRunGoesOnWhereTheBudgetEnded) {
  Append(400, 40 * kDay);
  Append(500, 0);
  Aggregated();
  options_.batch_rows = 10;
  options_.budget_s = 1;
  clock_.step_us = 50'000;
  int runs = 0;
  int64_t left = 400;
  while (left > 0 && runs < 100) {
    const auto document = RunJson(0);
    const json::Value& root = document.root();
    left -= root.Find("rows_deleted")->Int().value();
    EXPECT_EQ(root.Find("rows_remaining")->Int().value(), left);
    EXPECT_EQ(json::ToText(*root.Find("stopped_by")), left > 0 ? "\"time_budget\"" : "null");
    EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 500 + left);
    ++runs;
  }
  EXPECT_EQ(Ages(), "0|500");
  EXPECT_GT(runs, 3);
}

TEST_F(PruneTest, ABudgetThatEndsIsSaid) {
  Append(400, 40 * kDay);
  Append(500, 0);
  Aggregated();
  options_.batch_rows = 10;
  options_.budget_s = 1;
  clock_.step_us = 100'000;
  EXPECT_EQ(Run(), 0) << err_.str();
  const std::string left = std::to_string(Int("SELECT count(*) FROM request_logs") - 500);
  EXPECT_NE(out_.str().find("the time budget is used up: " + left + " rows are left"), std::string::npos) << out_.str();
}

TEST_F(PruneTest, WaitsWhileABackupIsMade) {
  Append(5000, 40 * kDay);
  Append(6000, 0);
  Aggregated();
  options_.budget_s = 1;
  clock_.step_us = 10'000;
  {
    const store::CheckpointPause backup(db_);
    const auto document = RunJson(0);
    EXPECT_EQ(json::ToText(*document.root().Find("stopped_by")), "\"time_budget\"");
    EXPECT_GT(Int("SELECT count(*) FROM request_logs"), 6000);
  }
  clock_.step_us = 0;
  EXPECT_EQ(json::ToText(*RunJson(0).root().Find("stopped_by")), "null");
  EXPECT_EQ(Ages(), "0|6000");
}

TEST_F(PruneTest, SafetyStops) {
  struct Case {
    const char* name;
    std::function<void()> make;
    int64_t now_s;
    const char* says;
    const char* kept_with_force;  // Ages
  };
  const Case cases[] = {
      {"more than half is old", [&] { Append(1000, 40 * kDay), Append(900, 0); }, kNow, "1000 of 1900 rows", "0|900"},
      {"few rows may all be old", [&] { Append(999, 31 * kDay); }, kNow, "", ""},
      {"the clock is ten years late", [&] { Append(5, 0); }, kNow + 3650 * kDay, "no row since 2027-01-15", ""},
      {"idle for two periods", [&] { Append(5, 61 * kDay); }, kNow, "no row since", ""},
      {"idle for less", [&] { Append(5, 59 * kDay); }, kNow, "", ""},
      {"a row of the day after tomorrow", [&] { Append(5, 40 * kDay), Append(9, -25 * kHour); }, kNow,
       "the newest row is of", "-1|9"},
      {"a row of tonight", [&] { Append(5, 40 * kDay), Append(9, -23 * kHour); }, kNow, "", "0|9"},
      {"before 2024", [&] { Append(5, 0); }, 1'000'000'000, "which cannot be", "0|5"},
      {"1970", [&] { Append(5, 0); }, 5, "which cannot be", "0|5"},
      {"statistics alone", [&] { Execute("INSERT INTO system_stats(date,updated_at) VALUES('2020-01-01',1)"); }, kNow,
       "system_stats: 1 of 1 rows", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Execute("DELETE FROM request_logs; DELETE FROM system_stats");
    c.make();
    Aggregated();
    clock_.unix_s = c.now_s;
    const std::string before = Dump();
    options_.force = false;
    const bool stops = *c.says != '\0';
    EXPECT_EQ(Run(), stops ? 1 : 0) << err_.str();
    if (stops) {
      EXPECT_NE(err_.str().find(c.says), std::string::npos) << err_.str();
      EXPECT_NE(err_.str().find("nothing was pruned"), std::string::npos) << err_.str();
      EXPECT_EQ(Dump(), before);
      EXPECT_EQ(Rows("SELECT rc, rows FROM job_runs ORDER BY seq DESC LIMIT 1"), "1|0");
      options_.force = true;
      EXPECT_EQ(Run(), 0) << err_.str();
      EXPECT_NE(err_.str().find(c.says), std::string::npos) << "said all the same: " << err_.str();
    }
    EXPECT_EQ(Ages(), c.kept_with_force);
    EXPECT_EQ(Int("SELECT count(*) FROM system_stats"), 0);
  }
}

TEST_F(PruneTest, DryRunCountsTheSameAndChangesNothing) {
  Append(7, 100 * kDay, true);
  Append(30, 2 * kDay);
  Append(30, 0);
  Aggregated();
  options_.max_rows = 50;
  const std::string before = Dump();
  options_.dry_run = true;
  const auto planned = RunJson(0);
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs"), 0);
  EXPECT_NE(access((db_ + ".prune.lock").c_str(), F_OK), 0);
  console_.format = OutputFormat::kText;
  EXPECT_EQ(Run(), 0);
  EXPECT_NE(out_.str().find("request_logs: 17 rows would be deleted, 50 kept"), std::string::npos) << out_.str();
  options_.dry_run = false;
  const auto done = RunJson(0);
  EXPECT_EQ(planned.root().Find("rows_deleted")->Int().value(), 0);
  EXPECT_EQ(planned.root().Find("rows_remaining")->Int().value(), 24);
  EXPECT_EQ(done.root().Find("rows_deleted")->Int().value(), 24);
  EXPECT_EQ(Ages(), "0|30\n2|20");
}

TEST_F(PruneTest, FollowersNeverSeeASeqTwice) {
  Append(20, 40 * kDay);
  Aggregated();
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(Ages(), "");
  Append(3, 0);
  EXPECT_EQ(Rows("SELECT seq FROM request_logs ORDER BY seq"), "21\n22\n23");
}

TEST_F(PruneTest, PrunedRowsRestNowhereInTheFile) {
  Append(300, 40 * kDay, true, "the-message-of-an-old-row");
  Append(400, 0);
  Aggregated();
  options_.errors_s = 30 * kDay;
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_EQ(ReadFile(db_).find("the-message-of-an-old-row"), std::string::npos);
  EXPECT_EQ(ReadFile(db_ + "-wal").find("the-message-of-an-old-row"), std::string::npos);
}

TEST_F(PruneTest, FreePagesGoBackWhenTheyAreOverAQuarter) {
  struct Case {
    int64_t old;
    int64_t young;
    bool shrinks;
  };
  for (const Case c : {Case{500, 4500, false}, Case{4000, 4500, true}}) {
    SCOPED_TRACE(c.old);
    Execute("DELETE FROM request_logs; VACUUM");
    Append(c.old, 40 * kDay);
    Append(c.young, 0);
    Aggregated();
    const int64_t pages = Int("SELECT page_count FROM pragma_page_count");
    options_.force = true;
    EXPECT_EQ(Run(), 0) << err_.str();
    const int64_t after = Int("SELECT page_count FROM pragma_page_count");
    const int64_t free = Int("SELECT freelist_count FROM pragma_freelist_count");
    EXPECT_GT(free, 0) << "they are for new rows";
    EXPECT_LE(free * 4, after + 4);
    EXPECT_EQ(after < pages, c.shrinks);
    EXPECT_EQ(out_.str().find("given back") != std::string::npos, c.shrinks) << out_.str();
    EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
  }
}

TEST_F(PruneTest, AReaderThatHoldsTheWalEndsTheRun) {
  ASSERT_TRUE(test::FillLog(db_, 30'000, kNow - 60 * kDay, kNow).ok());
  Aggregated();
  auto reader = Open();
  ASSERT_TRUE(reader.Execute("BEGIN; SELECT count(*) FROM totals").ok());
  options_.max_wal_bytes = int64_t{1} << 20;
  options_.force = true;
  EXPECT_EQ(Run(), 75);
  EXPECT_NE(err_.str().find("a reader holds the WAL"), std::string::npos) << err_.str();
  const int64_t kept = Int("SELECT count(*) FROM request_logs");
  EXPECT_GT(kept, 15'001);
  EXPECT_LT(kept, 30'000);
  ASSERT_TRUE(reader.Execute("COMMIT").ok());
  EXPECT_EQ(Run(), 0) << err_.str();
  EXPECT_NEAR(static_cast<double>(Int("SELECT count(*) FROM request_logs")), 15'000, 2);
}

TEST_F(PruneTest, TheSchemaBeforeHasNoRollUps) {
  Execute("PRAGMA user_version = 1");
  EXPECT_EQ(Run(), 78);
  EXPECT_NE(err_.str().find("gemini-code-migrate up"), std::string::npos) << err_.str();
}

TEST_F(PruneTest, ADatabaseOfTheDefaultsIsEmptyAndFine) {
  const auto document = RunJson(0);
  EXPECT_EQ(document.root().Find("tables")->Items().size(), 9U);
  EXPECT_EQ(json::ToText(*document.root().Find("tables")->Items().back().Find("oldest_kept")), "null");
}

}  // namespace
}  // namespace gc::jobs
