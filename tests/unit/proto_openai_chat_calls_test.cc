// proto_openai_chat_calls_test.cc: one Chat Completions answer that is made of several calls to Gemini.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "chat_replay.h"

namespace gc {
namespace {

const std::string kUsage =
    R"("usageMetadata":{"promptTokenCount":5,"cachedContentTokenCount":3,"candidatesTokenCount":2,)"
    R"("thoughtsTokenCount":4,"totalTokenCount":11})";

std::string Request(int n, const std::string& members = "") {
  return R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}],"n":)" + std::to_string(n) +
         members + "}";
}
std::string Candidate(const std::string& members) { return R"({"candidates":[{)" + members + "}]}"; }
std::string Say(const std::string& text) { return Candidate(R"("content":{"parts":[{"text":")" + text + "\"}]}"); }
std::string End(const std::string& reason) {
  return R"({"candidates":[{"finishReason":")" + reason + R"("}],)" + kUsage + "}";
}
std::string Call(const std::string& id) {
  return Candidate(R"("content":{"parts":[{"functionCall":{"id":")" + id + R"(","name":"f","args":{}}}]})");
}
const std::string kBlocked = R"({"promptFeedback":{"blockReason":"SAFETY"}})";

using Chunk = std::pair<size_t, std::string>;  // of which call

// A line for each frame: the choice, its delta and its finish_reason, or whatever else the frame is.
std::string StreamOf(const std::string& request, const std::vector<Chunk>& chunks) {
  StillClock clock;
  const auto protocol = NewOpenAiChat(clock);
  const auto parsed = protocol->Parse(ChatRequest(request), {});
  EXPECT_TRUE(parsed.ok() && parsed->calls > 1);
  std::string out;
  protocol->WriteStart(&out);
  for (const auto& [call, text] : chunks) {
    auto response = gemini::ParseResponse(text);
    response->call = call;
    protocol->WriteChunk(*response, &out);
  }
  if (const auto end = protocol->WriteEnd(&out); !end.ok()) out += "data: " + end.error().message + "\n\n";

  std::string lines;
  std::optional<std::string> head;
  for (const std::string& frame : FramesOf(out)) {
    const auto document = json::Document::Parse(frame);
    const json::Value* choices = document.ok() ? document->root().Find("choices") : nullptr;
    if (choices == nullptr) {
      lines += frame + "\n";
      continue;
    }
    const std::string this_head = frame.substr(0, frame.find(R"(,"choices")"));
    EXPECT_EQ(head.value_or(this_head), this_head) << "one id and one time for all";
    head = this_head;
    if (choices->Items().empty()) {
      lines += json::ToText(*document->root().Find("usage")) + "\n";
      continue;
    }
    const json::Value& choice = choices->Items()[0];
    lines += std::to_string(choice.IntOr("index", -1)) + " " + json::ToText(*choice.Find("delta")) +
             std::string(choice.StringOr("finish_reason", "")) + "\n";
  }
  return lines;
}

std::string Roles(int n) {
  std::string roles;
  for (int i = 0; i < n; ++i) roles += std::to_string(i) + R"( {"role":"assistant","content":""})" + "\n";
  return roles;
}

struct Case {
  const char* name;
  std::string members;  // of the request
  std::vector<Chunk> chunks;
  std::string frames;  // after the roles
};

const Case kStreams[] = {
    {"ChunksAsTheyCome",
     "",
     {{1, Say("b")}, {0, Say("a")}, {1, Say("B")}, {1, End("MAX_TOKENS")}, {0, Say("A")}, {0, End("STOP")}},
     R"(1 {"content":"b"}
0 {"content":"a"}
1 {"content":"B"}
0 {"content":"A"}
0 {}stop
1 {}length
[DONE]
)"},
    {"PromptCountsOnceAndTheRestIsSummed",
     R"(,"stream_options":{"include_usage":true})",
     {{0, Say("a")}, {1, End("STOP")}, {0, End("STOP")}},
     R"(0 {"content":"a"}
0 {}stop
1 {}stop
{"prompt_tokens":5,"completion_tokens":12,"total_tokens":17,)"
     R"("prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},)"
     R"("completion_tokens_details":{"reasoning_tokens":8,"audio_tokens":0,)"
     R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}
