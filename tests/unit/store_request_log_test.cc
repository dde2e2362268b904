// store_request_log_test.cc: what one transaction of RequestLog leaves in each table.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <vector>

#include "store/request_log.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class RequestLogTest : public StoreTest {
 protected:
  void Append(const std::vector<RequestLogRow>& rows) {
    auto log = RequestLog::Open(db_, 1000, clock_);
    ASSERT_TRUE(log.ok()) << log.error().message;
    const Status s = log->Append(rows);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  MovableClock clock_;
};

RequestLogRow With(int status, int64_t arrival_s, int64_t response_ms) {
  RequestLogRow row = FreshRow();
  row.status_code = status;
  row.has_error = status >= 400;
  row.timestamp_unix_s = arrival_s;
  row.response_time_ms = response_ms;
  return row;
}

TEST_F(RequestLogTest, EveryColumnOfASuccess) {
  Append({FullRow("id-1")});
  EXPECT_EQ(Rows("SELECT * FROM request_logs"),
            "1|id-1|1700000000|openai|192.0.2.0|curl/8 \"q\" \xC3\xA9|0123456789abcdef0123456789abcdef|"
            "gemini-2.5-flash|gpt-4o|/v1/chat/completions|1500|200|100|40|140|1|0|-|2000|3000|300|10|15|STOP|-|1");
  EXPECT_EQ(Int("SELECT count(*) FROM error_logs"), 0);
}

TEST_F(RequestLogTest, WhatIsUnknownIsNull) {
  RequestLogRow row;
  row.id = "id-1";
  Append({row});
  EXPECT_EQ(Rows("SELECT * FROM request_logs"), "1|id-1|0|||-|||-||0|0|-|-|-|0|0|-|0|0|-|-|-|-|-|0");
}

TEST_F(RequestLogTest, AnErrorGetsItsOwnRow) {
  RequestLogRow row = FullRow("id-1");
  row.status_code = 429;
  row.has_error = true;
  row.error_type = "quota_exhausted";
  row.error_message = "daily quota \"x\"";
  row.attempts = 3;
  row.upstream_status = 429;
  row.quota_id = "PerDay";
  Append({row});
  EXPECT_EQ(
      Rows("SELECT timestamp, error_type, error_message, error_stack, request_id, client_type, client_ip, endpoint,"
           " method, api_key_hash, status_code, referer, created_at, length(id) FROM error_logs"),
      "1700000000|quota_exhausted|daily quota \"x\"|-|id-1|openai|192.0.2.0|/v1/chat/completions|POST|"
      "0123456789abcdef0123456789abcdef|429|https://example.org/|1700000100|36");
  EXPECT_EQ(Rows("SELECT context FROM error_logs"),
            R"({"attempts":3,"upstream_status":429,"quota_id":"PerDay","model":"gemini-2.5-flash",)"
            R"("finish_reason":"STOP","is_stream":true})");
  EXPECT_EQ(Rows("SELECT has_error, error_type, error_message, attempts FROM request_logs"),
            "1|quota_exhausted|daily quota \"x\"|3");
}

TEST_F(RequestLogTest, ADuplicateIdChangesNothing) {
  RequestLogRow row = FullRow("id-1");
  row.has_error = true;
  Append({row, row});
  RequestLogRow other = row;
  other.model = "another";
  Append({other});
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 1);
  EXPECT_EQ(Int("SELECT count(*) FROM error_logs"), 1);
  EXPECT_EQ(Int("SELECT total_requests FROM api_key_metrics"), 1);
  EXPECT_EQ(Rows("SELECT requests, errors FROM totals"), "1|1");
  EXPECT_EQ(Rows("SELECT sum(requests), count(*) FROM metrics_minute"), "1|1");
}

TEST_F(RequestLogTest, ADuplicateBesideANewRowCountsTheNewOneOnly) {
  Append({FullRow("id-1")});
  Append({FullRow("id-1"), FullRow("id-2")});
  EXPECT_EQ(Rows("SELECT requests FROM totals"), "2");
  EXPECT_EQ(Rows("SELECT requests FROM metrics_minute"), "2");
  EXPECT_EQ(Rows("SELECT total_requests, total_tokens FROM api_key_metrics"), "2|280");
}

TEST_F(RequestLogTest, FirstUseOfAKey) {
  Append({FullRow("id-1")});
  EXPECT_EQ(Rows("SELECT * FROM api_key_metrics"),
            "0123456789abcdef0123456789abcdef|1|1|0|1500.0|1500|1500|1500|1|1700000001|0|-|140|100|40|1700000001|"
            "1700000000|1700000100|1700000100");
}

TEST_F(RequestLogTest, KeyTimesAreMeanLeastMostAndLast) {
  Append({With(200, 1000, 300), With(200, 1010, 100), With(200, 1020, 200)});
  EXPECT_EQ(Rows("SELECT average_response_time, min_response_time, max_response_time, last_response_time, last_used,"
                 " first_seen FROM api_key_metrics"),
            "200.0|100|300|200|1020|1000");
}

