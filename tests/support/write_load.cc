// write_load.cc: the writers, their clocks and their rows.
// SPDX-License-Identifier: MIT
#include "support/write_load.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "base/clock.h"
#include "store/checkpoint.h"
#include "store/log_writer.h"

namespace gc::test {
namespace {

constexpr useconds_t kTickUs = 500;  // how finely latencies are seen
constexpr int64_t kFillBatchRows = 512;
constexpr const char* kModels[] = {"gemini-3.8-flash", "gemini-3.8-pro", "gemini-3.8-flash-lite"};
constexpr const char* kClients[] = {"openai", "claude", "gemini"};
constexpr const char* kEndpoints[] = {"/v1/chat/completions", "/v1/messages", "/v1beta/models/{model}"};

// The time of the row that is being filled in: ids and the log's own tidying go by it.
class FillClock final : public Clock {
 public:
  int64_t UnixMs() override { return unix_s * 1000; }
  int64_t MonotonicUs() override { return SystemClock().MonotonicUs(); }
  void Random(void* out, size_t bytes) override { SystemClock().Random(out, bytes); }
  int64_t unix_s = 0;
};

}  // namespace

store::RequestLogRow LoadRow(int64_t number, int64_t timestamp_unix_s) {
  store::RequestLogRow row;
  row.id = UuidV7(SystemClock());
  row.timestamp_unix_s = timestamp_unix_s;
  row.client_type = kClients[number % 3];
  row.client_ip = "192.0.2.0";
  row.user_agent = "OpenAI/Python 2.8.0 (Linux; CPython 3.11)";
  const std::string key = std::to_string(number % 200);
  row.api_key_hash = std::string(32 - key.size(), 'a') + key;
  row.model = kModels[number / 3 % 3];
  row.original_model = row.model;
  row.endpoint = kEndpoints[number % 3];
  row.method = "POST";
  row.response_time_ms = 200 + number * 7919 % 4000;
  row.is_stream = number % 2 == 0;
  row.request_size = 700;
  row.response_size = 1100;
  row.attempts = 1;
  row.has_error = number % 50 == 49;
  row.status_code = row.has_error ? 503 : 200;
  if (row.has_error) {
    row.error_type = "upstream_unavailable";
    row.error_message = "The model is overloaded. Please try again later.";
    row.upstream_status = 503;
    return row;
  }
  row.input_tokens = 100 + number % 900;
  row.output_tokens = 40 + number % 400;
  row.total_tokens = *row.input_tokens + *row.output_tokens;
  row.first_token_ms = row.response_time_ms / 4;
  row.finish_reason = "STOP";
  return row;
}

Status FillLog(const std::string& database_path, int64_t rows, int64_t first_unix_s, int64_t last_unix_s) {
  FillClock clock;
  auto log = store::RequestLog::Open(database_path, 5000, clock);
  if (!log) return log.error();
  store::PacedCheckpoint checkpoint(database_path);
  std::vector<store::RequestLogRow> batch;
  for (int64_t i = 0; i < rows; ++i) {
    clock.unix_s = first_unix_s + (rows > 1 ? (last_unix_s - first_unix_s) * i / (rows - 1) : 0);
    batch.push_back(LoadRow(i, clock.unix_s));
    batch.back().id = UuidV7(clock);
    if (static_cast<int64_t>(batch.size()) < kFillBatchRows && i + 1 < rows) continue;
    if (Status s = log->Append(batch); !s.ok()) return s;
    if (Status s = checkpoint.RunIfDue(log->connection()); !s.ok()) return s;
    batch.clear();
  }
  return {};
}

double WriteLoadResult::Percentile(double share) const {
  if (latencies_ms.empty()) return 0;
  const auto index = static_cast<size_t>(share * static_cast<double>(latencies_ms.size()));
  return latencies_ms[std::min(index, latencies_ms.size() - 1)];
}

WriteLoad::WriteLoad(WriteLoadOptions options)
    : options_(std::move(options)), results_(static_cast<size_t>(options_.writers)) {
  for (int i = 0; i < options_.writers; ++i) {
    threads_.emplace_back([this, i] { Write(i, &results_[static_cast<size_t>(i)]); });
  }
}

const WriteLoadResult& WriteLoad::Stop() {
  stop_ = true;
  if (threads_.empty()) return total_;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const WriteLoadResult& result : results_) {
    total_.added += result.added;
    total_.committed += result.committed;
    total_.spooled += result.spooled;
    total_.dropped += result.dropped;
    total_.latencies_ms.insert(total_.latencies_ms.end(), result.latencies_ms.begin(), result.latencies_ms.end());
  }
  std::sort(total_.latencies_ms.begin(), total_.latencies_ms.end());
  return total_;
}

// The log writer answers nobody; but it takes rows in order and counts them, so the clock of the oldest row stops when
// the count has grown.
void WriteLoad::Write(int writer, WriteLoadResult* result) {
  store::LogWriterOptions options;
  options.database_path = options_.database_path;
  options.spool_dir = options_.spool_dir;
  store::LogWriter log(options);
  const double interval_us = 1e6 * options_.writers / options_.rows_per_second;
  // Writers begin at different times, as requests do.
  const auto begin_us = static_cast<double>(SystemClock().MonotonicUs()) + interval_us * writer / options_.writers;
  std::deque<double> due_us;  // of rows that are neither committed nor spooled
  int64_t finished = 0;
  const auto finish = [&] {
    const store::LogWriterStatus status = log.status();
    const auto now_us = static_cast<double>(SystemClock().MonotonicUs());
    for (; finished < status.written + status.spooled && !due_us.empty(); ++finished) {
      result->latencies_ms.push_back((now_us - due_us.front()) / 1000);
      due_us.pop_front();
    }
  };
  while (!stop_) {
    const auto now_us = static_cast<double>(SystemClock().MonotonicUs());
    for (;;) {
      const double at_us = begin_us + interval_us * static_cast<double>(result->added);
      if (at_us > now_us) break;
      log.Add(LoadRow(result->added * options_.writers + writer, SystemClock().UnixS()));
      due_us.push_back(at_us);
      ++result->added;
    }
    finish();
    usleep(kTickUs);
  }
  log.Stop();
  finish();
  const store::LogWriterStatus status = log.status();
  result->committed = status.written;
  result->spooled = status.spooled;
  result->dropped = status.dropped;
}

}  // namespace gc::test
