// proto_openai_chat_config.cc: generationConfig. A setting that a family would refuse is left out where leaving it out
// changes no promise, and refused where it does.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_config.h"

#include <algorithm>
#include <utility>

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxStops = 5;            // Gemini's; OpenAI allows 4
constexpr int64_t kMaxInt32 = 2147483647;  // Gemini's type for counts and seeds
constexpr int64_t kFewTokens = 1024;       // below that, thinking alone eats the answer
constexpr int64_t kMaxCount = 8;           // Gemini's
constexpr int64_t kMaxTopLogprobs = 20;    // OpenAI's and Gemini's

}  // namespace

void OpenAiChatConfig::Read(const Fields& request, const ModelFamily& family, const OpenAiChatTools& tools,
                            OpenAiChatCall* call) {
  family_ = &family;
  google_ = ReadOpenAiChatGoogle(request);
  ReadSampling(request);
  ReadEffort(request);
  ReadStops(request);
  ReadFormat(request, tools);
  ReadLogprobs(request, call);
  ReadCount(request, call);
  ReadModalities(request);
}

void OpenAiChatConfig::ReadSampling(const Fields& request) {
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const auto limit = request.Int(name);
    if (limit.has_value() && *limit <= 0) request.error()->Invalid(request.Path(name), "must be at least 1");
    if (limit.has_value() && !max_tokens_.has_value()) max_tokens_ = std::min(*limit, kMaxInt32);
  }
  temperature_ = request.Number("temperature", 0, 2);
  top_p_ = request.Number("top_p", 0, 1);
  top_k_ = request.Int("top_k");
  if (const auto seed = request.Int("seed")) seed_ = *seed & kMaxInt32;
}

void OpenAiChatConfig::ReadEffort(const Fields& request) {
  static constexpr std::pair<std::string_view, Effort> kNames[] = {
      {"none", Effort::kNone}, {"minimal", Effort::kMinimal}, {"low", Effort::kLow},       {"medium", Effort::kMedium},
      {"high", Effort::kHigh}, {"xhigh", Effort::kExtraHigh}, {"max", Effort::kExtraHigh},
  };
  const auto word = request.String("reasoning_effort");
  if (!word) {
    if (max_tokens_.has_value() && *max_tokens_ < kFewTokens) effort_ = Effort::kNone;
    return;
  }
  for (const auto& [name, effort] : kNames) {
    if (name == *word) effort_ = effort;
  }
  if (!effort_) {
    request.error()->Invalid(request.Path("reasoning_effort"),
                             "must be none, minimal, low, medium, high, xhigh or max");
  }
  shows_thoughts_ = *word != "none";
}

void OpenAiChatConfig::ReadStops(const Fields& request) {
  const Value* stop = request.Any("stop");
  if (stop == nullptr) return;
  const FieldPath path = request.Path("stop");
  FirstError* error = request.error();
  if (stop->IsString()) stops_.push_back(stop->Text());
  if (!stop->IsString() && !stop->IsArray()) error->Invalid(path, "must be a string or an array of strings");
  for (size_t i = 0; i < stop->Items().size() && !error->set(); ++i) {
    const Value& item = stop->Items()[i];
    if (!item.IsString()) return error->Invalid(path.Index(i), "must be a string");
    stops_.push_back(item.Text());
  }
  std::erase(stops_, std::string_view());
  if (stops_.size() > kMaxStops) error->Invalid(path, "must have at most 5 entries");
}

void OpenAiChatConfig::ReadFormat(const Fields& request, const OpenAiChatTools& tools) {
  const Value* format = request.Object("response_format");
  if (format == nullptr) return;
  const FieldPath path = request.Path("response_format");
  const Fields fields(*format, path, request.error());
  const std::string_view type = fields.RequiredString("type");
  if (type == "text" || request.error()->set()) return;
  if (type != "json_object" && type != "json_schema") {
    return request.error()->Invalid(path.Key("type"), "must be text, json_object or json_schema");
  }
  format_ = Format::kJson;
  if (tools.has_functions() && !tools.forbidden()) {
    if (!family_->schema_with_tools) json_ = Json::kTold;
    if (tools.forced()) json_ = Json::kNeither;
  }
  if (type == "json_object") return;
  const Value* json_schema = fields.Object("json_schema");
  const FieldPath schema_path = path.Key("json_schema");
  if (json_schema == nullptr) return request.error()->Invalid(schema_path, "is required");
  schema_ = Fields(*json_schema, schema_path, request.error()).Object("schema");
}

void OpenAiChatConfig::ReadLogprobs(const Fields& request, OpenAiChatCall* call) {
  const bool wanted = request.Bool("logprobs").value_or(false);
  top_logprobs_ = request.Int("top_logprobs");
  const int64_t top = top_logprobs_.value_or(0);
  const FieldPath path = request.Path("top_logprobs");
  if (top < 0 || top > kMaxTopLogprobs) request.error()->Invalid(path, "must be from 0 to 20");
  if (top != 0 && !wanted) request.error()->Invalid(path, "is only allowed when logprobs is true");
  logprobs_ = wanted && family_->takes_logprobs;
  call->logprobs = logprobs_;
}

