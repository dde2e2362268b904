// resolver_test.cc: names that the system knows without a network, and a caller that gives up.
// SPDX-License-Identifier: MIT
#include "base/resolver.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace gc {
namespace {

constexpr int64_t kLongMs = 20000;

TEST(Resolver, KnownAndUnknownNames) {
  const auto local = ResolveHost("localhost", kLongMs, -1, [] { return false; });
  ASSERT_TRUE(local.ok()) << local.error().message;
  for (const std::string& address : *local) EXPECT_TRUE(address == "127.0.0.1" || address == "::1") << address;
  const auto none = ResolveHost("no host has blanks", kLongMs, -1, [] { return false; });
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kUnreachable);
}

TEST(Resolver, NoTimeLeft) {
  const auto late = ResolveHost("localhost", 0, -1, [] { return false; });
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
}

TEST(Resolver, AReadableDescriptorIsAskedAboutOnce) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  int asked = 0;
  const auto local = ResolveHost("localhost", kLongMs, ends[0], [&] { return ++asked > 1; });
  EXPECT_TRUE(local.ok());
  EXPECT_LE(asked, 1);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace gc
