// rollup_write.cc: adds the cells of a Rollup to its tables, in the order of their primary keys.
// SPDX-License-Identifier: MIT
#include <Poco/Data/Statement.h>

#include <algorithm>

#include "jobs/rollup.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

using Integers = std::vector<Poco::Int64>;
using Texts = std::vector<std::string>;

// PostgreSQL has no min() of two values, and wants the columns qualified: so CASE, and s.
constexpr char kUpsertHourly[] =
    "INSERT INTO stats_hourly AS s (hour, model, endpoint, client_type, status_code, error_type, requests, errors,"
    " streams, attempts, response_time_ms_sum, response_time_ms_min, response_time_ms_max, first_token_ms_sum,"
    " first_token_count, input_tokens, output_tokens, total_tokens, cached_tokens, thoughts_tokens, request_bytes,"
    " response_bytes) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (hour, model, endpoint, client_type, status_code, error_type) DO UPDATE SET"
    " requests = s.requests + excluded.requests, errors = s.errors + excluded.errors,"
    " streams = s.streams + excluded.streams, attempts = s.attempts + excluded.attempts,"
    " response_time_ms_sum = s.response_time_ms_sum + excluded.response_time_ms_sum,"
    " response_time_ms_min = CASE WHEN excluded.response_time_ms_min < s.response_time_ms_min"
    "   THEN excluded.response_time_ms_min ELSE s.response_time_ms_min END,"
    " response_time_ms_max = CASE WHEN excluded.response_time_ms_max > s.response_time_ms_max"
    "   THEN excluded.response_time_ms_max ELSE s.response_time_ms_max END,"
    " first_token_ms_sum = s.first_token_ms_sum + excluded.first_token_ms_sum,"
    " first_token_count = s.first_token_count + excluded.first_token_count,"
    " input_tokens = s.input_tokens + excluded.input_tokens, output_tokens = s.output_tokens + excluded.output_tokens,"
    " total_tokens = s.total_tokens + excluded.total_tokens, cached_tokens = s.cached_tokens + excluded.cached_tokens,"
    " thoughts_tokens = s.thoughts_tokens + excluded.thoughts_tokens,"
    " request_bytes = s.request_bytes + excluded.request_bytes,"
    " response_bytes = s.response_bytes + excluded.response_bytes";

constexpr char kUpsertHistogram[] =
    "INSERT INTO stats_histogram AS s (span, start, model, metric, bucket, count) VALUES (?,?,?,?,?,?)"
    " ON CONFLICT (span, start, model, metric, bucket) DO UPDATE SET count = s.count + excluded.count";

constexpr char kUpsertKey[] =
    "INSERT INTO stats_key_daily AS s (date, key_hash, requests, errors, input_tokens, output_tokens)"
    " VALUES (?,?,?,?,?,?) ON CONFLICT (date, key_hash) DO UPDATE SET"
    " requests = s.requests + excluded.requests, errors = s.errors + excluded.errors,"
    " input_tokens = s.input_tokens + excluded.input_tokens, output_tokens = s.output_tokens + excluded.output_tokens";

}  // namespace

void Rollup::Write(Poco::Data::Session& session) const {
  WriteHourly(session);
  WriteHistogram(session, "response_time", &Histograms::response_time);
  WriteHistogram(session, "first_token", &Histograms::first_token);
  WriteKeys(session);
}

