// signatures_test.cc: tool conversations with a model that signs its calls, for clients that do not send signatures
// back; and requests that Gemini refuses or answers with nothing before they succeed.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <filesystem>

#include "e2e/calls.h"

namespace gc::test {
namespace {

constexpr char kDummy[] = "skip_thought_signature_validator";
constexpr char kOtherKey[] = "test-key-other";

// The request of a conversation with a declared function; `messages` is the inside of the array.
HttpCall Converse(const Gateway& gateway, const std::string& messages, Answer answer, const std::string& key = kKey) {
  const std::string body =
      R"({"model":")" + std::string(kModel) + R"(","stream":)" + (answer == Answer::kStream ? "true" : "false") +
      R"(,"reasoning_effort":"low","tools":[{"type":"function","function":{"name":"get_weather","parameters":)"
      R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}],"messages":[)" +
      messages + "]}";
  return Post(gateway.Url("/v1/chat/completions"), body, {"Authorization: Bearer " + key});
}

std::string UserMessage(const std::string& text) { return R"({"role":"user","content":")" + text + R"("})"; }

struct FirstTurn {
  std::string id;
  std::string signature;
  std::string question;
};

// Asks, and gives what the answer's one call came with.
FirstTurn Ask(const Gateway& gateway, const std::string& question, Answer answer, const std::string& key = kKey) {
  const HttpReply reply = Do(Converse(gateway, UserMessage(question), answer, key));
  EXPECT_EQ(reply.status, 200) << reply.body;
  FirstTurn turn{"absent", "absent", question};
  const auto take = [&](const std::string& body, std::string_view message) {
    const std::string id = Field(body, {"choices", message, "tool_calls", "id"});
    if (id == "absent") return;
    turn.id = id;
    turn.signature = Field(body, {"choices", message, "tool_calls", "extra_content", "google", "thought_signature"});
  };
  if (answer == Answer::kUnary) take(reply.body, "message");
  for (const SseEvent& event : SplitSse(reply.body)) {
    if (event.data != "[DONE]") take(event.data, "delta");
  }
  EXPECT_NE(turn.id, "absent") << reply.body;
  EXPECT_NE(turn.signature, "absent") << reply.body;
  return turn;
}

// The second turn as most clients send it: without extra_content.
HttpCall Answered(const Gateway& gateway, const FirstTurn& turn, Answer answer, const std::string& key = kKey) {
  return Converse(gateway,
                  UserMessage(turn.question) + R"(,{"role":"assistant","tool_calls":[{"id":")" + turn.id +
                      R"(","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]},)" +
                      R"({"role":"tool","tool_call_id":")" + turn.id + R"(","content":"rain"})",
                  answer, key);
}

// What the last request carried.
std::string SignatureSent(Gateway* gateway) {
  const std::string body = gateway->fake().Requests().back().body;
  const size_t at = body.find("\"thoughtSignature\":\"");
  if (at == std::string::npos) return "none";
  const size_t begin = at + sizeof "\"thoughtSignature\":\"" - 1;
  return body.substr(begin, body.find('"', begin) - begin);
}

int64_t Kept(const Gateway& gateway) {
  return Database(gateway.Path("state.db")).Number("SELECT count(*) FROM signatures");
}

bool WaitForKept(const Gateway& gateway, int64_t rows) {
  return WaitUntil([&] { return Kept(gateway) == rows; });
}

class Conversation : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Conversation, testing::ValuesIn(kAllMounts), MountName);

TEST_P(Conversation, GoesOnWithItsSignaturesAfterAllProcessesWereReplaced) {
  Gateway gateway({.mount = GetParam()});
  int64_t kept = 0;
  for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
    const FirstTurn turn =
        Ask(gateway, answer == Answer::kUnary ? "get_weather now" : "get_weather again, streamed", answer);
    ASSERT_TRUE(WaitForKept(gateway, ++kept));
    gateway.Reload();
    const HttpReply reply = Do(Answered(gateway, turn, answer));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_NE(reply.body.find("tools said"), std::string::npos) << reply.body;
    EXPECT_EQ(SignatureSent(&gateway), turn.signature);

    EXPECT_EQ(Do(Answered(gateway, turn, answer, kOtherKey)).status, 200);
    EXPECT_EQ(SignatureSent(&gateway), kDummy) << "another caller's signature";
  }
}

