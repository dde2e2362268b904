// clock.h: time and randomness, behind one interface so that tests can hold them still.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace gc {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, milliseconds since 1970 UTC. May jump.
  virtual int64_t UnixMs() = 0;
  // Never goes back; only differences mean anything. Microseconds.
  virtual int64_t MonotonicUs() = 0;
  // Cryptographically strong bytes.
  virtual void Random(void* out, size_t bytes) = 0;

  int64_t UnixS() { return UnixMs() / 1000; }
};

// The operating system's clock and getrandom(2). Lives for the whole process; any thread.
Clock& SystemClock();

// RFC 9562 version 7: 48 bits of Unix milliseconds, then random; text of 36 characters.
std::string UuidV7(Clock& clock);
// `length` random characters of [A-Za-z0-9], for ids that only have to be unique.
std::string RandomAlnum(Clock& clock, size_t length);

}  // namespace gc
