// report.h: the rows of a run: collected, printed as a table that docs/benchmarks.md takes as it is, and as JSON.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace gc::bench {

struct Bound {
  enum class Kind { kAtMost, kAtLeast };
  Kind kind = Kind::kAtMost;
  double value = 0;
};
inline Bound AtMost(double value) { return {Bound::Kind::kAtMost, value}; }
inline Bound AtLeast(double value) { return {Bound::Kind::kAtLeast, value}; }

struct Row {
  std::string name;
  std::string unit;
  std::optional<Bound> bound;  // none: printed for comparison
  Series series;
  std::string void_reason;  // why the figure says nothing; empty: it counts

  bool is_void() const { return !void_reason.empty() || series.empty(); }
  bool is_met() const;  // by the median; without a bound always
};

class Report {
 public:
  // The row is void when `void_reason` says why.
  void Add(std::string name, std::string unit, Series series, std::optional<Bound> bound = std::nullopt,
           std::string void_reason = {});
  // A line on standard error, so that the reader of a long run sees where it is.
  static void Progress(const std::string& what);

  bool AllMet() const;  // and no row with a bound is void
  std::string Table() const;
  std::string Json() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace gc::bench
