// pacific.cc: Pacific time by its rule.
// SPDX-License-Identifier: MIT
#include "base/pacific.h"

#include <chrono>

namespace gc {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::March;
using std::chrono::November;
using std::chrono::Sunday;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr int64_t kHour = 3600;
constexpr int64_t kStandard = 8 * kHour;
constexpr int64_t kSummer = 7 * kHour;

// 02:00 local time on that day, by the clock that is valid until then.
int64_t ChangeAt(sys_days day, int64_t offset_before) {
  return sys_seconds(day).time_since_epoch().count() + 2 * kHour + offset_before;
}

int64_t FloorDay(int64_t local_s) { return floor<days>(std::chrono::seconds(local_s)).count(); }

}  // namespace

int64_t PacificOffsetS(int64_t unix_s) {
  const auto year = std::chrono::year_month_day(floor<days>(sys_seconds(std::chrono::seconds(unix_s)))).year();
  const int64_t spring = ChangeAt(sys_days(year / March / Sunday[2]), kStandard);
  const int64_t autumn = ChangeAt(sys_days(year / November / Sunday[1]), kSummer);
  return unix_s >= spring && unix_s < autumn ? kSummer : kStandard;
}

int64_t PacificDay(int64_t unix_s) { return FloorDay(unix_s - PacificOffsetS(unix_s)); }

int64_t NextPacificMidnight(int64_t unix_s) {
  const int64_t local_midnight = (PacificDay(unix_s) + 1) * 24 * kHour;
  // Clocks change at two, never at midnight: the offset then is that of a moment before.
  const int64_t guess = local_midnight + PacificOffsetS(unix_s);
  return local_midnight + PacificOffsetS(guess);
}

}  // namespace gc
