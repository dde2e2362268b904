// models_test.cc: which family a model name belongs to.
// SPDX-License-Identifier: MIT
#include "handler/models.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

TEST(Models, FamiliesByName) {
  struct Case {
    std::string_view model;
    std::string_view pattern;
  };
  constexpr Case kCases[] = {
      {"gemini-4-argon", "gemini-4-*"},
      {"gemini-4-hydrogen", "gemini-4-hydrogen*"},
      {"gemini-3.8-flash", "gemini-3*-flash*"},
      {"gemini-3.7-flash-preview", "gemini-3*-flash*"},
      {"gemini-3.8-flash-tts", "*-tts*"},
      {"gemini-3.5-transcribe", "*-transcribe*"},
      {"gemini-3-flash-preview", "gemini-3-flash*"},
      {"gemini-3.5-flash", "gemini-3.5-flash*"},
      {"gemini-3.6-flash", "gemini-3.6-flash*"},
      {"gemini-3.5-flash-lite", "gemini-3*-flash-lite*"},
      {"gemini-3.1-flash-lite", "gemini-3*-flash-lite*"},
      {"gemini-3.1-flash-image", "*-image*"},
      {"gemini-3.1-pro-preview-customtools", "gemini-3*-pro*"},
      {"gemini-3-pro-preview", "gemini-3-pro*"},
      {"gemini-2.5-flash-lite", "gemini-2.5-flash-lite*"},
      {"gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash*"},
      {"gemini-2.5-computer-use-preview", "gemini-2.5-*"},
      {"gemini-2.5-flash-image", "gemini-2.5-*image*"},
      {"gemini-2.5-pro-preview-tts", "gemini-2.5-*tts*"},
      {"gemini-2.5-pro", "gemini-2.5-pro*"},
      {"gemini-2.0-flash", "gemini-2*"},
      {"gemini-flash-latest", "gemini-flash-latest"},
      {"gemini-flash-lite-latest", "gemini-flash-lite-latest"},
      {"gemma-4-31b-it", "gemma-*"},
      {"gemini-9-xenon", "gemini-*"},
      {"gpt-4o", "*"},
      {"", "*"},
  };
  for (const Case& c : kCases) EXPECT_EQ(FamilyOf(c.model).pattern, c.pattern) << c.model;
}

TEST(Models, WhatFamiliesTake) {
  struct Case {
    std::string_view model;
    bool samples, instructions, candidates, logprobs, since_3;
  };
  constexpr Case kCases[] = {
      {"gemini-4-argon", false, true, false, false, true},
      {"gemini-4-hydrogen", false, true, false, false, true},
      {"gemini-3.8-flash", true, true, false, false, true},
      {"gemini-3.5-flash-lite", true, true, false, false, true},
      {"gemini-3.1-flash-image", true, true, false, false, true},
      {"gemini-2.5-pro", true, true, false, false, false},
      {"gemini-2.5-flash", true, true, false, false, false},
      {"gemini-2.5-flash-lite", true, true, true, true, false},
      {"gemini-2.0-flash", true, true, true, true, false},
      {"gemma-4-31b-it", true, false, false, false, false},
      {"gemini-9-xenon", true, true, false, false, true},
      {"gpt-4o", true, true, false, false, false},
  };
  for (const Case& c : kCases) {
    const ModelFamily& family = FamilyOf(c.model);
    EXPECT_EQ(family.samples, c.samples) << c.model;
    EXPECT_EQ(family.takes_instructions, c.instructions) << c.model;
    EXPECT_EQ(family.takes_candidate_count, c.candidates) << c.model;
    EXPECT_EQ(family.takes_logprobs, c.logprobs) << c.model;
    EXPECT_EQ(family.signs_calls, c.since_3) << c.model;
    EXPECT_EQ(family.mixes_builtin_tools, c.since_3) << c.model;
    EXPECT_EQ(family.schema_with_tools, c.since_3) << c.model;
    EXPECT_EQ(family.media_in_results, c.since_3) << c.model;
  }
  // An unknown model gets no thinking knob, because a wrong one is refused.
  EXPECT_FALSE(FamilyOf("gemini-9-xenon").thinks());
}

TEST(Models, NoFamilyHasTwoKnobs) {
  for (const std::string_view model : {"gemini-4-argon", "gemini-3-pro", "gemini-2.5-pro", "gemini-2.5-flash"}) {
    const ModelFamily& family = FamilyOf(model);
    EXPECT_TRUE(family.thinks()) << model;
    EXPECT_NE(family.levels == nullptr, family.budgets == nullptr) << model;
  }
}

TEST(Models, StripsOnePrefix) {
  EXPECT_EQ(StripModelPrefix("models/a"), "a");
  EXPECT_EQ(StripModelPrefix("google/a"), "a");
  EXPECT_EQ(StripModelPrefix("gemini/a"), "a");
  EXPECT_EQ(StripModelPrefix("models/google/a"), "google/a");
  EXPECT_EQ(StripModelPrefix("gemini-3"), "gemini-3");
  EXPECT_EQ(StripModelPrefix("openai/a"), "openai/a");
}

}  // namespace
}  // namespace gc
