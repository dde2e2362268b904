// fuzz_test.cc: what the fuzzers demand holds for what they begin with, and for what they found before.
// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_dir.h"

namespace gc {
namespace {

TEST(Fuzz, SeedsHold) {
  for (const fuzz::Target& target : fuzz::Targets()) {
    const std::vector<std::string> seeds = fuzz::Seeds(target.name);
    EXPECT_GE(seeds.size(), 3U) << target.name;
    for (const std::string& seed : seeds) EXPECT_EQ(target.check(seed), "") << target.name << ": " << seed;
  }
}

// tests/fuzz/regressions/TARGET/NAME: inputs that broke something once.
TEST(Fuzz, WhatWasFoundHolds) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("tests/fuzz/regressions")) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().parent_path().filename();
    const fuzz::Target* target = fuzz::FindTarget(name);
    ASSERT_NE(target, nullptr) << entry.path();
    EXPECT_EQ(target->check(ReadFile(entry.path())), "") << entry.path();
    ++files;
  }
  EXPECT_GT(files, 0U) << "run the tests from the repository's root";
}

}  // namespace
}  // namespace gc