void Rollup::WriteHourly(Poco::Data::Session& session) const {
  std::vector<const std::pair<const HourlyKey, HourlySums>*> cells;
  for (const auto& cell : hourly_) cells.push_back(&cell);
  std::sort(cells.begin(), cells.end(), [](const auto* a, const auto* b) { return a->first.hour < b->first.hour; });
  if (cells.empty()) return;
  const auto integers = [&](auto value) {
    Integers column;
    for (const auto* cell : cells) column.push_back(value(*cell));
    return column;
  };
  const auto sums = [&](int64_t HourlySums::*member) {
    return integers([&](const auto& cell) { return cell.second.*member; });
  };
  const auto texts = [&](const Names& names, int32_t HourlyKey::*member) {
    Texts column;
    for (const auto* cell : cells) column.push_back(names.TextOf(cell->first.*member));
    return column;
  };
  Integers hour = integers([](const auto& cell) { return cell.first.hour; });
  Integers status_code = integers([](const auto& cell) { return cell.first.status_code; });
  Texts model = texts(models_, &HourlyKey::model), endpoint = texts(endpoints_, &HourlyKey::endpoint);
  Texts client_type = texts(client_types_, &HourlyKey::client_type);
  Texts error_type = texts(error_types_, &HourlyKey::error_type);
  std::vector<Integers> columns;
  for (const auto member :
       {&HourlySums::requests, &HourlySums::errors, &HourlySums::streams, &HourlySums::attempts,
        &HourlySums::response_time_ms, &HourlySums::response_time_ms_min, &HourlySums::response_time_ms_max,
        &HourlySums::first_token_ms, &HourlySums::first_tokens, &HourlySums::input_tokens, &HourlySums::output_tokens,
        &HourlySums::total_tokens, &HourlySums::cached_tokens, &HourlySums::thoughts_tokens, &HourlySums::request_bytes,
        &HourlySums::response_bytes}) {
    columns.push_back(sums(member));
  }
  Poco::Data::Statement statement(session);
  statement << kUpsertHourly, use(hour), use(model), use(endpoint), use(client_type), use(status_code), use(error_type);
  for (Integers& column : columns) statement, use(column);
  statement.execute();
}

// Hours as they were counted, days summed from them.
void Rollup::WriteHistogram(Poco::Data::Session& session, const std::string& metric, Counts Histograms::*counts) const {
  Buckets hours, days;
  for (const auto& [key, histograms] : histograms_) {
    const Counts& of_hour = histograms.*counts;
    for (size_t at = 0; at < of_hour.size(); ++at) {
      if (of_hour[at] == 0) continue;
      const int bucket = static_cast<int>(at) - 1;
      hours[{key.start, key.name, bucket}] += of_hour[at];
      days[{StartOf(key.start, kDayS), key.name, bucket}] += of_hour[at];
    }
  }
  for (const auto& [name, cells] : {std::pair<const char*, const Buckets*>{"hour", &hours}, {"day", &days}}) {
    if (cells->empty()) continue;
    Texts span(cells->size(), name), metrics(cells->size(), metric), model;
    Integers start, bucket, count;
    for (const auto& [key, value] : *cells) {
      start.push_back(std::get<0>(key));
      model.push_back(models_.TextOf(std::get<1>(key)));
      bucket.push_back(std::get<2>(key));
      count.push_back(value);
    }
    session << kUpsertHistogram, use(span), use(start), use(model), use(metrics), use(bucket), use(count), now;
  }
}

void Rollup::WriteKeys(Poco::Data::Session& session) const {
  std::vector<const std::pair<const PairKey, KeySums>*> cells;
  for (const auto& cell : keys_) cells.push_back(&cell);
  std::sort(cells.begin(), cells.end(), [&](const auto* a, const auto* b) {
    return std::tie(a->first.start, key_hashes_.TextOf(a->first.name)) <
           std::tie(b->first.start, key_hashes_.TextOf(b->first.name));
  });
  if (cells.empty()) return;
  Texts date, key_hash;
  Integers requests, errors, input_tokens, output_tokens;
  for (const auto* cell : cells) {
    date.push_back(DateText(cell->first.start));
    key_hash.push_back(key_hashes_.TextOf(cell->first.name));
    requests.push_back(cell->second.requests);
    errors.push_back(cell->second.errors);
    input_tokens.push_back(cell->second.input_tokens);
    output_tokens.push_back(cell->second.output_tokens);
  }
  session << kUpsertKey, use(date), use(key_hash), use(requests), use(errors), use(input_tokens), use(output_tokens),
      now;
}

}  // namespace gc::jobs
