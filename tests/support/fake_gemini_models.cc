// fake_gemini_models.cc: one row per model.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_models.h"

#include <array>

#include "base/json.h"

namespace gc::test::fake {
namespace {

constexpr int64_t kMillion = 1'048'576;
constexpr std::string_view kLow2High = "low medium high";
constexpr std::string_view kMinimal2High = "minimal low medium high";

constexpr Model Level(std::string_view id, std::string_view name, int generation, std::string_view levels) {
  const int64_t output = generation >= 40 ? kMillion : 65'536;
  return {id, name, generation, Use::kChat, Thinking::kLevel, levels, 0, 0, false, kMillion, output};
}

constexpr Model Budget(std::string_view id, std::string_view name, int64_t min, int64_t max, bool may_disable) {
  return {id, name, 25, Use::kChat, Thinking::kBudget, "", min, max, may_disable, kMillion, 65'536};
}

constexpr Model Plain(std::string_view id, std::string_view name, Use use, int64_t input, int64_t output) {
  return {id, name, 0, use, Thinking::kNone, "", 0, 0, false, input, output};
}

constexpr auto kModels = std::to_array<Model>({
    Level("gemini-4-argon", "Gemini 4 Argon", 40, kLow2High),
    Level("gemini-4-carbon", "Gemini 4 Carbon", 40, kLow2High),
    Level("gemini-4-neon", "Gemini 4 Neon", 40, kLow2High),
    Level("gemini-4-hydrogen", "Gemini 4 Hydrogen", 40, "low medium high xhigh"),
    Level("gemini-3.8-flash", "Gemini 3.8 Flash", 30, kLow2High),
    Level("gemini-3.7-flash", "Gemini 3.7 Flash", 30, kLow2High),
    Level("gemini-3.6-flash", "Gemini 3.6 Flash", 30, kMinimal2High),
    Level("gemini-3.5-flash", "Gemini 3.5 Flash", 30, kMinimal2High),
    Level("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite", 30, kMinimal2High),
    Level("gemini-3.1-flash-lite", "Gemini 3.1 Flash-Lite", 30, kMinimal2High),
    Level("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", 30, kLow2High),
    Level("gemini-3-pro-preview", "Gemini 3 Pro Preview", 30, "low high"),
    Level("gemini-3-flash-preview", "Gemini 3 Flash Preview", 30, kMinimal2High),
    Level("gemini-flash-latest", "Gemini Flash Latest", 30, kLow2High),
    Level("gemini-flash-lite-latest", "Gemini Flash-Lite Latest", 30, kMinimal2High),
    Level("gemini-pro-latest", "Gemini Pro Latest", 30, kLow2High),
    Budget("gemini-2.5-pro", "Gemini 2.5 Pro", 128, 32'768, false),
    Budget("gemini-2.5-flash", "Gemini 2.5 Flash", 1, 24'576, true),
    Budget("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 512, 24'576, true),
    Plain("gemma-4-26b-a4b-it", "Gemma 4 26B", Use::kChat, 262'144, 32'768),
    Plain("gemma-4-31b-it", "Gemma 4 31B", Use::kChat, 262'144, 32'768),
    Plain("gemini-embedding-001", "Gemini Embedding 001", Use::kEmbedding, 2'048, 1),
    Plain("gemini-embedding-2", "Gemini Embedding 2", Use::kEmbedding, 8'192, 1),
});

}  // namespace

std::span<const Model> Models() { return kModels; }

const Model* FindModel(std::string_view id) {
  for (const Model& model : kModels) {
    if (model.id == id) return &model;
  }
  return nullptr;
}

std::string ModelJson(const Model& model) {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("name").String("models/" + std::string(model.id)).Key("version").String("001");
  w.Key("displayName").String(model.display_name).Key("description").String("A model of the fake Gemini");
  w.Key("inputTokenLimit").Int(model.input_limit).Key("outputTokenLimit").Int(model.output_limit);
  w.Key("supportedGenerationMethods").BeginArray();
  if (model.use == Use::kEmbedding) {
    w.String("embedContent").String("countTokens").EndArray();
    return w.EndObject(), out;
  }
  w.String("generateContent").String("countTokens").EndArray();
  w.Key("temperature").Int(1).Key("maxTemperature").Int(2).Key("topP").Double(0.95).Key("topK").Int(64);
  if (model.thinking != Thinking::kNone) w.Key("thinking").Bool(true);
  return w.EndObject(), out;
}

}  // namespace gc::test::fake
