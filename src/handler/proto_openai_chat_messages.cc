// proto_openai_chat_messages.cc: roles, content parts, tool calls and their results.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_messages.h"

#include <utility>

#include "handler/proto_openai_chat_parts.h"

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

void OpenAiChatMessages::Read(const Fields& request, const ModelFamily& family, MediaFetcher* fetcher,
                              OpenAiChatCall* call) {
  error_ = request.error();
  family_ = &family;
  fetcher_ = fetcher;
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

void OpenAiChatMessages::AddInstruction(std::string text) {
  const std::string_view kept = turns_.Own(std::move(text));
  if (family_->takes_instructions) {
    system_.push_back(kept);
  } else {
    turns_.AddUserText(kept);
  }
}

// Calls on_text for a string content, or for each text part of an array, and on_media(OpenAiChatMedia, path) for the
// others.
template <class OnText, class OnMedia>
void OpenAiChatMessages::EachPart(const Fields& message, OnText&& on_text, OnMedia&& on_media) {
  const Value* content = message.Any("content");
  const FieldPath path = message.Path("content");
  if (content == nullptr) return error_->Invalid(path, "is required");
  if (content->IsString()) return on_text(content->Text());
  if (!content->IsArray()) return error_->Invalid(path, "must be a string or an array of parts");
  for (size_t i = 0; i < content->Items().size() && !error_->set(); ++i) {
    ReadPart(content->Items()[i], path.Index(i), on_text, on_media);
  }
}

template <class OnText, class OnMedia>
void OpenAiChatMessages::ReadPart(const Value& part, const FieldPath& path, OnText&& on_text, OnMedia&& on_media) {
  const Fields fields(part, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_->set()) return;
  if (type == "text" || type == "refusal") {
    const auto text = fields.String(type);
    if (!text) return error_->Invalid(path.Key(type), "is required");
    return on_text(*text);
  }
  if (!IsOpenAiChatMedia(type)) return error_->Invalid(path.Key("type"), "is not a known part type");
  OpenAiChatMedia media = ReadOpenAiChatMedia(type, fields, *family_, fetcher_);
  if (!error_->set()) on_media(std::move(media), path);
}

// The whole text content of a message, a line per part.
template <class OnMedia>
std::string_view OpenAiChatMessages::JoinText(const Fields& message, OnMedia&& on_media) {
  size_t parts = 0;
  std::string_view first;
  std::string joined;
  const auto add = [&](std::string_view text) {
    if (++parts == 1) {
      first = text;
      return;
    }
    if (parts == 2) joined = first;
    joined.append("\n").append(text);
  };
  EachPart(message, add, on_media);
  return parts < 2 ? first : turns_.Own(std::move(joined));
}

std::string_view OpenAiChatMessages::ReadText(const Fields& message) {
  return JoinText(message, [&](const OpenAiChatMedia&, const FieldPath& path) {
    error_->Invalid(path.Key("type"), "must be text in a message of this role");
  });
}

void OpenAiChatMessages::ReadMessage(const Value& message, const FieldPath& path) {
  const Fields fields(message, path, error_);
  const std::string_view role = fields.RequiredString("role");
  if (error_->set()) return;
  if (role == "user") {
    ReadUser(fields);
  } else if (role == "assistant") {
    ReadAssistant(fields);
  } else if (role == "tool") {
    ReadTool(fields);
  } else if (role == "system" || role == "developer") {
    ReadSystem(fields);
  } else if (role == "function") {
    ReadFunction(fields);
  } else {
    error_->Invalid(path.Key("role"), "must be system, developer, user, assistant, tool or function");
  }
}

void OpenAiChatMessages::ReadUser(const Fields& message) {
  const auto add_media = [&](OpenAiChatMedia media, const FieldPath&) {
    const std::string_view type = turns_.Own(std::move(media.mime_type));
    if (media.uri.empty()) {
      turns_.AddUserMedia({type, turns_.Own(std::move(media.data)), media.resolution});
    } else {
      turns_.AddUserFile(type, turns_.Own(std::move(media.uri)));
    }
  };
  EachPart(
      message, [&](std::string_view text) { turns_.AddUserText(text); }, add_media);
}

// OpenAI's own results are text; agents also send the pictures that their tools made.
void OpenAiChatMessages::ReadTool(const Fields& message) {
  const std::string_view id = message.RequiredString("tool_call_id");
  std::vector<MediaView> result_media;
  const auto add_media = [&](OpenAiChatMedia media, const FieldPath& path) {
    if (!media.uri.empty()) return error_->Invalid(path, "must be data in a tool message");
    const std::string_view type = turns_.Own(std::move(media.mime_type));
    result_media.push_back({type, turns_.Own(std::move(media.data)), {}});
  };
  const std::string_view text = JoinText(message, add_media);
  turns_.AddResult(id, text, ResultKind::kOutput, std::move(result_media));
}

// Legacy: the result of the latest call of that function.
void OpenAiChatMessages::ReadFunction(const Fields& message) {
  const std::string_view name = message.RequiredString("name");
  const std::string_view text = message.Any("content") == nullptr ? std::string_view() : ReadText(message);
  turns_.AddResult(FunctionId(name), text);
}

// Legacy calls have no ids, but there is one at most in a turn: its name tells it.
std::string_view OpenAiChatMessages::FunctionId(std::string_view name) {
  return turns_.Own("call_" + std::string(call_->tool_names.ToGemini(name)));
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
  std::vector<std::string_view> texts;
  if (message.Any("content") != nullptr) {
    const auto refuse = [&](const OpenAiChatMedia&, const FieldPath& path) {
      error_->Invalid(path.Key("type"), "must be text or refusal in an assistant message");
    };
    EachPart(
        message, [&](std::string_view text) { texts.push_back(text); }, refuse);
  }
  if (const auto refusal = message.String("refusal")) texts.push_back(*refusal);
  std::erase(texts, std::string_view());
  const Value* function_call = message.Object("function_call");
  const std::string_view signature = SignatureOf(message);
  if (texts.empty()) texts.emplace_back();  // may still carry a signature
  for (const std::string_view& text : texts) {
    const bool signs = function_call == nullptr && &text == &texts.back();
    turns_.AddModelText(text, signs ? signature : std::string_view());
  }
  if (function_call != nullptr) ReadFunctionCall(*function_call, message.Path("function_call"), signature);
  const Value* calls = message.Array("tool_calls");
  if (calls == nullptr) return;
  const FieldPath path = message.Path("tool_calls");
  for (size_t i = 0; i < calls->Items().size() && !error_->set(); ++i) ReadToolCall(calls->Items()[i], path.Index(i));
}

void OpenAiChatMessages::ReadFunctionCall(const Value& function_call, const FieldPath& path,
                                          std::string_view signature) {
  const Fields fields(function_call, path, error_);
  const std::string_view name = fields.RequiredString("name");
  const std::string_view arguments = fields.String("arguments").value_or("");
  if (error_->set()) return;
  turns_.AddCall(FunctionId(name), call_->tool_names.ToGemini(name), arguments, signature);
}

void OpenAiChatMessages::ReadToolCall(const Value& tool_call, const FieldPath& path) {
  const Fields fields(tool_call, path, error_);
  const std::string_view type = fields.String("type").value_or("function");
  if (type != "function" && type != "custom") error_->Invalid(path.Key("type"), "must be function or custom");
  const std::string_view id = fields.RequiredString("id");
  if (error_->set()) return;
  const Value* tool = fields.Object(type);
  const FieldPath tool_path = path.Key(type);
  if (tool == nullptr) return error_->Invalid(tool_path, "is required");
  const Fields f(*tool, tool_path, error_);
  const std::string_view name = f.RequiredString("name");
  std::string_view arguments = f.String(type == "custom" ? "input" : "arguments").value_or("");
  if (error_->set()) return;
  if (type == "custom") {
    std::string wrapped;
    json::Writer(&wrapped).BeginObject().Key(kCustomToolInput).String(arguments).EndObject();
    arguments = turns_.Own(std::move(wrapped));
  } else if (call_->wrapped_tools.contains(name) && json::Document::Parse(std::string(arguments)).ok()) {
    arguments = turns_.Own(R"({"value":)" + std::string(arguments) + "}");  // as Gemini called it
  }
  turns_.AddCall(id, call_->tool_names.ToGemini(name), arguments, SignatureOf(fields));
  call_->call_ids.Note(id);
}

}  // namespace gc
