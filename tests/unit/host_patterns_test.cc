// host_patterns_test.cc: which lists of hosts are correct, and what they name.
// SPDX-License-Identifier: MIT
#include "base/host_patterns.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

TEST(HostPatterns, Checked) {
  const struct {
    const char* patterns;
    const char* wrong;  // the entry that is complained of; empty: none
  } cases[] = {
      {"", ""},
      {" , ", ""},
      {"example.org", ""},
      {"a.example.org,b.example.org\tc_d.example.org", ""},
      {"*.example.org", ""},
      {"*", ""},
      {"xn--bcher-kva.example", ""},
      {"Example.org", "Example.org"},
      {"a.org https://example.org", "https://example.org"},
      {"example.org/path", "example.org/path"},
      {"example.org:443", "example.org:443"},
      {"*example.org", "*example.org"},
      {"cdn.*", "cdn.*"},
      {"*.*.org", "*.*.org"},
      {"*.", "*."},
      {"192.0.2.1", "192.0.2.1"},
      {"example.org.", "example.org."},
      {".example.org", ".example.org"},
  };
  for (const auto& c : cases) {
    const std::string wrong = CheckHostPatterns(c.patterns);
    EXPECT_EQ(wrong.empty(), *c.wrong == '\0') << c.patterns << ": " << wrong;
    EXPECT_TRUE(wrong.ends_with(c.wrong)) << c.patterns << ": " << wrong;
  }
}

TEST(HostPatterns, Listed) {
  const struct {
    const char* patterns;
    const char* host;
    bool is_listed;
  } cases[] = {
      {"", "example.org", false},
      {"example.org", "example.org", true},
      {"a.org, example.org", "example.org", true},
      {"example.org", "a.example.org", false},
      {"example.org", "example.org.evil.org", false},
      {"example.org", "evilexample.org", false},
      {"*.example.org", "a.example.org", true},
      {"*.example.org", "a.b.example.org", true},
      {"*.example.org", "example.org", false},
      {"*.example.org", "evilexample.org", false},
      {"*.example.org", ".example.org", false},
      {"*", "example.org", true},
  };
  for (const auto& c : cases) EXPECT_EQ(IsHostListed(c.patterns, c.host), c.is_listed) << c.patterns << " " << c.host;
}

TEST(HostPatterns, NamesThatProgramsTakeForAddresses) {
  for (const char* name : {"2130706433", "127.1", "0x7f.1", "0x7f000001", "a.0x7f", "0177.0.0.1", "a.b.1", "1", "0x"}) {
    EXPECT_FALSE(IsHostName(name)) << name;
  }
  for (const char* name : {"localhost", "1.example", "0x7f.example", "1a", "a-b.c_d"}) {
    EXPECT_TRUE(IsHostName(name)) << name;
  }
  EXPECT_TRUE(IsHostName(std::string(63, 'a') + ".org"));
  EXPECT_FALSE(IsHostName(std::string(64, 'a') + ".org"));
  std::string long_name = "org";
  while (long_name.size() <= 253) long_name.insert(0, "a.");
  EXPECT_FALSE(IsHostName(long_name));
  EXPECT_TRUE(IsHostName(long_name.substr(2)));
}

}  // namespace
}  // namespace gc
