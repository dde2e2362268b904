// prune_plan.cc: the tables and their periods, the counts, the safety stops.
// SPDX-License-Identifier: MIT
#include "jobs/prune_plan.h"

#include <algorithm>

#include "jobs/job.h"
#include "jobs/session.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;

constexpr int64_t kYear2024 = 1'704'067'200;
// A quiet gateway's few rows may well all be old.
constexpr int64_t kFewRows = 1000;
// A gateway may stand idle over a weekend, however short its period is.
constexpr int64_t kLeastIdleS = 7 * kDayS;
constexpr int64_t kErrorShare = 8;  // error_logs may have that part of max_bytes

Result<int64_t> Number(Poco::Data::Session& session, const std::string& sql) {
  Poco::Int64 value = 0;
  const Status read = Try(session, [&] { session << sql, into(value), now; });
  if (!read.ok()) return read.error();
  return int64_t{value};
}

Result<int64_t> Count(Poco::Data::Session& session, const PruneTarget& target, const std::string& condition) {
  return Number(session, "SELECT count(*) FROM " + target.table + " WHERE " + target.scope + " AND " + condition);
}

std::string Text(int64_t number) { return std::to_string(number); }

// The plus keeps SQLite from walking the rows instead of the index on the time.
std::string UpTo(int64_t seq) { return "+seq <= " + Text(seq); }

std::vector<PruneTarget> Targets(const PruneOptions& options, int64_t now_s, int64_t watermark) {
  const auto day_begin = [&](int64_t keep_s) { return (now_s - keep_s) / kDayS * kDayS; };
  const int64_t stats_s = day_begin(options.stats_s);
  const std::string stats_date = "'" + TimeText(stats_s).substr(0, 10) + "'";
  const int64_t hours_s = day_begin(std::min(options.stats_s, kKeepHourHistogramsS));
  const std::string histogram_key = "span, start, model, metric, bucket";
  // The last run of each job stays, whatever its age: it says since when it has not run.
  const std::string no_last_run = "seq NOT IN (SELECT max(seq) FROM job_runs GROUP BY job)";
  return {
      {"job_runs", "job_runs", "seq", "started_at", "1=1", "started_at < " + Text(now_s - kKeepJobRunsS), no_last_run},
      {"system_stats", "system_stats", "date", "date", "1=1", "date < " + stats_date, "1=1"},
      {"stats_hourly", "stats_hourly", "hour, model, endpoint, client_type, status_code, error_type", "hour", "1=1",
       "hour < " + Text(stats_s), "1=1"},
      {"stats_histogram hours", "stats_histogram", histogram_key, "start", "span = 'hour'", "start < " + Text(hours_s),
       "1=1", kFewRows},
      {"stats_histogram days", "stats_histogram", histogram_key, "start", "span = 'day'", "start < " + Text(stats_s),
       "1=1"},
      {"stats_key_daily", "stats_key_daily", "date, key_hash", "date", "1=1", "date < " + stats_date, "1=1"},
      {"key_attempts", "key_attempts", "request_id, step", "timestamp", "1=1",
       "timestamp < " + Text(now_s - options.requests_s), "1=1", kFewRows},
      {"error_logs", "error_logs", "seq", "timestamp", "1=1", "timestamp < " + Text(now_s - options.errors_s), "1=1",
       kFewRows},
      {"request_logs", "request_logs", "seq", "timestamp", "1=1", "timestamp < " + Text(now_s - options.requests_s),
       UpTo(watermark), kFewRows},
  };
}

// What stands above the watermark is looked up by seq: it is little, and what is below it is the whole table.
Status CountWaiting(Poco::Data::Session& session, int64_t watermark, PrunePlan* plan) {
  PruneTarget& requests = plan->requests();
  const std::string above = "seq > " + Text(watermark);
  const auto all = Count(session, requests, above);
  if (!all) return all.error();
  const auto old = Count(session, requests, above + " AND +" + requests.old);
  if (!old) return old.error();
  plan->not_aggregated = *all;
  requests.waiting = *old;
  requests.left_by_age -= *old;
  return {};
}

Status CountTarget(Poco::Data::Session& session, PruneTarget* target) {
  const auto rows = Count(session, *target, "1=1");
  if (!rows) return rows.error();
  target->rows = *rows;
  // request_logs' condition is counted by CountWaiting.
  const bool is_requests = target->name == "request_logs";
  const auto old = Count(session, *target, target->old + (is_requests ? "" : " AND " + target->allowed));
  if (!old) return old.error();
  target->left_by_age = *old;
  return {};
}

// From a sample: its text, and about what SQLite adds for the row and two index entries.
Result<int64_t> ErrorRowBytes(Poco::Data::Session& session) {
  constexpr int64_t kOverheadBytes = 110;
  std::string texts;
  for (const char* column : {"id", "error_type", "error_message", "error_stack", "request_id", "client_ip", "endpoint",
                             "api_key_hash", "user_agent", "referer", "context"}) {
    texts += (texts.empty() ? "ifnull(length(" : "+ifnull(length(") + std::string(column) + "),0)";
  }
  const auto bytes =
      Number(session, "SELECT CAST(ifnull(avg(" + texts +
                          "),0) AS INTEGER) FROM (SELECT * FROM error_logs ORDER BY seq DESC LIMIT 1000)");
  if (!bytes) return bytes.error();
  return *bytes + kOverheadBytes;
}

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

int64_t PrunePlan::left() const {
  int64_t sum = 0;
  for (const PruneTarget& target : targets) sum += target.left();
  return sum;
}

