// choices_test.cc: n > 1 on a model that gives one answer for a call: several calls, one answer, and what goes wrong.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "e2e/calls.h"

namespace gc::test {
namespace {

class Choices : public testing::TestWithParam<Mount> {};
constexpr Mount kMounts[] = {kLighttpd, kLighttpdCgi, kApacheFcgid};
INSTANTIATE_TEST_SUITE_P(Mounts, Choices, testing::ValuesIn(kMounts), MountName);

HttpCall Ask(const Gateway& gateway, int n, const std::string& text, Answer answer, const std::string& key = kKey) {
  HttpCall call = Chat(gateway, text, answer, key);
  call.body.insert(1, "\"n\":" + std::to_string(n) + R"(,"stream_options":{"include_usage":true},)");
  return call;
}

// A prepared answer of Gemini's to one call, whole or in frames; which of the calls gets it is chance.
std::string Canned(const std::string& response, const std::string& directive) {
  return R"({"response":{)" + response + R"(},"directive":")" + directive + "\"}";
}
std::string Candidate(const std::string& text) {
  return R"({"candidates":[{"content":{"parts":[{"text":")" + text + R"("}]},"finishReason":"STOP"}],)" +
         R"("usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}})";
}
std::string Whole(const std::string& text, const std::string& directive = "") {
  return Canned(R"("status":200,"body":)" + Candidate(text), directive);
}
std::string Frames(const std::string& first, const std::string& second, const std::string& directive = "") {
  return Canned(R"("status":200,"sse":[{"candidates":[{"content":{"parts":[{"text":")" + first + R"("}]}}]},)" +
                    Candidate(second) + "]",
                directive);
}
const std::string kLimit =
    R"("status":429,"body":{"error":{"code":429,"message":"Slow down","status":"RESOURCE_EXHAUSTED"}})";

void Prepare(Gateway* gateway, const std::string& one, const std::string& other) {
  const Status added = gateway->fake().AddAnswers("[" + one + "," + other + "]");
  ASSERT_TRUE(added.ok()) << added.error().message;
}

// The last row, as soon as there are so many.
std::string LastRow(const Gateway& gateway, int64_t rows) {
  if (!gateway.WaitForCount("SELECT count(*) FROM request_logs", rows)) return "no row";
  const Row row = gateway.database()
                      .Query(
                          "SELECT r.status_code, ifnull(r.error_type, ''), attempts, ifnull(input_tokens, 0), "
                          "ifnull(output_tokens, 0), ifnull(context ->> 'upstream_status', '') FROM request_logs r "
                          "LEFT JOIN error_logs e ON e.request_id = r.id ORDER BY r.seq DESC LIMIT 1")
                      .at(0);
  std::string out;
  for (const std::string& value : row) out += (out.empty() ? "" : "|") + value;
  return out;
}

// What each event of a stream brought: the choice and its text or finish_reason, "usage", "error" or "[DONE]".
std::vector<std::string> Brought(const std::vector<SseEvent>& events) {
  std::vector<std::string> all;
  for (const SseEvent& event : events) {
    const auto document = json::Document::Parse(event.data);
    const json::Value* choices = document.ok() ? document->root().Find("choices") : nullptr;
    if (choices == nullptr || choices->Items().empty()) {
      all.push_back(choices != nullptr ? "usage" : document.ok() && document->root().IsObject() ? "error" : event.data);
      continue;
    }
    const json::Value& choice = choices->Items()[0];
    const std::string index = std::to_string(choice.IntOr("index", -1)) + " ";
    const std::string_view reason = choice.StringOr("finish_reason", "");
    all.push_back(index + std::string(reason.empty() ? choice.Find("delta")->StringOr("content", "") : reason));
  }
  return all;
}

// The choice in whose frames the text stood.
std::string IndexOf(const std::vector<std::string>& brought, const std::string& text) {
  for (const std::string& line : brought) {
    if (line.ends_with(" " + text)) return line.substr(0, line.size() - text.size());
  }
  return "nowhere ";
}

TEST_P(Choices, WholeAnswersBecomeOne) {
  Gateway gateway({.mount = GetParam()});
  Prepare(&gateway, Whole("a", "hold=both"), Whole("b", "hold=both"));
  std::thread release([&] {
    WaitUntil([&] { return gateway.fake().Requests().size() == 2; });  // neither waits for the other
    gateway.fake().Release("both");
  });
  const HttpReply reply = Do(Ask(gateway, 2, "x", Answer::kUnary));
  release.join();
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto document = json::Document::Parse(reply.body);
  std::vector<std::string> texts;
  for (const json::Value& choice : document->root().Find("choices")->Items()) {
    EXPECT_EQ(choice.IntOr("index", -1), static_cast<int64_t>(texts.size()));
    texts.emplace_back(choice.Find("message")->StringOr("content", ""));
  }
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Field(reply.body, {"usage", "prompt_tokens"}), "5");
  EXPECT_EQ(Field(reply.body, {"usage", "completion_tokens"}), "4");
  EXPECT_EQ(Field(reply.body, {"usage", "total_tokens"}), "9");
  EXPECT_EQ(LastRow(gateway, 1), "200||2|10|4|") << "Google bills both prompts";
  const auto requests = gateway.fake().Requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].body, requests[1].body);
  EXPECT_EQ(requests[0].body.find("candidateCount"), std::string::npos);
}

