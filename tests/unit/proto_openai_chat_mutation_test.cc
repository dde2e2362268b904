// proto_openai_chat_mutation_test.cc: damaged requests and answers give a result, and that result is JSON.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "chat_replay.h"
#include "mutations.h"

namespace gc {
namespace {

using json::Value;

// Anything that is refused says what and, unless it is not JSON at all, where.
void TryRequest(const std::string& text) {
  const auto parsed = ParseChat(text);
  if (parsed.ok()) {
    EXPECT_TRUE(IsJson(parsed->body)) << text << "\n" << parsed->body;
    EXPECT_TRUE(gemini::IsModelName(parsed->model)) << text;
    return;
  }
  EXPECT_FALSE(parsed.error().message.empty()) << text;
  EXPECT_TRUE(IsJson(ErrorBody(ErrorShape::kOpenAi, parsed.error(), ""))) << text;
}

TEST(OpenAiChatMutation, RequestsCutAtEveryByte) {
  EachClientRequest([](const Value& body) {
    const std::string text = json::ToText(body);
    for (size_t length = 0; length < text.size(); ++length) {
      const auto parsed = ParseChat(text.substr(0, length));
      ASSERT_FALSE(parsed.ok()) << text.substr(0, length);
      ASSERT_EQ(parsed.error().kind, ApiErrorKind::kInvalidRequest);
    }
  });
}

TEST(OpenAiChatMutation, RequestsWithEveryValueReplaced) {
  EachClientRequest([](const Value& body) { EachMutation(body, TryRequest); });
}

constexpr std::string_view kUnaryRequest = R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}]})";
constexpr std::string_view kStreamRequest =
    R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}],"stream":true,)"
    R"("stream_options":{"include_usage":true}})";

TEST(OpenAiChatMutation, AnswersWithEveryValueReplaced) {
  EachAnswer("body", [](const Value& body) {
    EachMutation(body, [](const std::string& text) {
      for (const int status : {200, 400, 429}) {
        const ChatReply reply = ReplayUnary(std::string(kUnaryRequest), status, text);
        EXPECT_TRUE(IsJson(reply.body)) << text << "\n" << reply.body;
      }
    });
  });
}

TEST(OpenAiChatMutation, EventsWithEveryValueReplaced) {
  EachAnswer("sse", [](const Value& event) {
    EachMutation(event, [](const std::string& text) {
      const std::string bytes = "data: " + text + "\n\n";
      const ChatReply reply = ReplayStream(std::string(kStreamRequest), {bytes});
      const auto frames = FramesOf(reply.body);
      ASSERT_FALSE(frames.empty()) << reply.body;
      for (const std::string& frame : frames) EXPECT_TRUE(frame == "[DONE]" || IsJson(frame)) << text;
    });
  });
}

}  // namespace
}  // namespace gc
