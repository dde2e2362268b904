// ip_test.cc: addresses whole and truncated, public and not.
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

TEST(Ip, Public) {
  const char* const cases[] = {
      "1.1.1.1",         "8.8.8.8",     "9.255.255.255",   "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
      "126.255.255.255", "128.0.0.0",   "168.63.129.15",   "168.63.129.17",   "169.253.255.255", "169.255.0.0",
      "172.15.255.255",  "172.32.0.0",  "192.0.1.0",       "192.0.3.0",       "192.88.98.255",   "192.88.100.0",
      "192.167.255.255", "192.169.0.0", "198.17.255.255",  "198.20.0.0",      "198.51.99.255",   "198.51.101.0",
      "203.0.112.255",   "203.0.114.0", "223.255.255.255", "2000::",          "2001:200::",      "2001:db7:ffff::",
      "2001:db9::",      "2003::",      "2606:4700::1111", "2a00:1450::200e", "3ffe:ffff::",     "3fff:1000::",
  };
  for (const char* address : cases) EXPECT_TRUE(IsPublicAddress(address)) << address;
}

TEST(Ip, NotPublic) {
  const struct {
    const char* name;
    const char* first;
    const char* last;
  } cases[] = {
      {"unspecified and this network", "0.0.0.0", "0.255.255.255"},
      {"private, class A", "10.0.0.0", "10.255.255.255"},
      {"carriers' NAT", "100.64.0.0", "100.127.255.255"},
      {"loopback", "127.0.0.1", "127.255.255.255"},
      {"Azure's services", "168.63.129.16", "168.63.129.16"},
      {"link-local", "169.254.0.0", "169.254.255.255"},
      {"metadata of clouds", "169.254.169.254", "100.100.100.200"},
      {"private, class B", "172.16.0.0", "172.31.255.255"},
      {"protocol assignments", "192.0.0.0", "192.0.0.255"},
      {"documentation, 1", "192.0.2.0", "192.0.2.255"},
      {"6to4 relays", "192.88.99.0", "192.88.99.255"},
      {"private, class C", "192.168.0.0", "192.168.255.255"},
      {"benchmarking", "198.18.0.0", "198.19.255.255"},
      {"documentation, 2", "198.51.100.0", "198.51.100.255"},
      {"documentation, 3", "203.0.113.0", "203.0.113.255"},
      {"multicast", "224.0.0.0", "239.255.255.255"},
      {"reserved and broadcast", "240.0.0.0", "255.255.255.255"},
      {"IPv6 unspecified and loopback", "::", "::1"},
      {"IPv4-compatible", "::7f00:1", "::8.8.8.8"},
      {"mapped, also of public addresses", "::ffff:127.0.0.1", "::ffff:8.8.8.8"},
      {"NAT64", "64:ff9b::", "64:ff9b::808:808"},
      {"NAT64 of a network's own", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"},
      {"discard", "100::", "100::ffff:ffff:ffff:ffff"},
      {"below the global ones", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1::"},
      {"Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"IPv6 benchmarking and ORCHID", "2001:2::", "2001:20::"},
      {"end of the protocol assignments", "2001:1ff::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"IPv6 documentation", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"6to4", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"IPv6 documentation, 2", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"above the global ones", "4000::", "5f00::"},
      {"unique local, a cloud's metadata", "fc00::", "fd00:ec2::254"},
      {"IPv6 link-local", "fe80::", "febf::1"},
      {"site-local", "fec0::", "fec0::1"},
      {"IPv6 multicast", "ff00::", "ff02::1"},
      {"no address", "", "localhost"},
      {"an address with something around it", "fe80::1%eth0", "[2606:4700::1111]"},
      {"other spellings", "134744072", "0x08080808"},
      {"octal, and short", "010.8.8.8", "8.8"},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(IsPublicAddress(c.first)) << c.name;
    EXPECT_FALSE(IsPublicAddress(c.last)) << c.name;
  }
}

}  // namespace
}  // namespace gc
