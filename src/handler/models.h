// models.h: which model a name means, and what differs between Gemini's model families, by name pattern. Every knob
// that a family does not know makes Gemini refuse the whole request, so an unknown name gets none. Source: Gemini API
// docs on thinking, Gemini 4 and thought signatures, November 2026. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/config_patterns.h"

namespace gc {

// How much a client wants the model to think; the order is that of the columns below.
enum class Effort : uint8_t { kNone, kMinimal, kLow, kMedium, kHigh, kExtraHigh };
inline constexpr size_t kEfforts = 6;

struct ModelFamily {
  std::string_view pattern;                                        // '*' stands for any run of characters
  const std::array<std::string_view, kEfforts>* levels = nullptr;  // thinkingLevel by Effort; null: it has no levels
  const std::array<int, kEfforts>* budgets = nullptr;              // thinkingBudget by Effort; null: no budgets
  bool samples = true;                                             // temperature, topP and topK have an effect
  bool takes_instructions = true;                                  // systemInstruction is accepted
  bool takes_candidate_count = false;                              // more than one candidate for a request
  bool takes_logprobs = false;                                     // responseLogprobs and logprobs
  // Since Gemini 3:
  bool signs_calls = false;  // a function call in the history must carry a thought signature
  bool mixes_builtin_tools =
      false;                       // Google's tools beside functions (mode VALIDATED, includeServerSideToolInvocations)
  bool schema_with_tools = false;  // JSON answers beside functions (mode AUTO or VALIDATED)
  bool media_in_results = false;   // functionResponse.parts

  bool thinks() const { return levels != nullptr || budgets != nullptr; }
};

// The family of a model name (without prefix). Never fails: the last row matches everything.
const ModelFamily& FamilyOf(std::string_view model);

// The name without one leading "models/", "google/" or "gemini/".
std::string_view StripModelPrefix(std::string_view model);

// The operator's other names for Gemini's models. Immutable; the table must outlive it.
class ModelAliases {
 public:
  explicit ModelAliases(const ConfigPatterns& table) : table_(table) {}

  // The model that answers for this name (without prefix); empty when no row matches.
  std::string_view Target(std::string_view name) const;
  // The names that stand for a model in lists, with their targets: patterns that are names once their '*' are gone
  // ("claude-*opus*" stands as claude-opus).
  std::vector<std::pair<std::string, std::string_view>> Listed() const;

 private:
  const ConfigPatterns& table_;
};

// Gemini's model for a client's name: prefix off, alias applied. Nullopt when there can be no model of that name. The
// view is part of the name or of the aliases.
std::optional<std::string_view> ResolveModel(std::string_view name, const ModelAliases* aliases);

}  // namespace gc
