// proto_openai_chat_request.cc: Chat Completions requests become generateContent requests.
// Unknown fields are ignored (agents send vendor extras); known ones that are not built here are refused with 501.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/models.h"
#include "handler/proto_openai_chat.h"
#include "handler/proto_openai_chat_messages.h"
#include "handler/tool_schema.h"

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxTools = 512;          // Gemini's
constexpr size_t kMaxStops = 5;            // Gemini's; OpenAI allows 4
constexpr int64_t kMaxInt32 = 2147483647;  // Gemini's type for counts and seeds
constexpr int64_t kFewTokens = 1024;       // below that, thinking alone eats the answer

// Opens an object only when its first member comes, so that empty ones are not written at all.
class LazyObject {
 public:
  LazyObject(json::Writer* w, std::string_view key) : w_(w), key_(key) {}
  LazyObject(const LazyObject&) = delete;
  LazyObject& operator=(const LazyObject&) = delete;
  ~LazyObject() {
    if (open_) w_->EndObject();
  }
  json::Writer& Key(std::string_view name) {
    if (!open_) w_->Key(key_).BeginObject();
    open_ = true;
    return w_->Key(name);
  }

 private:
  json::Writer* w_;
  std::string_view key_;
  bool open_ = false;
};

struct Tool {
  std::string_view name;  // Gemini's spelling
  std::string_view description;
  const Value* parameters = nullptr;  // null: none worth sending
};

struct ToolChoice {
  std::string_view mode;  // empty: Gemini's default, AUTO
  std::vector<std::string_view> allowed;
};

class Reader {
 public:
  Reader(const Value& root, const ParseContext& context, OpenAiChatCall* call)
      : root_(root), context_(context), call_(call), fields_(root, path_, &error_) {}

  Result<gemini::Request, ApiError> Read();

 private:
  void RefuseWhatIsMissing();
  void ReadModel();
  void ReadTools();
  void ReadTool(const Value& tool, const FieldPath& path, std::unordered_map<std::string_view, size_t>* by_name);
  void ReadToolChoice();
  void ReadToolChoiceObject(const Value& choice, const FieldPath& path);
  void AllowTool(const Value& tool, const FieldPath& path);
  void ReadSettings();
  void ReadEffort();
  void ReadStops();
  std::string Write();
  void WriteTools(json::Writer* w) const;
  void WriteGenerationConfig(json::Writer* w) const;
  void WriteThinking(LazyObject* config) const;

  const Value& root_;
  const ParseContext& context_;
  OpenAiChatCall* call_;
  FirstError error_;
  FieldPath path_;
  Fields fields_;

  std::string_view model_;
  const ModelFamily* family_ = nullptr;
  std::vector<Tool> tools_;
  ToolChoice tool_choice_;
  OpenAiChatMessages messages_;
  bool stream_ = false;
  const Value* temperature_ = nullptr;
  const Value* top_p_ = nullptr;
  std::optional<int64_t> top_k_;
  std::optional<int64_t> max_tokens_;
  std::optional<int64_t> seed_;
  std::optional<Effort> effort_;
  bool shows_thoughts_ = false;
  std::vector<std::string_view> stops_;
  std::string_view service_tier_;  // Gemini's name; empty: the default
};

Result<gemini::Request, ApiError> Reader::Read() {
  if (!error_.set()) ReadModel();
  if (!error_.set()) RefuseWhatIsMissing();
  if (!error_.set()) ReadTools();
  if (!error_.set()) ReadToolChoice();
  if (!error_.set()) messages_.Read(fields_, *family_, call_);
  if (!error_.set()) ReadSettings();
  if (error_.set()) return error_.error();
  return gemini::Request{std::string(model_), stream_, Write()};
}

void Reader::ReadModel() {
  const std::string_view name = fields_.RequiredString("model");
  call_->requested_model = name;
  if (error_.set()) return;
  model_ = StripModelPrefix(name);
  family_ = &FamilyOf(model_);
  if (!gemini::IsModelName(model_)) {
    error_.Set(ApiErrorKind::kModelNotFound, fields_.Path("model"), "there is no model with that name");
  }
}

