// models.cc: the table of model families; the first pattern that matches counts.
// SPDX-License-Identifier: MIT
#include "handler/models.h"

namespace gc {
namespace {

using Levels = std::array<std::string_view, kEfforts>;
using Budgets = std::array<int, kEfforts>;

// Columns: none, minimal, low, medium, high, extra high.
constexpr Levels kLowToHigh = {"low", "low", "low", "medium", "high", "high"};
constexpr Levels kLowToExtraHigh = {"low", "low", "low", "medium", "high", "xhigh"};
constexpr Levels kMinimalToHigh = {"minimal", "minimal", "low", "medium", "high", "high"};
constexpr Levels kLowOrHigh = {"low", "low", "low", "high", "high", "high"};
constexpr Budgets kProBudgets = {128, 512, 1024, 8192, 24576, 32768};
constexpr Budgets kFlashBudgets = {0, 512, 1024, 8192, 24576, 24576};

constexpr ModelFamily kFamilies[] = {
    // pattern, levels, budgets, samples, signs_calls, takes_instructions
    {"gemini-2.5-*image*", nullptr, nullptr, true, false, true},
    {"gemini-2.5-*tts*", nullptr, nullptr, true, false, true},
    {"gemini-2.5-pro*", nullptr, &kProBudgets, true, false, true},
    {"gemini-2.5-flash*", nullptr, &kFlashBudgets, true, false, true},
    {"gemini-1*", nullptr, nullptr, true, false, true},
    {"gemini-2*", nullptr, nullptr, true, false, true},
    {"gemma-*", nullptr, nullptr, true, false, false},
    {"*-image*", nullptr, nullptr, true, true, true},
    {"*-tts*", nullptr, nullptr, true, true, true},
    {"*-transcribe*", nullptr, nullptr, true, true, true},
    {"gemini-omni*", nullptr, nullptr, true, true, true},
    {"gemini-4-hydrogen*", &kLowToExtraHigh, nullptr, false, true, true},
    {"gemini-4-*", &kLowToHigh, nullptr, false, true, true},
    {"gemini-3*-flash-lite*", &kMinimalToHigh, nullptr, true, true, true},
    {"gemini-flash-lite-latest", &kMinimalToHigh, nullptr, true, true, true},
    {"gemini-3-flash*", &kMinimalToHigh, nullptr, true, true, true},
    {"gemini-3.5-flash*", &kMinimalToHigh, nullptr, true, true, true},
    {"gemini-3.6-flash*", &kMinimalToHigh, nullptr, true, true, true},
    {"gemini-3*-flash*", &kLowToHigh, nullptr, true, true, true},
    {"gemini-flash-latest", &kLowToHigh, nullptr, true, true, true},
    {"gemini-3-pro*", &kLowOrHigh, nullptr, true, true, true},
    {"gemini-3*-pro*", &kLowToHigh, nullptr, true, true, true},
    {"gemini-pro-latest", &kLowToHigh, nullptr, true, true, true},
    {"gemini-*", nullptr, nullptr, true, true, true},
    {"*", nullptr, nullptr, true, false, true},
};

// Matches '*' by going back to the last one seen: no recursion, and quick on names of a few dozen bytes.
bool Matches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

const ModelFamily& FamilyOf(std::string_view model) {
  const ModelFamily* family = kFamilies;
  while (!Matches(family->pattern, model)) ++family;
  return *family;
}

std::string_view StripModelPrefix(std::string_view model) {
  for (const std::string_view prefix : {"models/", "google/", "gemini/"}) {
    if (model.starts_with(prefix)) return model.substr(prefix.size());
  }
  return model;
}

}  // namespace gc
