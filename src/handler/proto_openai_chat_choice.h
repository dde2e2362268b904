// proto_openai_chat_choice.h: one candidate of Gemini's, read piece by piece; whole answers and streams alike.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "handler/api_error.h"
#include "handler/proto_openai_chat.h"
#include "handler/proto_openai_chat_citations.h"

namespace gc {

// One function call as the client gets it.
struct OpenAiChatToolCall {
  std::string id;
  std::string_view name;  // the client's spelling
  std::string arguments;  // JSON text; of a custom tool the free text
  std::string_view signature;
  bool is_custom = false;
};

// What a client sees of one part. Views into the chunk that it was read from.
struct OpenAiChatPiece {
  enum class Kind { kText, kThought, kCall, kImage };
  Kind kind = Kind::kText;
  std::string_view text;       // kText (may be empty, when it is signed), kThought
  std::string_view signature;  // kText
  OpenAiChatToolCall call;
  std::string image_url;  // kImage: a data URL
};

// The state of one choice over the whole answer. Not thread-safe.
class OpenAiChatChoice {
 public:
  // `call` and `clock` must outlive the choice.
  OpenAiChatChoice(OpenAiChatCall* call, Clock* clock) : call_(call), clock_(clock) {}

  // Calls on_piece(OpenAiChatPiece) for each part of a candidate that a client sees.
  template <class OnPiece>
  void Read(const json::Value& candidate, OnPiece&& on_piece) {
    Note(candidate);
    const json::Value* content = candidate.Find("content");
    const json::Value* parts = content == nullptr ? nullptr : content->Find("parts");
    if (parts == nullptr) return;
    for (size_t i = 0; i < parts->Items().size(); ++i) {
      OpenAiChatPiece piece;
      if (ReadPart(parts->Items()[i], i, &piece)) on_piece(piece);
    }
  }

  bool has_content() const { return has_text_ || images_ > 0 || tool_calls_ > 0; }
  size_t tool_calls() const { return tool_calls_; }
  size_t images() const { return images_; }
  bool finished() const { return !finish_reason_.empty(); }
  const OpenAiChatCitations& citations() const { return citations_; }
  // OpenAI's finish_reason, or the error that the answer really is. `block_reason`: the prompt's, empty if it was
  // taken.
  Result<std::string_view, ApiError> FinishReason(std::string_view block_reason) const;
  std::string RefusalText(std::string_view block_reason) const;

 private:
  void Note(const json::Value& candidate);
  bool ReadPart(const json::Value& part, size_t index, OpenAiChatPiece* piece);
  bool ReadCall(const json::Value& part, const json::Value& function_call, OpenAiChatPiece* piece);
  bool ReadMedia(const json::Value& blob, OpenAiChatPiece* piece);
  bool ReadText(std::string_view text, size_t index, OpenAiChatPiece* piece);

  OpenAiChatCall* call_;
  Clock* clock_;
  bool has_text_ = false;
  bool has_other_media_ = false;
  size_t tool_calls_ = 0;
  size_t images_ = 0;
  std::string finish_reason_;
  std::string finish_message_;
  std::string made_text_;  // of the latest part that was code or its output
  OpenAiChatCitations citations_;
};

}  // namespace gc