TEST(Signatures, AreThereAfterAKill) {
  Gateway gateway;
  const FirstTurn turn = Ask(gateway, "get_weather now", Answer::kStream);
  ASSERT_TRUE(WaitForKept(gateway, 1));
  const std::vector<pid_t> before = gateway.workers();
  for (const pid_t worker : before) kill(worker, SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return gateway.HasReplaced(before); }, 15'000));
  EXPECT_EQ(Do(Answered(gateway, turn, Answer::kStream)).status, 200);
  EXPECT_EQ(SignatureSent(&gateway), turn.signature);
}

// At once: what a worker has not written yet it knows all the same.
TEST(Signatures, AreThereForTheNextRequestOfTheSameWorker) {
  Gateway gateway;
  for (int i = 0; i < 50; ++i) {
    const FirstTurn turn = Ask(gateway, "get_weather " + std::to_string(i), Answer::kUnary);
    ASSERT_EQ(Do(Answered(gateway, turn, Answer::kUnary)).status, 200);
    ASSERT_EQ(SignatureSent(&gateway), turn.signature) << i;
  }
}

// Anthropic's clients get signatures in thinking blocks; one that strips them is helped in the same way.
HttpCall Message(const Gateway& gateway, const std::string& messages, Answer answer) {
  const std::string body = R"({"model":")" + std::string(kModel) + R"(","max_tokens":4096,"stream":)" +
                           (answer == Answer::kStream ? "true" : "false") +
                           R"(,"tools":[{"name":"get_weather","input_schema":{"type":"object","properties":)" +
                           R"({"city":{"type":"string"}}}}],"messages":[)" + messages + "]}";
  return Post(gateway.Url("/v1/messages"), body, {std::string("x-api-key: ") + kKey, "anthropic-version: 2023-06-01"});
}

TEST(Signatures, AreThereForAnthropicsClients) {
  Gateway gateway;
  // The fake signs each call of a function alike.
  const std::string signature = Ask(gateway, "get_weather", Answer::kUnary, kOtherKey).signature;
  for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
    const std::string question = UserMessage(answer == Answer::kUnary ? "get_weather now" : "get_weather in a stream");
    const HttpReply first = Do(Message(gateway, question, answer));
    ASSERT_EQ(first.status, 200) << first.body;
    const size_t block = first.body.find(R"("type":"tool_use","id":")");
    ASSERT_NE(block, std::string::npos) << first.body;
    const size_t begin = block + sizeof R"("type":"tool_use","id":")" - 1;
    const std::string id = first.body.substr(begin, first.body.find('"', begin) - begin);
    gateway.Reload();
    const HttpReply second =
        Do(Message(gateway,
                   question + R"(,{"role":"assistant","content":[{"type":"tool_use","id":")" + id +
                       R"(","name":"get_weather","input":{}}]},{"role":"user","content":[{"type":"tool_result",)" +
                       R"("tool_use_id":")" + id + R"(","content":"rain"}]})",
                   answer));
    EXPECT_EQ(second.status, 200) << second.body;
    EXPECT_EQ(SignatureSent(&gateway), signature);
  }
}

TEST(Signatures, AreBounded) {
  GatewayOptions options;
  options.config = {{"signatures.max_rows", "5"}};
  Gateway gateway(options);
  FirstTurn first = Ask(gateway, "get_weather first", Answer::kUnary);
  FirstTurn last;
  for (int i = 0; i < 15; ++i) last = Ask(gateway, "get_weather " + std::to_string(i), Answer::kUnary);
  EXPECT_TRUE(
      WaitUntil([&] { return Database(gateway.Path("state.db")).Number("SELECT max(seq) FROM signatures") == 16; }));
  EXPECT_EQ(Kept(gateway), 5);
  EXPECT_EQ(Do(Answered(gateway, first, Answer::kUnary)).status, 200);
  EXPECT_EQ(SignatureSent(&gateway), kDummy);
  EXPECT_EQ(Do(Answered(gateway, last, Answer::kUnary)).status, 200);
  EXPECT_EQ(SignatureSent(&gateway), last.signature);
}

