// proto_anthropic_answer_test.cc: answers and streams in Anthropic's form that the golden vectors leave out.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "anthropic_replay.h"
#include "base/json.h"
#include "handler/proto_anthropic_carrier.h"

namespace gc {
namespace {

constexpr char kAsked[] = R"({"model":"gemini-3.8-flash","max_tokens":4000,"messages":[{"role":"user","content":"x"}])";
std::string Asked(const std::string& more = "") { return kAsked + (more.empty() ? "" : "," + more) + "}"; }
constexpr char kThinks[] = R"("thinking":{"type":"enabled","budget_tokens":2000})";

std::string Answer(const std::string& parts, const std::string& more = R"("finishReason":"STOP")") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + parts + "]}" + (more.empty() ? "" : "," + more) +
         R"(}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}})";
}

// The member at a path of names; numbers are places in an array.
std::string At(const std::string& body, std::initializer_list<std::string_view> path) {
  const auto document = json::Document::Parse(body);
  if (!document.ok()) return "not JSON: " + body;
  const json::Value* at = &document->root();
  for (const std::string_view step : path) {
    const bool is_place = !step.empty() && step[0] >= '0' && step[0] <= '9';
    const auto place = static_cast<size_t>(is_place ? step[0] - '0' : 0);
    if (is_place && place >= at->Items().size()) return "absent";
    at = is_place ? &at->Items()[place] : at->Find(step);
    if (at == nullptr) return "absent";
  }
  return json::ToText(*at);
}

// The content blocks of a whole answer.
std::string Content(const std::string& request, const std::string& parts,
                    const std::string& more = R"("finishReason":"STOP")") {
  const Reply reply = AnthropicUnary(request, 200, Answer(parts, more));
  return reply.status == 200 ? At(reply.body, {"content"}) : reply.body;
}

// "name" or "name: delta" of each event but for pings.
std::string Story(const std::string& stream) {
  std::string story;
  for (const AnthropicEvent& event : EventsOf(stream)) {
    if (event.name == "ping") continue;
    story += event.name;
    if (event.name == "content_block_start") story += " " + At(event.data, {"content_block", "type"});
    if (event.name == "content_block_delta") story += " " + At(event.data, {"delta", "type"});
    if (event.name.starts_with("content_block")) story += " " + At(event.data, {"index"});
    story += "\n";
  }
  return story;
}

std::string Frames(std::initializer_list<std::string> answers) {
  std::string all;
  for (const std::string& answer : answers) all += "data: " + answer + "\r\n\r\n";
  return all;
}

const std::string kCall = R"({"functionCall":{"id":"c1","name":"a","args":{"k":1.0}},"thoughtSignature":"EgE="})";
const std::string kThought = R"({"text":"T","thought":true})";

TEST(AnthropicAnswer, Blocks) {
  const std::string text = R"({"type":"text","text":"ab","citations":null})";
  const std::string use = R"({"type":"tool_use","id":"c1","name":"a","input":{"k":1.0},"caller":{"type":"direct"}})";
  const std::string carrier = MakeCarrier(CarrierTarget::kCall, "EgE=");
  const struct {
    const char* name;
    std::string request;
    std::string parts;
    std::string content;
  } cases[] = {
      {"texts join", Asked(), R"({"text":"a"},{"text":"b"})", "[" + text + "]"},
      {"nothing", Asked(), "", "[]"},
      {"thoughts nobody asked for", Asked(), kThought + R"(,{"text":"ab"})", "[" + text + "]"},
      {"thoughts", Asked(kThinks), kThought + R"(,{"text":"ab"})",
       R"([{"type":"thinking","thinking":"T","signature":")" + MakeCarrier(CarrierTarget::kNone, "") + R"("},)" + text +
           "]"},
      {"signed text after thoughts", Asked(kThinks),
       kThought + R"(,{"text":"ab","thoughtSignature":"EgE="},{"text":"c"})",
       R"([{"type":"thinking","thinking":"T","signature":")" + MakeCarrier(CarrierTarget::kText, "EgE=") + R"("},)" +
           text + R"(,{"type":"text","text":"c","citations":null}])"},
      {"signed text alone", Asked(), R"({"text":"ab","thoughtSignature":"EgE="},{"text":"","thoughtSignature":"EgE="})",
       "[" + text + "]"},
      {"call", Asked(), kCall, R"([{"type":"redacted_thinking","data":")" + carrier + R"("},)" + use + "]"},
      {"call of a client that thinks", Asked(kThinks), R"({"text":"ab"},)" + kCall,
       "[" + text + R"(,{"type":"thinking","thinking":"","signature":")" + carrier + R"("},)" + use + "]"},
      {"one call only",
       Asked(R"("tools":[{"name":"a"}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true})"),
       kCall + R"(,{"functionCall":{"name":"a","args":{}}})",
       R"([{"type":"redacted_thinking","data":")" + carrier + R"("},)" + use + "]"},
      {"unsigned call without arguments", Asked(), R"({"functionCall":{"id":"c1","name":"a"}})",
       R"([{"type":"tool_use","id":"c1","name":"a","input":{},"caller":{"type":"direct"}}])"},
  };
  for (const auto& c : cases) EXPECT_EQ(Content(c.request, c.parts), c.content) << c.name;
}

TEST(AnthropicAnswer, CodeThatGeminiRan) {
  const std::string content = Content(Asked(), R"({"executableCode":{"language":"PYTHON","code":"1+1"}},)"
                                               R"({"codeExecutionResult":{"outcome":"OUTCOME_FAILED","output":"no"}})");
  EXPECT_EQ(At(content, {"0", "name"}), R"("code_execution")");
  EXPECT_EQ(At(content, {"0", "input", "code"}), R"("1+1")");
  EXPECT_EQ(At(content, {"1", "tool_use_id"}), At(content, {"0", "id"}));
  EXPECT_EQ(At(content, {"1", "content", "stderr"}), R"("no")");
  EXPECT_EQ(At(content, {"1", "content", "return_code"}), "1");
}

TEST(AnthropicAnswer, StopReasons) {
  const struct {
    const char* parts;
    const char* reason;
    int status;
    const char* stop_reason;
  } cases[] = {
      {R"({"text":"a"})", "STOP", 200, R"("end_turn")"},
      {"", "STOP", 200, R"("end_turn")"},
      {R"({"text":"a"})", "MAX_TOKENS", 200, R"("max_tokens")"},
      {R"({"text":"a"})", "CONTINUATION", 200, R"("max_tokens")"},
      {R"({"text":"a"})", "SAFETY", 200, R"("refusal")"},
      {"", "PROHIBITED_CONTENT", 200, R"("refusal")"},
      {R"({"functionCall":{"name":"a"}})", "STOP", 200, R"("tool_use")"},
      {R"({"functionCall":{"name":"a"}})", "MALFORMED_FUNCTION_CALL", 200, R"("tool_use")"},
      {R"({"text":"a"})", "OTHER", 200, R"("end_turn")"},
      {R"({"text":"a"})", "WHAT_COMES_NEXT", 200, R"("end_turn")"},
      {"", "MALFORMED_FUNCTION_CALL", 500, "absent"},
      {"", "OTHER", 500, "absent"},
      {R"({"inlineData":{"mimeType":"image/png","data":"aGk="}})", "STOP", 501, "absent"},
  };
  for (const auto& c : cases) {
    const Reply reply =
        AnthropicUnary(Asked(), 200, Answer(c.parts, R"("finishReason":")" + std::string(c.reason) + "\""));
    EXPECT_EQ(reply.status, c.status) << c.reason;
    EXPECT_EQ(At(reply.body, {"stop_reason"}), c.stop_reason) << c.reason;
    EXPECT_EQ(At(reply.body, {"stop_details"}) == "null",
              c.status == 200 && c.stop_reason != std::string("\"refusal\""));
  }
  const Reply blocked = AnthropicUnary(Asked(), 200, R"({"promptFeedback":{"blockReason":"OTHER"}})");
  EXPECT_EQ(At(blocked.body, {"stop_details", "explanation"}), R"("Gemini blocked the prompt (OTHER).")");
}

