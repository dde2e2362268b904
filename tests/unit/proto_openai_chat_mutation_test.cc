// proto_openai_chat_mutation_test.cc: damaged requests and answers give a result, and that result is JSON.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "chat_replay.h"
#include "vector_compare.h"

namespace gc {
namespace {

using json::Value;

constexpr std::string_view kReplacements[] = {
    "null",        "true",        "false", "0",  "-1.5", "1e308", "\"\"",   "\"x\"",       "\"\\ud83d\"",
    "\"\\udc00\"", "\"\\u0000\"", "[]",    "{}", "[[]]", "[{}]",  "[null]", "{\"\":[{}]}", "9999999999999999999999"};

// Writes `value` with the node that `*countdown` reaches 0 at replaced. The root is node 0.
void WriteMutated(json::Writer* w, const Value& value, std::string_view replacement, int* countdown) {
  if ((*countdown)-- == 0) {
    w->Raw(replacement);
  } else if (value.IsArray()) {
    w->BeginArray();
    for (const Value& item : value.Items()) WriteMutated(w, item, replacement, countdown);
    w->EndArray();
  } else if (value.IsObject()) {
    w->BeginObject();
    for (const json::Member& member : value.Members()) {
      w->Key(member.name.Text());
      WriteMutated(w, member.value, replacement, countdown);
    }
    w->EndObject();
  } else {
    w->Copy(value);
  }
}

template <class Try>
void EachMutation(const Value& root, Try&& attempt) {
  for (const std::string_view replacement : kReplacements) {
    for (int node = 0;; ++node) {
      int countdown = node;
      std::string text;
      json::Writer w(&text);
      WriteMutated(&w, root, replacement, &countdown);
      if (countdown >= 0) break;  // the document has no node of that number
      attempt(text);
    }
  }
}

// The bodies that vectors hold under upstream[].response or client_request.
template <class Use>
void EachVector(Use&& use) {
  for (const std::string& name : VectorNames()) {
    SCOPED_TRACE(name);
    const json::Document vector = LoadVector(name);
    use(vector.root());
  }
}

bool IsJson(const std::string& text) { return json::Document::Parse(text).ok(); }

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
  EachVector([](const Value& vector) {
    const Value* request = vector.Find("client_request");
    const Value* body = request == nullptr ? nullptr : request->Find("body");
    if (body == nullptr) return;
    const std::string text = json::ToText(*body);
    for (size_t length = 0; length < text.size(); ++length) {
      const auto parsed = ParseChat(text.substr(0, length));
      ASSERT_FALSE(parsed.ok()) << text.substr(0, length);
      ASSERT_EQ(parsed.error().kind, ApiErrorKind::kInvalidRequest);
    }
  });
}

TEST(OpenAiChatMutation, RequestsWithEveryValueReplaced) {
  EachVector([](const Value& vector) {
    const Value* request = vector.Find("client_request");
    const Value* body = request == nullptr ? nullptr : request->Find("body");
    if (body != nullptr) EachMutation(*body, TryRequest);
  });
}

constexpr std::string_view kUnaryRequest = R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}]})";
constexpr std::string_view kStreamRequest =
    R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}],"stream":true,)"
    R"("stream_options":{"include_usage":true}})";

TEST(OpenAiChatMutation, AnswersWithEveryValueReplaced) {
  EachVector([](const Value& vector) {
    const Value* upstream = vector.Find("upstream");
    if (upstream == nullptr) return;
    for (const Value& call : upstream->Items()) {
      const Value* body = call.Find("response")->Find("body");
      if (body == nullptr) continue;
      EachMutation(*body, [](const std::string& text) {
        for (const int status : {200, 400, 429}) {
          const ChatReply reply = ReplayUnary(std::string(kUnaryRequest), status, text);
          EXPECT_TRUE(IsJson(reply.body)) << text << "\n" << reply.body;
        }
      });
    }
  });
}

TEST(OpenAiChatMutation, EventsWithEveryValueReplaced) {
  EachVector([](const Value& vector) {
    const Value* upstream = vector.Find("upstream");
    if (upstream == nullptr) return;
    for (const Value& call : upstream->Items()) {
      const Value* events = call.Find("response")->Find("sse");
      if (events == nullptr) continue;
      for (const Value& event : events->Items()) {
        EachMutation(event, [](const std::string& text) {
          const std::string bytes = "data: " + text + "\n\n";
          const ChatReply reply = ReplayStream(std::string(kStreamRequest), {bytes});
          const auto frames = FramesOf(reply.body);
          ASSERT_FALSE(frames.empty()) << reply.body;
          for (const std::string& frame : frames) EXPECT_TRUE(frame == "[DONE]" || IsJson(frame)) << text;
        });
      }
    }
  });
}

}  // namespace
}  // namespace gc