void OpenAiChatConfig::ReadCount(const Fields& request, OpenAiChatCall* call) {
  count_ = request.Int("n").value_or(1);
  if (count_ < 1 || count_ > kMaxCount) return request.error()->Invalid(request.Path("n"), "must be from 1 to 8");
  call->choices = static_cast<size_t>(count_);
  call->calls = family_->takes_candidate_count ? 1 : call->choices;
}

void OpenAiChatConfig::ReadModalities(const Fields& request) {
  const Value* modalities = request.Array("modalities");
  if (modalities == nullptr) return;
  const FieldPath path = request.Path("modalities");
  for (const Value& modality : modalities->Items()) {
    const std::string_view word = modality.Text();
    makes_images_ = makes_images_ || word == "image";
    if (word == "audio" && family_->pattern.find("tts") != std::string_view::npos) {
      request.error()->Set(ApiErrorKind::kNotImplemented, path, "audio is not implemented");
    } else if (word != "text" && word != "image") {
      request.error()->Invalid(path, word == "audio" ? "this model does not speak" : "must hold text or image");
    }
  }
}

std::string OpenAiChatConfig::Instruction() const {
  if (format_ != Format::kJson || json_ != Json::kTold) return {};
  std::string text = "When you answer without calling a function, the answer must be one JSON value and nothing else";
  if (schema_ == nullptr) return text + ".";
  return text + ", valid under this JSON Schema: " + json::ToText(*schema_);
}

void OpenAiChatConfig::Write(json::Writer* w, const ParseContext& context) const {
  LazyObject config(w, "generationConfig");
  WriteSampling(&config);
  WriteFormat(&config, context.simple_schemas ? SchemaDetail::kSimple : SchemaDetail::kFull);
  if (logprobs_) {
    config.Key("responseLogprobs").Bool(true);
    if (top_logprobs_.value_or(0) > 0) config.Key("logprobs").Int(*top_logprobs_);
  }
  if (count_ > 1 && family_->takes_candidate_count) config.Key("candidateCount").Int(count_);
  if (makes_images_) config.Key("responseModalities").BeginArray().String("TEXT").String("IMAGE").EndArray();
  if (!context.no_thinking) WriteThinking(&config);
}

void OpenAiChatConfig::WriteSampling(LazyObject* config) const {
  // A family with levels that is given a budget all the same (3.5 Flash-Lite) takes no temperature beside it.
  const bool takes_temperature = !google_.thinking_budget || family_->levels == nullptr;
  if (family_->samples) {
    if (temperature_ != nullptr && takes_temperature) config->Key("temperature").Copy(*temperature_);
    if (top_p_ != nullptr) config->Key("topP").Copy(*top_p_);
    if (top_k_.value_or(0) > 0) config->Key("topK").Int(std::min(*top_k_, kMaxInt32));  // 0 and -1: "off" elsewhere
  }
  if (seed_) config->Key("seed").Int(*seed_);
  if (max_tokens_) config->Key("maxOutputTokens").Int(*max_tokens_);
  if (stops_.empty()) return;
  json::Writer& w = config->Key("stopSequences").BeginArray();
  for (const std::string_view stop : stops_) w.String(stop);
  w.EndArray();
}

void OpenAiChatConfig::WriteFormat(LazyObject* config, SchemaDetail detail) const {
  if (!sets_json()) return;
  config->Key("responseMimeType").String("application/json");
  if (schema_ != nullptr) WriteSchema(&config->Key("responseJsonSchema"), *schema_, detail);
}

// What the client says in Google's own words counts before reasoning_effort.
void OpenAiChatConfig::WriteThinking(LazyObject* config) const {
  const bool explicit_knob = google_.thinking_level || google_.thinking_budget;
  const bool effort = effort_ && family_->thinks() && !explicit_knob;
  if (!effort && !explicit_knob && !google_.include_thoughts.value_or(false)) return;
  json::Writer& w = config->Key("thinkingConfig").BeginObject();
  if (google_.thinking_level) w.Key("thinkingLevel").String(*google_.thinking_level);
  if (google_.thinking_budget) w.Key("thinkingBudget").Int(*google_.thinking_budget);
  if (effort) {
    const auto column = static_cast<size_t>(*effort_);
    if (family_->levels != nullptr) w.Key("thinkingLevel").String((*family_->levels)[column]);
    if (family_->budgets != nullptr) w.Key("thinkingBudget").Int((*family_->budgets)[column]);
  }
  if (google_.include_thoughts.value_or(shows_thoughts_)) w.Key("includeThoughts").Bool(true);
  w.EndObject();
}

}  // namespace gc