void Reader::RefuseWhatIsMissing() {
  const auto refuse = [&](const FieldPath& path) {
    error_.Set(ApiErrorKind::kNotImplemented, path, "is not implemented by this gateway");
  };
  for (const std::string_view name : {"functions", "function_call", "web_search_options", "google"}) {
    if (fields_.Any(name) != nullptr) refuse(fields_.Path(name));
  }
  if (const Value* extra = fields_.Any("extra_body"); extra != nullptr && extra->Find("google") != nullptr) {
    refuse(fields_.Path("extra_body").Key("google"));
  }
  if (const Value* format = fields_.Object("response_format")) {
    const FieldPath path = fields_.Path("response_format");
    const std::string_view type = Fields(*format, path, &error_).RequiredString("type");
    if (type == "json_object" || type == "json_schema") refuse(path);
    if (type != "text") error_.Invalid(path.Key("type"), "must be text, json_object or json_schema");
  }
  if (const auto n = fields_.Int("n"); n.has_value() && *n != 1) {
    if (*n > 1) refuse(fields_.Path("n"));
    error_.Invalid(fields_.Path("n"), "must be at least 1");
  }
  const bool logprobs = fields_.Bool("logprobs").value_or(false);
  if (logprobs) refuse(fields_.Path("logprobs"));
  if (fields_.Int("top_logprobs").value_or(0) != 0 && !logprobs) {
    error_.Invalid(fields_.Path("top_logprobs"), "is only allowed when logprobs is true");
  }
  if (const Value* modalities = fields_.Array("modalities")) {
    for (const Value& modality : modalities->Items()) {
      if (modality.Text() != "text") refuse(fields_.Path("modalities"));
    }
  }
}

void Reader::ReadTools() {
  const Value* tools = fields_.Array("tools");
  if (tools == nullptr) return;
  const FieldPath path = fields_.Path("tools");
  if (tools->Items().size() > kMaxTools) error_.Invalid(path, "must have at most 512 entries");
  std::unordered_map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < tools->Items().size() && !error_.set(); ++i) {
    ReadTool(tools->Items()[i], path.Index(i), &by_name);
  }
}

void Reader::ReadTool(const Value& tool, const FieldPath& path, std::unordered_map<std::string_view, size_t>* by_name) {
  const Fields fields(tool, path, &error_);
  const std::string_view type = fields.RequiredString("type");
  if (type == "custom") error_.Set(ApiErrorKind::kNotImplemented, path, "custom tools are not implemented");
  if (type != "function") error_.Invalid(path.Key("type"), "must be function");
  const Value* function = fields.Object("function");
  const FieldPath function_path = path.Key("function");
  if (function == nullptr) return error_.Invalid(function_path, "is required");
  const Fields f(*function, function_path, &error_);
  const std::string_view name = f.RequiredString("name");
  if (error_.set()) return;
  Tool read{call_->tool_names.ToGemini(name), f.String("description").value_or(""), f.Object("parameters")};
  if (read.parameters != nullptr && IsBareObject(*read.parameters)) read.parameters = nullptr;
  const auto [entry, is_new] = by_name->try_emplace(name, tools_.size());
  if (is_new) {
    tools_.push_back(read);
  } else {
    tools_[entry->second] = read;  // declared twice is a 400 at Gemini: the later one counts
  }
}

void Reader::ReadToolChoice() {
  const Value* choice = fields_.Any("tool_choice");
  if (choice != nullptr) {
    const FieldPath path = fields_.Path("tool_choice");
    const std::string_view word = choice->Text();
    if (choice->IsObject()) {
      ReadToolChoiceObject(*choice, path);
    } else if (!choice->IsString() || (word != "none" && word != "auto" && word != "required")) {
      error_.Invalid(path, "must be none, auto, required or an object");
    } else if (word == "none") {
      tool_choice_.mode = "NONE";
    } else if (word == "required") {
      tool_choice_.mode = "ANY";
    }
    if (tools_.empty() && !tool_choice_.mode.empty() && word != "none") {
      error_.Invalid(path, "is only allowed when tools are specified");
    }
  }
  if (const auto parallel = fields_.Bool("parallel_tool_calls")) call_->first_tool_call_only = !*parallel;
}

