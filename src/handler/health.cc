// health.cc: the figures behind the probes, as JSON.
// SPDX-License-Identifier: MIT
#include "handler/health.h"

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "base/version.h"
#include "store/job_runs.h"
#include "store/migrations.h"
#include "store/stats.h"

namespace gc {
namespace {

constexpr int kBusyTimeoutMs = 100;
constexpr double kDegradedErrorRate = 0.7;  // the origin's warning threshold

double Ratio(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

int64_t FileBytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(bytes);
}

// The seven metrics of the origin: always there, always numbers.
void WriteMetrics(const store::HealthStats& stats, json::Writer* w) {
  w->Key("metrics").BeginObject();
  w->Key("requests_total").Int(stats.requests);
  w->Key("requests_per_second").Double(Ratio(stats.window_requests, stats.window_covered_s));
  w->Key("average_response_time").Double(Ratio(stats.window_response_time_ms, stats.window_requests));
  w->Key("error_rate").Double(Ratio(stats.window_errors, stats.window_requests));
  w->Key("cache_hit_rate").Double(Ratio(stats.cache_hits, stats.cache_hits + stats.cache_misses));
  w->Key("active_api_keys").Int(stats.active_keys);
  w->Key("healthy_api_keys").Int(stats.healthy_keys);
  w->Key("errors_total").Int(stats.errors);
  w->Key("input_tokens_total").Int(stats.input_tokens);
  w->Key("output_tokens_total").Int(stats.output_tokens);
  w->EndObject();
}

void WriteDatabase(const Config& config, const store::HealthStats& stats, const std::string& error, json::Writer* w) {
  const std::string& path = config.Text(ConfigKey::kDatabasePath);
  w->Key("database").BeginObject();
  w->Key("status").String(error.empty() ? "connected" : "disconnected");
  w->Key("tables").BeginArray();
  for (const std::string& table : stats.tables) w->String(table);
  w->EndArray();
  w->Key("size_bytes").Int(FileBytes(path));
  w->Key("wal_bytes").Int(FileBytes(path + "-wal"));
  if (!error.empty()) w->Key("error").String(error);
  w->EndObject();
}

void WriteLog(const store::LogWriterStatus& log, json::Writer* w) {
  w->Key("log").BeginObject();
  w->Key("written").Int(log.written).Key("spooled").Int(log.spooled);
  w->Key("dropped").Int(log.dropped).Key("busy").Int(log.busy);
  if (log.error) w->Key("error").String(log.error->message);
  w->EndObject();
}

// When each job last did its work: an operator's first question when the log grows or a backup is missing.
void WriteJobs(const std::vector<store::JobState>& jobs, json::Writer* w) {
  w->Key("jobs").BeginObject();
  for (const store::JobState& job : jobs) {
    w->Key(job.job).BeginObject().Key("last_success");
    job.last_success_unix_s ? w->Int(*job.last_success_unix_s) : w->Null();
    w->Key("last_rc");
    job.last_rc ? w->Int(*job.last_rc) : w->Null();
    w->EndObject();
  }
  w->EndObject();
}

}  // namespace

void Health::SetConfigError(std::string error) {
  const std::lock_guard lock(mutex_);
  config_error_ = std::move(error);
}

Result<store::Connection*> Health::Database() {
  if (connection_ && connection_->HasMoved()) connection_.reset();
  if (!connection_) {
    auto opened =
        store::Connection::Open(config_.Text(ConfigKey::kDatabasePath), store::OpenMode::kReadOnly, kBusyTimeoutMs);
    if (!opened.ok()) return opened.error();
    connection_ = std::move(*opened);
  }
  return &*connection_;
}

HealthAnswer Health::Report() {
  const std::lock_guard lock(mutex_);
  store::HealthStats stats;
  std::vector<store::JobState> jobs;
  std::string database_error;
  if (auto database = Database(); !database.ok()) {
    database_error = database.error().message;
  } else if (auto read = store::ReadHealthStats(**database, clock_.UnixS(), config_.Int(ConfigKey::kHealthWindowS));
             read.ok()) {
    stats = std::move(*read);
    if (auto states = store::ReadJobStates(**database); states.ok()) jobs = std::move(*states);
  } else {
    database_error = read.error().message;
    connection_.reset();
  }
  const store::LogWriterStatus log = log_ != nullptr ? log_->status() : store::LogWriterStatus{};
  const bool degraded = log.error.has_value() || log.dropped > 0 || !config_error_.empty() ||
                        Ratio(stats.window_errors, stats.window_requests) >= kDegradedErrorRate;
  const std::string_view status = !database_error.empty() ? "unhealthy" : degraded ? "degraded" : "healthy";
  const int64_t now_ms = clock_.UnixMs();

  HealthAnswer answer;
  answer.status = database_error.empty() ? 200 : 503;
  json::Writer w(&answer.body);
  w.BeginObject();
  w.Key("status").String(status).Key("timestamp").Int(now_ms).Key("version").String(kVersion);
  w.Key("uptime").Int(started_unix_ms_ > 0 ? std::max<int64_t>(0, (now_ms - started_unix_ms_) / 1000) : 0);
  WriteMetrics(stats, &w);
  WriteDatabase(config_, stats, database_error, &w);
  w.Key("window_seconds").Int(stats.window_covered_s);
  if (log_ != nullptr) WriteLog(log, &w);
  if (quota_ != nullptr) {
    w.Key("quota").BeginObject().Key("unreserved").Int(quota_->unknown_grants()).EndObject();
  }
  WriteJobs(jobs, &w);
  if (!config_error_.empty()) w.Key("config_error").String(json::CleanUtf8(config_error_));
  w.EndObject();
  return answer;
}

HealthAnswer Health::Ready() {
  const std::lock_guard lock(mutex_);
  std::string error;
  if (auto database = Database(); !database.ok()) {
    error = database.error().message;
  } else if (const Status schema = store::CheckVersion(**database, store::Database::kMain); !schema.ok()) {
    error = schema.error().message;
    connection_.reset();
  }
  HealthAnswer answer;
  answer.status = error.empty() ? 200 : 503;
  json::Writer w(&answer.body);
  w.BeginObject().Key("status").String(error.empty() ? "ready" : "not ready");
  if (!error.empty()) w.Key("error").String(error);
  w.EndObject();
  return answer;
}

}  // namespace gc