int64_t PrunePlan::deleted() const {
  int64_t sum = 0;
  for (const PruneTarget& target : targets) sum += target.deleted;
  return sum;
}

Result<DatabaseSize> ReadDatabaseSize(Poco::Data::Session& session) {
  DatabaseSize size;
  for (const auto& [pragma, figure] : {std::pair("PRAGMA page_size", &size.page_bytes),
                                       {"PRAGMA page_count", &size.pages},
                                       {"PRAGMA freelist_count", &size.free_pages}}) {
    const auto value = Number(session, pragma);
    if (!value) return value.error();
    *figure = *value;
  }
  return size;
}

Result<PrunePlan> MakePrunePlan(Poco::Data::Session& session, const PruneOptions& options, int64_t now_unix_s) {
  PrunePlan plan;
  const auto marks = Number(session, "SELECT count(*) FROM watermarks WHERE name = 'request_logs'");
  if (!marks) return marks.error();
  plan.has_watermark = *marks == 1;
  const auto watermark = Number(session, "SELECT ifnull(max(seq), 0) FROM watermarks WHERE name = 'request_logs'");
  if (!watermark) return watermark.error();
  plan.targets = Targets(options, now_unix_s, *watermark);
  for (PruneTarget& target : plan.targets) {
    if (Status s = CountTarget(session, &target); !s.ok()) return s.error();
  }
  if (Status s = CountWaiting(session, *watermark, &plan); !s.ok()) return s.error();
  const auto error_bytes = ErrorRowBytes(session);
  if (!error_bytes) return error_bytes.error();
  plan.error_row_bytes = *error_bytes;
  const auto size = ReadDatabaseSize(session);
  if (!size) return size.error();
  PlanLimits(*size, options, &plan);
  return plan;
}

void PlanLimits(const DatabaseSize& size, const PruneOptions& options, PrunePlan* plan) {
  PruneTarget& requests = plan->requests();
  PruneTarget& errors = plan->errors();
  const int64_t requests_left = requests.kept() - requests.left_by_age;
  const int64_t errors_left = errors.kept() - errors.left_by_age;
  errors.left_by_limit = 0;
  int64_t wanted = options.max_rows > 0 ? std::max<int64_t>(requests_left - options.max_rows, 0) : 0;
  if (options.max_bytes > 0) {
    // All that is not error_logs counts as request_logs: too much, so that too few rows go; then this runs again.
    const int64_t error_bytes = plan->error_row_bytes * errors.kept();
    const int64_t request_row_bytes =
        std::max<int64_t>((size.used_bytes() - error_bytes) / std::max<int64_t>(requests.kept(), 1), 1);
    int64_t over_bytes = size.used_bytes() - requests.left_by_age * request_row_bytes -
                         errors.left_by_age * plan->error_row_bytes - options.max_bytes;
    if (over_bytes > 0) {
      const int64_t over_share = plan->error_row_bytes * errors_left - options.max_bytes / kErrorShare;
      const int64_t errors_over = std::clamp<int64_t>(over_share, 0, over_bytes);
      errors.left_by_limit = std::min(DivideUp(errors_over, plan->error_row_bytes), errors_left);
      over_bytes = std::max<int64_t>(over_bytes - errors.left_by_limit * plan->error_row_bytes, 0);
      wanted = std::max(wanted, DivideUp(over_bytes, request_row_bytes));
    }
  }
  const int64_t may_go = std::max<int64_t>(requests_left - plan->not_aggregated, 0);
  requests.left_by_limit = std::min(wanted, may_go);
  plan->limit_is_missed = wanted > may_go;
}

Result<std::vector<std::string>> FindSafetyStops(Poco::Data::Session& session, const PruneOptions& options,
                                                 const PrunePlan& plan, int64_t now_unix_s) {
  std::vector<std::string> stops;
  const std::string clock = "the clock says " + TimeText(now_unix_s);
  if (now_unix_s < kYear2024) stops.push_back(clock + ", which cannot be");
  for (const PruneTarget& target : plan.targets) {
    const int64_t old = target.left_by_age;
    if (old * 2 > target.rows && old >= target.least_rows_to_stop) {
      stops.push_back(target.name + ": " + Text(old) + " of " + Text(target.rows) +
                      " rows are older than allowed: " + clock);
    }
  }
  for (const char* table : {"request_logs", "error_logs"}) {
    const auto newest_s = Number(session, std::string("SELECT ifnull(max(timestamp), 0) FROM ") + table);
    if (!newest_s) return newest_s.error();
    if (*newest_s > now_unix_s + kDayS) {
      stops.push_back(std::string(table) + ": the newest row is of " + TimeText(*newest_s) + ", but " + clock);
    }
    const int64_t idle_s = std::max(2 * options.requests_s, kLeastIdleS);
    if (table == std::string_view("request_logs") && *newest_s > 0 && now_unix_s > *newest_s + idle_s) {
      stops.push_back("request_logs: no row since " + TimeText(*newest_s) + ", and " + clock);
    }
  }
  return stops;
}

Result<std::string> OldestKept(Poco::Data::Session& session, const PruneTarget& target) {
  std::string oldest;
  const std::string from = target.table + " WHERE " + target.scope;
  const Status read =
      Try(session, [&] { session << "SELECT ifnull(min(" + target.time + "), '') FROM " + from, into(oldest), now; });
  if (!read.ok()) return read.error();
  return oldest.empty() || target.time == "date" ? oldest : TimeText(std::stoll(oldest));
}

}  // namespace gc::jobs
