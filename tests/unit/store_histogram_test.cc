// store_histogram_test.cc: buckets and percentiles against exact ones of known distributions.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "store/histogram.h"

namespace gc::store {
namespace {

TEST(HistogramTest, BucketsAreThoseOfTheSchema) {
  EXPECT_EQ(HistogramBucket(-5), -1);
  EXPECT_EQ(HistogramBucket(0), -1);
  EXPECT_EQ(HistogramBucket(1), 0);
  for (int64_t ms = 2; ms < 10'000'000; ms += 1 + ms / 50) {
    const int bucket = HistogramBucket(ms);
    EXPECT_LE(std::pow(1.04L, bucket), static_cast<long double>(ms)) << ms;
    EXPECT_GT(std::pow(1.04L, bucket + 1), static_cast<long double>(ms)) << ms;
  }
  EXPECT_EQ(HistogramBucket(std::numeric_limits<int64_t>::max()), 700);
}

TEST(HistogramTest, RangesFollowOneAnother) {
  int64_t next = 1;
  for (int bucket = 0; bucket <= 700; ++bucket) {
    const auto [first, last] = HistogramRange(bucket);
    EXPECT_EQ(first, next) << bucket;
    if (first <= last) {
      EXPECT_EQ(HistogramBucket(first), bucket);
      EXPECT_EQ(HistogramBucket(last), bucket);
    }
    next = last + 1;
  }
  EXPECT_EQ(HistogramRange(-1).first_ms, 0);
  EXPECT_EQ(HistogramRange(-1).last_ms, 0);
}

struct Distribution {
  const char* name;
  std::function<double(std::mt19937&)> draw;
  double allowed;  // relative error
};

TEST(HistogramTest, PercentilesAreNearTheExactOnes) {
  std::lognormal_distribution<double> language_model(7.5, 0.8);
  std::uniform_real_distribution<double> uniform(100, 60'000);
  std::exponential_distribution<double> exponential(1.0 / 900);
  std::normal_distribution<double> fast(200, 20), slow(9000, 500);
  const Distribution distributions[] = {
      {"lognormal", [&](std::mt19937& r) { return language_model(r); }, 0.005},
      {"uniform", [&](std::mt19937& r) { return uniform(r); }, 0.01},
      {"exponential", [&](std::mt19937& r) { return exponential(r) + 1; }, 0.01},
      {"two humps", [&](std::mt19937& r) { return r() % 3 == 0 ? slow(r) : fast(r); }, 0.01},
      {"one value", [](std::mt19937&) { return 1234.0; }, 0.04},
      {"few milliseconds", [](std::mt19937& r) { return static_cast<double>(r() % 20); }, 0},
  };
  for (const Distribution& d : distributions) {
    std::mt19937 random(7);
    std::vector<int64_t> values;
    BucketCounts counts;
    for (int i = 0; i < 100'000; ++i) {
      values.push_back(static_cast<int64_t>(d.draw(random)));
      ++counts[HistogramBucket(values.back())];
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0}) {
      const auto rank = std::max<int64_t>(1, std::llround(std::ceil(share * 100'000)));
      const auto exact = static_cast<double>(values[static_cast<size_t>(rank) - 1]);
      // The ends of a distribution are sparse: there, half the bucket is what can be known.
      const double allowed = share <= 0.01 || share == 1.0 ? std::max(d.allowed, 0.04) : d.allowed;
      EXPECT_NEAR(HistogramPercentile(counts, share), exact, exact * allowed + (d.allowed > 0 ? 0.5 : 0.0))
          << d.name << " " << share;
    }
  }
}

TEST(HistogramTest, SmallCounts) {
  EXPECT_EQ(HistogramPercentile({}, 0.5), 0);
  EXPECT_EQ(HistogramPercentile({{-1, 3}}, 0.99), 0) << "all of them 0 ms";
  EXPECT_EQ(HistogramPercentile({{-1, 1}, {0, 1}}, 0.5), 0) << "the half of two is the first";
  EXPECT_EQ(HistogramPercentile({{-1, 1}, {0, 1}}, 0.51), 1);
  EXPECT_EQ(HistogramPercentile({{-1, 0}, {0, 0}}, 0.5), 0) << "cells without values";
}

}  // namespace
}  // namespace gc::store
