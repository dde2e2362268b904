// proto_openai_chat_messages.cc: roles, content parts, tool calls and their results.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_messages.h"

#include <functional>
#include <utility>

namespace gc {
namespace {

using json::Value;

constexpr std::string_view kSystemMark = "System: ";  // Gemini has no system turn after the first user turn

std::string_view SignatureOf(const Fields& object) {
  const Value* extra = object.Any("extra_content");
  const Value* google = extra == nullptr ? nullptr : extra->Find("google");
  return google == nullptr ? std::string_view() : google->StringOr("thought_signature", "");
}

}  // namespace

void OpenAiChatMessages::Read(const Fields& request, const ModelFamily& family, OpenAiChatCall* call) {
  error_ = request.error();
  family_ = &family;
  call_ = call;
  const Value* messages = request.Array("messages");
  const FieldPath path = request.Path("messages");
  if (error_->set()) return;
  if (messages == nullptr || messages->Items().empty()) return error_->Invalid(path, "must have at least one message");
  for (size_t i = 0; i < messages->Items().size() && !error_->set(); ++i) {
    ReadMessage(messages->Items()[i], path.Index(i));
  }
  if (turns_.empty()) {  // instructions alone are no conversation: they become the question
    for (const std::string_view text : std::exchange(system_, {})) turns_.AddUserText(text);
  }
  if (turns_.empty()) error_->Invalid(path, "must have content");
}

// Calls on_text for a string content, or for each text part of an array.
template <class OnText>
void OpenAiChatMessages::EachText(const Fields& message, OnText&& on_text) {
  const Value* content = message.Any("content");
  const FieldPath path = message.Path("content");
  if (content == nullptr) return error_->Invalid(path, "is required");
  if (content->IsString()) return on_text(content->Text());
  if (!content->IsArray()) return error_->Invalid(path, "must be a string or an array of parts");
  for (size_t i = 0; i < content->Items().size() && !error_->set(); ++i) {
    ReadPart(content->Items()[i], path.Index(i), on_text);
  }
}

template <class OnText>
void OpenAiChatMessages::ReadPart(const Value& part, const FieldPath& path, OnText&& on_text) {
  const Fields fields(part, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_->set()) return;
  if (type == "text" || type == "refusal") {
    const auto text = fields.String(type);
    if (!text) return error_->Invalid(path.Key(type), "is required");
    return on_text(*text);
  }
  if (type == "image_url" || type == "input_audio" || type == "file" || type == "video_url") {
    return error_->Set(ApiErrorKind::kNotImplemented, path.Key("type"), "only text parts are implemented");
  }
  error_->Invalid(path.Key("type"), "is not a known part type");
}

// The whole text content of a message, a line per part.
std::string_view OpenAiChatMessages::ReadText(const Fields& message) {
  size_t parts = 0;
  std::string_view first;
  std::string joined;
  EachText(message, [&](std::string_view text) {
    if (++parts == 1) {
      first = text;
      return;
    }
    if (parts == 2) joined = first;
    joined.append("\n").append(text);
  });
  return parts < 2 ? first : turns_.Own(std::move(joined));
}

void OpenAiChatMessages::ReadMessage(const Value& message, const FieldPath& path) {
  const Fields fields(message, path, error_);
  const std::string_view role = fields.RequiredString("role");
  if (error_->set()) return;
  if (role == "user") {
    EachText(fields, [&](std::string_view text) { turns_.AddUserText(text); });
  } else if (role == "assistant") {
    ReadAssistant(fields);
  } else if (role == "tool") {
    const std::string_view id = fields.RequiredString("tool_call_id");
    turns_.AddResult(id, ReadText(fields));
  } else if (role == "system" || role == "developer") {
    ReadSystem(fields);
  } else if (role == "function") {
    error_->Set(ApiErrorKind::kNotImplemented, path.Key("role"), "function messages are not implemented, use tool");
  } else {
    error_->Invalid(path.Key("role"), "must be system, developer, user, assistant or tool");
  }
}

void OpenAiChatMessages::ReadSystem(const Fields& message) {
  const std::string_view text = ReadText(message);
  if (text.empty()) return;
  if (!family_->takes_instructions) {
    turns_.AddUserText(text);
  } else if (turns_.empty()) {
    system_.push_back(text);
  } else {
    // In its place: moved to the front it would change the prefix that Gemini caches.
    turns_.AddUserText(turns_.Own(std::string(kSystemMark) + std::string(text)));
  }
}

void OpenAiChatMessages::ReadAssistant(const Fields& message) {
  if (message.Any("function_call") != nullptr) {
    error_->Set(ApiErrorKind::kNotImplemented, message.Path("function_call"), "is not implemented, use tool_calls");
  }
  std::vector<std::string_view> texts;
  if (message.Any("content") != nullptr) EachText(message, [&](std::string_view text) { texts.push_back(text); });
  if (const auto refusal = message.String("refusal")) texts.push_back(*refusal);
  std::erase(texts, std::string_view());
  const std::string_view signature = SignatureOf(message);
  if (texts.empty()) texts.emplace_back();  // may still carry a signature
  for (const std::string_view& text : texts) {
    turns_.AddModelText(text, &text == &texts.back() ? signature : std::string_view());
  }
  const Value* calls = message.Array("tool_calls");
  if (calls == nullptr) return;
  const FieldPath path = message.Path("tool_calls");
  for (size_t i = 0; i < calls->Items().size() && !error_->set(); ++i) ReadToolCall(calls->Items()[i], path.Index(i));
}

void OpenAiChatMessages::ReadToolCall(const Value& tool_call, const FieldPath& path) {
  const Fields fields(tool_call, path, error_);
  const std::string_view type = fields.String("type").value_or("function");
  if (type == "custom") error_->Set(ApiErrorKind::kNotImplemented, path, "custom tool calls are not implemented");
  if (type != "function") error_->Invalid(path.Key("type"), "must be function");
  const std::string_view id = fields.RequiredString("id");
  const Value* function = fields.Object("function");
  const FieldPath function_path = path.Key("function");
  if (function == nullptr) return error_->Invalid(function_path, "is required");
  const Fields f(*function, function_path, error_);
  const std::string_view name = f.RequiredString("name");
  const std::string_view arguments = f.String("arguments").value_or("");
  if (error_->set()) return;
  turns_.AddCall(id, call_->tool_names.ToGemini(name), arguments, SignatureOf(fields));
  call_->used_call_ids.push_back(std::hash<std::string_view>()(id));
}

}  // namespace gc
