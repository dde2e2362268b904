// proto_openai_chat_parts.h: the images, sounds and files among the content parts of a Chat Completions message.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "handler/fields.h"
#include "handler/media.h"
#include "handler/models.h"

namespace gc {

// Either data of a type, or the URI of something that Gemini can fetch by itself.
struct OpenAiChatMedia {
  std::string mime_type;
  std::string data;  // standard base64
  std::string uri;
  std::string_view resolution;  // Gemini's level; empty: the model's choice
};

// True for the part types that ReadOpenAiChatMedia reads.
bool IsOpenAiChatMedia(std::string_view type);
// What is wrong goes to part.error(); the result means nothing then. Without a fetcher, URLs are refused.
OpenAiChatMedia ReadOpenAiChatMedia(std::string_view type, const Fields& part, const ModelFamily& family,
                                    MediaFetcher* fetcher);

}  // namespace gc
