// aggregate_test.cc: the roll-ups are what the rows come to, and the rest of a run.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "handler/api_error.h"
#include "jobs/aggregate_rows.h"
#include "jobs/rollup.h"
#include "jobs/session.h"
#include "jobs/system_stats.h"
#include "store/spool.h"
#include "support/rollup_check.h"
#include "unit/aggregate_fixture.h"

namespace gc::jobs {
namespace {

using store::RequestLogRow;
using test::DumpRollups;
using test::RollupDifference;

json::Document Json(const std::string& text) {
  auto document = json::Document::Parse(text);
  if (!document) throw std::runtime_error(document.error().message + ": " + text);
  return std::move(*document);
}

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

}  // namespace
}  // namespace gc::jobs
