// proto_anthropic_blocks.h: the content blocks of an answer, written whole or as the events of a stream: one set of
// rules for both. Indices count up, one block is open at a time.
// Source: Anthropic's API reference on streaming and its package's event types.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "handler/proto_anthropic_carrier.h"

namespace gc {

enum class AnthropicForm { kWhole, kEvents };

// One per answer; not thread-safe.
class AnthropicBlocks {
 public:
  explicit AnthropicBlocks(AnthropicForm form, std::string* out) : form_(form), out_(out) {}

  // kWhole: members of an array, separated by commas. kEvents: complete frames.
  void WriteTo(std::string* out) { out_ = out; }

  void Text(std::string_view text);
  // To the text that is being written. `citation` is a JSON object. Without an open text it is dropped.
  void Cite(std::string_view citation);
  void Thinking(std::string_view text);
  // What the next part's signature becomes: in the open thinking block, or (kThinking) one of its own before that part,
  // or else a redacted_thinking block. Ends the block.
  enum class Home { kThinking, kRedacted };
  void Carry(CarrierTarget target, std::string_view signature, Home home);
  // `input` is the JSON text of an object.
  void ToolUse(std::string_view id, std::string_view name, std::string_view input);
  void ServerToolUse(std::string_view id, std::string_view name, std::string_view input);
  // A block that has no deltas: JSON object.
  void Complete(std::string_view block);
  // Ends the open block, if any.
  void Close();

  bool thinking_is_open() const { return open_ == Open::kThinking; }

 private:
  enum class Open { kNothing, kText, kThinking };

  void Use(std::string_view type, std::string_view id, std::string_view name, std::string_view input);
  void OpenAs(Open kind);
  void Start(std::string_view block);
  void Stop();
  template <class WriteDelta>
  void Delta(std::string_view type, WriteDelta&& write_delta);

  AnthropicForm form_;
  std::string* out_;
  Open open_ = Open::kNothing;
  int64_t index_ = 0;
  std::string carrier_;    // of the open thinking block
  std::string text_;       // of the open block, in a whole answer
  std::string citations_;  // likewise, separated by commas
};

}  // namespace gc
