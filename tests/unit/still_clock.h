// still_clock.h: a clock that stands still and random bytes that repeat, so that two runs write the same answer.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace gc {

class StillClock final : public Clock {
 public:
  int64_t UnixMs() override { return int64_t{1'764'000'000'000}; }
  int64_t MonotonicUs() override { return 1'000'000; }
  void Random(void* out, size_t bytes) override {
    auto* at = static_cast<unsigned char*>(out);
    for (size_t i = 0; i < bytes; ++i) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      at[i] = static_cast<unsigned char>(state_ >> 56);
    }
  }

 private:
  uint64_t state_ = 1;
};

}  // namespace gc
