// proto_anthropic_request.cc: Messages requests become generateContent requests.
// Unknown fields are ignored (agents send vendor extras); known ones that are not built here are refused with 501.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <utility>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/models.h"
#include "handler/proto_anthropic.h"
#include "handler/proto_anthropic_messages.h"
#include "handler/proto_anthropic_tools.h"
#include "handler/tool_schema.h"

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxStops = 5;              // Gemini's
constexpr int64_t kMaxOutputTokens = 65536;  // Gemini's; clients ask for what Anthropic's models can
constexpr int64_t kFewTokens = 1024;         // below that, thinking alone eats the answer
constexpr int64_t kMaxInt32 = 2147483647;
constexpr int64_t kBytesPerToken = 4;
constexpr int64_t kTokensPerMedium = 258;  // Gemini's for an image, and for a page of a document

// thinking.budget_tokens as a level, for families that have levels.
constexpr int64_t kLowBudget = 2048;
constexpr int64_t kMediumBudget = 12000;

class Reader {
 public:
  Reader(const Value& root, size_t bytes, AnthropicUse use, const ParseContext& context, AnthropicCall* call)
      : bytes_(bytes), use_(use), context_(context), call_(call), fields_(root, path_, &error_) {}

  Result<gemini::Request, ApiError> Read();

 private:
  void ReadModel();
  void RefuseWhatIsMissing();
  void ReadLimit();
  void ReadSampling();
  void ReadThinking();
  void ReadEffort();
  void ReadFormat();
  void ReadFormatOf(const Value& format, const FieldPath& path);
  std::string Write() const;
  std::string GenerationConfig() const;
  void WriteThinking(json::Writer* w) const;
  std::optional<Effort> EffortToAskFor() const;
  bool CanTurnThinkingOff() const;
  SchemaDetail detail() const { return context_.simple_schemas ? SchemaDetail::kSimple : SchemaDetail::kFull; }

  const size_t bytes_;  // of the client's body
  AnthropicUse use_;
  const ParseContext& context_;
  AnthropicCall* call_;
  FirstError error_;
  FieldPath path_;
  Fields fields_;

  std::string_view model_;
  const ModelFamily* family_ = nullptr;
  AnthropicTools tools_;
  AnthropicTurns turns_;
  std::optional<int64_t> max_tokens_;
  const Value* temperature_ = nullptr;
  const Value* top_p_ = nullptr;
  std::optional<int64_t> top_k_;
  std::vector<std::string_view> stops_;
  std::optional<Effort> effort_;
  std::optional<int64_t> budget_;
  bool thinking_is_off_ = true;
  const Value* schema_ = nullptr;  // of the answer
  bool standard_tier_ = false;
};

Result<gemini::Request, ApiError> Reader::Read() {
  if (!error_.set()) ReadModel();
  if (!error_.set()) RefuseWhatIsMissing();
  if (!error_.set()) ReadLimit();
  if (!error_.set()) tools_.Read(fields_, call_);
  if (!error_.set()) turns_.Read(fields_, *family_, context_.media, call_, &tools_);
  if (!error_.set()) ReadSampling();
  if (!error_.set()) ReadThinking();
  if (!error_.set()) ReadEffort();
  if (!error_.set()) ReadFormat();
  const bool stream = fields_.Bool("stream").value_or(false);
  if (error_.set()) return error_.error();
  std::string body = Write();
  const auto text_bytes = static_cast<int64_t>(body.size() - turns_.media_bytes());
  call_->estimated_input_tokens =
      text_bytes / kBytesPerToken + kTokensPerMedium * static_cast<int64_t>(turns_.media_count());
  return gemini::Request{std::string(model_), stream, std::move(body)};
}

void Reader::ReadModel() {
  const std::string_view name = fields_.RequiredString("model");
  call_->requested_model = name;
  if (error_.set()) return;
  const auto model = ResolveModel(name, context_.aliases);
  model_ = model.value_or("");
  family_ = &FamilyOf(model_);
  if (!model) {
    error_.Set(ApiErrorKind::kModelNotFound, fields_.Path("model"), "there is no model with that name");
  }
}

void Reader::RefuseWhatIsMissing() {
  if (const Value* servers = fields_.Array("mcp_servers"); servers != nullptr && !servers->Items().empty()) {
    error_.Set(ApiErrorKind::kNotImplemented, fields_.Path("mcp_servers"), "is not implemented by this gateway");
  }
}

