// proto_openai_chat.h: OpenAI Chat Completions (POST /v1/chat/completions).
// Sources: OpenAI's API reference and the type declarations of its npm package.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
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

// `clock` must outlive the protocol.
std::unique_ptr<Protocol> NewOpenAiChat(Clock& clock);

// The one property of the function that a custom tool (free text in and out) becomes.
inline constexpr std::string_view kCustomToolInput = "input";

// What the answer has to know of its request.
struct OpenAiChatCall {
  std::string requested_model;        // set by a failed parse as well, when there was one
  bool include_usage = false;         // a last chunk with the usage
  bool first_tool_call_only = false;  // parallel_tool_calls: false; Gemini has no such switch
  bool legacy_functions = false;      // declared as `functions`: the answer holds one function_call
  bool cites = false;                 // a web search was asked for
  bool logprobs = false;
  size_t choices = 1;
  size_t calls = 1;  // each gives as many of the choices, in the order of the calls
  ToolNames tool_names;
  // By the client's names:
  std::set<std::string, std::less<>> custom_tools;
  std::set<std::string, std::less<>> wrapped_tools;  // tool_schema.h's IsWrapped
  CallIds call_ids;
};

// The request direction (proto_openai_chat_request.cc); the rest of the protocol is in proto_openai_chat_response.cc.
Result<gemini::Request, ApiError> ParseOpenAiChat(std::string body, const ParseContext& context, OpenAiChatCall* call);

}  // namespace gc