TEST_F(RequestLogTest, ARowThatComesLateDoesNotSpeakForTheKeyToday) {
  Append({With(200, 1000, 100)});
  Append({With(500, 500, 700)});
  EXPECT_EQ(Rows("SELECT last_response_time, last_used, first_seen, consecutive_failures, is_healthy,"
                 " last_health_check, last_failure_time, failed_requests, max_response_time FROM api_key_metrics"),
            "100|1000|500|0|1|1000|500|1|700");
}

TEST_F(RequestLogTest, WhichStatusIsAFailureOfTheKey) {
  const struct {
    int status;
    bool failed;
    bool judged;  // does it say anything about the key?
  } cases[] = {{200, false, true},  {400, false, false}, {401, true, true},   {403, true, true}, {404, false, false},
               {413, false, false}, {429, true, true},   {499, false, false}, {500, true, true}, {502, true, true},
               {503, true, true},   {504, true, true},   {529, true, true}};
  for (const auto& c : cases) {
    RequestLogRow row = With(c.status, 1000, 100);
    row.api_key_hash = "key-" + std::to_string(c.status);
    Append({row});
    const std::string where = " FROM api_key_metrics WHERE key_hash = '" + row.api_key_hash + "'";
    EXPECT_EQ(Rows("SELECT total_requests, successful_requests, failed_requests, consecutive_failures" + where),
              c.failed ? "1|0|1|1" : "1|1|0|0")
        << c.status;
    EXPECT_EQ(Rows("SELECT last_failure_time, last_health_check, is_healthy" + where),
              std::string(c.failed ? "1000" : "-") + (c.judged ? "|1000" : "|-") + "|1")
        << c.status;
  }
}

TEST_F(RequestLogTest, HealthFollowsTheFailuresInARow) {
  const struct {
    int status;
    int64_t failures;
    int64_t healthy;
  } steps[] = {{200, 0, 1}, {500, 1, 1}, {429, 2, 1}, {400, 2, 1}, {503, 3, 0},
               {499, 3, 0}, {500, 4, 0}, {200, 0, 1}, {403, 1, 1}};
  int64_t second = 1000;
  for (const auto& step : steps) {
    Append({With(step.status, second, 0)});
    EXPECT_EQ(Rows("SELECT consecutive_failures, is_healthy FROM api_key_metrics"),
              std::to_string(step.failures) + "|" + std::to_string(step.healthy))
        << "status " << step.status << " at " << second;
    ++second;
  }
}

TEST_F(RequestLogTest, ARefusedKeyMakesNoRowButMarksTheOneItHas) {
  RequestLogRow refused = With(401, 1001, 50);
  refused.key_rejected = true;
  Append({refused});
  EXPECT_EQ(Int("SELECT count(*) FROM api_key_metrics"), 0);
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 1);

  Append({With(200, 1000, 50)});
  refused.id = "another";
  Append({refused});
  EXPECT_EQ(Rows("SELECT total_requests, failed_requests, is_healthy FROM api_key_metrics"), "2|1|0");
}

TEST_F(RequestLogTest, AKeyThatWasNotUsedIsNotCounted) {
  RequestLogRow none = FullRow("no key");
  none.api_key_hash.clear();
  RequestLogRow local = FullRow("refused before any call");
  local.attempts = 0;
  Append({none, local});
  EXPECT_EQ(Int("SELECT count(*) FROM api_key_metrics"), 0);
  EXPECT_EQ(Rows("SELECT requests FROM totals"), "2");
}