void Reader::ReadLimit() {
  max_tokens_ = fields_.Int("max_tokens");
  if (use_ == AnthropicUse::kCountTokens) {
    max_tokens_.reset();
    return;
  }
  if (!max_tokens_) return error_.Invalid(fields_.Path("max_tokens"), "is required");
  if (*max_tokens_ < 0) return error_.Invalid(fields_.Path("max_tokens"), "must not be negative");
  call_->wants_no_answer = *max_tokens_ == 0;
}

void Reader::ReadSampling() {
  temperature_ = fields_.Number("temperature", 0, 1);
  top_p_ = fields_.Number("top_p", 0, 1);
  top_k_ = fields_.Int("top_k");
  standard_tier_ = fields_.String("service_tier") == "standard_only";
  call_->edits_context = fields_.Object("context_management") != nullptr;
  const Value* stops = fields_.Array("stop_sequences");
  if (stops == nullptr) return;
  const FieldPath path = fields_.Path("stop_sequences");
  for (size_t i = 0; i < stops->Items().size() && !error_.set(); ++i) {
    const Value& stop = stops->Items()[i];
    if (!stop.IsString()) return error_.Invalid(path.Index(i), "must be a string");
    if (!stop.Text().empty()) stops_.push_back(stop.Text());
  }
  if (stops_.size() > kMaxStops) error_.Invalid(path, "must have at most 5 entries");
}

void Reader::ReadThinking() {
  const Value* thinking = fields_.Object("thinking");
  if (thinking == nullptr) return;
  const FieldPath path = fields_.Path("thinking");
  const Fields fields(*thinking, path, &error_);
  const std::string_view type = fields.RequiredString("type");
  const std::string_view display = fields.String("display").value_or("");
  if (error_.set() || type == "disabled") return;
  if (type == "enabled") {
    budget_ = fields.Int("budget_tokens");
    if (budget_ && *budget_ < 1) return error_.Invalid(path.Key("budget_tokens"), "must be at least 1");
    call_->shows_thoughts = display != "omitted";
  } else if (type == "adaptive" || type == "between_tools") {
    call_->shows_thoughts = display == "summarized";
  } else {
    return error_.Invalid(path.Key("type"), "must be enabled, adaptive or disabled");
  }
  thinking_is_off_ = false;
  call_->has_thinking = true;
}

void Reader::ReadEffort() {
  static constexpr std::pair<std::string_view, Effort> kNames[] = {{"low", Effort::kLow},
                                                                   {"medium", Effort::kMedium},
                                                                   {"high", Effort::kHigh},
                                                                   {"xhigh", Effort::kExtraHigh},
                                                                   {"max", Effort::kExtraHigh}};
  const Value* config = fields_.Object("output_config");
  if (config == nullptr) return;
  const FieldPath path = fields_.Path("output_config");
  const auto word = Fields(*config, path, &error_).String("effort");
  if (!word) return;
  for (const auto& [name, effort] : kNames) {
    if (name == *word) effort_ = effort;
  }
  if (!effort_) error_.Invalid(path.Key("effort"), "must be low, medium, high, xhigh or max");
}

// output_config.format, or output_format as it was called before.
void Reader::ReadFormat() {
  if (const Value* format = fields_.Object("output_format")) ReadFormatOf(*format, fields_.Path("output_format"));
  const Value* config = fields_.Object("output_config");
  if (config == nullptr) return;
  const FieldPath path = fields_.Path("output_config");
  if (const Value* format = Fields(*config, path, &error_).Object("format")) ReadFormatOf(*format, path.Key("format"));
}

void Reader::ReadFormatOf(const Value& format, const FieldPath& path) {
  const Fields fields(format, path, &error_);
  if (fields.RequiredString("type") != "json_schema") error_.Invalid(path.Key("type"), "must be json_schema");
  schema_ = fields.Object("schema");
  if (schema_ == nullptr) return error_.Invalid(path.Key("schema"), "is required");
  if (tools_.has_functions() && !family_->schema_with_tools) {
    error_.Invalid(path, "this model does not take it together with tools");
  }
}

std::string Reader::Write() const {
  std::string body;
  body.reserve(gemini::RoomFor(bytes_));
  json::Writer w(&body);
  w.BeginObject();
  if (!turns_.system().empty()) {
    w.Key("systemInstruction").BeginObject().Key("parts").BeginArray();
    for (const std::string_view text : turns_.system()) w.BeginObject().Key("text").String(text).EndObject();
    w.EndArray().EndObject();
  }
  w.Key("contents");
  turns_.turns().Write(&w, *family_, context_.signing());
  tools_.Write(&w, detail());
  if (const std::string config = GenerationConfig(); config != "{}") w.Key("generationConfig").Raw(config);
  if (standard_tier_) w.Key("serviceTier").String("standard");
  w.EndObject();
  return body;
}

