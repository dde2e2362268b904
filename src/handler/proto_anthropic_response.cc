// proto_anthropic_response.cc: generateContent answers become Messages answers, whole or as a stream.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/sse.h"
#include "handler/finish.h"
#include "handler/proto_anthropic.h"
#include "handler/proto_anthropic_blocks.h"
#include "handler/proto_anthropic_grounding.h"

namespace gc {
namespace {

using json::Value;

constexpr size_t kIdLetters = 24;

// What was said so far: all of a unary answer, or the running total of a stream.
struct Progress {
  bool has_text = false;
  bool has_media = false;
  bool has_code = false;
  bool has_search = false;
  int64_t fetched_pages = 0;
  size_t tool_calls = 0;
  std::string finish_reason;
  std::string finish_message;
  std::string block_reason;
  gemini::Usage usage;
  std::string_view service_tier = "standard";

  bool has_content() const { return has_text || has_code || tool_calls > 0; }
};

const Value* FirstCandidate(const gemini::Response& response) {
  const Value* candidates = response.root().Find("candidates");
  return candidates == nullptr || candidates->Items().empty() ? nullptr : &candidates->Items().front();
}

class Anthropic final : public AnthropicMessages {
 public:
  Anthropic(Clock& clock, AnthropicUse use) : clock_(clock), use_(use), blocks_(AnthropicForm::kEvents, nullptr) {}

  Result<gemini::Request, ApiError> Parse(const HttpRequest& request, const ParseContext& context) override {
    call_ = {};
    call_.request_id = request.id;
    return ParseAnthropic(request.body, use_, context, &call_);
  }
  const std::string& requested_model() const override { return call_.requested_model; }
  bool wants_no_answer() const override { return call_.wants_no_answer; }
  int64_t estimated_input_tokens() const override { return call_.estimated_input_tokens; }

  Result<std::string, ApiError> WriteFull(std::span<const gemini::Response> responses) override;
  void WriteStart(std::string* out) override;
  void WriteChunk(const gemini::Response& chunk, std::string* out) override;
  Result<void, ApiError> WriteEnd(std::string* out) override;
  void WriteError(const ApiError& error, std::string* out) override {
    AppendSseEvent("error", ErrorBody(ErrorShape::kAnthropic, error, call_.request_id), out);
  }

 private:
  // `grounding` is of a whole answer; null in a stream, where it comes last.
  void TakeParts(const Value& candidate, const AnthropicGrounding* grounding);
  void TakePart(const Value& part, size_t index, const AnthropicGrounding* grounding);
  void TakeText(std::string_view text, std::string_view signature, size_t index, const AnthropicGrounding* grounding);
  bool TakeCall(const Value& part);
  bool TakeCode(const Value& part);
  void Note(const gemini::Response& response);
  AnthropicBlocks::Home home() const {
    return call_.has_thinking ? AnthropicBlocks::Home::kThinking : AnthropicBlocks::Home::kRedacted;
  }
  std::string NewId(std::string_view prefix) { return std::string(prefix) + RandomAlnum(clock_, kIdLetters); }

  Result<std::string_view, ApiError> StopReason() const;
  void WriteStop(json::Writer* w, std::string_view stop_reason) const;
  void WriteHead(json::Writer* w, std::string_view content);
  void WriteUsageMembers(json::Writer* w) const;
  void WriteServerToolUse(json::Writer* w) const;