// Makes the call; opens the door `name` for one of its calls once the other, tagged `name`, is held.
HttpReply DoOnceHeld(Gateway* gateway, const HttpCall& call, const std::string& name) {
  std::thread release([&] {
    EXPECT_TRUE(gateway->fake().WaitFor("hold", name)) << "the other call never came";
    gateway->fake().Release(name);
  });
  const HttpReply reply = Do(call);
  release.join();
  return reply;
}

TEST_P(Choices, StreamsInterleaveAsTheirEventsCome) {
  Gateway gateway({.mount = GetParam()});
  Prepare(&gateway, Frames("a", "A", "hold=a@1"), Frames("b", "B", "hold=b@1"));
  std::string seen;
  const HttpReply reply = Stream(Ask(gateway, 2, "x", Answer::kStream), [&](std::string_view piece) {
    seen += piece;
    const bool both = seen.find("\"a\"") != std::string::npos && seen.find("\"b\"") != std::string::npos;
    if (both) gateway.fake().Release("b");
    if (seen.find("\"B\"") != std::string::npos) gateway.fake().Release("a");
    return Next::kGoOn;
  });
  EXPECT_EQ(reply.error, "");
  const auto brought = Brought(SplitSse(reply.body));
  ASSERT_EQ(brought.size(), 10U) << reply.body;
  const std::string a = IndexOf(brought, "a");
  const std::string b = IndexOf(brought, "b");
  EXPECT_NE(a, b);
  EXPECT_EQ(std::vector(brought.begin(), brought.begin() + 2), (std::vector<std::string>{"0 ", "1 "})) << reply.body;
  EXPECT_EQ(std::vector(brought.begin() + 4, brought.end()),
            (std::vector<std::string>{b + "B", a + "A", "0 stop", "1 stop", "usage", "[DONE]"}))
      << reply.body;
  EXPECT_EQ(LastRow(gateway, 1), "200||2|10|4|");
}

// The client has nothing yet: it gets the status that one call deserves, and the other call is not waited for.
TEST_P(Choices, OneThatFailsFirstFailsTheWhole) {
  struct Case {
    std::string name;
    std::string response;
    std::string directive;
    std::string row;
  };
  const Case cases[] = {
      {"limit", kLimit, "hold=NAME", "429|rate_limited|2|0|0|429"},
      {"dropped", R"("status":200,"body":{})", "hold=NAME drop", "502|upstream_interrupted|2|0|0|"},
      {"page", R"("status":200,"body":{})", "hold=NAME html", "502|upstream_bad_response|2|0|0|200"},
  };
  Gateway gateway({.mount = GetParam()});
  int64_t rows = 0;
  for (const Case& c : cases) {
    for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
      const std::string name = c.name + std::to_string(++rows);
      std::string directive = c.directive;
      directive.replace(directive.find("NAME"), 4, name);
      const std::string held = "hold=never" + name + " tag=" + name;
      Prepare(&gateway, Canned(c.response, directive), Whole("other", held));
      const HttpReply reply = DoOnceHeld(&gateway, Ask(gateway, 2, "x", answer, "test-key-" + name), name);
      EXPECT_EQ(std::to_string(reply.status), c.row.substr(0, 3)) << name << reply.body;
      EXPECT_NE(Field(reply.body, {"error", "message"}), "absent") << name << reply.body;
      EXPECT_TRUE(gateway.fake().WaitFor("client_closed", name)) << name << ": the other call went on";
      EXPECT_EQ(LastRow(gateway, rows), c.row) << name;
    }
  }
}

// One call's status comes late: what the other has brought waits for it, so that a refusal is still a refusal.
TEST_P(Choices, ALateRefusalIsNoBrokenStream) {
  Gateway gateway({.mount = GetParam()});
  Prepare(&gateway, Frames("a", "A", "tag=early"), Canned(kLimit, "hold=late"));
  std::thread release([&] {
    EXPECT_TRUE(gateway.fake().WaitFor("end", "early"));
    gateway.fake().Release("late");
  });
  const HttpReply reply = Do(Ask(gateway, 2, "x", Answer::kStream));
  release.join();
  EXPECT_EQ(reply.status, 429) << reply.body;
  EXPECT_EQ(LastRow(gateway, 1), "429|rate_limited|2|5|2|429") << "the first answer was billed";
}

