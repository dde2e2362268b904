// pacific_test.cc: the Pacific day over both changes of the clock, leap days and zones of the host.
// SPDX-License-Identifier: MIT
#include "base/pacific.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <string>

namespace gc {
namespace {

// 2026-03-08 10:00 UTC: 02:00 standard time becomes 03:00. 2026-11-01 09:00 UTC: 02:00 summer time becomes 01:00.
constexpr int64_t kSpring = 1772964000;
constexpr int64_t kAutumn = 1793523600;
constexpr int64_t kHour = 3600;

TEST(Pacific, MidnightFollowsEveryInstant) {
  const struct {
    const char* name;
    int64_t now;
    int64_t next;
  } cases[] = {
      {"winter", 1767225600 /* 2026-01-01 00:00 UTC: still December 31 there */, 1767225600 + 8 * kHour},
      {"at midnight", 1767225600 + 8 * kHour, 1767225600 + 32 * kHour},
      {"a second before", 1767225600 + 8 * kHour - 1, 1767225600 + 8 * kHour},
      {"summer", 1784548800 /* 2026-07-20 12:00 UTC */, 1784548800 + 19 * kHour},
      {"the short day begins", kSpring - 2 * kHour, kSpring - 2 * kHour + 23 * kHour},
      {"before the spring change", kSpring - 1, kSpring + 21 * kHour},
      {"after the spring change", kSpring, kSpring + 21 * kHour},
      {"the long day begins", kAutumn - 2 * kHour, kAutumn - 2 * kHour + 25 * kHour},
      {"before the autumn change", kAutumn - 1, kAutumn + 23 * kHour},
      {"after the autumn change", kAutumn, kAutumn + 23 * kHour},
      {"the second one o'clock", kAutumn + kHour / 2, kAutumn + 23 * kHour},
      {"leap day", 1835395200 /* 2028-02-29 00:00 UTC */ + 8 * kHour, 1835395200 + 32 * kHour},
      {"1970", 0, 8 * kHour},
  };
  for (const auto& c : cases) EXPECT_EQ(NextPacificMidnight(c.now), c.next) << c.name;
}

// The system's own rules for America/Los_Angeles are the judge, hour by hour, whatever zone the host is in.
TEST(Pacific, AgreesWithTheSystemsZoneInEveryHour) {
  const char* before = getenv("TZ");
  const std::string saved = before != nullptr ? before : "";
  const auto use_zone = [](const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  };
  for (const char* host : {"UTC", "Asia/Shanghai", "America/Los_Angeles"}) {
    int wrong = 0;
    for (int64_t now = 1735689600 /* 2025 */; now < 1735689600 + 5 * 366 * 24 * kHour && wrong == 0; now += kHour / 2) {
      use_zone(host);
      const int64_t day = PacificDay(now);
      const int64_t next = NextPacificMidnight(now);
      use_zone("America/Los_Angeles");
      time_t then = static_cast<time_t>(next);
      struct tm local {};
      localtime_r(&then, &local);
      const bool midnight = local.tm_hour == 0 && local.tm_min == 0 && local.tm_sec == 0;
      then = static_cast<time_t>(now);
      localtime_r(&then, &local);
      struct tm date = local;
      date.tm_hour = date.tm_min = date.tm_sec = 0;
      const bool same_day = timegm(&date) == day * 24 * kHour;
      if (!midnight || !same_day || next <= now || next > now + 25 * kHour) {
        ADD_FAILURE() << host << " at " << now;
        ++wrong;
      }
    }
  }
  if (before != nullptr) {
    setenv("TZ", saved.c_str(), 1);
  } else {
    unsetenv("TZ");
  }
  tzset();
}

}  // namespace
}  // namespace gc
