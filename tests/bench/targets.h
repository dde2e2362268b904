// targets.h: the benchmark's requests: to the gateway as an OpenAI client sends them, and to Gemini as the gateway
// does.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "bench/answers.h"
#include "bench/load.h"

namespace gc::bench {

inline constexpr char kUnaryModel[] = "gemini-3.8-flash";
inline constexpr char kChatPath[] = "/v1/chat/completions";
inline constexpr char kGeminiUnaryPath[] = "/v1beta/models/gemini-3.8-flash:generateContent";

inline std::string GeminiStreamPath(const std::string& model) {
  return "/v1beta/models/" + model + ":streamGenerateContent?alt=sse";
}

inline Target ChatTarget(int port, const std::string& model, IsStream is_stream) {
  return {port, kChatPath, std::string("Authorization: Bearer ") + kKey, ChatBody(model, is_stream)};
}

inline Target GeminiTarget(int port, const std::string& path, const std::string& body) {
  return {port, path, std::string("x-goog-api-key: ") + kKey, body};
}

}  // namespace gc::bench
