// rollup_check.cc: the roll-ups recomputed from the rows.
// SPDX-License-Identifier: MIT
#include "support/rollup_check.h"

#include <cmath>
#include <map>

#include "support/database.h"

namespace gc::test {
namespace {

// The rows as the roll-ups see them.
constexpr char kRows[] =
    "(SELECT seq, (timestamp / 3600) * 3600 AS hour, date(timestamp, 'unixepoch') AS date, client_type, api_key_hash,"
    "  iif(status_code BETWEEN 400 AND 499 AND status_code <> 429, '', model) AS model, endpoint, response_time AS ms,"
    "  status_code, ifnull(error_type, '') AS error_type, ifnull(is_stream, 0) AS stream, ifnull(has_error, 0) AS "
    "error,"
    "  ifnull(input_tokens, 0) AS i, ifnull(output_tokens, 0) AS o, ifnull(total_tokens, 0) AS t,"
    "  ifnull(cached_tokens, 0) AS c, ifnull(thoughts_tokens, 0) AS th, ifnull(request_size, 0) AS rq,"
    "  ifnull(response_size, 0) AS rs, ifnull(attempts, 0) AS a, first_token_ms AS ft FROM request_logs)";

struct Check {
  const char* table;
  std::string expected;  // SELECT of all columns
  std::string actual;
};

std::vector<Check> Checks() {
  const std::string rows = kRows;
  // Failed: any error, of the status or of the answer.
  const std::string failed = "sum(status_code >= 400 OR error)";
  return {
      {"stats_hourly",
       "SELECT hour, model, endpoint, client_type, status_code, error_type, count(*), sum(error), sum(stream), sum(a),"
       " sum(ms), min(ms), max(ms), sum(ifnull(ft, 0)), count(ft), sum(i), sum(o), sum(t), sum(c), sum(th), sum(rq),"
       " sum(rs) FROM " +
           rows + " GROUP BY 1, 2, 3, 4, 5, 6",
       "SELECT * FROM stats_hourly"},
      {"stats_key_daily",
       "SELECT date, api_key_hash, count(*), sum(error), sum(i), sum(o) FROM " + rows + " GROUP BY 1, 2",
       "SELECT * FROM stats_key_daily"},
      {"system_stats",
       "SELECT date, count(*), count(*) - " + failed + ", " + failed +
           ", sum(client_type = 'openai'), sum(client_type = 'claude'), sum(client_type = 'gemini'),"
           " sum(client_type NOT IN ('openai', 'claude', 'gemini')), sum(t), sum(i), sum(o),"
           " sum(ms) * 1.0 / count(*), min(ms), max(ms), " +
           failed +
           " * 1.0 / count(*), sum(status_code = 504 OR error_type = 'upstream_timeout'), sum(status_code = 429),"
           " sum(status_code IN (401, 403)), sum(rq), sum(rs), sum(stream),"
           " count(DISTINCT iif(api_key_hash = '', NULL, api_key_hash)),"
           " count(DISTINCT iif(api_key_hash = '' OR error, NULL, api_key_hash)) FROM " +
           rows + " GROUP BY 1",
       "SELECT date, total_requests, successful_requests, failed_requests, openai_requests, claude_requests,"
       " gemini_requests, unknown_requests, total_tokens_used, total_input_tokens, total_output_tokens,"
       " average_response_time, min_response_time, max_response_time, error_rate, timeout_count, rate_limit_count,"
       " auth_error_count, total_request_size, total_response_size, stream_request_count, unique_api_keys,"
       " active_api_keys FROM system_stats"},
  };
}

std::string Joined(const Row& row) {
  std::string text;
  for (const std::string& column : row) text += (text.empty() ? "" : "|") + column;
  return text;
}

int Bucket(int64_t ms) {
  return ms <= 0 ? -1 : static_cast<int>(std::floor(std::log(static_cast<long double>(ms)) / std::log(1.04L)));
}

std::string HistogramDifference(const Database& database) {
  std::map<std::string, int64_t> cells;
  const auto count = [&](const Row& row, const std::string& metric, const std::string& ms) {
    const int64_t time = std::stoll(row[0]);
    for (const auto& [span, seconds] : {std::pair<const char*, int64_t>{"hour", 3600}, {"day", 86'400}}) {
      const int64_t start = time - time % seconds;
      cells[Joined({span, std::to_string(start), row[1], metric, std::to_string(Bucket(std::stoll(ms)))})] += 1;
    }
  };
  for (const Row& row : database.Query(std::string("SELECT hour, model, ms, ft FROM ") + kRows)) {
    count(row, "response_time", row[2]);
    if (row[3] != "NULL") count(row, "first_token", row[3]);
  }
  for (const Row& row : database.Query("SELECT span, start, model, metric, bucket, -count FROM stats_histogram")) {
    cells[Joined({row[0], row[1], row[2], row[3], row[4]})] += std::stoll(row[5]);
  }
  std::string text;
  for (const auto& [cell, surplus] : cells) {
    if (surplus != 0 && text.size() < 500) text += "stats_histogram: " + cell + ": " + std::to_string(surplus) + "\n";
  }
  return text;
}

}  // namespace

std::string RollupDifference(const std::string& database_path) {
  const Database database(database_path);
  std::string text;
  for (const Check& check : Checks()) {
    for (const auto& [name, first, second] :
         {std::tuple{" lacks: ", check.expected, check.actual}, {" has: ", check.actual, check.expected}}) {
      for (const Row& row : database.Query(first + " EXCEPT " + second + " LIMIT 3")) {
        text += check.table + std::string(name) + Joined(row) + "\n";
      }
    }
  }
  text += HistogramDifference(database);
  const std::string last = database.One("SELECT ifnull(max(seq), 'none') FROM request_logs");
  const std::string watermark = database.One("SELECT ifnull(max(seq), 'none') FROM watermarks");
  if (last != watermark) text += "watermark: " + watermark + ", last row: " + last + "\n";
  return text;
}

std::string DumpRollups(const std::string& database_path) {
  const Database database(database_path);
  std::string text;
  for (const std::string table : {"stats_hourly", "stats_histogram", "stats_key_daily", "system_stats", "watermarks",
                                  "totals", "api_key_metrics", "sqlite_sequence WHERE name <> 'job_runs'"}) {
    text += table + "\n";
    for (const Row& row : database.Query("SELECT * FROM " + table)) text += Joined(row) + "\n";
  }
  return text;
}

}  // namespace gc::test
