// pace.h: how a benchmark's stream runs, written into its model name, which reaches every server on the path.
//   gemini-bench-EVENTS-INTERVAL   EVENTS events, INTERVAL microseconds apart; 0: as fast as they are taken
//   gemini-bench-hold              one event, then nothing until GET /release, then the last one
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace gc::bench {

struct Pace {
  int events = 1;
  int64_t interval_us = 0;
  bool is_held = false;
};

inline constexpr char kHeldModel[] = "gemini-bench-hold";

inline std::string PacedModel(int events, int64_t interval_us) {
  return "gemini-bench-" + std::to_string(events) + "-" + std::to_string(interval_us);
}

// By the first such name in a request; without one, a single event.
inline Pace FindPace(const std::string& request) {
  Pace pace;
  const size_t at = request.find("gemini-bench-");
  if (at == std::string::npos) return pace;
  if (std::string_view(request).substr(at).starts_with(kHeldModel)) return {.events = 2, .is_held = true};
  long long interval_us = 0;
  if (std::sscanf(request.c_str() + at, "gemini-bench-%d-%lld", &pace.events, &interval_us) == 2)
    pace.interval_us = interval_us;
  return pace;
}

}  // namespace gc::bench
