// clock_test.cc: UUIDv7 bit by bit under a clock that stands still, random text, and the system's clock.
// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace gc {
namespace {

// Says what the test says; its random bytes are all `fill`, or count upwards from it.
class FakeClock final : public Clock {
 public:
  enum class Bytes { kConstant, kCounting };
  explicit FakeClock(int64_t unix_ms, uint8_t fill = 0, Bytes bytes = Bytes::kConstant)
      : unix_ms_(unix_ms), fill_(fill), bytes_(bytes) {}
  int64_t UnixMs() override { return unix_ms_; }
  int64_t MonotonicUs() override { return 0; }
  void Random(void* out, size_t bytes) override {
    for (size_t i = 0; i < bytes; ++i) static_cast<uint8_t*>(out)[i] = bytes_ == Bytes::kCounting ? fill_++ : fill_;
  }

 private:
  int64_t unix_ms_;
  uint8_t fill_;
  Bytes bytes_;
};

TEST(UuidV7, TimeVersionAndVariant) {
  const struct {
    const char* name;
    int64_t unix_ms;
    uint8_t fill;
    const char* want;
  } cases[] = {
      {"the RFC's example time", 0x017F22E279B0, 0x00, "017f22e2-79b0-7000-8000-000000000000"},
      {"all random bits set", 0x017F22E279B0, 0xFF, "017f22e2-79b0-7fff-bfff-ffffffffffff"},
      {"epoch", 0, 0x5A, "00000000-0000-7a5a-9a5a-5a5a5a5a5a5a"},
      {"last millisecond of 48 bits", 0xFFFFFFFFFFFF, 0x00, "ffffffff-ffff-7000-8000-000000000000"},
  };
  for (const auto& c : cases) {
    FakeClock clock(c.unix_ms, c.fill);
    EXPECT_EQ(UuidV7(clock), c.want) << c.name;
  }
}

TEST(UuidV7, TextSortsByTime) {
  std::string before;
  for (const int64_t ms : {int64_t{0}, int64_t{1}, int64_t{255}, int64_t{256}, int64_t{0xFFFF}, int64_t{0x10000},
                           int64_t{1700000000000}, int64_t{1700000000001}}) {
    // Even with the largest random part the earlier one sorts first.
    FakeClock smallest(ms, 0x00);
    FakeClock largest(ms, 0xFF);
    EXPECT_LT(before, UuidV7(smallest)) << ms;
    before = UuidV7(largest);
  }
}

TEST(UuidV7, TheSystemsAreDifferent) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(UuidV7(SystemClock()));
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(RandomAlnum, EveryByteMapsWithoutBias) {
  // All 256 byte values in turn: 248 of them give four of each letter, the last 8 nothing.
  FakeClock clock(0, 0, FakeClock::Bytes::kCounting);
  const std::string text = RandomAlnum(clock, 248);
  ASSERT_EQ(text.size(), 248U);
  EXPECT_TRUE(text.starts_with("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ABC"));
  std::map<char, int> counts;
  for (const char c : text) ++counts[c];
  EXPECT_EQ(counts.size(), 62U);
  for (const auto& [c, n] : counts) EXPECT_EQ(n, 4) << c;
}

TEST(RandomAlnum, Length) {
  for (const size_t length : {0, 1, 31, 32, 33, 100}) {
    EXPECT_EQ(RandomAlnum(SystemClock(), length).size(), length);
  }
  EXPECT_NE(RandomAlnum(SystemClock(), 24), RandomAlnum(SystemClock(), 24));
}

TEST(Clock, SecondsAreWholeMilliseconds) {
  EXPECT_EQ(FakeClock(1999).UnixS(), 1);
  EXPECT_EQ(FakeClock(2000).UnixS(), 2);
}

TEST(SystemClock, Moves) {
  EXPECT_GT(SystemClock().UnixMs(), 1700000000000);  // milliseconds, not seconds or microseconds
  EXPECT_LT(SystemClock().UnixMs(), 17000000000000);
  const int64_t before = SystemClock().MonotonicUs();
  EXPECT_LE(before, SystemClock().MonotonicUs());
}

}  // namespace
}  // namespace gc
