// proto_openai_chat_choice.cc: parts become pieces, and how a choice ended.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_choice.h"

#include <utility>

#include "handler/finish.h"
#include "handler/tool_schema.h"

namespace gc {
namespace {

using json::Value;

// Code that Gemini ran, as a reader of Markdown wants to see it; empty: the part holds none.
std::string CodeText(const Value& part) {
  if (const Value* code = part.Find("executableCode")) {
    const bool is_python = code->StringOr("language", "PYTHON") == "PYTHON";
    return std::string("\n```").append(is_python ? "python" : "").append("\n").append(code->StringOr("code", "")) +
           "\n```\n";
  }
  if (const Value* result = part.Find("codeExecutionResult")) {
    return std::string("\n```\n").append(result->StringOr("output", "")) + "\n```\n";
  }
  return {};
}

}  // namespace

void OpenAiChatChoice::Note(const Value& candidate) {
  if (const auto reason = candidate.StringOr("finishReason", ""); !reason.empty()) finish_reason_ = reason;
  if (const auto message = candidate.StringOr("finishMessage", ""); !message.empty()) finish_message_ = message;
  const Value* grounding = candidate.Find("groundingMetadata");
  if (grounding != nullptr && call_->cites) citations_.AddGrounding(*grounding);
}

// False when the client sees nothing of it.
bool OpenAiChatChoice::ReadPart(const Value& part, size_t index, OpenAiChatPiece* piece) {
  const std::string_view text = part.StringOr("text", "");
  if (part.BoolOr("thought", false)) {
    piece->kind = OpenAiChatPiece::Kind::kThought;
    piece->text = text;
    return !text.empty();
  }
  if (const Value* function_call = part.Find("functionCall")) return ReadCall(part, *function_call, piece);
  if (const Value* blob = part.Find("inlineData")) return ReadMedia(*blob, piece);
  if (part.Find("text") != nullptr) {
    piece->signature = part.StringOr("thoughtSignature", "");
    return ReadText(text, index, piece);
  }
  made_text_ = CodeText(part);
  return ReadText(made_text_, index, piece);
}

bool OpenAiChatChoice::ReadText(std::string_view text, size_t index, OpenAiChatPiece* piece) {
  piece->text = text;
  has_text_ = has_text_ || !text.empty();
  if (call_->cites) citations_.AddText(index, text);
  return !text.empty() || !piece->signature.empty();
}

bool OpenAiChatChoice::ReadCall(const Value& part, const Value& function_call, OpenAiChatPiece* piece) {
  const std::string_view name = function_call.StringOr("name", "");
  if (name.empty() || (call_->first_tool_call_only && tool_calls_ > 0)) return false;
  ++tool_calls_;
  piece->kind = OpenAiChatPiece::Kind::kCall;
  OpenAiChatToolCall& call = piece->call;
  call.id = call_->call_ids.Take(function_call.StringOr("id", ""), "call_", *clock_);
  call.name = call_->tool_names.ToClient(name);
  call.is_custom = call_->custom_tools.contains(call.name);
  const Value* args = function_call.Find("args");
  const Value* input = args == nullptr ? nullptr : args->Find(kCustomToolInput);
  if (call.is_custom && input != nullptr && input->IsString()) {
    call.arguments = input->Text();
  } else if (args != nullptr && args->IsObject()) {
    call.arguments = json::ToText(call_->wrapped_tools.contains(call.name) ? Unwrap(*args) : *args);
  } else {
    call.arguments = "{}";
  }
  call.signature = part.StringOr("thoughtSignature", "");
  return true;
}

bool OpenAiChatChoice::ReadMedia(const Value& blob, OpenAiChatPiece* piece) {
  const std::string_view type = blob.StringOr("mimeType", "");
  if (!type.starts_with("image/")) {
    has_other_media_ = true;
    return false;
  }
  ++images_;
  piece->kind = OpenAiChatPiece::Kind::kImage;
  piece->image_url = std::string("data:").append(type).append(";base64,").append(blob.StringOr("data", ""));
  return true;
}

Result<std::string_view, ApiError> OpenAiChatChoice::FinishReason(std::string_view block_reason) const {
  if (!block_reason.empty() && !has_content()) return std::string_view("content_filter");
  if (has_other_media_ && !has_content()) {
    return ApiError{ApiErrorKind::kNotImplemented, "This model answers with media that are not implemented here.", "",
                    0};
  }
  const Finish finish = FinishOf(finish_reason_, has_content());
  if (finish == Finish::kContentFilter) return std::string_view("content_filter");
  if (finish == Finish::kFailed) {
    std::string message = "Gemini's answer is empty";
    if (!finish_reason_.empty()) message += " (" + finish_reason_ + ")";
    if (!finish_message_.empty()) message += ": " + finish_message_;
    return ApiError{ApiErrorKind::kUpstreamBadResponse, message, "", 0};
  }
  // Gemini says STOP for calls, too; each call that went out is complete, whatever ended the answer.
  if (tool_calls_ > 0) return std::string_view(call_->legacy_functions ? "function_call" : "tool_calls");
  return std::string_view(finish == Finish::kLength ? "length" : "stop");
}

std::string OpenAiChatChoice::RefusalText(std::string_view block_reason) const {
  if (!finish_message_.empty()) return finish_message_;
  if (block_reason.empty()) return "Gemini withheld the answer (" + finish_reason_ + ").";
  return std::string("Gemini blocked the prompt (").append(block_reason).append(").");
}

}  // namespace gc
