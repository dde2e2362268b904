// proto_openai_responses.h: OpenAI Responses (POST /v1/responses), without a store: what a client wants remembered it
// sends again. Sources: OpenAI's API reference, the type declarations of its npm package, the Codex CLI.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

// `clock` must outlive the protocol.
std::unique_ptr<Protocol> NewOpenAiResponses(Clock& clock);

// How a call of a tool comes back to the client: as which item.
enum class OpenAiResponsesToolKind : uint8_t {
  kFunction,    // function_call
  kCustom,      // custom_tool_call: free text in and out
  kLocalShell,  // local_shell_call
  kShell,       // shell_call
  kApplyPatch,  // apply_patch_call
  kToolSearch,  // tool_search_call
};

struct OpenAiResponsesTool {
  OpenAiResponsesToolKind kind = OpenAiResponsesToolKind::kFunction;
  std::string name;         // as the client declared it
  std::string name_space;   // of the namespace tool that it stood in; empty: none
  bool is_wrapped = false;  // tool_schema.h's IsWrapped
};

// What the answer has to know of its request.
struct OpenAiResponsesCall {
  std::string requested_model;  // set by a failed parse as well, when there was one
  // The members of the response object that repeat the request (instructions, metadata, tools, text and so on), as JSON
  // text that stands between other members: no braces, no comma at its ends.
  std::string echo;
  bool shows_summary = false;         // thoughts become reasoning summaries
  bool carries_signatures = true;     // reasoning items have encrypted_content
  bool first_tool_call_only = false;  // parallel_tool_calls: false; Gemini has no such switch
  bool cites = false;                 // a web search was asked for
  bool logprobs = false;
  std::map<std::string, OpenAiResponsesTool, std::less<>> tools;  // by Gemini's spelling
  ToolNames tool_names;                                           // client's: the name, or NAMESPACE__NAME
  CallIds call_ids;
};

// The request direction (proto_openai_responses_request.cc); the rest of the protocol is in
// proto_openai_responses_response.cc.
Result<gemini::Request, ApiError> ParseOpenAiResponses(std::string body, const ParseContext& context,
                                                       OpenAiResponsesCall* call);

}  // namespace gc