TEST_P(Conversation, ABadStateDatabaseCostsTheSignaturesOnly) {
  for (const std::string state : {"missing", "damaged", "locked"}) {
    Gateway gateway({.mount = GetParam()});
    sqlite3* db = nullptr;
    if (state == "locked") {
      sqlite3_open(gateway.Path("state.db").c_str(), &db);
      sqlite3_busy_timeout(db, 5000);
      ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    } else {
      for (const char* file : {"state.db", "state.db-wal", "state.db-shm"}) {
        std::filesystem::remove(gateway.Path(file));
      }
      if (state == "damaged") std::ofstream(gateway.Path("state.db")) << std::string(8192, 'x');
    }
    const FirstTurn turn = Ask(gateway, "get_weather now", Answer::kStream);
    ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 1)) << state;
    const HttpReply reply = Do(Answered(gateway, turn, Answer::kStream));
    EXPECT_EQ(reply.status, 200) << state << reply.body;
    EXPECT_NE(reply.body.find("[DONE]"), std::string::npos) << state << reply.body;
    EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE status_code = 200 AND NOT has_error", 2))
        << state;
    sqlite3_close(db);
  }
}

// ---- asked again
// -----------------------------------------------------------------------------------------------------

struct Again {
  std::string name;
  std::string directive;  // of the first call, or of all
  int status;
  int attempts;
  std::string changed;  // what the first call had and the last has not
};

class AskedAgain : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, AskedAgain, testing::Values(kLighttpd, kLighttpdCgi, kNginx), MountName);

TEST_P(AskedAgain, OnceAndBeforeTheClientHasAnything) {
  Gateway gateway({.mount = GetParam()});
  const Again cases[] = {
      {"broken call", "finish=MALFORMED_FUNCTION_CALL times=1", 200, 2, ""},
      {"broken call for ever", "finish=MALFORMED_FUNCTION_CALL", 502, 2, ""},
      {"empty stop", "empty times=1", 200, 2, ""},
      {"empty stop for ever", "empty", 502, 2, ""},
      {"empty, thoughts and all", "empty eof_without_finish", 502, 2, ""},
      {"a filter is an answer", "finish=SAFETY empty", 200, 1, ""},
      {"a limit is an answer", "finish=MAX_TOKENS empty", 200, 1, ""},
      {"schema", "error=states times=1", 200, 2, ""},
      {"schema for ever", "error=depth", 400, 2, ""},
      {"thinking", "error=thinking times=1", 200, 2, "thinkingConfig"},
      {"thinking for ever", "error=thinking", 400, 2, "thinkingConfig"},
      {"signature for ever", "error=signature", 400, 2, ""},
      {"overloaded", "error=overloaded times=1", 200, 2, ""},
  };
  int number = 0;
  for (const Again& c : cases) {
    for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
      const size_t calls_before = gateway.fake().Requests().size();
      const std::string tag = " tag=again" + std::to_string(++number);
      const HttpReply reply = Do(Converse(gateway, UserMessage("hello [[fake: " + c.directive + tag + "]]"), answer));
      EXPECT_EQ(reply.status, c.status) << c.name << reply.body;
      EXPECT_EQ(reply.body.find("\"error\"") == std::string::npos, c.status == 200) << c.name << reply.body;
      EXPECT_EQ(reply.body.find("[DONE]") != std::string::npos, c.status == 200 && answer == Answer::kStream);
      const auto requests = gateway.fake().Requests();
      EXPECT_EQ(requests.size() - calls_before, static_cast<size_t>(c.attempts)) << c.name;
      if (!c.changed.empty()) {
        EXPECT_NE(requests[calls_before].body.find(c.changed), std::string::npos) << c.name;
        EXPECT_EQ(requests.back().body.find(c.changed), std::string::npos) << c.name;
      }
      EXPECT_TRUE(gateway.WaitForCount(
          "SELECT attempts FROM request_logs WHERE id = '" + std::string(reply.Header("x-request-id")) + "'",
          c.attempts))
          << c.name;
    }
  }
}

