// chat.cc: any body of a Chat Completions request is refused with a reason, or becomes a request that Gemini can read.
// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"
#include "fuzz/request_check.h"
#include "handler/proto_openai_chat.h"
#include "unit/chat_replay.h"

namespace gc::fuzz {
namespace {

// Settings in Google's own words go on as they are.
Words WordsOf(std::string_view body) {
  return body.find("google") == std::string_view::npos ? Words::kOurs : Words::kClients;
}

}  // namespace

std::string CheckChat(std::string_view input) {
  const std::string body(input);
  const auto first = ParseChat(body);
  if (auto broken = CheckOutcome(ErrorShape::kOpenAi, first, WordsOf(input)); !broken.empty()) return broken;

  // After Gemini refused it: asks for less, and is refused by us only when the first was.
  StillClock clock;
  ParseContext context;
  context.simple_schemas = context.dummy_signatures = context.no_thinking = true;
  const auto second = NewOpenAiChat(clock)->Parse(ChatRequest(body), context);
  if (first.ok() != second.ok()) return "asked again, it ends otherwise";
  return CheckOutcome(ErrorShape::kOpenAi, second, WordsOf(input));
}

}  // namespace gc::fuzz
