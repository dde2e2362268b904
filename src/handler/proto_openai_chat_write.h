// proto_openai_chat_write.h: the objects inside a Chat Completions answer, the same in whole answers and in chunks.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "handler/gemini.h"
#include "handler/proto_openai_chat_choice.h"

namespace gc {

// What the answer to one call says beside its choices. Chunks carry running totals: the last ones count.
class OpenAiChatTotals {
 public:
  void Note(const gemini::Response& response);
  // What another call with the same prompt cost beyond that prompt.
  void Add(const OpenAiChatTotals& other);
  bool has_usage() const { return usage_.present; }
  const std::string& block_reason() const { return block_reason_; }
  // usage, service_tier and system_fingerprint, as far as Gemini told them.
  void WriteMembers(json::Writer* w) const;

 private:
  gemini::Usage usage_;
  int64_t audio_in_ = 0;
  int64_t audio_out_ = 0;
  std::string service_tier_;
  std::string model_version_;
  std::string block_reason_;
};

// The message of a whole answer, put together from its pieces.
class OpenAiChatMessage {
 public:
  void Add(OpenAiChatPiece piece);
  // The value of `message`. `refusal`: empty when it is none.
  void Write(json::Writer* w, std::string_view refusal, const OpenAiChatCitations& citations, bool legacy) const;

 private:
  std::string content_;
  std::string reasoning_;
  std::string_view signature_;
  std::vector<OpenAiChatToolCall> calls_;
  std::vector<std::string> image_urls_;
};

// Members only: a chunk puts an index before them.
void WriteOpenAiChatToolCall(json::Writer* w, const OpenAiChatToolCall& call);
void WriteOpenAiChatFunctionCall(json::Writer* w, const OpenAiChatToolCall& call);
void WriteOpenAiChatImage(json::Writer* w, std::string_view url);
// Where Google's own OpenAI endpoint puts it; clients that know it send it back. Nothing for an empty one.
void WriteOpenAiChatSignature(json::Writer* w, std::string_view signature);
// The value of `logprobs`, from Gemini's logprobsResult.
void WriteOpenAiChatLogprobs(json::Writer* w, const json::Value& result);

}  // namespace gc
