// pacific.h: the day in California, which Google's daily quotas go by: they start anew at midnight there.
// The rule of the United States since 2007 is computed here: Debian's libstdc++ has no time zones, and the host's own
// zone and its TZ variable must not matter. Source: Energy Policy Act of 2005, section 110 (in force 2007): from the
// second Sunday of March to the first Sunday of November, 02:00 local time each, clocks are an hour ahead.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace gc {

// Seconds that Pacific time is behind UTC at this instant: 28800, in summer 25200.
int64_t PacificOffsetS(int64_t unix_s);
// Days since 1970-01-01 of the date in California.
int64_t PacificDay(int64_t unix_s);
// The instant at which the next day begins there: 23 to 25 hours after the last one.
int64_t NextPacificMidnight(int64_t unix_s);

}  // namespace gc
