// histogram.cc: the bounds of the buckets, and interpolation between them.
// SPDX-License-Identifier: MIT
#include "store/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace gc::store {
namespace {

constexpr int kLastBucket = 700;

// First whole millisecond that is not below 1.04^b, for b from 0 on: all comparisons are of integers.
using Bounds = std::array<int64_t, kLastBucket + 2>;

Bounds MakeBounds() {
  Bounds bounds{};
  for (size_t b = 0; b < bounds.size(); ++b) {
    bounds[b] = static_cast<int64_t>(std::ceil(std::pow(1.04L, static_cast<long double>(b))));
  }
  return bounds;
}

const Bounds& FirstMs() {
  static const Bounds bounds = MakeBounds();
  return bounds;
}

}  // namespace

int HistogramBucket(int64_t ms) {
  // Where the answers of a gateway are, without a search.
  static const auto near_buckets = [] {
    std::array<int16_t, 4096> buckets{};
    for (int64_t value = 0; value < static_cast<int64_t>(buckets.size()); ++value) {
      const auto above = std::upper_bound(FirstMs().begin(), FirstMs().end(), value);
      buckets[static_cast<size_t>(value)] = static_cast<int16_t>(above - FirstMs().begin() - 1);
    }
    return buckets;
  }();
  if (ms <= 0) return -1;
  if (ms < static_cast<int64_t>(near_buckets.size())) return near_buckets[static_cast<size_t>(ms)];
  const auto above = std::upper_bound(FirstMs().begin(), FirstMs().end(), ms);
  return std::min(static_cast<int>(above - FirstMs().begin()) - 1, kLastBucket);
}

BucketRange HistogramRange(int bucket) {
  if (bucket < 0) return {0, 0};
  const auto b = static_cast<size_t>(std::min(bucket, kLastBucket));
  return {FirstMs()[b], FirstMs()[b + 1] - 1};
}

double HistogramPercentile(const BucketCounts& counts, double share) {
  int64_t total = 0;
  for (const auto& [bucket, count] : counts) total += count;
  if (total == 0) return 0;
  // The value's rank, from 1: of four values the half is the second.
  const double exact_rank = std::clamp(share, 0.0, 1.0) * static_cast<double>(total);
  const int64_t rank = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(exact_rank - 1e-9)));
  int64_t before = 0;
  for (const auto& [bucket, count] : counts) {
    if (before + count < rank) {
      before += count;
      continue;
    }
    const auto [first, last] = HistogramRange(bucket);
    const double inside = (static_cast<double>(rank - before) - 0.5) / static_cast<double>(count);
    const double value = static_cast<double>(first) - 0.5 + inside * static_cast<double>(last - first + 1);
    return std::clamp(value, static_cast<double>(first), static_cast<double>(std::max(first, last)));
  }
  return 0;  // not reached: rank <= total
}

}  // namespace gc::store
