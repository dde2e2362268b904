// proto_anthropic.h: Anthropic Messages (POST /v1/messages, POST /v1/messages/count_tokens).
// Sources: Anthropic's API reference, the type declarations of its npm package, requests of Claude Code.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "handler/api_error.h"
#include "handler/call_ids.h"
#include "handler/gemini.h"
#include "handler/protocol.h"
#include "handler/tool_names.h"

namespace gc {

// What the answer has to know of its request.
struct AnthropicCall {
  std::string requested_model;        // set by a failed parse as well, when there was one
  std::string request_id;             // of the HTTP request
  bool has_thinking = false;          // the client takes thinking blocks; else carriers are redacted_thinking
  bool shows_thoughts = false;        // and wants to read them
  bool first_tool_call_only = false;  // disable_parallel_tool_use; Gemini has no such switch
  bool edits_context = false;         // context_management was asked for; Gemini has none
  bool wants_no_answer = false;       // max_tokens 0
  int64_t estimated_input_tokens = 0;
  ToolNames tool_names;
  CallIds call_ids;
};

enum class AnthropicUse { kMessage, kCountTokens };

class AnthropicMessages : public Protocol {
 public:
  // After Parse, by size: four bytes of text a token. For where Gemini's count is not there, or not there yet.
  virtual int64_t estimated_input_tokens() const = 0;
};

// `clock` must outlive the protocol.
std::unique_ptr<AnthropicMessages> NewAnthropic(Clock& clock, AnthropicUse use);

// The request direction (proto_anthropic_request.cc).
Result<gemini::Request, ApiError> ParseAnthropic(std::string body, AnthropicUse use, const ParseContext& context,
                                                 AnthropicCall* call);

// Counting: the body for countTokens, which knows instructions and tools only inside a whole request.
std::string CountTokensBody(const gemini::Request& request);
// The answer.
std::string TokenCountBody(int64_t input_tokens);

}  // namespace gc
