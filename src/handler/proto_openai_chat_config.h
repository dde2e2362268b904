// proto_openai_chat_config.h: how a Chat Completions request wants its answer made: sampling, limits, thinking, format.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/lazy_object.h"
#include "handler/models.h"
#include "handler/proto_openai_chat.h"
#include "handler/proto_openai_chat_google.h"
#include "handler/proto_openai_chat_tools.h"
#include "handler/tool_schema.h"

namespace gc {

// Views into the request's document, which must outlive this object. One per request; not thread-safe.
class OpenAiChatConfig {
 public:
  // What is wrong goes to request.error(). `tools` are read already: with them, some families answer no JSON.
  void Read(const Fields& request, const ModelFamily& family, const OpenAiChatTools& tools, OpenAiChatCall* call);

  // What the model has to be told because it has no setting for it; empty: nothing.
  std::string Instruction() const;
  // True when the answer will be JSON for certain, so that functions that may not be called must not be declared.
  bool sets_json() const { return format_ == Format::kJson && json_ == Json::kSet; }
  const OpenAiChatGoogle& google() const { return google_; }
  // Writes the member generationConfig, if it has members.
  void Write(json::Writer* w, const ParseContext& context) const;

 private:
  enum class Format { kText, kJson };
  enum class Json { kSet, kTold, kNeither };  // by a setting, by an instruction, or not at all: the answer is a call

  void ReadSampling(const Fields& request);
  void ReadEffort(const Fields& request);
  void ReadStops(const Fields& request);
  void ReadFormat(const Fields& request, const OpenAiChatTools& tools);
  void ReadLogprobs(const Fields& request, OpenAiChatCall* call);
  void ReadCount(const Fields& request, OpenAiChatCall* call);
  void ReadModalities(const Fields& request);
  void WriteSampling(LazyObject* config) const;
  void WriteThinking(LazyObject* config) const;
  void WriteFormat(LazyObject* config, SchemaDetail detail) const;

  const ModelFamily* family_ = nullptr;
  OpenAiChatGoogle google_;
  const json::Value* temperature_ = nullptr;
  const json::Value* top_p_ = nullptr;
  std::optional<int64_t> top_k_;
  std::optional<int64_t> max_tokens_;
  std::optional<int64_t> seed_;
  std::optional<int64_t> top_logprobs_;
  bool logprobs_ = false;
  int64_t count_ = 1;
  std::optional<Effort> effort_;
  bool shows_thoughts_ = false;
  std::vector<std::string_view> stops_;
  Format format_ = Format::kText;
  Json json_ = Json::kSet;
  const json::Value* schema_ = nullptr;  // null: any JSON
  bool makes_images_ = false;
};

}  // namespace gc
