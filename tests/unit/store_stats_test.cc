// store_stats_test.cc: the figures behind /health.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "store/stats.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

constexpr int64_t kMinute = 1'700'000'040;  // a whole minute
constexpr int64_t kNow = kMinute + 20;

class StatsTest : public StoreTest {
 protected:
  HealthStats Read(int64_t window_s = 300, int64_t now_s = kNow) {
    auto connection = Open(OpenMode::kReadOnly);
    auto stats = ReadHealthStats(connection, now_s, window_s);
    EXPECT_TRUE(stats.ok()) << stats.error().message;
    return stats.ok() ? *stats : HealthStats{};
  }
  void Execute(const std::string& sql) { ASSERT_EQ(Rows(sql), ""); }
  void Minute(int64_t minute, const char* model, int64_t requests, int64_t errors, int64_t response_ms) {
    Execute(
        "INSERT INTO metrics_minute (minute, model, endpoint, status_class, requests, errors, response_time_ms_sum)"
        " VALUES (" +
        std::to_string(minute) + ", '" + model + "', '/v1', 2, " + std::to_string(requests) + ", " +
        std::to_string(errors) + ", " + std::to_string(response_ms) + ")");
  }
};

TEST_F(StatsTest, ANewDatabaseIsAllZero) {
  const HealthStats s = Read();
  EXPECT_EQ(s.requests + s.errors + s.input_tokens + s.output_tokens + s.cache_hits + s.cache_misses, 0);
  EXPECT_EQ(s.window_requests + s.window_errors + s.window_response_time_ms, 0);
  EXPECT_GE(s.window_covered_s, 1);
  EXPECT_EQ(s.active_keys + s.healthy_keys, 0);
  EXPECT_EQ(s.tables, (std::vector<std::string>{"request_logs", "api_key_metrics", "system_stats", "error_logs"}));
}

TEST_F(StatsTest, TotalsAreTheLifetimeRow) {
  Execute("INSERT INTO totals VALUES (1, 10, 2, 300, 400, 5, 6, 1600000000)");
  const HealthStats s = Read();
  EXPECT_EQ(s.requests, 10);
  EXPECT_EQ(s.errors, 2);
  EXPECT_EQ(s.input_tokens, 300);
  EXPECT_EQ(s.output_tokens, 400);
  EXPECT_EQ(s.cache_hits, 5);
  EXPECT_EQ(s.cache_misses, 6);
  EXPECT_EQ(s.since_unix_s, 1600000000);
}

TEST_F(StatsTest, TheWindowIsWholeMinutes) {
  Execute("INSERT INTO totals (id, since) VALUES (1, 1600000000)");
  Minute(kMinute, "a", 1, 0, 10);
  Minute(kMinute, "b", 2, 1, 20);
  Minute(kMinute - 300, "a", 4, 1, 40);    // now - 300 s lies in it
  Minute(kMinute - 360, "a", 100, 9, 90);  // too old
  Minute(kMinute + 60, "a", 1000, 9, 90);  // of a clock that was ahead
  const HealthStats s = Read(300);
  EXPECT_EQ(s.window_requests, 7);
  EXPECT_EQ(s.window_errors, 2);
  EXPECT_EQ(s.window_response_time_ms, 70);
  EXPECT_EQ(s.window_covered_s, 320);
  EXPECT_EQ(Read(60).window_requests, 3);
  EXPECT_EQ(Read(60).window_covered_s, 80);
}

TEST_F(StatsTest, AYoungDatabaseCoversOnlyItsAge) {
  const struct {
    int64_t since;
    int64_t covered_s;
  } cases[] = {{kNow - 10, 10}, {kNow, 1}, {kNow + 1000, 1}, {kNow - 10'000, 320}};
  for (const auto& c : cases) {
    Execute("INSERT OR REPLACE INTO totals (id, since) VALUES (1, " + std::to_string(c.since) + ")");
    EXPECT_EQ(Read(300).window_covered_s, c.covered_s) << c.since - kNow;
  }
}

TEST_F(StatsTest, KeysOfTheLastDay) {
  const auto key = [this](const char* hash, int64_t last_used, int healthy) {
    Execute(std::string("INSERT INTO api_key_metrics (key_hash, last_used, is_healthy, created_at, updated_at) VALUES"
                        " ('") +
            hash + "', " + std::to_string(last_used) + ", " + std::to_string(healthy) + ", 0, 0)");
  };
  key("a", kNow, 1);
  key("b", kNow - 86400, 0);
  key("c", kNow - 86401, 1);
  Execute("INSERT INTO api_key_metrics (key_hash, created_at, updated_at) VALUES ('never used', 0, 0)");
  EXPECT_EQ(Read().active_keys, 2);
  EXPECT_EQ(Read().healthy_keys, 1);
}

TEST_F(StatsTest, ListsOnlyTablesThatExist) {
  Execute("DROP TABLE error_logs");
  EXPECT_EQ(Read().tables, (std::vector<std::string>{"request_logs", "api_key_metrics", "system_stats"}));
}

TEST_F(StatsTest, AMissingCounterTableIsAnError) {
  Execute("DROP TABLE totals");
  auto connection = Open(OpenMode::kReadOnly);
  EXPECT_FALSE(ReadHealthStats(connection, kNow, 300).ok());
}

TEST_F(StatsTest, WhatALogWriterWroteIsWhatHealthReads) {
  MovableClock clock;
  clock.unix_s = kNow;
  auto log = RequestLog::Open(db_, 1000, clock);
  ASSERT_TRUE(log.ok());
  RequestLogRow good = FullRow("a");
  good.timestamp_unix_s = kMinute - 30;
  RequestLogRow bad = FullRow("b");
  bad.timestamp_unix_s = kMinute;
  bad.status_code = 500;
  bad.has_error = true;
  const std::vector<RequestLogRow> rows = {good, bad};
  ASSERT_TRUE(log->Append(rows).ok());
  const HealthStats s = Read();
  EXPECT_EQ(s.requests, 2);
  EXPECT_EQ(s.errors, 1);
  EXPECT_EQ(s.window_requests, 2);
  EXPECT_EQ(s.window_errors, 1);
  EXPECT_EQ(s.window_response_time_ms, 3000);
  EXPECT_EQ(s.window_covered_s, 50);
  EXPECT_EQ(s.active_keys, 1);
}

}  // namespace
}  // namespace gc::store