// But not for ever: the second call has no status before the client has the first one's text.
TEST_P(Choices, NoStatusIsWaitedForLongerThanTheKeepalive) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"stream.keepalive_s", "1"}};
  Gateway gateway(options);
  Prepare(&gateway, Frames("a", "A", "hold=first@1"), Frames("b", "B", "hold=late"));
  bool released = false;
  const HttpReply reply = Stream(Ask(gateway, 2, "x", Answer::kStream), [&](std::string_view piece) {
    if (!released && piece.find("\"a\"") != std::string_view::npos) {
      released = true;
      gateway.fake().Release("late");
      gateway.fake().Release("first");
    }
    return Next::kGoOn;
  });
  EXPECT_TRUE(released) << reply.body;
  EXPECT_EQ(Brought(SplitSse(reply.body)).back(), "[DONE]");
}

// The client has text of both: it gets the protocol's error event and no end, and the other call is cancelled.
TEST_P(Choices, OneThatBreaksLaterEndsTheStreamWithAnError) {
  Gateway gateway({.mount = GetParam()});
  int64_t rows = 0;
  for (const std::string fault : {"cut_after=1", "error_after=1", "reset=1"}) {
    const std::string door = "go" + std::to_string(++rows);
    Prepare(&gateway, Frames("a", "A", "hold=never" + door + "@1 tag=" + door),
            Frames("b", "B", "hold=" + door + "@1 " + fault));
    std::string seen;
    const HttpReply reply = Stream(Ask(gateway, 2, "x", Answer::kStream), [&](std::string_view piece) {
      seen += piece;
      if (seen.find("\"a\"") != std::string::npos && seen.find("\"b\"") != std::string::npos) {
        gateway.fake().Release(door);
      }
      return Next::kGoOn;
    });
    EXPECT_EQ(reply.status, 200) << fault;
    const auto brought = Brought(SplitSse(reply.body));
    EXPECT_EQ(std::count(brought.begin(), brought.end(), "error"), 1) << fault << reply.body;
    EXPECT_EQ(brought.back(), "error") << fault << reply.body;
    EXPECT_TRUE(gateway.fake().WaitFor("client_closed", door)) << fault;
    EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE has_error AND attempts = 2", rows));
  }
}

// An empty answer is asked again as for one call; all are, for the client has none of them.
TEST_P(Choices, AnEmptyOneIsAskedAgain) {
  Gateway gateway({.mount = GetParam()});
  int64_t rows = 0;
  for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
    const std::string tag = "other" + std::to_string(++rows);
    const std::string empty = R"({"candidates":[{"finishReason":"STOP"}]})";
    const bool unary = answer == Answer::kUnary;
    Prepare(&gateway,
            Canned(R"("status":200,)" + (unary ? "\"body\":" + empty : "\"sse\":[" + empty + "]"), "hold=" + tag),
            Whole("other", "hold=never" + tag + " tag=" + tag));
    const HttpReply reply = DoOnceHeld(&gateway, Ask(gateway, 2, "x", answer), tag);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_TRUE(gateway.fake().WaitFor("client_closed", tag)) << "the other call went on";
    EXPECT_EQ(unary ? Field(reply.body, {"choices", "message", "content"}) : Brought(SplitSse(reply.body)).back(),
              unary ? "echo: x" : "[DONE]")
        << reply.body;
    EXPECT_TRUE(LastRow(gateway, rows).starts_with("200||4|")) << LastRow(gateway, rows);
  }
}

TEST_P(Choices, AClientThatLeavesCancelsAll) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"stream.keepalive_s", "1"}};  // Apache tells of it when it cannot deliver a comment
  Gateway gateway(options);
  const HttpReply reply = Stream(
      Ask(gateway, 3, "x [[fake: chunks=5 hold=never@1 tag=bye]]", Answer::kStream),
      [](std::string_view piece) { return piece.find("echo") == std::string_view::npos ? Next::kGoOn : Next::kClose; });
  ASSERT_NE(reply.error, "") << "the client did not leave";
  int64_t seq = 0;
  for (int i = 0; i < 3; ++i) {
    const auto event = gateway.fake().WaitFor("client_closed", "bye", seq);
    ASSERT_TRUE(event) << i << " of 3 calls were cancelled";
    seq = event->seq;
  }
  EXPECT_TRUE(LastRow(gateway, 1).starts_with("499|")) << LastRow(gateway, 1);
}

}  // namespace
}  // namespace gc::test
