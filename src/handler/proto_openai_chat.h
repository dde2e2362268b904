// proto_openai_chat.h: OpenAI Chat Completions (POST /v1/chat/completions).
// Sources: OpenAI's API reference and the type declarations of its npm package.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "handler/api_error.h"
#include "handler/gemini.h"
#include "handler/protocol.h"
#include "handler/tool_names.h"

namespace gc {

// `clock` must outlive the protocol.
std::unique_ptr<Protocol> NewOpenAiChat(Clock& clock);

// What the answer has to know of its request.
struct OpenAiChatCall {
  std::string requested_model;        // set by a failed parse as well, when there was one
  bool include_usage = false;         // a last chunk with the usage
  bool first_tool_call_only = false;  // parallel_tool_calls: false; Gemini has no such switch
  ToolNames tool_names;
  std::vector<size_t> used_call_ids;  // hashes: a collision only costs an id of ours
};

// The request direction (proto_openai_chat_request.cc); the rest of the protocol is in proto_openai_chat_response.cc.
Result<gemini::Request, ApiError> ParseOpenAiChat(std::string body, const ParseContext& context, OpenAiChatCall* call);

}  // namespace gc
