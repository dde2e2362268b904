// jobs_aggregate.cc: what gemini-code-aggregate takes for a million new rows, against one pass that only reads them.
// SPDX-License-Identifier: MIT
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "base/clock.h"
#include "bench/phases.h"
#include "store/migrations.h"
#include "store/request_log.h"

namespace gc::bench {
namespace {

constexpr int kRows = 1'000'000;
constexpr int kBatchRows = 4096;
constexpr int64_t kDayStart = 1'767'225'600;  // 2026-01-01
constexpr int64_t kDayS = 86'400;

// A day of 200 keys and 8 models, one request in 20 an error, response times like a language model's.
store::RequestLogRow MakeRow(int i, std::mt19937* random) {
  static constexpr const char* kEndpoints[] = {"/v1/chat/completions", "/v1/messages", "/v1beta/models/*"};
  static constexpr const char* kClients[] = {"openai", "claude", "gemini"};
  std::lognormal_distribution<double> response_ms(7.5, 0.8);
  const auto pick = [&](int below) { return static_cast<int>((*random)() % static_cast<unsigned>(below)); };
  store::RequestLogRow row;
  row.id = UuidV7(SystemClock());
  row.timestamp_unix_s = kDayStart + kDayS * i / kRows;
  const int client = pick(3);
  row.client_type = kClients[client];
  row.endpoint = kEndpoints[client];
  row.client_ip = "192.0.2.0";
  row.user_agent = "benchmark/1.0 (of gemini-code)";
  const std::string key = std::to_string(pick(200));
  row.api_key_hash = std::string(32 - key.size(), 'a') + key;
  row.model = "gemini-model-" + std::to_string(pick(8));
  row.original_model = row.model;
  row.response_time_ms = static_cast<int64_t>(response_ms(*random));
  row.status_code = pick(20) == 0 ? (pick(2) == 0 ? 429 : 503) : 200;
  row.has_error = row.status_code != 200;
  if (row.has_error) row.error_type = row.status_code == 429 ? "rate_limited" : "upstream_overloaded";
  row.is_stream = pick(2) == 0;
  if (!row.has_error) {
    row.input_tokens = pick(8000);
    row.output_tokens = pick(2000);
    row.total_tokens = *row.input_tokens + *row.output_tokens;
    row.first_token_ms = row.response_time_ms / 3;
    row.finish_reason = "STOP";
  }
  row.request_size = pick(20'000);
  row.response_size = pick(8'000);
  row.attempts = 1;
  return row;
}

Status MakeDatabase(const std::string& path) {
  const auto up = store::Up(path, store::Database::kMain, store::DryRun::kNo, "bench", 5000);
  if (!up) return up.error();
  auto log = store::RequestLog::Open(path, 5000);
  if (!log) return log.error();
  std::mt19937 random(1);
  std::vector<store::RequestLogRow> rows;
  for (int i = 0; i < kRows; ++i) {
    rows.push_back(MakeRow(i, &random));
    if (static_cast<int>(rows.size()) < kBatchRows && i + 1 < kRows) continue;
    if (Status s = log->Append(rows); !s.ok()) return s;
    rows.clear();
  }
  return {};
}

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;
};

// What it takes in time, and in CPU time of this process or of the child that it waits for.
template <class Work>
Cost CostOf(Work work) {
  const auto cpu_ns = [] { return OwnCpuNs(getpid()) + EndedChildrenCpuNs(); };
  const int64_t start_us = SystemClock().MonotonicUs();
  const int64_t start_ns = cpu_ns();
  work();
  return {static_cast<double>(SystemClock().MonotonicUs() - start_us) / 1e6,
          static_cast<double>(cpu_ns() - start_ns) / 1e9};
}

// All columns that the job needs, read by rowid and added up. Returns the number of rows.
int64_t PlainPass(const std::string& path) {
  sqlite3* raw = nullptr;
  if (sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) return 0;
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(raw, sqlite3_close);
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(raw,
                     "SELECT seq, timestamp, client_type, api_key_hash, model, endpoint, error_type, response_time,"
                     " status_code, first_token_ms, input_tokens, output_tokens, total_tokens, cached_tokens,"
                     " thoughts_tokens, request_size, response_size, attempts, is_stream, has_error FROM request_logs"
                     " WHERE seq > 0 ORDER BY seq",
                     -1, &statement, nullptr);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> finalizer(statement, sqlite3_finalize);
  int64_t rows = 0;
  volatile int64_t sink = 0;  // what is read may not be optimised away
  while (sqlite3_step(statement) == SQLITE_ROW) {
    int64_t sum = sqlite3_column_int64(statement, 0) + sqlite3_column_int64(statement, 1);
    for (int column = 2; column < 7; ++column) {
      const unsigned char* text = sqlite3_column_text(statement, column);
      sum += (text == nullptr ? 0 : text[0]) + sqlite3_column_bytes(statement, column);
    }
    for (int column = 7; column < 20; ++column) sum += sqlite3_column_int64(statement, column);
    sink = sink + sum;
    ++rows;
  }
  return rows;
}

}  // namespace

void MeasureAggregate(Run* run) {
  const std::string directory = run->paths.NewDirectory("aggregate");
  const std::string original = directory + "/original.db";
  const std::string copy = directory + "/gemini-code.db";
  Series ratio, cpu_ratio, job_s, pass_s;
  Report::Progress("aggregate, making the rows");
  std::string error;
  if (Status made = MakeDatabase(original); !made.ok()) error = made.error().message;
  for (int i = 0; error.empty() && i < run->rounds; ++i) {
    Report::Progress("aggregate, round " + std::to_string(i + 1));
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(copy + end);
    std::filesystem::copy_file(original, copy);
    int64_t rows = 0;
    const Cost pass = CostOf([&] { rows = PlainPass(copy); });
    test::RunResult result;
    const Cost job = CostOf([&] { result = RunProgram({run->paths.build + "/gemini-code-aggregate", "--db", copy}); });
    if (rows != kRows) error = "the plain pass did not find all rows";
    if (result.code != 0 || !result.out.starts_with(std::to_string(kRows) + " rows aggregated")) {
      error = "gemini-code-aggregate: exit code " + std::to_string(result.code);
    }
    ratio.Add(job.wall_s / pass.wall_s);
    cpu_ratio.Add(job.cpu_s / pass.cpu_s);
    job_s.Add(job.wall_s);
    pass_s.Add(pass.wall_s);
  }
  std::filesystem::remove_all(directory);
  Report& report = run->report;
  report.Add("Aggregate 1 M new rows / one C++ pass over them, time", "", ratio, AtMost(2), error);
  report.Add("Aggregate 1 M new rows / one C++ pass over them, CPU", "", cpu_ratio, {}, error);
  report.Add("Aggregate 1 M new rows", "s", job_s, {}, error);
  report.Add("One C++ pass over 1 M rows", "s", pass_s, {}, error);
}

}  // namespace gc::bench
