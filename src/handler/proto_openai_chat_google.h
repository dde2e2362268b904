// proto_openai_chat_google.h: `google` and `extra_body.google`, the settings that Google's own OpenAI endpoint takes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "handler/fields.h"

namespace gc {

// Views into the request's document. They are Gemini's own words, so that Gemini is left to judge them.
struct OpenAiChatGoogle {
  std::optional<std::string_view> thinking_level;
  std::optional<int64_t> thinking_budget;
  std::optional<bool> include_thoughts;
  std::string_view cached_content;               // empty: none
  const json::Value* safety_settings = nullptr;  // null: Gemini's own
};

// What is wrong goes to request.error(). A setting in both places counts as the top level has it.
OpenAiChatGoogle ReadOpenAiChatGoogle(const Fields& request);

}  // namespace gc