TEST(AnthropicAnswer, Usage) {
  const Reply reply = AnthropicUnary(
      Asked(R"("context_management":{"edits":[]})"), 200,
      R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","urlContextMetadata":{"urlMetadata":)"
      R"([{"retrievedUrl":"u"}]}}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":30,)"
      R"("serviceTier":"priority"}})");
  EXPECT_EQ(At(reply.body, {"usage", "input_tokens"}), "0");  // never below
  EXPECT_EQ(At(reply.body, {"usage", "cache_read_input_tokens"}), "30");
  EXPECT_EQ(At(reply.body, {"usage", "service_tier"}), R"("priority")");
  EXPECT_EQ(At(reply.body, {"usage", "server_tool_use"}), R"({"web_search_requests":0,"web_fetch_requests":1})");
  EXPECT_EQ(At(reply.body, {"context_management"}), R"({"applied_edits":[]})");
}

// Offsets are bytes; those that fit no character, overlap or lie outside leave the text whole.
TEST(AnthropicAnswer, GroundingNeverBreaksText) {
  const auto texts = [](const std::string& begin, const std::string& end, const std::string& chunk) {
    const std::string content = Content(
        Asked(), R"({"text":"a€b"})",
        R"("finishReason":"STOP","groundingMetadata":{"webSearchQueries":["q"],"groundingChunks":[{"web":{"uri":"u"}},{}],)"
        R"("groundingSupports":[{"segment":{"startIndex":)" +
            begin + R"(,"endIndex":)" + end + R"(},"groundingChunkIndices":[)" + chunk + "]}]}");
    std::string all;
    for (const std::string_view place : {"2", "3", "4"}) {
      const std::string text = At(content, {place, "text"});
      if (text != "absent") all += text + (At(content, {place, "citations"}) == "null" ? "" : "*");
    }
    return all;
  };
  EXPECT_EQ(texts("1", "4", "0"), R"("a""€"*"b")");
  EXPECT_EQ(texts("0", "5", "0"), R"("a€b"*)");
  for (const auto& [begin, end, chunk] : std::initializer_list<std::array<const char*, 3>>{
           {"2", "4", "0"}, {"1", "3", "0"}, {"1", "9", "0"}, {"4", "1", "0"}, {"1", "4", "1"}, {"1", "4", "7"}}) {
    EXPECT_EQ(texts(begin, end, chunk), R"("a€b")") << begin << " " << end << " " << chunk;
  }
}

