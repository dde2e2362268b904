// ip_test.cc: addresses whole and truncated.
// SPDX-License-Identifier: MIT
#include "base/ip.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

TEST(Ip, CanonicalAndTruncated) {
  const struct {
    const char* address;
    const char* canonical;
    const char* truncated;
  } cases[] = {
      {"192.0.2.77", "192.0.2.77", "192.0.2.0"},
      {"255.255.255.255", "255.255.255.255", "255.255.255.0"},
      {"::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0"},
      {"::FFFF:c000:24d", "192.0.2.77", "192.0.2.0"},
      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
      {"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1", "2001:db8::"},
      {"::1", "::1", "::"},
      {"fe80::1%eth0", "unknown", "unknown"},
      {"", "unknown", "unknown"},
      {"unix:", "unknown", "unknown"},
      {"192.0.2", "unknown", "unknown"},
      {"192.0.2.256", "unknown", "unknown"},
      {"192.0.2.77:80", "unknown", "unknown"},
      {" 192.0.2.77", "unknown", "unknown"},
      {"[::1]", "unknown", "unknown"},
      {"1:2:3:4:5:6:7:8:9", "unknown", "unknown"},
      {"example.org", "unknown", "unknown"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(CanonicalIp(c.address), c.canonical) << c.address;
    EXPECT_EQ(TruncateIp(c.address), c.truncated) << c.address;
  }
}

}  // namespace
}  // namespace gc