TEST(AskedAgainMessages, ForAnthropicsClientsToo) {
  Gateway gateway;
  for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
    const std::string tag = answer == Answer::kUnary ? "unary" : "stream";
    const auto broken = [&](const std::string& times) {
      return UserMessage("hello [[fake: finish=MALFORMED_FUNCTION_CALL " + times + "tag=" + tag +
                         (times.empty() ? "-all" : "-once") + "]]");
    };
    const HttpReply good = Do(Message(gateway, broken("times=1 "), answer));
    EXPECT_EQ(good.status, 200) << good.body;
    EXPECT_NE(good.body.find("end_turn"), std::string::npos) << good.body;
    const HttpReply bad = Do(Message(gateway, broken(""), answer));
    EXPECT_GE(bad.status, 500) << bad.body;
    EXPECT_NE(bad.body.find("MALFORMED_FUNCTION_CALL"), std::string::npos) << bad.body;
  }
  EXPECT_EQ(gateway.fake().Requests().size(), 8U);
}

// A signature that came back damaged: the fake refuses it by itself.
TEST_P(AskedAgain, WithDummiesForACorruptSignature) {
  Gateway gateway({.mount = GetParam()});
  for (const Answer answer : {Answer::kUnary, Answer::kStream}) {
    const size_t calls_before = gateway.fake().Requests().size();
    const HttpReply reply = Do(Converse(
        gateway,
        UserMessage("get_weather now") +
            R"(,{"role":"assistant","tool_calls":[{"id":"a1","type":"function","function":{"name":"get_weather",)"
            R"("arguments":"{}"},"extra_content":{"google":{"thought_signature":"AAAA"}}}]},)"
            R"({"role":"tool","tool_call_id":"a1","content":"rain"})",
        answer));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_NE(reply.body.find("tools said"), std::string::npos) << reply.body;
    EXPECT_EQ(gateway.fake().Requests().size() - calls_before, 2U);
    EXPECT_EQ(SignatureSent(&gateway), kDummy);
  }
}

// Once the client has bytes there is no way back: here the upstream is silent after its head for so long that a comment
// went out, and then has nothing to say.
TEST(AskedAgainTooLate, AnErrorEventInTheStream) {
  GatewayOptions options;
  options.config = {{"stream.keepalive_s", "1"}};
  Gateway gateway(options);
  std::string seen;
  const HttpReply reply =
      Stream(Chat(gateway, "x [[fake: finish=MALFORMED_FUNCTION_CALL hold=late@0]]", Answer::kStream),
             [&](std::string_view piece) {
               seen += piece;
               if (seen.find(": keepalive") != std::string::npos) gateway.fake().Release("late");
               return Next::kGoOn;
             });
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.error, "");
  EXPECT_NE(seen.find("data: {\"error\":{"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("[DONE]"), std::string::npos) << seen;
  EXPECT_EQ(gateway.fake().Requests().size(), 1U);
}

// Comments say that the upstream is there: none while its status is unknown, none after its end.
TEST(KeepAlive, OnlyWhileTheUpstreamAnswers) {
  GatewayOptions options;
  options.config = {
      {"stream.keepalive_s", "1"}, {"upstream.first_byte_timeout_s", "3"}, {"upstream.idle_timeout_s", "3"}};
  Gateway gateway(options);
  const HttpReply silent = Do(Chat(gateway, "x [[fake: silent]]", Answer::kStream));
  EXPECT_EQ(silent.status, 504) << silent.body;
  EXPECT_EQ(silent.body.find("keepalive"), std::string::npos);
  for (const std::string cut : {"silent=1", "cut_after=1", "reset=1"}) {
    const HttpReply reply = Do(Chat(gateway, "x [[fake: chunks=3 " + cut + "]]", Answer::kStream));
    const size_t error = reply.body.find("data: {\"error\":{");
    ASSERT_NE(error, std::string::npos) << cut << reply.body;
    EXPECT_EQ(reply.body.find("keepalive", error), std::string::npos) << cut;
    EXPECT_EQ(reply.body.find("[DONE]"), std::string::npos) << cut;
    EXPECT_EQ(reply.body.find("keepalive") != std::string::npos, cut == "silent=1") << cut << reply.body;
  }
}

}  // namespace
}  // namespace gc::test
