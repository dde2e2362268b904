// proto_anthropic_messages.cc: roles, tool calls and their results, carriers of thought signatures.
// SPDX-License-Identifier: MIT
#include "handler/proto_anthropic_messages.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "handler/proto_anthropic_carrier.h"

namespace gc {
namespace {

using json::Value;

constexpr std::string_view kSystemMark = "System: ";  // Gemini has no system turn after the first user turn
// The first system block of Claude Code. It changes with each request and would spoil Gemini's prefix cache.
constexpr std::string_view kBillingHeader = "x-anthropic-billing-header:";

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// What a provider's own tools did: their results are in the text that followed, and encrypted for their provider.
bool IsServerSide(std::string_view type) {
  return type == "server_tool_use" || type.ends_with("_tool_result") || type == "mcp_tool_use";
}

}  // namespace

void AnthropicTurns::Read(const Fields& request, const ModelFamily& family, MediaFetcher* fetcher, AnthropicCall* call,
                          AnthropicTools* tools) {
  error_ = request.error();
  family_ = &family;
  fetcher_ = fetcher;
  call_ = call;
  tools_ = tools;
  ReadSystem(request);
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

void AnthropicTurns::ReadSystem(const Fields& request) {
  if (request.Any("system") == nullptr) return;
  EachBlock(
      request, "system", [this](std::string_view text) { AddInstruction(text); },
      [this](const Value& block, const FieldPath& path) { ReadSystemBlock(block, path); });
}

void AnthropicTurns::AddInstruction(std::string_view text) {
  if (text.empty() || text.starts_with(kBillingHeader)) return;
  if (!family_->takes_instructions) {
    turns_.AddUserText(text);
  } else if (turns_.empty()) {
    system_.push_back(text);
  } else {
    // In its place: moved to the front it would change the prefix that Gemini caches.
    turns_.AddUserText(turns_.Own(std::string(kSystemMark) + std::string(text)));
  }
}

void AnthropicTurns::ReadMessage(const Value& message, const FieldPath& path) {
  const Fields fields(message, path, error_);
  const std::string_view role = fields.RequiredString("role");
  if (error_->set()) return;
  call_signature_ = text_signature_ = {};
  if (role == "user") {
    EachBlock(
        fields, "content", [this](std::string_view text) { turns_.AddUserText(text); },
        [this](const Value& block, const FieldPath& at) { ReadUserBlock(block, at); });
  } else if (role == "assistant") {
    EachBlock(
        fields, "content", [this](std::string_view text) { turns_.AddModelText(text, {}); },
        [this](const Value& block, const FieldPath& at) { ReadAssistantBlock(block, at); });
  } else if (role == "system") {
    EachBlock(
        fields, "content", [this](std::string_view text) { AddInstruction(text); },
        [this](const Value& block, const FieldPath& at) { ReadSystemBlock(block, at); });
  } else {
    error_->Invalid(path.Key("role"), "must be user, assistant or system");
  }
}

void AnthropicTurns::ReadSystemBlock(const Value& block, const FieldPath& path) {
  const Fields fields(block, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_->set()) return;
  if (type == "text") return AddInstruction(fields.String("text").value_or(""));
  if (type != "tool_addition" && type != "tool_removal") {
    return error_->Invalid(path.Key("type"), "is not a known type of block in a system message");
  }
  const Value* tool = fields.Object("tool");
  const FieldPath tool_path = path.Key("tool");
  if (tool == nullptr) return error_->Invalid(tool_path, "is required");
  const Fields reference(*tool, tool_path, error_);
  if (reference.String("type").value_or("tool_reference") != "tool_reference") {
    return error_->Set(ApiErrorKind::kNotImplemented, tool_path.Key("type"), "is not implemented, use tool_reference");
  }
  const std::string_view name = reference.RequiredString("name");
  if (type == "tool_addition") {
    tools_->Refer(name);
  } else {
    tools_->Withdraw(name);
  }
}

void AnthropicTurns::ReadUserBlock(const Value& block, const FieldPath& path) {
  const Fields fields(block, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_->set()) return;
  Content content;
  if (ReadContentBlock(fields, type, &content)) return AddToUser(content);
  if (type == "tool_result") return ReadToolResult(fields);
  if (type == "compaction") return turns_.AddUserText(fields.String("content").value_or(""));
  if (type == "container_upload") {
    return error_->Set(ApiErrorKind::kNotImplemented, path.Key("type"), "containers are not implemented");
  }
  if (!IsServerSide(type)) error_->Invalid(path.Key("type"), "is not a known type of block in a user message");
}

void AnthropicTurns::ReadAssistantBlock(const Value& block, const FieldPath& path) {
  const Fields fields(block, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_->set()) return;
  if (type == "text") {
    const std::string_view text = fields.String("text").value_or("");
    if (!text.empty()) turns_.AddModelText(text, std::exchange(text_signature_, {}));
  } else if (type == "thinking") {
    KeepCarrier(fields.String("signature").value_or(""));
  } else if (type == "redacted_thinking") {
    KeepCarrier(fields.String("data").value_or(""));
  } else if (type == "tool_use") {
    ReadToolUse(fields);
  } else if (type == "compaction") {
    turns_.AddUserText(fields.String("content").value_or(""));
  } else if (IsOneOf(type, {"image", "document", "search_result"})) {
    // Gemini's model turns hold no media of a client's making.
    error_->Set(ApiErrorKind::kNotImplemented, path.Key("type"), "is not implemented in an assistant message");
  } else if (!IsServerSide(type)) {
    error_->Invalid(path.Key("type"), "is not a known type of block in an assistant message");
  }
}

void AnthropicTurns::KeepCarrier(std::string_view text) {
  const Carrier carrier = ReadCarrier(text);
  if (carrier.target == CarrierTarget::kCall) call_signature_ = carrier.signature;
  if (carrier.target == CarrierTarget::kText) text_signature_ = carrier.signature;
}

void AnthropicTurns::ReadToolUse(const Fields& block) {
  const std::string_view id = block.RequiredString("id");
  const std::string_view name = block.RequiredString("name");
  if (error_->set()) return;
  const Value* input = block.Any("input");
  const std::string_view arguments = input == nullptr ? std::string_view() : turns_.Own(json::ToText(*input));
  turns_.AddCall(id, call_->tool_names.ToGemini(name), arguments, std::exchange(call_signature_, {}));
  call_->call_ids.Note(id);
}

void AnthropicTurns::ReadToolResult(const Fields& block) {
  const std::string_view id = block.RequiredString("tool_use_id");
  const bool is_error = block.Bool("is_error").value_or(false);
  Content content;
  if (block.Any("content") != nullptr) {
    EachBlock(
        block, "content", [&](std::string_view text) { content.texts.push_back(text); },
        [&](const Value& item, const FieldPath& path) { ReadResultBlock(item, path, &content); });
  }
  if (error_->set()) return;
  std::string_view text = content.texts.empty() ? std::string_view() : content.texts.front();
  if (content.texts.size() > 1) {
    std::string joined;
    for (const std::string_view line : content.texts) joined.append(joined.empty() ? "" : "\n").append(line);
    text = turns_.Own(std::move(joined));
  }
  turns_.AddResult(id, text, is_error ? ResultKind::kError : ResultKind::kOutput, std::move(content.media));
}

void AnthropicTurns::ReadResultBlock(const Value& block, const FieldPath& path, Content* content) {
  const Fields fields(block, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (error_->set() || ReadContentBlock(fields, type, content)) return;
  if (type != "tool_reference") {
    return error_->Invalid(path.Key("type"), "is not a known type of block in a tool result");
  }
  const std::string_view name = fields.RequiredString("tool_name");
  tools_->Refer(name);
  content->texts.push_back(turns_.Own("The tool " + std::string(name) + " is available now."));
}

void AnthropicTurns::AddToUser(const Content& content) {
  for (const std::string_view text : content.texts) turns_.AddUserText(text);
  for (const MediaView& media : content.media) turns_.AddUserMedia(media);
}

}  // namespace gc