[DONE]
)"},
    {"CallsAreNumberedByChoiceAndHaveDifferentIds",
     R"(,"tools":[{"type":"function","function":{"name":"f"}}])",
     {{0, Call("i")}, {1, Call("j")}, {0, Call("k")}, {0, End("STOP")}, {1, End("STOP")}},
     R"(0 {"tool_calls":[{"index":0,"id":"i","type":"function","function":{"name":"f","arguments":"{}"}}]}
1 {"tool_calls":[{"index":0,"id":"j","type":"function","function":{"name":"f","arguments":"{}"}}]}
0 {"tool_calls":[{"index":1,"id":"k","type":"function","function":{"name":"f","arguments":"{}"}}]}
0 {}tool_calls
1 {}tool_calls
[DONE]
)"},
    {"OneThatWasCutBreaksTheWhole",
     "",
     {{0, Say("a")}, {1, Say("b")}, {0, End("STOP")}},
     R"(0 {"content":"a"}
1 {"content":"b"}
Gemini's answer broke off before its end.
)"},
    {"OneThatWasBlockedDoesNotHideAnotherThatWasCut",
     "",
     {{0, kBlocked}, {1, Say("b")}},
     R"(1 {"content":"b"}
Gemini's answer broke off before its end.
)"},
    {"OneThatWasBlocked",
     "",
     {{0, kBlocked}, {1, Say("b")}, {1, End("STOP")}},
     R"(1 {"content":"b"}
0 {"refusal":"Gemini blocked the prompt (SAFETY)."}
0 {}content_filter
1 {}stop
[DONE]
)"},
    {"MoreCandidatesThanAskedFor",
     "",
     {{0, R"({"candidates":[{"index":1,"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]})"},
      {0, End("STOP")},
      {1, End("STOP")}},
     R"(0 {}stop
1 {}stop
[DONE]
)"},
};

class Calls : public testing::TestWithParam<Case> {};
TEST_P(Calls, Stream) {
  EXPECT_EQ(StreamOf(Request(2, R"(,"stream":true)" + GetParam().members), GetParam().chunks),
            Roles(2) + GetParam().frames);
}
INSTANTIATE_TEST_SUITE_P(OpenAiChat, Calls, testing::ValuesIn(kStreams),
                         [](const auto& test) { return std::string(test.param.name); });

// Whole answers go through the same choices; the golden vector chat-12 holds the plain case.
TEST(OpenAiChatCalls, EachAnswerIsAChoiceOfTheWhole) {
  const std::string said = R"("content":{"parts":[{"text":"b"}]},"finishReason":"STOP")";
  const std::string body = ReplayUnary(Request(3), 200, {kBlocked, Candidate(said), Candidate(said)}).body;
  const auto document = json::Document::Parse(body);
  std::string choices;
  for (const json::Value& choice : document->root().Find("choices")->Items()) {
    choices += std::to_string(choice.IntOr("index", -1)) + " " +
               json::ToText(*choice.Find("message")->Find("content")) + " " +
               std::string(choice.StringOr("finish_reason", "")) + "\n";
  }
  EXPECT_EQ(choices, "0 null content_filter\n1 \"b\" stop\n2 \"b\" stop\n");
  EXPECT_EQ(ReplayUnary(Request(2), 200, {Candidate(said), "{}"}).status, 502) << "an empty answer is no choice";
}

TEST(OpenAiChatCalls, AsManyCallsAsTheFamilyNeeds) {
  const struct {
    const char* model;
    int n;
    size_t calls;
  } cases[] = {
      {"gemini-3.8-flash", 1, 1}, {"gemini-3.8-flash", 8, 8}, {"gemini-4-carbon", 2, 2}, {"gemini-2.0-flash", 8, 1}};
  for (const auto& c : cases) {
    const auto parsed = ParseChat(R"({"messages":[{"role":"user","content":"x"}],"model":")" + std::string(c.model) +
                                  R"(","n":)" + std::to_string(c.n) + "}");
    ASSERT_TRUE(parsed.ok()) << c.model << parsed.error().message;
    EXPECT_EQ(parsed->calls, c.calls) << c.model << c.n;
  }
}

}  // namespace
}  // namespace gc