void Reader::ReadToolChoiceObject(const Value& choice, const FieldPath& path) {
  const Fields fields(choice, path, &error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_.set()) return;
  tool_choice_.mode = "ANY";
  if (type != "allowed_tools") return AllowTool(choice, path);
  const Value* allowed = fields.Object("allowed_tools");
  const FieldPath allowed_path = path.Key("allowed_tools");
  if (allowed == nullptr) return error_.Invalid(allowed_path, "is required");
  const Fields f(*allowed, allowed_path, &error_);
  const std::string_view mode = f.RequiredString("mode");
  if (mode != "auto" && mode != "required") error_.Invalid(allowed_path.Key("mode"), "must be auto or required");
  if (mode == "auto") tool_choice_.mode = "VALIDATED";  // AUTO takes no list of names
  const Value* tools = f.Array("tools");
  const FieldPath tools_path = allowed_path.Key("tools");
  if (tools == nullptr || tools->Items().empty()) return error_.Invalid(tools_path, "must name at least one tool");
  if (tools->Items().size() > kMaxTools) return error_.Invalid(tools_path, "must have at most 512 entries");
  for (size_t i = 0; i < tools->Items().size() && !error_.set(); ++i) {
    AllowTool(tools->Items()[i], tools_path.Index(i));
  }
}

void Reader::AllowTool(const Value& tool, const FieldPath& path) {
  const Fields fields(tool, path, &error_);
  const std::string_view type = fields.RequiredString("type");
  if (type == "custom") error_.Set(ApiErrorKind::kNotImplemented, path, "custom tools are not implemented");
  if (type != "function") error_.Invalid(path.Key("type"), "must be function or allowed_tools");
  const Value* function = fields.Object("function");
  const FieldPath function_path = path.Key("function");
  if (function == nullptr) return error_.Invalid(function_path, "is required");
  const std::string_view name = Fields(*function, function_path, &error_).RequiredString("name");
  if (error_.set()) return;
  const std::string_view known = call_->tool_names.ToGemini(name);
  if (std::none_of(tools_.begin(), tools_.end(), [&](const Tool& t) { return t.name == known; })) {
    return error_.Invalid(fields_.Path("tool_choice"), "names a tool that is not in tools");
  }
  tool_choice_.allowed.push_back(known);
}

void Reader::ReadSettings() {
  stream_ = fields_.Bool("stream").value_or(false);
  if (const Value* options = fields_.Object("stream_options")) {
    const FieldPath path = fields_.Path("stream_options");
    call_->include_usage = Fields(*options, path, &error_).Bool("include_usage").value_or(false);
  }
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const auto limit = fields_.Int(name);
    if (limit.has_value() && *limit <= 0) error_.Invalid(fields_.Path(name), "must be at least 1");
    if (limit.has_value() && !max_tokens_.has_value()) max_tokens_ = std::min(*limit, kMaxInt32);
  }
  temperature_ = fields_.Number("temperature", 0, 2);
  top_p_ = fields_.Number("top_p", 0, 1);
  top_k_ = fields_.Int("top_k");
  if (const auto seed = fields_.Int("seed")) seed_ = *seed & kMaxInt32;
  const std::string_view tier = fields_.String("service_tier").value_or("");
  if (tier == "flex") service_tier_ = "flex";
  if (tier == "priority" || tier == "fast") service_tier_ = "priority";
  ReadEffort();
  ReadStops();
}

void Reader::ReadEffort() {
  static constexpr std::pair<std::string_view, Effort> kNames[] = {
      {"none", Effort::kNone}, {"minimal", Effort::kMinimal}, {"low", Effort::kLow},       {"medium", Effort::kMedium},
      {"high", Effort::kHigh}, {"xhigh", Effort::kExtraHigh}, {"max", Effort::kExtraHigh},
  };
  const auto word = fields_.String("reasoning_effort");
  if (!word) {
    if (max_tokens_.has_value() && *max_tokens_ < kFewTokens) effort_ = Effort::kNone;
    return;
  }
  for (const auto& [name, effort] : kNames) {
    if (name == *word) effort_ = effort;
  }
  if (!effort_)
    error_.Invalid(fields_.Path("reasoning_effort"), "must be none, minimal, low, medium, high, xhigh or max");
  shows_thoughts_ = *word != "none";
}