  Clock& clock_;
  AnthropicUse use_;
  AnthropicCall call_;
  AnthropicBlocks blocks_;
  Progress progress_;
  std::string grounding_;  // a stream's last groundingMetadata
  std::string code_id_;    // of the code that runs at Gemini
};

// Takes over what one answer or chunk says beside its parts. Usage holds running totals: the last one counts.
void Anthropic::Note(const gemini::Response& response) {
  if (!response.finish_reason.empty()) progress_.finish_reason = response.finish_reason;
  if (!response.block_reason.empty()) progress_.block_reason = response.block_reason;
  if (!response.usage.present) return;
  progress_.usage = response.usage;
  const std::string_view tier = response.root().Find("usageMetadata")->StringOr("serviceTier", "");
  progress_.service_tier = tier == "priority" ? "priority" : "standard";
}

void Anthropic::TakeParts(const Value& candidate, const AnthropicGrounding* grounding) {
  if (const auto message = candidate.StringOr("finishMessage", ""); !message.empty()) {
    progress_.finish_message = message;
  }
  if (const Value* urls = candidate.Find("urlContextMetadata"); urls != nullptr) {
    const Value* pages = urls->Find("urlMetadata");
    if (pages != nullptr) progress_.fetched_pages = static_cast<int64_t>(pages->Items().size());
  }
  const Value* content = candidate.Find("content");
  const Value* parts = content == nullptr ? nullptr : content->Find("parts");
  if (parts == nullptr) return;
  for (size_t i = 0; i < parts->Items().size(); ++i) TakePart(parts->Items()[i], i, grounding);
}

void Anthropic::TakePart(const Value& part, size_t index, const AnthropicGrounding* grounding) {
  const std::string_view text = part.StringOr("text", "");
  if (part.BoolOr("thought", false)) {
    if (call_.shows_thoughts && !text.empty()) blocks_.Thinking(text);
  } else if (TakeCall(part) || TakeCode(part)) {
    return;
  } else if (!text.empty()) {
    TakeText(text, part.StringOr("thoughtSignature", ""), index, grounding);
  } else if (part.Find("inlineData") != nullptr) {
    progress_.has_media = true;
  }
}

// A text's signature has a home only in the thinking that comes before it: clients cut thinking off an answer's end,
// and Gemini does not insist on it. A signed part stays a block of its own.
void Anthropic::TakeText(std::string_view text, std::string_view signature, size_t index,
                         const AnthropicGrounding* grounding) {
  progress_.has_text = true;
  const bool carried = !signature.empty() && blocks_.thinking_is_open();
  if (carried) blocks_.Carry(CarrierTarget::kText, signature, home());
  if (grounding != nullptr && grounding->present()) {
    if (!std::exchange(progress_.has_search, true)) grounding->WriteSearch(NewId("srvtoolu_"), &blocks_);
    grounding->WriteText(index, text, &blocks_);
  } else {
    blocks_.Text(text);
  }
  if (carried) blocks_.Close();
}

// False when the part holds no call. One that the client does not want to see is taken and dropped.
bool Anthropic::TakeCall(const Value& part) {
  const Value* function_call = part.Find("functionCall");
  if (function_call == nullptr) return false;
  const std::string_view name = function_call->StringOr("name", "");
  if (name.empty() || (call_.first_tool_call_only && progress_.tool_calls > 0)) return true;
  ++progress_.tool_calls;
  const std::string id = call_.call_ids.Take(function_call->StringOr("id", ""), "toolu_", clock_);
  const std::string_view signature = part.StringOr("thoughtSignature", "");
  if (!signature.empty()) {
    blocks_.Carry(CarrierTarget::kCall, signature, home());
    signed_calls_.push_back({id, std::string(signature)});
  }
  const Value* args = function_call->Find("args");
  blocks_.ToolUse(id, call_.tool_names.ToClient(name),
                  args != nullptr && args->IsObject() ? json::ToText(*args) : "{}");
  return true;
}

// Code that Gemini wrote and ran.
bool Anthropic::TakeCode(const Value& part) {
  if (const Value* code = part.Find("executableCode")) {
    code_id_ = NewId("srvtoolu_");
    std::string input;
    json::Writer(&input).BeginObject().Key("code").String(code->StringOr("code", "")).EndObject();
    blocks_.ServerToolUse(code_id_, "code_execution", input);
    return progress_.has_code = true;
  }
  const Value* result = part.Find("codeExecutionResult");
  if (result == nullptr) return false;
  const bool failed = result->StringOr("outcome", "") != "OUTCOME_OK";
  const std::string_view output = result->StringOr("output", "");
  std::string block;
  json::Writer w(&block);
  w.BeginObject().Key("type").String("code_execution_tool_result").Key("tool_use_id").String(code_id_);
  w.Key("content").BeginObject().Key("type").String("code_execution_result");
  w.Key("stdout").String(failed ? "" : output).Key("stderr").String(failed ? output : "");
  w.Key("return_code").Int(failed ? 1 : 0).Key("content").BeginArray().EndArray().EndObject().EndObject();
  blocks_.Complete(block);
  return true;
}

// Anthropic's stop_reason, or the error that the answer really is.
Result<std::string_view, ApiError> Anthropic::StopReason() const {
  if (!progress_.block_reason.empty() && !progress_.has_content()) return std::string_view("refusal");
  if (progress_.has_media && !progress_.has_content()) {
    return ApiError{ApiErrorKind::kNotImplemented, "This model answers with media, which is not implemented here.", "",
                    0};
  }
  const Finish finish = FinishOf(progress_.finish_reason, progress_.has_content());
  if (finish == Finish::kContentFilter) return std::string_view("refusal");
  if (finish == Finish::kFailed) {
    std::string message = "Gemini's answer is empty";
    if (!progress_.finish_reason.empty()) message += " (" + progress_.finish_reason + ")";
    if (!progress_.finish_message.empty()) message += ": " + progress_.finish_message;
    return ApiError{ApiErrorKind::kUpstreamBadResponse, message, "", 0};
  }
  // Gemini says STOP for calls, too; each call that went out is complete, whatever ended the answer.
  if (progress_.tool_calls > 0) return std::string_view("tool_use");
  return std::string_view(finish == Finish::kLength ? "max_tokens" : "end_turn");
}

// The members stop_reason, stop_sequence (Gemini does not say which one it met), stop_details and container.
void Anthropic::WriteStop(json::Writer* w, std::string_view stop_reason) const {
  w->Key("stop_reason").String(stop_reason).Key("stop_sequence").Null().Key("stop_details");
  if (stop_reason == "refusal") {
    std::string why = progress_.finish_message;
    if (why.empty() && !progress_.block_reason.empty())
      why = "Gemini blocked the prompt (" + progress_.block_reason + ").";
    if (why.empty()) why = "Gemini withheld the answer (" + progress_.finish_reason + ").";
    w->BeginObject().Key("type").String("refusal").Key("category").Null().Key("explanation").String(why).EndObject();
  } else {
    w->Null();
  }
  w->Key("container").Null();
}

void Anthropic::WriteHead(json::Writer* w, std::string_view content) {
  w->BeginObject().Key("id").String(NewId("msg_")).Key("type").String("message").Key("role").String("assistant");
  w->Key("model").String(call_.requested_model).Key("content").Raw(content).Key("diagnostics").Null();
  if (call_.edits_context) w->Key("context_management").Raw(R"({"applied_edits":[]})");
}

void Anthropic::WriteServerToolUse(json::Writer* w) const {
  w->Key("server_tool_use");
  if (!progress_.has_search && progress_.fetched_pages == 0) {
    w->Null();
    return;
  }
  w->BeginObject().Key("web_search_requests").Int(progress_.has_search ? 1 : 0);
  w->Key("web_fetch_requests").Int(progress_.fetched_pages).EndObject();
}

void Anthropic::WriteUsageMembers(json::Writer* w) const {
  const gemini::Usage& usage = progress_.usage;
  w->Key("input_tokens").Int(std::max<int64_t>(0, usage.input() - usage.cached));
  w->Key("cache_creation_input_tokens").Int(0).Key("cache_read_input_tokens").Int(usage.cached);
  w->Key("output_tokens").Int(usage.output()).Key("output_tokens_details");
  if (usage.thoughts > 0) {
    w->BeginObject().Key("thinking_tokens").Int(usage.thoughts).EndObject();
  } else {
    w->Null();
  }
  WriteServerToolUse(w);
}

Result<std::string, ApiError> Anthropic::WriteFull(std::span<const gemini::Response> responses) {
  const gemini::Response& response = responses.front();
  std::string content = "[";
  blocks_ = AnthropicBlocks(AnthropicForm::kWhole, &content);
  Note(response);
  if (const Value* candidate = FirstCandidate(response)) {
    const AnthropicGrounding grounding(candidate->Find("groundingMetadata"));
    TakeParts(*candidate, &grounding);
  }
  blocks_.Close();
  content += "]";
  const auto stop_reason = StopReason();
  if (!stop_reason.ok()) return stop_reason.error();
  std::string body;
  body.reserve(content.size() + 1024);
  json::Writer w(&body);
  WriteHead(&w, content);
  WriteStop(&w, *stop_reason);
  w.Key("usage").BeginObject();
  WriteUsageMembers(&w);
  w.Key("cache_creation").Null().Key("inference_geo").Null().Key("service_tier").String(progress_.service_tier);
  w.Key("speed").Null().EndObject().EndObject();
  return body;
}

void Anthropic::WriteStart(std::string* out) {
  std::string data;
  json::Writer w(&data);
  w.BeginObject().Key("type").String("message_start").Key("message");
  WriteHead(&w, "[]");
  w.Key("stop_reason").Null().Key("stop_sequence").Null().Key("stop_details").Null().Key("container").Null();
  // Gemini counts at the end: message_delta has the true figures.
  w.Key("usage").BeginObject().Key("input_tokens").Int(call_.estimated_input_tokens);
  w.Key("cache_creation_input_tokens").Int(0).Key("cache_read_input_tokens").Int(0).Key("output_tokens").Int(0);
  w.Key("output_tokens_details").Null().Key("server_tool_use").Null().Key("cache_creation").Null();
  w.Key("inference_geo").Null().Key("service_tier").String("standard").Key("speed").Null();
  w.EndObject().EndObject().EndObject();
  AppendSseEvent("message_start", data, out);
  AppendSseEvent("ping", R"({"type":"ping"})", out);
}

void Anthropic::WriteChunk(const gemini::Response& chunk, std::string* out) {
  blocks_.WriteTo(out);
  Note(chunk);
  const Value* candidate = FirstCandidate(chunk);
  if (candidate == nullptr) return;
  TakeParts(*candidate, nullptr);
  if (const Value* metadata = candidate->Find("groundingMetadata"); AnthropicGrounding(metadata).present()) {
    grounding_ = json::ToText(*metadata);
  }
}

Result<void, ApiError> Anthropic::WriteEnd(std::string* out) {
  if (progress_.finish_reason.empty() && progress_.block_reason.empty()) {
    return ApiError{ApiErrorKind::kUpstreamInterrupted, "Gemini's answer broke off before its end.", "", 0};
  }
  const auto stop_reason = StopReason();
  if (!stop_reason.ok()) return stop_reason.error();
  blocks_.WriteTo(out);
  if (const auto metadata = json::Document::Parse(grounding_); metadata.ok()) {
    const AnthropicGrounding grounding(&metadata->root());
    progress_.has_search = true;
    grounding.Cite(&blocks_);
    grounding.WriteSearch(NewId("srvtoolu_"), &blocks_);
  }
  blocks_.Close();
  std::string data;
  json::Writer w(&data);
  w.BeginObject().Key("type").String("message_delta").Key("delta").BeginObject();
  WriteStop(&w, *stop_reason);
  w.EndObject().Key("usage").BeginObject();
  WriteUsageMembers(&w);
  w.EndObject();
  if (call_.edits_context) w.Key("context_management").Raw(R"({"applied_edits":[]})");
  w.EndObject();
  AppendSseEvent("message_delta", data, out);
  AppendSseEvent("message_stop", R"({"type":"message_stop"})", out);
  return {};
}

}  // namespace

std::unique_ptr<AnthropicMessages> NewAnthropic(Clock& clock, AnthropicUse use) {
  return std::make_unique<Anthropic>(clock, use);
}

}  // namespace gc
