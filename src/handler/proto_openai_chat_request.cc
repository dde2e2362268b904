// proto_openai_chat_request.cc: Chat Completions requests become generateContent requests.
// Unknown fields are ignored: agents send vendor extras.
// SPDX-License-Identifier: MIT
#include <string>
#include <utility>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/models.h"
#include "handler/proto_openai_chat.h"
#include "handler/proto_openai_chat_config.h"
#include "handler/proto_openai_chat_messages.h"
#include "handler/proto_openai_chat_tools.h"
#include "handler/tool_schema.h"

namespace gc {
namespace {

using json::Value;

class Reader {
 public:
  Reader(const Value& root, size_t bytes, const ParseContext& context, OpenAiChatCall* call)
      : bytes_(bytes), context_(context), call_(call), fields_(root, path_, &error_) {}

  Result<gemini::Request, ApiError> Read();

 private:
  void ReadModel();
  void ReadTransport();
  void CheckCache();
  std::string Write();

  const size_t bytes_;  // of the client's body
  const ParseContext& context_;
  OpenAiChatCall* call_;
  FirstError error_;
  FieldPath path_;
  Fields fields_;

  std::string_view model_;
  const ModelFamily* family_ = nullptr;
  OpenAiChatTools tools_;
  OpenAiChatConfig config_;
  OpenAiChatMessages messages_;
  bool stream_ = false;
  std::string_view service_tier_;  // Gemini's name; empty: the default
};

Result<gemini::Request, ApiError> Reader::Read() {
  if (!error_.set()) ReadModel();
  if (!error_.set()) tools_.Read(fields_, call_);
  if (!error_.set()) messages_.Read(fields_, *family_, context_.media, call_);
  if (!error_.set()) config_.Read(fields_, *family_, tools_, call_);
  if (!error_.set()) ReadTransport();
  if (!error_.set()) CheckCache();
  if (error_.set()) return error_.error();
  if (std::string text = config_.Instruction(); !text.empty()) messages_.AddInstruction(std::move(text));
  return gemini::Request{std::string(model_), stream_, Write(), call_->calls};
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

void Reader::ReadTransport() {
  stream_ = fields_.Bool("stream").value_or(false);
  if (const Value* options = fields_.Object("stream_options")) {
    const FieldPath path = fields_.Path("stream_options");
    call_->include_usage = Fields(*options, path, &error_).Bool("include_usage").value_or(false);
  }
  const std::string_view tier = fields_.String("service_tier").value_or("");
  if (tier == "flex") service_tier_ = "flex";
  if (tier == "priority" || tier == "fast") service_tier_ = "priority";
}

// A cache holds instructions and tools; Gemini takes no others beside it.
void Reader::CheckCache() {
  if (config_.google().cached_content.empty()) return;
  constexpr std::string_view kWhy = "cannot stand beside google.cached_content, which holds its own";
  if (!tools_.empty()) error_.Invalid(fields_.Path("tools"), kWhy);
  if (!messages_.system().empty()) error_.Invalid(fields_.Path("messages"), std::string("system texts: ").append(kWhy));
}

std::string Reader::Write() {
  const SchemaDetail detail = context_.simple_schemas ? SchemaDetail::kSimple : SchemaDetail::kFull;
  std::string body;
  body.reserve(gemini::RoomFor(bytes_));
  json::Writer w(&body);
  w.BeginObject();
  if (!messages_.system().empty()) {
    w.Key("systemInstruction").BeginObject().Key("parts").BeginArray();
    for (const std::string_view text : messages_.system()) w.BeginObject().Key("text").String(text).EndObject();
    w.EndArray().EndObject();
  }
  w.Key("contents");
  messages_.turns().Write(&w, *family_, context_.signing());
  // Functions that may not be called are not even declared beside JSON, which families want without functions.
  if (!config_.sets_json() || !tools_.forbidden()) tools_.Write(&w, detail);
  config_.Write(&w, context_);
  const OpenAiChatGoogle& google = config_.google();
  if (google.safety_settings != nullptr) w.Key("safetySettings").Copy(*google.safety_settings);
  if (!google.cached_content.empty()) w.Key("cachedContent").String(google.cached_content);
  if (!service_tier_.empty()) w.Key("serviceTier").String(service_tier_);
  w.EndObject();
  return body;
}

}  // namespace

Result<gemini::Request, ApiError> ParseOpenAiChat(std::string body, const ParseContext& context, OpenAiChatCall* call) {
  const size_t bytes = body.size();
  const auto document = json::Document::Parse(gemini::RepairSurrogates(std::move(body)));
  if (!document.ok()) {
    return ApiError{ApiErrorKind::kInvalidRequest, "The body is not valid JSON: " + document.error().message, "", 0};
  }
  return Reader(document->root(), bytes, context, call).Read();
}

}  // namespace gc