void Reader::ReadStops() {
  const Value* stop = fields_.Any("stop");
  if (stop == nullptr) return;
  const FieldPath path = fields_.Path("stop");
  if (stop->IsString()) stops_.push_back(stop->Text());
  if (!stop->IsString() && !stop->IsArray()) error_.Invalid(path, "must be a string or an array of strings");
  for (size_t i = 0; i < stop->Items().size() && !error_.set(); ++i) {
    const Value& item = stop->Items()[i];
    if (!item.IsString()) return error_.Invalid(path.Index(i), "must be a string");
    stops_.push_back(item.Text());
  }
  std::erase(stops_, std::string_view());
  if (stops_.size() > kMaxStops) error_.Invalid(path, "must have at most 5 entries");
}

std::string Reader::Write() {
  std::string body;
  json::Writer w(&body);
  w.BeginObject();
  if (!messages_.system().empty()) {
    w.Key("systemInstruction").BeginObject().Key("parts").BeginArray();
    for (const std::string_view text : messages_.system()) w.BeginObject().Key("text").String(text).EndObject();
    w.EndArray().EndObject();
  }
  w.Key("contents");
  messages_.turns().Write(&w, *family_, context_.signing());
  if (!tools_.empty()) WriteTools(&w);
  WriteGenerationConfig(&w);
  if (!service_tier_.empty()) w.Key("serviceTier").String(service_tier_);
  w.EndObject();
  return body;
}

void Reader::WriteTools(json::Writer* w) const {
  w->Key("tools").BeginArray().BeginObject().Key("functionDeclarations").BeginArray();
  for (const Tool& tool : tools_) {
    w->BeginObject().Key("name").String(tool.name);
    if (!tool.description.empty()) w->Key("description").String(tool.description);
    if (tool.parameters != nullptr) {
      w->Key("parametersJsonSchema");
      WriteParameters(w, *tool.parameters, context_.simple_schemas ? SchemaDetail::kSimple : SchemaDetail::kFull);
    }
    w->EndObject();
  }
  w->EndArray().EndObject().EndArray();
  if (tool_choice_.mode.empty()) return;
  w->Key("toolConfig").BeginObject().Key("functionCallingConfig").BeginObject().Key("mode").String(tool_choice_.mode);
  if (!tool_choice_.allowed.empty()) {
    w->Key("allowedFunctionNames").BeginArray();
    for (const std::string_view name : tool_choice_.allowed) w->String(name);
    w->EndArray();
  }
  w->EndObject().EndObject();
}

void Reader::WriteGenerationConfig(json::Writer* w) const {
  LazyObject config(w, "generationConfig");
  if (family_->samples) {
    if (temperature_ != nullptr) config.Key("temperature").Copy(*temperature_);
    if (top_p_ != nullptr) config.Key("topP").Copy(*top_p_);
    if (top_k_.value_or(0) > 0) config.Key("topK").Int(std::min(*top_k_, kMaxInt32));  // 0 and -1 mean "off" elsewhere
  }
  if (seed_) config.Key("seed").Int(*seed_);
  if (max_tokens_) config.Key("maxOutputTokens").Int(*max_tokens_);
  if (!stops_.empty()) {
    config.Key("stopSequences").BeginArray();
    for (const std::string_view stop : stops_) w->String(stop);
    w->EndArray();
  }
  WriteThinking(&config);
}

void Reader::WriteThinking(LazyObject* config) const {
  if (!effort_ || !family_->thinks() || context_.no_thinking) return;
  const auto column = static_cast<size_t>(*effort_);
  json::Writer& w = config->Key("thinkingConfig").BeginObject();
  if (family_->levels != nullptr) w.Key("thinkingLevel").String((*family_->levels)[column]);
  if (family_->budgets != nullptr) w.Key("thinkingBudget").Int((*family_->budgets)[column]);
  if (shows_thoughts_) w.Key("includeThoughts").Bool(true);
  w.EndObject();
}

}  // namespace

Result<gemini::Request, ApiError> ParseOpenAiChat(std::string body, const ParseContext& context, OpenAiChatCall* call) {
  const auto document = json::Document::Parse(gemini::RepairSurrogates(std::move(body)));
  if (!document.ok()) {
    return ApiError{ApiErrorKind::kInvalidRequest, "The body is not valid JSON: " + document.error().message, "", 0};
  }
  return Reader(document->root(), context, call).Read();
}

}  // namespace gc
