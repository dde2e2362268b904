// proto_anthropic_mutation_test.cc: damaged requests and answers give a result, and that result is JSON.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "anthropic_replay.h"
#include "mutations.h"

namespace gc {
namespace {

using json::Value;

// Thinking shows most of an answer; the tool and its choice take further ways.
constexpr char kRequest[] =
    R"({"model":"gemini-3.8-flash","max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000},)"
    R"("context_management":{},"messages":[{"role":"user","content":"x"}]})";

// Anything that is refused says what and, unless it is not JSON at all, where.
void TryRequest(const std::string& text) {
  for (const AnthropicUse use : {AnthropicUse::kMessage, AnthropicUse::kCountTokens}) {
    const auto parsed = ParseMessages(text, use);
    if (parsed.ok()) {
      EXPECT_TRUE(IsJson(parsed->body)) << text << "\n" << parsed->body;
      EXPECT_TRUE(IsJson(CountTokensBody(*parsed))) << text;
      EXPECT_TRUE(gemini::IsModelName(parsed->model)) << text;
    } else {
      EXPECT_FALSE(parsed.error().message.empty()) << text;
      EXPECT_TRUE(IsJson(ErrorBody(ErrorShape::kAnthropic, parsed.error(), ""))) << text;
    }
  }
}

TEST(AnthropicMutation, RequestsCutAtEveryByte) {
  EachClientRequest([](const Value& body) {
    const std::string text = json::ToText(body);
    for (size_t length = 0; length < text.size(); ++length) {
      const auto parsed = ParseMessages(text.substr(0, length));
      ASSERT_FALSE(parsed.ok()) << text.substr(0, length);
      ASSERT_EQ(parsed.error().kind, ApiErrorKind::kInvalidRequest);
    }
  });
}

TEST(AnthropicMutation, RequestsWithEveryValueReplaced) {
  EachClientRequest([](const Value& body) { EachMutation(body, TryRequest); });
}

TEST(AnthropicMutation, AnswersWithEveryValueReplaced) {
  EachAnswer("body", [](const Value& body) {
    EachMutation(body, [](const std::string& text) {
      for (const int status : {200, 400, 429}) {
        const Reply reply = AnthropicUnary(kRequest, status, text);
        EXPECT_TRUE(IsJson(reply.body)) << text << "\n" << reply.body;
      }
    });
  });
}

// Also the answers that came whole: a stream's last event may hold as much.
TEST(AnthropicMutation, EventsWithEveryValueReplaced) {
  const auto try_event = [](const std::string& text) {
    const std::string bytes = "data: " + text + "\n\n";
    const auto events = EventsOf(AnthropicStream(kRequest, {bytes}).body);
    ASSERT_FALSE(events.empty()) << text;
    for (const AnthropicEvent& event : events) {
      const auto data = json::Document::Parse(event.data);
      ASSERT_TRUE(data.ok()) << text << "\n" << event.data;
      EXPECT_EQ(data->root().StringOr("type", ""), event.name);
    }
    EXPECT_TRUE(events.back().name == "message_stop" || events.back().name == "error") << text;
  };
  EachAnswer("sse", [&](const Value& event) { EachMutation(event, try_event); });
  EachAnswer("body", [&](const Value& body) { EachMutation(body, try_event); });
}

}  // namespace
}  // namespace gc
