// proto_openai_chat_messages.h: the messages of a Chat Completions request, read into Gemini's turns.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/gemini_turns.h"
#include "handler/media.h"
#include "handler/models.h"
#include "handler/proto_openai_chat.h"

namespace gc {

// Views into the request's document, which must outlive this object. One per request; not thread-safe.
class OpenAiChatMessages {
 public:
  // Reads the member `messages`. What is wrong goes to request.error(). Adds to call's tool names and ids.
  void Read(const Fields& request, const ModelFamily& family, MediaFetcher* fetcher, OpenAiChatCall* call);

  // One more instruction, behind the others.
  void AddInstruction(std::string text);

  // The leading system and developer texts.
  const std::vector<std::string_view>& system() const { return system_; }
  const GeminiTurns& turns() const { return turns_; }

 private:
  void ReadMessage(const json::Value& message, const FieldPath& path);
  void ReadSystem(const Fields& message);
  void ReadUser(const Fields& message);
  void ReadTool(const Fields& message);
  void ReadFunction(const Fields& message);
  void ReadAssistant(const Fields& message);
  void ReadToolCall(const json::Value& tool_call, const FieldPath& path);
  void ReadFunctionCall(const json::Value& function_call, const FieldPath& path, std::string_view signature);
  std::string_view FunctionId(std::string_view name);
  std::string_view ReadText(const Fields& message);
  template <class OnMedia>
  std::string_view JoinText(const Fields& message, OnMedia&& on_media);
  template <class OnText, class OnMedia>
  void EachPart(const Fields& message, OnText&& on_text, OnMedia&& on_media);
  template <class OnText, class OnMedia>
  void ReadPart(const json::Value& part, const FieldPath& path, OnText&& on_text, OnMedia&& on_media);

  FirstError* error_ = nullptr;
  const ModelFamily* family_ = nullptr;
  MediaFetcher* fetcher_ = nullptr;
  OpenAiChatCall* call_ = nullptr;
  std::vector<std::string_view> system_;
  GeminiTurns turns_;
};

}  // namespace gc