TEST(AnthropicStream, OneBlockAtATime) {
  const std::string bytes =
      Frames({Answer(kThought, ""), Answer(kThought, ""), Answer(R"({"text":"a"})", ""), Answer(R"({"text":"b"})", ""),
              Answer(kCall, ""), Answer(R"({"functionCall":{"name":"a"}})")});
  const Reply reply = AnthropicStream(Asked(kThinks), {bytes});
  EXPECT_EQ(
      Story(reply.body),
      "message_start\n"
      "content_block_start \"thinking\" 0\ncontent_block_delta \"thinking_delta\" 0\n"
      "content_block_delta \"thinking_delta\" 0\ncontent_block_delta \"signature_delta\" 0\ncontent_block_stop 0\n"
      "content_block_start \"text\" 1\ncontent_block_delta \"text_delta\" 1\n"
      "content_block_delta \"text_delta\" 1\ncontent_block_stop 1\n"
      "content_block_start \"thinking\" 2\ncontent_block_delta \"signature_delta\" 2\ncontent_block_stop 2\n"
      "content_block_start \"tool_use\" 3\ncontent_block_delta \"input_json_delta\" 3\ncontent_block_stop 3\n"
      "content_block_start \"tool_use\" 4\ncontent_block_delta \"input_json_delta\" 4\ncontent_block_stop 4\n"
      "message_delta\nmessage_stop\n");
}