TEST_F(RequestLogTest, TotalsAddUpOverBatches) {
  RequestLogRow error = With(500, 1'600'000'000, 10);
  error.input_tokens.reset();
  error.output_tokens.reset();
  RequestLogRow hit = FullRow("hit");
  hit.cache = CacheUse::kHit;
  RequestLogRow miss = FullRow("miss");
  miss.cache = CacheUse::kMiss;
  Append({FullRow("a"), error});
  Append({hit, miss, FullRow("b")});
  EXPECT_EQ(Rows("SELECT * FROM totals"), "1|5|1|400|160|1|1|1600000000");
}

TEST_F(RequestLogTest, MinutesAreSplitByModelEndpointAndClass) {
  clock_.unix_s = 200;
  RequestLogRow no_token = With(200, 119, 50);
  no_token.first_token_ms.reset();
  RequestLogRow other_model = With(200, 60, 1);
  other_model.model = "gemini-2.5-pro";
  RequestLogRow other_endpoint = With(200, 60, 1);
  other_endpoint.endpoint = "/v1/messages";
  Append({With(200, 60, 100), no_token, other_model, other_endpoint, With(503, 60, 7), With(200, 120, 1)});
  EXPECT_EQ(Rows("SELECT minute, model, endpoint, status_class, requests, errors, response_time_ms_sum FROM"
                 " metrics_minute"),
            "60|gemini-2.5-flash|/v1/chat/completions|2|2|0|150\n"
            "60|gemini-2.5-flash|/v1/chat/completions|5|1|1|7\n"
            "60|gemini-2.5-flash|/v1/messages|2|1|0|1\n"
            "60|gemini-2.5-pro|/v1/chat/completions|2|1|0|1\n"
            "120|gemini-2.5-flash|/v1/chat/completions|2|1|0|1");
  EXPECT_EQ(Rows("SELECT first_token_ms_sum, first_token_count, input_tokens, output_tokens, request_bytes,"
                 " response_bytes FROM metrics_minute LIMIT 1"),
            "300|1|200|80|4000|6000");
  Append({With(200, 61, 1000)});
  EXPECT_EQ(Rows("SELECT requests, response_time_ms_sum, first_token_ms_sum, first_token_count, input_tokens,"
                 " output_tokens, request_bytes, response_bytes FROM metrics_minute LIMIT 1"),
            "3|1150|600|2|300|120|6000|9000");
}

TEST_F(RequestLogTest, InventedModelNamesShareOneCell) {
  clock_.unix_s = 200;
  std::vector<RequestLogRow> rows;
  for (int i = 0; i < 20; ++i) {
    rows.push_back(With(i % 2 == 0 ? 404 : 401, 60, 1));
    rows.back().model = "invented-" + std::to_string(i);
  }
  Append(rows);
  EXPECT_EQ(Rows("SELECT model, requests FROM metrics_minute"), "|20");
  Append({With(429, 60, 1)});
  EXPECT_EQ(Rows("SELECT model, requests FROM metrics_minute WHERE model <> ''"), "gemini-2.5-flash|1");
}

TEST_F(RequestLogTest, OldMinutesGoAnHourAtATime) {
  const int64_t day = 86400;
  const int64_t now = clock_.unix_s;
  std::vector<RequestLogRow> old;
  old.reserve(121);
  for (int64_t minute = 0; minute < 120; ++minute) old.push_back(With(200, now - 3 * day + minute * 60, 1));
  old.push_back(With(200, now - day, 1));
  clock_.unix_s = now - 3 * day;  // nothing is old yet
  Append(old);
  EXPECT_EQ(Int("SELECT count(*) FROM metrics_minute"), 121);
  clock_.unix_s = now;

  auto log = RequestLog::Open(db_, 1000, clock_);
  ASSERT_TRUE(log.ok());
  const auto append_one = [&] {
    const RequestLogRow row = With(200, now, 1);
    ASSERT_TRUE(log->Append({&row, 1}).ok());
  };
  append_one();
  EXPECT_EQ(Int("SELECT count(*) FROM metrics_minute"), 121 - 60 + 1) << "one hour";
  append_one();
  EXPECT_EQ(Int("SELECT count(*) FROM metrics_minute"), 121 - 60 + 1) << "once a minute";
  clock_.unix_s += 60;
  append_one();
  clock_.unix_s += 60;
  append_one();
  EXPECT_EQ(Int("SELECT count(*) FROM metrics_minute"), 2) << "two days are kept";
}

TEST_F(RequestLogTest, ABatchIsAllOrNothing) {
  // The second row fails in the last table: nothing of the first may stay.
  ASSERT_TRUE(
      Open().Execute("CREATE TRIGGER stop BEFORE INSERT ON error_logs BEGIN SELECT raise(ABORT, 'stop'); END").ok());
  auto log = RequestLog::Open(db_, 1000, clock_);
  ASSERT_TRUE(log.ok());
  const std::vector<RequestLogRow> rows = {FullRow("a"), With(500, 1000, 1)};
  EXPECT_FALSE(log->Append(rows).ok());
  EXPECT_EQ(Rows("SELECT (SELECT count(*) FROM request_logs), (SELECT count(*) FROM totals),"
                 " (SELECT count(*) FROM api_key_metrics), (SELECT count(*) FROM metrics_minute)"),
            "0|0|0|0");
  ASSERT_TRUE(Open().Execute("DROP TRIGGER stop").ok());
  EXPECT_TRUE(log->Append(rows).ok()) << "the same object goes on";
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 2);
}

TEST_F(RequestLogTest, NothingIsNothing) {
  Append({});
  EXPECT_EQ(Int("SELECT count(*) FROM totals"), 0);
}

TEST_F(RequestLogTest, OpenRefusesADatabaseWithoutTheSchema) {
  const std::string path = dir_.Write("empty.db", "");
  const auto log = RequestLog::Open(path, 0);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().kind, ErrorKind::kConfig) << log.error().message;
}

}  // namespace
}  // namespace gc::store
