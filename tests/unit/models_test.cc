// models_test.cc: which family a model name belongs to.
// SPDX-License-Identifier: MIT
#include "handler/models.h"

#include <gtest/gtest.h>

#include "base/config.h"

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

TEST(Models, ShippedAliases) {
  const Config config = Config::Defaults();
  const ModelAliases aliases(config.Patterns(ConfigTable::kModelsAlias));
  constexpr std::pair<std::string_view, std::string_view> kCases[] = {
      {"claude-opus-4-5-20251101", "gemini-pro-latest"},
      {"claude-3-5-sonnet-20241022", "gemini-flash-latest"},
      {"claude-sonnet-4-5", "gemini-flash-latest"},
      {"claude-haiku-4-5", "gemini-flash-lite-latest"},
      {"claude-next", "gemini-flash-latest"},
      {"gpt-4o", "gemini-flash-latest"},
      {"gpt-4o-mini", "gemini-flash-lite-latest"},
      {"gpt-5-nano-2025-08-07", "gemini-flash-lite-latest"},
      {"gpt-5.2", "gemini-flash-latest"},
      {"chatgpt-4o-latest", "gemini-flash-latest"},
      {"o1", "gemini-pro-latest"},
      {"o3-pro", "gemini-pro-latest"},
      {"o4-mini", "gemini-flash-latest"},
      {"models/gpt-4o", "gemini-flash-latest"},
      // No alias: as they are.
      {"gemini-3.8-flash", "gemini-3.8-flash"},
      {"models/gemini-2.5-pro", "gemini-2.5-pro"},
      {"gemma-4-31b-it", "gemma-4-31b-it"},
      {"text-embedding-3-small", "text-embedding-3-small"},
      {"o", "o"},
  };
  for (const auto& [name, model] : kCases) EXPECT_EQ(ResolveModel(name, &aliases), model) << name;
  for (const std::string_view name : {"", "a/b", "openai/gpt-4o", "../x", "a b"}) {
    EXPECT_EQ(ResolveModel(name, &aliases), std::nullopt) << name;
  }
  EXPECT_EQ(ResolveModel("gpt-4o", nullptr), "gpt-4o");
  // Every listed name leads to the model it is listed with, and Claude Code finds some of its own.
  int claude = 0;
  for (const auto& [name, target] : aliases.Listed()) {
    EXPECT_EQ(ResolveModel(name, &aliases), target) << name;
    claude += name.starts_with("claude-") ? 1 : 0;
  }
  EXPECT_EQ(claude, 3);
}

TEST(Models, TheLowestRowCounts) {
  ConfigPatterns table;
  table.Set(20, "gpt-* late", "test");
  table.Set(3, "gpt-4* early", "test");
  table.Set(4, "", "test");  // taken out
  table.Set(5, "openai/* prefixed", "test");
  const ModelAliases aliases(table);
  EXPECT_EQ(ResolveModel("gpt-4o", &aliases), "early");
  EXPECT_EQ(ResolveModel("gpt-5", &aliases), "late");
  EXPECT_EQ(ResolveModel("openai/x", &aliases), "prefixed");
  EXPECT_EQ(ResolveModel("early", &aliases), "early") << "an alias of an alias is none";
  EXPECT_EQ(ResolveModel("early-gpt-4", &aliases), "early-gpt-4");
}

}  // namespace
}  // namespace gc
