// store_fixture.h: a fresh main database in a directory of its own, and rows to put into it.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "store/connection.h"
#include "store/log_writer.h"
#include "store/migrations.h"
#include "store/request_log.h"
#include "support/temp_dir.h"

namespace gc::store {

class MovableClock final : public Clock {
 public:
  int64_t UnixMs() override { return unix_s * 1000; }
  int64_t MonotonicUs() override { return 0; }
  void Random(void* out, size_t bytes) override { SystemClock().Random(out, bytes); }
  int64_t unix_s = 1'700'000'100;
};

class StoreTest : public testing::Test {
 protected:
  StoreTest() : db_(dir_.Path("main.db")), spool_dir_(dir_.Path("spool")) { Migrate(); }

  void Migrate() {
    const auto up = Up(db_, Database::kMain, DryRun::kNo, "test", 5000);
    ASSERT_TRUE(up.ok()) << up.error().message;
  }

  Connection Open(OpenMode mode = OpenMode::kReadWrite, int busy_timeout_ms = 5000) const {
    auto connection = Connection::Open(db_, mode, busy_timeout_ms);
    if (!connection) throw std::runtime_error(connection.error().message);
    return std::move(*connection);
  }

  // First column of the first row; -1 when it cannot be had.
  int64_t Int(const std::string& sql) const {
    auto connection = Open();
    const auto value = connection.QueryInt(sql);
    if (!value) ADD_FAILURE() << sql << ": " << value.error().message;
    return value ? *value : -1;
  }

  // All rows, one per line, columns joined with '|', NULL as "-"; the error text when the query fails.
  std::string Rows(const std::string& sql) const { return RowsOf(db_, sql); }

  static std::string RowsOf(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    std::string text;
    sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
    sqlite3_busy_timeout(db, 5000);
    const auto add_row = [](void* out, int columns, char** values, char** /*names*/) {
      auto* lines = static_cast<std::string*>(out);
      if (!lines->empty()) *lines += '\n';
      for (int i = 0; i < columns; ++i) *lines += std::string(i > 0 ? "|" : "") + (values[i] ? values[i] : "-");
      return 0;
    };
    if (sqlite3_exec(db, sql.c_str(), add_row, &text, nullptr) != SQLITE_OK) text = sqlite3_errmsg(db);
    sqlite3_close(db);
    return text;
  }

  LogWriterOptions WriterOptions() const {
    LogWriterOptions options;
    options.database_path = db_;
    options.spool_dir = spool_dir_;
    return options;
  }

  int64_t SpoolLines() const {
    const std::string text = ReadFile(spool_dir_ + "/requests.ndjson");
    return std::count(text.begin(), text.end(), '\n');
  }

  TempDir dir_;
  const std::string db_;
  const std::string spool_dir_;
};

// A successful streamed answer; every field has a value of its own.
inline RequestLogRow FullRow(const std::string& id) {
  RequestLogRow row;
  row.id = id;
  row.timestamp_unix_s = 1'700'000'000;
  row.client_type = "openai";
  row.client_ip = "192.0.2.0";
  row.user_agent = "curl/8 \"q\" \xC3\xA9";
  row.api_key_hash = "0123456789abcdef0123456789abcdef";
  row.model = "gemini-2.5-flash";
  row.original_model = "gpt-4o";
  row.endpoint = "/v1/chat/completions";
  row.method = "POST";
  row.referer = "https://example.org/";
  row.response_time_ms = 1500;
  row.status_code = 200;
  row.input_tokens = 100;
  row.output_tokens = 40;
  row.total_tokens = 140;
  row.cached_tokens = 10;
  row.thoughts_tokens = 15;
  row.is_stream = true;
  row.request_size = 2000;
  row.response_size = 3000;
  row.first_token_ms = 300;
  row.finish_reason = "STOP";
  row.attempts = 1;
  return row;
}

inline RequestLogRow FreshRow() { return FullRow(UuidV7(SystemClock())); }

// Waits until `done` holds; false after `limit_ms`.
template <class Done>
bool WaitUntil(int limit_ms, Done done) {
  const int64_t end_us = SystemClock().MonotonicUs() + int64_t{limit_ms} * 1000;
  while (!done()) {
    if (SystemClock().MonotonicUs() > end_us) return false;
    usleep(2000);
  }
  return true;
}

}  // namespace gc::store
