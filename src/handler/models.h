// models.h: what differs between Gemini's model families, by name pattern. Every knob that a family does not know makes
// Gemini refuse the whole request, so an unknown name gets none.
// Source: Gemini API docs on thinking, Gemini 4 and thought signatures, November 2026. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gc {

// How much a client wants the model to think; the order is that of the columns below.
enum class Effort : uint8_t { kNone, kMinimal, kLow, kMedium, kHigh, kExtraHigh };
inline constexpr size_t kEfforts = 6;

struct ModelFamily {
  std::string_view pattern;                              // '*' stands for any run of characters
  const std::array<std::string_view, kEfforts>* levels;  // thinkingLevel by Effort; null: the family has no levels
  const std::array<int, kEfforts>* budgets;              // thinkingBudget by Effort; null: no budgets
  bool samples;                                          // temperature, topP and topK have an effect
  bool signs_calls;         // a function call in the history must carry a thought signature (Gemini 3 and later)
  bool takes_instructions;  // systemInstruction is accepted

  bool thinks() const { return levels != nullptr || budgets != nullptr; }
};

// The family of a model name (without prefix). Never fails: the last row matches everything.
const ModelFamily& FamilyOf(std::string_view model);

// The name without one leading "models/", "google/" or "gemini/".
std::string_view StripModelPrefix(std::string_view model);

}  // namespace gc