std::string Reader::GenerationConfig() const {
  std::string config;
  json::Writer w(&config);
  w.BeginObject();
  if (family_->samples) {
    if (temperature_ != nullptr) w.Key("temperature").Copy(*temperature_);
    if (top_p_ != nullptr) w.Key("topP").Copy(*top_p_);
    if (top_k_.value_or(0) > 0) w.Key("topK").Int(std::min(*top_k_, kMaxInt32));
  }
  if (max_tokens_) w.Key("maxOutputTokens").Int(std::min(*max_tokens_, kMaxOutputTokens));
  if (!stops_.empty()) {
    w.Key("stopSequences").BeginArray();
    for (const std::string_view stop : stops_) w.String(stop);
    w.EndArray();
  }
  // A forced call leaves no text that could have a format.
  if (schema_ != nullptr && !(tools_.has_functions() && tools_.forces_call())) {
    w.Key("responseMimeType").String("application/json").Key("responseJsonSchema");
    WriteSchema(&w, *schema_, detail());
  }
  WriteThinking(&w);
  w.EndObject();
  return config;
}

bool Reader::CanTurnThinkingOff() const {
  constexpr auto kNone = static_cast<size_t>(Effort::kNone);
  if (family_->budgets != nullptr) return (*family_->budgets)[kNone] == 0;
  return family_->levels != nullptr && (*family_->levels)[kNone] == "minimal";
}

// Effort wins over a budget; nullopt: the family's own default.
std::optional<Effort> Reader::EffortToAskFor() const {
  if (effort_) return effort_;
  if (budget_)
    return *budget_ <= kLowBudget ? Effort::kLow : *budget_ <= kMediumBudget ? Effort::kMedium : Effort::kHigh;
  if (max_tokens_ && *max_tokens_ < kFewTokens) return Effort::kNone;
  if (thinking_is_off_ && CanTurnThinkingOff()) return Effort::kNone;
  return std::nullopt;
}

void Reader::WriteThinking(json::Writer* w) const {
  const std::optional<Effort> effort = EffortToAskFor();
  if (context_.no_thinking || !family_->thinks() || (!effort && !call_->shows_thoughts)) return;
  w->Key("thinkingConfig").BeginObject();
  if (effort && family_->levels != nullptr) {
    w->Key("thinkingLevel").String((*family_->levels)[static_cast<size_t>(*effort)]);
  } else if (effort && family_->budgets != nullptr) {
    const auto& budgets = *family_->budgets;
    const auto least = static_cast<int64_t>(budgets[static_cast<size_t>(Effort::kMinimal)]);
    const auto most = static_cast<int64_t>(budgets[static_cast<size_t>(Effort::kExtraHigh)]);
    const bool as_asked = budget_ && !effort_;
    w->Key("thinkingBudget").Int(as_asked ? std::clamp(*budget_, least, most) : budgets[static_cast<size_t>(*effort)]);
  }
  if (call_->shows_thoughts) w->Key("includeThoughts").Bool(true);
  w->EndObject();
}

}  // namespace

Result<gemini::Request, ApiError> ParseAnthropic(std::string body, AnthropicUse use, const ParseContext& context,
                                                 AnthropicCall* call) {
  const size_t bytes = body.size();
  const auto document = json::Document::Parse(gemini::RepairSurrogates(std::move(body)));
  if (!document.ok()) {
    return ApiError{ApiErrorKind::kInvalidRequest, "The body is not valid JSON: " + document.error().message, "", 0};
  }
  return Reader(document->root(), bytes, use, context, call).Read();
}

std::string CountTokensBody(const gemini::Request& request) {
  std::string body;
  json::Writer w(&body);
  w.BeginObject().Key("generateContentRequest").BeginObject().Key("model").String("models/" + request.model);
  w.EndObject().EndObject();
  body.resize(body.size() - 2);  // the two ends: the request's members follow, its own end closes it
  return body.append(",").append(request.body, 1).append("}");
}

std::string TokenCountBody(int64_t input_tokens) {
  std::string body;
  json::Writer(&body).BeginObject().Key("input_tokens").Int(input_tokens).Key("context_management").Null().EndObject();
  return body;
}

}  // namespace gc
