// proto_anthropic_messages.h: the messages of a Messages request, read into Gemini's turns.
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
#include "handler/proto_anthropic.h"
#include "handler/proto_anthropic_tools.h"

namespace gc {

// Views into the request's document, which must outlive this object. One per request; not thread-safe.
class AnthropicTurns {
 public:
  // Reads the members `system` and `messages`. What is wrong goes to request.error(). Tells `tools` what the messages
  // say about them.
  void Read(const Fields& request, const ModelFamily& family, MediaFetcher* fetcher, AnthropicCall* call,
            AnthropicTools* tools);

  // The instructions before the first turn.
  const std::vector<std::string_view>& system() const { return system_; }
  const GeminiTurns& turns() const { return turns_; }
  // Of all images and documents in base64, and their number.
  size_t media_bytes() const { return media_bytes_; }
  size_t media_count() const { return media_count_; }

 private:
  // What blocks become where they stand: of a message, or of a tool's result, which holds one text.
  struct Content {
    std::vector<std::string_view> texts;
    std::vector<MediaView> media;
  };

  void ReadSystem(const Fields& request);
  void ReadMessage(const json::Value& message, const FieldPath& path);
  void ReadUserBlock(const json::Value& block, const FieldPath& path);
  void ReadAssistantBlock(const json::Value& block, const FieldPath& path);
  void ReadSystemBlock(const json::Value& block, const FieldPath& path);
  template <class OnText, class OnBlock>
  void EachBlock(const Fields& fields, std::string_view name, OnText&& on_text, OnBlock&& on_block);

  void AddInstruction(std::string_view text);
  void ReadToolUse(const Fields& block);
  void ReadToolResult(const Fields& block);
  void ReadResultBlock(const json::Value& block, const FieldPath& path, Content* content);
  void KeepCarrier(std::string_view text);
  void AddToUser(const Content& content);

  // proto_anthropic_content.cc. False for a block that is neither text nor something to look at.
  bool ReadContentBlock(const Fields& block, std::string_view type, Content* content);
  void ReadDocument(const Fields& block, Content* content);
  void ReadSource(const Fields& block, MediaUse use, Content* content);
  void ReadBase64(const Fields& source, Content* content);
  void ReadUrl(const Fields& source, MediaUse use, Content* content);
  void AddMedia(const FieldPath& path, std::string_view mime_type, std::string data, Content* content);
  void ReadSearchResult(const Fields& block, Content* content);

  FirstError* error_ = nullptr;
  const ModelFamily* family_ = nullptr;
  MediaFetcher* fetcher_ = nullptr;
  AnthropicCall* call_ = nullptr;
  AnthropicTools* tools_ = nullptr;
  std::vector<std::string_view> system_;
  GeminiTurns turns_;
  std::string_view call_signature_;  // waits for the next call of its message
  std::string_view text_signature_;  // and the next text
  size_t media_bytes_ = 0;
  size_t media_count_ = 0;
};

// on_text(text) for a string, on_block(block, path) for each block of an array.
template <class OnText, class OnBlock>
void AnthropicTurns::EachBlock(const Fields& fields, std::string_view name, OnText&& on_text, OnBlock&& on_block) {
  const json::Value* content = fields.Any(name);
  const FieldPath path = fields.Path(name);
  if (content == nullptr) return error_->Invalid(path, "is required");
  if (content->IsString()) return on_text(content->Text());
  if (!content->IsArray()) return error_->Invalid(path, "must be a string or an array of blocks");
  for (size_t i = 0; i < content->Items().size() && !error_->set(); ++i) on_block(content->Items()[i], path.Index(i));
}

}  // namespace gc
