// models.cc: the table of model families; the first pattern that matches counts.
// SPDX-License-Identifier: MIT
#include "handler/models.h"

#include <algorithm>

#include "handler/gemini.h"

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

// Gemini 2.5 and older.
constexpr ModelFamily Old(std::string_view pattern, const Budgets* budgets = nullptr) {
  return {.pattern = pattern, .budgets = budgets};
}

// Google names logprobs and candidates for old models and refuses them for most that think. 2.5-pro and 2.5-flash are
// served by 3.x models from 1 December 2026, so that they count as those.
constexpr ModelFamily OldWithCandidates(std::string_view pattern, const Budgets* budgets = nullptr) {
  return {.pattern = pattern, .budgets = budgets, .takes_candidate_count = true, .takes_logprobs = true};
}

constexpr ModelFamily Since3(std::string_view pattern, const Levels* levels = nullptr) {
  return {.pattern = pattern,
          .levels = levels,
          .signs_calls = true,
          .mixes_builtin_tools = true,
          .schema_with_tools = true,
          .media_in_results = true};
}

constexpr ModelFamily Since4(std::string_view pattern, const Levels* levels) {
  ModelFamily family = Since3(pattern, levels);
  family.samples = false;
  return family;
}

constexpr ModelFamily kFamilies[] = {
    Old("gemini-2.5-*image*"),
    Old("gemini-2.5-*tts*"),
    Old("gemini-2.5-pro*", &kProBudgets),
    OldWithCandidates("gemini-2.5-flash-lite*", &kFlashBudgets),
    Old("gemini-2.5-flash*", &kFlashBudgets),
    Old("gemini-2.5-*"),
    OldWithCandidates("gemini-1*"),
    OldWithCandidates("gemini-2*"),
    {.pattern = "gemma-*", .takes_instructions = false},
    Since3("*-image*"),
    Since3("*-tts*"),
    Since3("*-transcribe*"),
    Since3("gemini-omni*"),
    Since4("gemini-4-hydrogen*", &kLowToExtraHigh),
    Since4("gemini-4-*", &kLowToHigh),
    Since3("gemini-3*-flash-lite*", &kMinimalToHigh),
    Since3("gemini-flash-lite-latest", &kMinimalToHigh),
    Since3("gemini-3-flash*", &kMinimalToHigh),
    Since3("gemini-3.5-flash*", &kMinimalToHigh),
    Since3("gemini-3.6-flash*", &kMinimalToHigh),
    Since3("gemini-3*-flash*", &kLowToHigh),
    Since3("gemini-flash-latest", &kLowToHigh),
    Since3("gemini-3-pro*", &kLowOrHigh),
    Since3("gemini-3*-pro*", &kLowToHigh),
    Since3("gemini-pro-latest", &kLowToHigh),
    Since3("gemini-*"),
    Old("*"),
};

}  // namespace

const ModelFamily& FamilyOf(std::string_view model) {
  const ModelFamily* family = kFamilies;
  while (!MatchesPattern(family->pattern, model)) ++family;
  return *family;
}

std::string_view StripModelPrefix(std::string_view model) {
  for (const std::string_view prefix : {"models/", "google/", "gemini/"}) {
    if (model.starts_with(prefix)) return model.substr(prefix.size());
  }
  return model;
}

std::string_view ModelAliases::Target(std::string_view name) const { return table_.ValueFor(name); }

std::vector<std::pair<std::string, std::string_view>> ModelAliases::Listed() const {
  std::vector<std::pair<std::string, std::string_view>> listed;
  for (const auto& [number, row] : table_.rows()) {
    std::string name = row.pattern;
    std::erase(name, '*');
    const bool is_whole = gemini::IsModelName(name) && name.find("--") == std::string::npos && name.back() != '-' &&
                          name.back() != '.' && name.back() != '_';
    const bool is_new = std::none_of(listed.begin(), listed.end(), [&](const auto& l) { return l.first == name; });
    // An earlier row may take the name itself.
    if (is_whole && is_new) listed.emplace_back(name, Target(name));
  }
  return listed;
}

std::optional<std::string_view> ResolveModel(std::string_view name, const ModelAliases* aliases) {
  std::string_view model = StripModelPrefix(name);
  if (aliases != nullptr) {
    if (const std::string_view target = aliases->Target(model); !target.empty()) model = target;
  }
  if (!gemini::IsModelName(model)) return std::nullopt;
  return model;
}

}  // namespace gc
