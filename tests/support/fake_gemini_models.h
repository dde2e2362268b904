// fake_gemini_models.h: the models that the fake serves and what each family refuses.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gc::test::fake {

enum class Thinking { kNone, kLevel, kBudget };
enum class Use { kChat, kEmbedding };

struct Model {
  std::string_view id;
  std::string_view display_name;
  int generation;  // 25, 30 (all of 3.x), 40; 0 for Gemma and embeddings
  Use use;
  Thinking thinking;
  std::string_view levels;  // lower case, separated by spaces
  int64_t min_budget;       // smallest budget but 0 and -1
  int64_t max_budget;
  bool may_disable;  // budget 0 allowed
  int64_t input_limit;
  int64_t output_limit;

  bool is_gemma() const { return id.starts_with("gemma-"); }
};

std::span<const Model> Models();
const Model* FindModel(std::string_view id);
// One entry of GET models.
std::string ModelJson(const Model& model);

}  // namespace gc::test::fake
