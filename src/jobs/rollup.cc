// rollup.cc: adds rows to cells.
// SPDX-License-Identifier: MIT
#include "jobs/rollup.h"

#include <algorithm>

#include "jobs/job.h"
#include "store/request_log.h"

namespace gc::jobs {
namespace {

constexpr int64_t kLastUnixS = 253'402'300'799;  // 9999-12-31T23:59:59Z

size_t Mix(size_t hash, int64_t value) {
  return (hash ^ static_cast<size_t>(value)) * size_t{0x9E3779B97F4A7C15} + (hash >> 29);
}

}  // namespace

int64_t StartOf(int64_t unix_s, int64_t span_s) {
  const int64_t time = std::clamp<int64_t>(unix_s, 0, kLastUnixS);
  return time - time % span_s;
}

std::string DateText(int64_t unix_s) { return TimeText(unix_s).substr(0, 10); }

int32_t Rollup::Names::IdOf(std::string_view text) {
  if (last_ >= 0 && TextOf(last_) == text) return last_;
  auto found = ids_.find(text);
  if (found == ids_.end()) {
    found = ids_.emplace(text, static_cast<int32_t>(texts_.size())).first;
    texts_.push_back(&found->first);
  }
  last_ = found->second;
  return last_;
}

size_t Rollup::KeyHash::operator()(const HourlyKey& key) const {
  size_t hash = Mix(0, key.hour);
  hash = Mix(hash, (int64_t{key.model} << 32) + key.endpoint);
  hash = Mix(hash, (int64_t{key.client_type} << 32) + key.error_type);
  return Mix(hash, key.status_code);
}

size_t Rollup::KeyHash::operator()(const PairKey& key) const { return Mix(Mix(0, key.start), key.name); }

void Rollup::Count(Counts* counts, int64_t ms) {
  const int position = store::HistogramBucket(ms) + 1;
  const auto at = static_cast<size_t>(position);
  if (at >= counts->size()) counts->resize(at + 1);
  histogram_cells_ += (*counts)[at]++ == 0;
}

void Rollup::Add(const store::ScannedRequest& row) {
  const int64_t hour = StartOf(row.timestamp_unix_s, kHourS);
  const int64_t day = StartOf(row.timestamp_unix_s, kDayS);
  const int32_t model = models_.IdOf(store::CountedModel(row.status_code, row.model));
  const HourlyKey key{.hour = hour,
                      .model = model,
                      .endpoint = endpoints_.IdOf(row.endpoint),
                      .client_type = client_types_.IdOf(row.client_type),
                      .error_type = error_types_.IdOf(row.error_type),
                      .status_code = row.status_code};
  HourlySums& sums = hourly_[key];
  const bool first = sums.requests == 0;
  sums.requests += 1;
  sums.errors += row.has_error;
  sums.streams += row.is_stream;
  sums.attempts += row.attempts;
  sums.response_time_ms += row.response_time_ms;
  sums.response_time_ms_min = first ? row.response_time_ms : std::min(sums.response_time_ms_min, row.response_time_ms);
  sums.response_time_ms_max = first ? row.response_time_ms : std::max(sums.response_time_ms_max, row.response_time_ms);
  sums.first_token_ms += row.first_token_ms.value_or(0);
  sums.first_tokens += row.first_token_ms.has_value();
  sums.input_tokens += row.input_tokens;
  sums.output_tokens += row.output_tokens;
  sums.total_tokens += row.total_tokens;
  sums.cached_tokens += row.cached_tokens;
  sums.thoughts_tokens += row.thoughts_tokens;
  sums.request_bytes += row.request_size;
  sums.response_bytes += row.response_size;

  Histograms& histograms = histograms_[{hour, model}];
  Count(&histograms.response_time, row.response_time_ms);
  if (row.first_token_ms) Count(&histograms.first_token, *row.first_token_ms);

  KeySums& of_key = keys_[{day, key_hashes_.IdOf(row.api_key_hash)}];
  of_key.requests += 1;
  of_key.errors += row.has_error;
  of_key.input_tokens += row.input_tokens;
  of_key.output_tokens += row.output_tokens;

  days_.insert(day);
  ++rows_;
  last_seq_ = row.seq;
}

}  // namespace gc::jobs
