// rollup.h: sums of request_logs rows by the cells of the roll-up tables, in memory, and their way into the tables.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/histogram.h"
#include "store/request_scan.h"

namespace gc::jobs {

inline constexpr int64_t kHourS = 3600;
inline constexpr int64_t kDayS = 86'400;

// The start of the hour or day that a time falls into. A time outside the years 1970 to 9999 falls into the first or
// the last one: there is no date for it.
int64_t StartOf(int64_t unix_s, int64_t span_s);
// YYYY-MM-DD, UTC.
std::string DateText(int64_t unix_s);

// What one hour, model, endpoint, client, status and error_type came to: a row of stats_hourly without its key.
struct HourlySums {
  int64_t requests = 0, errors = 0, streams = 0, attempts = 0;
  int64_t response_time_ms = 0, response_time_ms_min = 0, response_time_ms_max = 0;
  int64_t first_token_ms = 0, first_tokens = 0;
  int64_t input_tokens = 0, output_tokens = 0, total_tokens = 0, cached_tokens = 0, thoughts_tokens = 0;
  int64_t request_bytes = 0, response_bytes = 0;
};

struct KeySums {
  int64_t requests = 0, errors = 0, input_tokens = 0, output_tokens = 0;
};

class Rollup {
 public:
  void Add(const store::ScannedRequest& row);

  int64_t rows() const { return rows_; }
  int64_t last_seq() const { return last_seq_; }           // of the last row; 0: none yet
  const std::set<int64_t>& days() const { return days_; }  // starts of the days that rows fell into
  // About how many rows of the tables Write touches: its time under the write lock grows with it.
  size_t cells() const { return hourly_.size() + histogram_cells_ + keys_.size(); }

  // Adds the sums to stats_hourly, stats_histogram and stats_key_daily. Throws what Poco throws.
  // REQUIRES: inside a transaction of the session.
  void Write(Poco::Data::Session& session) const;

 private:
  // The texts of one column, each once and by a small number: keys of cells are then numbers.
  class Names {
   public:
    int32_t IdOf(std::string_view text);
    const std::string& TextOf(int32_t id) const { return *texts_[static_cast<size_t>(id)]; }

   private:
    struct Hash {
      using is_transparent = void;
      size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };
    std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> ids_;
    std::vector<const std::string*> texts_;
    int32_t last_ = -1;  // rows like the one before are the rule
  };
  struct HourlyKey {
    int64_t hour;
    int32_t model, endpoint, client_type, error_type;
    int64_t status_code;
    bool operator==(const HourlyKey&) const = default;
  };
  struct PairKey {
    int64_t start;  // of the hour or day
    int32_t name;   // of the model or key
    bool operator==(const PairKey&) const = default;
  };
  struct KeyHash {
    size_t operator()(const HourlyKey& key) const;
    size_t operator()(const PairKey& key) const;
  };
  using Counts = std::vector<int64_t>;  // by bucket + 1, as long as needed
  struct Histograms {
    Counts response_time, first_token;
  };
  using Buckets = std::map<std::tuple<int64_t, int32_t, int>, int64_t>;  // start, model, bucket

  void Count(Counts* counts, int64_t ms);
  void WriteHourly(Poco::Data::Session& session) const;
  void WriteHistogram(Poco::Data::Session& session, const std::string& metric, Counts Histograms::*counts) const;
  void WriteKeys(Poco::Data::Session& session) const;

  Names models_, endpoints_, client_types_, error_types_, key_hashes_;
  std::unordered_map<HourlyKey, HourlySums, KeyHash> hourly_;
  std::unordered_map<PairKey, Histograms, KeyHash> histograms_;  // by hour and model
  std::unordered_map<PairKey, KeySums, KeyHash> keys_;           // by day and key
  std::set<int64_t> days_;
  size_t histogram_cells_ = 0;
  int64_t rows_ = 0;
  int64_t last_seq_ = 0;
};

}  // namespace gc::jobs
