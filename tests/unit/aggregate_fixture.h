// aggregate_fixture.h: gemini-code-aggregate on a fresh database, and rows of all kinds for it.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "jobs/aggregate.h"
#include "unit/store_fixture.h"

namespace gc::jobs {

inline constexpr int64_t kNow = 1'700'000'100;  // MovableClock's

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

  void Append(const std::vector<store::RequestLogRow>& rows) {
    auto log = store::RequestLog::Open(db_, 1000, clock_);
    ASSERT_TRUE(log.ok()) << log.error().message;
    const Status s = log->Append(rows);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  void AppendAt(int64_t unix_s) {
    store::RequestLogRow row = store::FreshRow();
    row.timestamp_unix_s = unix_s;
    Append({row});
  }
  void Execute(const std::string& sql) {
    const Status s = Open().Execute(sql);
    ASSERT_TRUE(s.ok()) << s.error().message;
  }

  // Rows of `days` days up to now, of all kinds: errors, streams, unknown figures, no key.
  std::vector<store::RequestLogRow> RandomRows(int count, int days) {
    std::vector<store::RequestLogRow> rows;
    std::lognormal_distribution<double> ms(7, 1.5);
    const auto pick = [&](int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); };
    for (int i = 0; i < count; ++i) {
      static constexpr int kStatuses[] = {200, 200, 200, 200, 400, 401, 403, 404, 429, 499, 500, 502, 503, 504, 529};
      static constexpr const char* kErrors[] = {"", "upstream_timeout", "rate_limited", "client_left"};
      static constexpr const char* kClients[] = {"openai", "claude", "gemini", "unknown", "other"};
      store::RequestLogRow row = store::FreshRow();
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

  std::mt19937 random_{11};
  store::MovableClock clock_;
  AggregateOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-aggregate", out_, err_};
};

}  // namespace gc::jobs