TEST(AnthropicStream, SourcesComeAfterTheText) {
  const std::string grounding =
      R"("finishReason":"STOP","groundingMetadata":{"webSearchQueries":["q"],"groundingChunks":[{"web":{"uri":"u"}}],)"
      R"("groundingSupports":[{"segment":{"endIndex":1,"text":"a"},"groundingChunkIndices":[0]}]})";
  const std::string bytes = Frames({Answer(R"({"text":"a"})", ""), Answer(R"({"text":"b"})", grounding)});
  const Reply reply = AnthropicStream(Asked(), {bytes});
  EXPECT_EQ(Story(reply.body),
            "message_start\n"
            "content_block_start \"text\" 0\ncontent_block_delta \"text_delta\" 0\n"
            "content_block_delta \"text_delta\" 0\ncontent_block_delta \"citations_delta\" 0\ncontent_block_stop 0\n"
            "content_block_start \"server_tool_use\" 1\ncontent_block_delta \"input_json_delta\" 1\n"
            "content_block_stop 1\n"
            "content_block_start \"web_search_tool_result\" 2\ncontent_block_stop 2\n"
            "message_delta\nmessage_stop\n");
  EXPECT_EQ(At(EventsOf(reply.body).end()[-2].data, {"usage", "server_tool_use", "web_search_requests"}), "1");
}

TEST(AnthropicStream, ErrorsCarryTheRequestsId) {
  const Reply reply = AnthropicStream(Asked(), {Frames({Answer("", R"("finishReason":"MALFORMED_FUNCTION_CALL")")})});
  const auto events = EventsOf(reply.body);
  EXPECT_EQ(events.back().name, "error");
  EXPECT_EQ(At(events.back().data, {"request_id"}), '"' + AnthropicRequestId(kAnthropicId) + '"');
  EXPECT_EQ(At(events.back().data, {"error", "type"}), R"("api_error")");
}

// Promise: a stream that was cut never looks complete, and one that was not cut never looks broken.
TEST(AnthropicStream, EveryTruncationEndsInExactlyOneWay) {
  const std::string bytes = Frames({Answer(kThought, ""), Answer(R"({"text":"a"})", ""), Answer(kCall)});
  const size_t finish = bytes.find("finishReason");
  for (size_t length = 0; length <= bytes.size(); ++length) {
    const std::string out = AnthropicStream(Asked(kThinks), {std::string_view(bytes).substr(0, length)}).body;
    const auto events = EventsOf(out);
    ASSERT_FALSE(events.empty()) << length;
    const bool done = events.back().name == "message_stop";
    EXPECT_NE(done, events.back().name == "error") << "cut to " << length;
    EXPECT_EQ(out.find("message_stop") != std::string::npos, done) << "cut to " << length;
    EXPECT_TRUE(!done || length > finish) << "cut to " << length;
    EXPECT_TRUE(done || length < bytes.size());
  }
}

TEST(AnthropicAnswer, SignedCallsAreKept) {
  StillClock clock;
  const auto protocol = NewAnthropic(clock, AnthropicUse::kMessage);
  ASSERT_TRUE(protocol->Parse(AnthropicRequest(Asked()), {}).ok());
  const auto response = gemini::ParseResponse(Answer(kCall + R"(,{"functionCall":{"id":"c2","name":"a"}})"));
  ASSERT_TRUE(protocol->WriteFull({&*response, 1}).ok());
  ASSERT_EQ(protocol->signed_calls().size(), 1U);
  EXPECT_EQ(protocol->signed_calls()[0].id, "c1");
  EXPECT_EQ(protocol->signed_calls()[0].signature, "EgE=");
}

TEST(AnthropicAnswer, IdsOfTheHistoryAreNotUsedAgain) {
  const std::string request =
      R"({"model":"gemini-3.8-flash","max_tokens":4000,"messages":[{"role":"user","content":"x"},{"role":"assistant",)"
      R"("content":[{"type":"tool_use","id":"c1","name":"a","input":{}}]}]})";
  const std::string id = At(Content(request, kCall), {"1", "id"});
  EXPECT_TRUE(id.starts_with("\"toolu_")) << id;
}

TEST(AnthropicAnswer, WordsOfAContextThatIsTooLong) {
  const auto message = [](const std::string& text) {
    return At(ErrorBody(ErrorShape::kAnthropic, {ApiErrorKind::kContextTooLong, text, "", 0}, "r"),
              {"error", "message"});
  };
  EXPECT_EQ(message("The input token count (12) exceeds the maximum number of tokens allowed (7)."),
            R"("prompt is too long: 12 tokens > 7 maximum")");
  EXPECT_EQ(message("(x) of () exceeds (12"), R"("prompt is too long: (x) of () exceeds (12")");
}

}  // namespace
}  // namespace gc
