// histogram.h: the buckets of stats_histogram, and the percentiles that can be had from their counts.
// Bucket b holds the whole milliseconds from 1.04^b to below 1.04^(b+1), bucket -1 the 0. Counts of several hours or
// models add up. Interpolated inside the bucket, a percentile is within 4 % of the exact one at worst, and within 1 %
// where values do not crowd at one end of their bucket.
// Pure functions, for any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>

namespace gc::store {

// Below zero counts as 0; from 1.04^700 milliseconds (27 years) on everything falls into bucket 700.
int HistogramBucket(int64_t ms);

// The least and the greatest whole millisecond of a bucket. A bucket that holds none (many of the first, which are
// narrower than a millisecond) has first > last.
struct BucketRange {
  int64_t first_ms;
  int64_t last_ms;
};
BucketRange HistogramRange(int bucket);

// Counts by bucket; none is negative.
using BucketCounts = std::map<int, int64_t>;

// The least value that `share` (0..1) of all values do not exceed, in milliseconds; values count as spread evenly over
// their bucket. 0 when there are none.
double HistogramPercentile(const BucketCounts& counts, double share);

}  // namespace gc::store
