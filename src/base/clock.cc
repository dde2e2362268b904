// clock.cc: the system's clock, random bytes and the ids made of both.
// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>

namespace gc {
namespace {

class System final : public Clock {
 public:
  int64_t UnixMs() override { return Read(CLOCK_REALTIME) / 1000; }
  int64_t MonotonicUs() override { return Read(CLOCK_MONOTONIC); }
  void Random(void* out, size_t bytes) override {
    auto* at = static_cast<char*>(out);
    while (bytes > 0) {
      const ssize_t n = getrandom(at, bytes, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) std::abort();  // no entropy source: nothing we make would be unique
      at += n;
      bytes -= static_cast<size_t>(n);
    }
  }

 private:
  static int64_t Read(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return int64_t{t.tv_sec} * 1000000 + t.tv_nsec / 1000;
  }
};

}  // namespace

Clock& SystemClock() {
  static System clock;
  return clock;
}

std::string UuidV7(Clock& clock) {
  std::array<uint8_t, 16> b{};
  clock.Random(b.data() + 6, 10);
  const auto ms = static_cast<uint64_t>(clock.UnixMs());
  for (int i = 0; i < 6; ++i) b[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  b[6] = static_cast<uint8_t>((b[6] & 0x0F) | 0x70);
  b[8] = static_cast<uint8_t>((b[8] & 0x3F) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[b[i] >> 4];
    text += kHex[b[i] & 15];
  }
  return text;
}

std::string RandomAlnum(Clock& clock, size_t length) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string text;
  while (text.size() < length) {
    std::array<uint8_t, 32> bytes{};
    clock.Random(bytes.data(), bytes.size());
    for (const uint8_t b : bytes) {
      if (b < 4 * kAlphabet.size() && text.size() < length)
        text += kAlphabet[b % kAlphabet.size()];  // 248 of 256: unbiased
    }
  }
  return text;
}

}  // namespace gc
