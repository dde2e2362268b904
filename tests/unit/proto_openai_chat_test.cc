// proto_openai_chat_test.cc: Chat Completions requests, refusals, answers and streams that the golden vectors leave
// out.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "chat_replay.h"

namespace gc {
namespace {

// A request with these further members.
std::string Request(const std::string& members, const std::string& model = "gemini-3.8-flash") {
  return R"({"model":")" + model + R"(","messages":[{"role":"user","content":"x"}])" +
         (members.empty() ? "" : "," + members) + "}";
}

std::string RequestOf(const std::string& messages, const std::string& model = "gemini-3.8-flash") {
  return R"({"model":")" + model + R"(","messages":[)" + messages + "]}";
}

// The body that goes to Gemini, or what is wrong.
std::string Sent(const std::string& request) {
  const auto parsed = ParseChat(request);
  return parsed.ok() ? parsed->body : parsed.error().message;
}

struct Case {
  const char* name;
  std::string in;
  std::string out;
};

class Translates : public testing::TestWithParam<Case> {};
TEST_P(Translates, Body) { EXPECT_EQ(Sent(GetParam().in), GetParam().out); }

const char kX[] = R"({"contents":[{"role":"user","parts":[{"text":"x"}]}])";
const std::string kPlain = std::string(kX) + "}";
std::string WithConfig(const std::string& config) { return kX + (R"(,"generationConfig":{)" + config + "}}"); }
const char kTool[] = R"("tools":[{"type":"function","function":{"name":"a"}}])";
const char kSentTool[] = R"(,"tools":[{"functionDeclarations":[{"name":"a"}]}])";

const Case kBodies[] = {
    {"Prefix", Request("", "models/gemini-3.8-flash"), kPlain},
    {"UnknownFieldsAreIgnored", Request(R"("zzz":{"a":1},"verbosity":"low","prediction":[],"user":7)"), kPlain},
    {"NullsAreAbsent",
     Request(R"("temperature":null,"tools":null,"tool_choice":null,"stop":null,"n":null,"logprobs":null,"seed":null,)"
             R"("stream_options":null,"response_format":null,"functions":null,"reasoning_effort":null)"),
     kPlain},
    {"WhatIsOffIsFine",
     Request(R"("n":1,"logprobs":false,"top_logprobs":0,"modalities":["text"],"response_format":{"type":"text"})"),
     kPlain},
    {"Sampling", Request(R"("temperature":1.0,"top_p":0.90,"top_k":40,"seed":-1,"stop":"END")"),
     WithConfig(R"("temperature":1.0,"topP":0.90,"topK":40,"seed":2147483647,"stopSequences":["END"])")},
    {"TopKOff", Request(R"("top_k":-1)"), kPlain},
    {"SeedWraps", Request(R"("seed":4294967299)"), WithConfig(R"("seed":3)")},
    {"NoSamplingOnGemini4", Request(R"("temperature":1,"top_p":1,"top_k":3)", "gemini-4-neon"), kPlain},
    {"MaxCompletionTokensWins", Request(R"("max_tokens":5000,"max_completion_tokens":6000)"),
     WithConfig(R"("maxOutputTokens":6000)")},
    {"MaxTokensOfAnyModel", Request(R"("max_tokens":9000000000)"), WithConfig(R"("maxOutputTokens":2147483647)")},
    {"FewTokensThinkLittle", Request(R"("max_tokens":100)"),
     WithConfig(R"("maxOutputTokens":100,"thinkingConfig":{"thinkingLevel":"low"})")},
    {"EnoughTokens", Request(R"("max_tokens":1024)"), WithConfig(R"("maxOutputTokens":1024)")},
    {"FewTokensButEffort", Request(R"("max_tokens":100,"reasoning_effort":"high")"),
     WithConfig(R"("maxOutputTokens":100,"thinkingConfig":{"thinkingLevel":"high","includeThoughts":true})")},
    {"FewTokensOnAFamilyWithoutThinking", Request(R"("max_tokens":100)", "gemini-2.0-flash"),
     WithConfig(R"("maxOutputTokens":100)")},
    {"MaxIsExtraHigh", Request(R"("reasoning_effort":"max")", "gemini-2.5-pro"),
     WithConfig(R"("thinkingConfig":{"thinkingBudget":32768,"includeThoughts":true})")},
    {"Flex", Request(R"("service_tier":"flex")"), kX + std::string(R"(,"serviceTier":"flex"})")},
    {"Fast", Request(R"("service_tier":"fast")"), kX + std::string(R"(,"serviceTier":"priority"})")},
    {"DefaultTier", Request(R"("service_tier":"default")"), kPlain},
    {"NoTools", Request(R"("tools":[],"tool_choice":"auto")"), kPlain},
    {"NoToolsNoneChosen", Request(R"("tool_choice":"none")"), kPlain},
    {"SchemaAsWritten",
     Request(R"("tools":[{"type":"function","function":{"name":"a","strict":true,"parameters":)"
             R"({"type":"object","properties":{"z":{"type":"number","minimum":1.0},"a":{}}}}}])"),
     kX + std::string(R"(,"tools":[{"functionDeclarations":[{"name":"a","parametersJsonSchema":)"
                      R"({"type":"object","properties":{"z":{"type":"number","minimum":1.0},"a":{}}}}]}]})")},
    {"OpenObjectSchemaStays",
     Request(R"("tools":[{"type":"function","function":{"name":"a","parameters":)"
             R"({"type":"object","additionalProperties":{"type":"string"}}}}])"),
     kX + std::string(R"(,"tools":[{"functionDeclarations":[{"name":"a","parametersJsonSchema":)"
                      R"({"type":"object","additionalProperties":{"type":"string"}}}]}]})")},
    {"DuplicateToolTheLaterCounts",
     Request(R"("tools":[{"type":"function","function":{"name":"a","description":"1"}},)"
             R"({"type":"function","function":{"name":"a","description":"2","parameters":{}}}])"),
     kX + std::string(R"(,"tools":[{"functionDeclarations":[{"name":"a","description":"2"}]}]})")},
    {"ChoiceOfARenamedTool",
     Request(R"("tools":[{"type":"function","function":{"name":"1 a"}}],)"
             R"("tool_choice":{"type":"function","function":{"name":"1 a"}})"),
     kX + std::string(R"(,"tools":[{"functionDeclarations":[{"name":"_1_a"}]}],"toolConfig":)"
                      R"({"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["_1_a"]}}})")},
    {"ToolsAndAuto", Request(std::string(kTool) + R"(,"tool_choice":"auto","parallel_tool_calls":true)"),
     kX + std::string(kSentTool) + "}"},
    // Messages.
    {"SystemPartsAreOneText",
     RequestOf(R"({"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
               R"({"role":"user","content":"x"})"),
     std::string(R"({"systemInstruction":{"parts":[{"text":"a\nb"}]},)") + (kX + 1) + "}"},
    {"LaterSystemStaysInPlace", RequestOf(R"({"role":"user","content":"x"},{"role":"system","content":"s"})"),
     R"({"contents":[{"role":"user","parts":[{"text":"x"},{"text":"System: s"}]}]})"},
    {"OnlySystem", RequestOf(R"({"role":"system","content":"x"})"), kPlain},
    {"GemmaHasNoSystem",
     RequestOf(R"({"role":"system","content":"s"},{"role":"user","content":"x"})", "gemma-4-31b-it"),
     R"({"contents":[{"role":"user","parts":[{"text":"s"},{"text":"x"}]}]})"},
    {"EmptyTextPartIsDropped",
     RequestOf(R"({"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"x"}]})"), kPlain},
    {"AssistantPartsAndRefusal",
     RequestOf(R"({"role":"user","content":"x"},{"role":"assistant","content":[{"type":"text","text":"a"},)"
               R"({"type":"refusal","refusal":"r"}],"refusal":"s","reasoning_content":"hm","audio":{"id":"i"}},)"
               R"({"role":"user","content":"y"})"),
     R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"a"},{"text":"r"},)"
     R"({"text":"s"}]},{"role":"user","parts":[{"text":"y"}]}]})"},
    {"TextSignatureGoesOnTheLastText",
     RequestOf(R"({"role":"user","content":"x"},{"role":"assistant","content":"a","extra_content":{"google":)"
               R"({"thought_signature":"EgM="}}},{"role":"user","content":"y"})"),
     R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"a","thoughtSignature":)"
     R"("EgM="}]},{"role":"user","parts":[{"text":"y"}]}]})"},
    {"HistoryNamesAreRenamedToo",
     RequestOf(R"({"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"1","function":)"
               R"({"name":"a b","arguments":"{\"n\":1.0}"}}]},{"role":"tool","tool_call_id":"1","content":"r"})",
               "gemini-2.5-flash"),
     R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"1",)"
     R"("name":"a_b","args":{"n":1.0}}}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"a_b",)"
     R"("response":{"output":"r"}}}]}]})"},
    {"HalfAnEmoji", RequestOf(R"({"role":"user","content":"\udc00\ud83d"})"),
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}]}]}"},
};

INSTANTIATE_TEST_SUITE_P(OpenAiChat, Translates, testing::ValuesIn(kBodies),
                         [](const auto& body) { return body.param.name; });

struct Refusal {
  const char* name;
  std::string request;
  ApiErrorKind kind;
  std::string_view param;
};

class Refuses : public testing::TestWithParam<Refusal> {};
TEST_P(Refuses, Request) {
  const auto parsed = ParseChat(GetParam().request);
  ASSERT_FALSE(parsed.ok()) << parsed->body;
  EXPECT_EQ(parsed.error().kind, GetParam().kind) << ErrorTypeName(parsed.error().kind);
  EXPECT_EQ(parsed.error().param, GetParam().param);
}

constexpr auto kBad = ApiErrorKind::kInvalidRequest;

std::string UserPart(const std::string& part) { return RequestOf(R"({"role":"user","content":[)" + part + "]}"); }
std::string Assistant(const std::string& members) { return RequestOf(R"({"role":"assistant",)" + members + "}"); }
std::string Choice(const std::string& choice) { return Request(std::string(kTool) + R"(,"tool_choice":)" + choice); }

const Refusal kRefusals[] = {
    {"NotJson", "{", kBad, ""},
    {"Empty", "", kBad, ""},
    {"NotUtf8", "{\"model\":\"\xFF\"}", kBad, ""},
    {"NotAnObject", "[1]", kBad, ""},
    {"TooDeep", std::string(200, '[') + std::string(200, ']'), kBad, ""},
    {"NoModel", R"({"messages":[]})", kBad, "model"},
    {"ModelOfAnotherType", R"({"model":3})", kBad, "model"},
    {"ModelWithSlash", Request("", "a/b"), ApiErrorKind::kModelNotFound, "model"},
    {"ModelWithColon", Request("", "gemini:x"), ApiErrorKind::kModelNotFound, "model"},
    {"OnlyAPrefix", Request("", "models/"), ApiErrorKind::kModelNotFound, "model"},
    {"NoMessages", R"({"model":"m"})", kBad, "messages"},
    {"MessagesOfAnotherType", R"({"model":"m","messages":"x"})", kBad, "messages"},
    {"NothingSaid", RequestOf(R"({"role":"user","content":""})"), kBad, "messages"},
    {"MessageOfAnotherType", RequestOf("7"), kBad, "messages[0]"},
    {"NoRole", RequestOf(R"({"content":"x"})"), kBad, "messages[0].role"},
    {"UnknownRole", RequestOf(R"({"role":"model","content":"x"})"), kBad, "messages[0].role"},
    {"NoContent", RequestOf(R"({"role":"user"})"), kBad, "messages[0].content"},
    {"ContentOfAnotherType", RequestOf(R"({"role":"system","content":{}})"), kBad, "messages[0].content"},
    {"TextOfAnotherType", UserPart(R"({"type":"text","text":"a"},{"type":"text","text":1})"), kBad,
     "messages[0].content[1].text"},
    {"PartWithoutText", UserPart(R"({"type":"text"})"), kBad, "messages[0].content[0].text"},
    {"UnknownPart", UserPart(R"({"type":"hologram"})"), kBad, "messages[0].content[0].type"},
    {"ToolWithoutId", RequestOf(R"({"role":"tool","content":"x"})"), kBad, "messages[0].tool_call_id"},
    {"ToolWithoutContent", RequestOf(R"({"role":"tool","tool_call_id":"1"})"), kBad, "messages[0].content"},
    {"CallsOfAnotherType", Assistant(R"("tool_calls":{})"), kBad, "messages[0].tool_calls"},
    {"CallWithoutId", Assistant(R"("tool_calls":[{"function":{"name":"f"}}])"), kBad, "messages[0].tool_calls[0].id"},
    {"CallWithoutFunction", Assistant(R"("tool_calls":[{"id":"1"}])"), kBad, "messages[0].tool_calls[0].function"},
    {"CallWithoutName", Assistant(R"("tool_calls":[{"id":"1","function":{}}])"), kBad,
     "messages[0].tool_calls[0].function.name"},
    {"ArgumentsOfAnotherType", Assistant(R"("tool_calls":[{"id":"1","function":{"name":"f","arguments":{}}}])"), kBad,
     "messages[0].tool_calls[0].function.arguments"},
    {"UnknownFormat", Request(R"("response_format":{"type":"xml"})"), kBad, "response_format.type"},
    {"NoAnswers", Request(R"("n":0)"), kBad, "n"},
    {"TopLogprobs", Request(R"("top_logprobs":2)"), kBad, "top_logprobs"},
    {"ToolsOfAnotherType", Request(R"("tools":{})"), kBad, "tools"},
    {"UnknownTool", Request(R"("tools":[{"type":"x"}])"), kBad, "tools[0].type"},
    {"ToolWithoutFunction", Request(R"("tools":[{"type":"function"}])"), kBad, "tools[0].function"},
    {"ToolWithoutName", Request(R"("tools":[{"type":"function","function":{"name":""}}])"), kBad,
     "tools[0].function.name"},
    {"ParametersOfAnotherType", Request(R"("tools":[{"type":"function","function":{"name":"f","parameters":[]}}])"),
     kBad, "tools[0].function.parameters"},
    {"ChoiceWithoutTools", Request(R"("tool_choice":{"type":"function","function":{"name":"a"}})"), kBad,
     "tool_choice"},
    {"UnknownChoice", Choice(R"("any")"), kBad, "tool_choice"},
    {"ChoiceOfAnotherType", Choice("3"), kBad, "tool_choice"},
    {"ChoiceWithoutType", Choice("{}"), kBad, "tool_choice.type"},
    {"ChoiceWithoutName", Choice(R"({"type":"function","function":{}})"), kBad, "tool_choice.function.name"},
    {"AllowedUnknown",
     Choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function",)"
            R"("function":{"name":"z"}}]}})"),
     kBad, "tool_choice"},
    {"AllowedNone", Choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}})"), kBad,
     "tool_choice.allowed_tools.tools"},
    {"AllowedMode", Choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"x","tools":[]}})"), kBad,
     "tool_choice.allowed_tools.mode"},
    {"Parallel", Request(R"("parallel_tool_calls":"no")"), kBad, "parallel_tool_calls"},
    {"Stream", Request(R"("stream":1)"), kBad, "stream"},
    {"StreamOptions", Request(R"("stream_options":{"include_usage":1})"), kBad, "stream_options.include_usage"},
    {"MaxTokensZero", Request(R"("max_tokens":0)"), kBad, "max_tokens"},
    {"MaxTokensText", Request(R"("max_completion_tokens":"5")"), kBad, "max_completion_tokens"},
    {"MaxTokensBoth", Request(R"("max_completion_tokens":5,"max_tokens":-5)"), kBad, "max_tokens"},
    {"Temperature", Request(R"("temperature":2.1)"), kBad, "temperature"},
    {"TemperatureOnGemini4", Request(R"("temperature":"hot")", "gemini-4-argon"), kBad, "temperature"},
    {"TopP", Request(R"("top_p":-0.1)"), kBad, "top_p"},
    {"TopK", Request(R"("top_k":1.5)"), kBad, "top_k"},
    {"Seed", Request(R"("seed":1.5)"), kBad, "seed"},
    {"Stop", Request(R"("stop":["a",1])"), kBad, "stop[1]"},
    {"StopNumber", Request(R"("stop":1)"), kBad, "stop"},
    {"Stops", Request(R"("stop":["1","2","3","4","5","6"])"), kBad, "stop"},
    {"Effort", Request(R"("reasoning_effort":"hard")"), kBad, "reasoning_effort"},
    {"Tier", Request(R"("service_tier":1)"), kBad, "service_tier"},
};

INSTANTIATE_TEST_SUITE_P(OpenAiChat, Refuses, testing::ValuesIn(kRefusals),
                         [](const auto& refusal) { return refusal.param.name; });

TEST(OpenAiChat, TooManyTools) {
  const auto tools = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i) {
      list +=
          (i ? "," : "") + std::string(R"({"type":"function","function":{"name":"t)") + std::to_string(i) + R"("}})";
    }
    return Request(R"("tools":[)" + list + "]");
  };
  EXPECT_TRUE(ParseChat(tools(512)).ok());
  EXPECT_FALSE(ParseChat(tools(513)).ok());
}

TEST(OpenAiChat, KnowsTheModelOfARefusedRequest) {
  StillClock clock;
  const auto protocol = NewOpenAiChat(clock);
  EXPECT_FALSE(protocol->Parse(ChatRequest(R"({"model":"google/x","messages":[]})"), {}).ok());
  EXPECT_EQ(protocol->requested_model(), "google/x");
}

// An answer of one candidate with these parts.
std::string Answer(const std::string& parts, const std::string& finish = "STOP") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + parts + R"(]},"finishReason":")" + finish +
         R"("}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}})";
}

// The first choice of the reply to it, or the error.
std::string Reply(const std::string& answer, const std::string& request = Request("")) {
  const ChatReply reply = ReplayUnary(request, 200, answer);
  const auto document = json::Document::Parse(reply.body);
  if (!document.ok()) return reply.body;
  const json::Value* choices = document->root().Find("choices");
  return choices == nullptr ? std::to_string(reply.status) : json::ToText(choices->Items()[0]);
}

std::string ChoiceOf(const std::string& message, const std::string& finish) {
  return R"({"index":0,"message":{"role":"assistant",)" + message + R"(},"logprobs":null,"finish_reason":")" + finish +
         "\"}";
}

const char kCall[] = R"({"functionCall":{"id":"i1","name":"f","args":{"z":1.0,"a":"ü\n","n":12345678901234567890}}})";

class Answers : public testing::TestWithParam<Case> {};
TEST_P(Answers, Choice) { EXPECT_EQ(Reply(GetParam().in), GetParam().out); }

const Case kAnswers[] = {
    {"JoinsParts", Answer(R"({"text":"a"},{"text":"b"},{"text":"t","thought":true},{"text":"u","thought":true})"),
     ChoiceOf(R"("content":"ab","refusal":null,"reasoning_content":"tu")", "stop")},
    {"KeyOrderAndNumbersOfArguments", Answer(kCall),
     ChoiceOf(R"("content":null,"refusal":null,"tool_calls":[{"id":"i1","type":"function","function":{"name":"f",)"
              R"("arguments":"{\"z\":1.0,\"a\":\"ü\\n\",\"n\":12345678901234567890}"}}])",
              "tool_calls")},
    {"TextAndCall", Answer(R"({"text":"a"},{"functionCall":{"id":"i","name":"f"},"thoughtSignature":"EgM="})"),
     ChoiceOf(R"("content":"a","refusal":null,"tool_calls":[{"id":"i","type":"function","function":{"name":"f",)"
              R"("arguments":"{}"},"extra_content":{"google":{"thought_signature":"EgM="}}}])",
              "tool_calls")},
    {"TextSignature", Answer(R"({"text":"a"},{"text":"","thoughtSignature":"EgM="})"),
     ChoiceOf(R"("content":"a","refusal":null,"extra_content":{"google":{"thought_signature":"EgM="}})", "stop")},
    {"StoppedEmpty", Answer(R"({"text":""})"), ChoiceOf(R"("content":"","refusal":null)", "stop")},
    {"Length", Answer(R"({"text":"a"})", "MAX_TOKENS"), ChoiceOf(R"("content":"a","refusal":null)", "length")},
    {"Continuation", Answer(R"({"text":"a"})", "CONTINUATION"), ChoiceOf(R"("content":"a","refusal":null)", "length")},
    {"FilteredWithContent", Answer(R"({"text":"a"})", "SAFETY"),
     ChoiceOf(R"("content":"a","refusal":null)", "content_filter")},
    {"FilteredWithout", Answer("", "RECITATION"),
     ChoiceOf(R"("content":null,"refusal":"Gemini withheld the answer (RECITATION).")", "content_filter")},
    {"FilteredAndExplained", R"({"candidates":[{"finishReason":"SPII","finishMessage":"because"}]})",
     ChoiceOf(R"("content":null,"refusal":"because")", "content_filter")},
    {"OtherWithContent", Answer(R"({"text":"a"})", "OTHER"), ChoiceOf(R"("content":"a","refusal":null)", "stop")},
    {"MalformedAfterACall", Answer(R"({"functionCall":{"id":"i","name":"f"}})", "MALFORMED_FUNCTION_CALL"),
     ChoiceOf(R"("content":null,"refusal":null,"tool_calls":[{"id":"i","type":"function","function":{"name":"f",)"
              R"("arguments":"{}"}}])",
              "tool_calls")},
    {"ReasonFromTheFuture", Answer(R"({"text":"a"})", "BORED"), ChoiceOf(R"("content":"a","refusal":null)", "stop")},
    {"NoReasonButContent", R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}]})",
     ChoiceOf(R"("content":"a","refusal":null)", "stop")},
    {"MalformedCall", Answer("", "MALFORMED_FUNCTION_CALL"), "502"},
    {"UnexpectedCall", Answer(R"({"text":"t","thought":true})", "UNEXPECTED_TOOL_CALL"), "502"},
    {"OtherWithoutContent", Answer("", "OTHER"), "502"},
    {"NothingAtAll", "{}", "502"},
    {"NoCandidates", R"({"candidates":[]})", "502"},
};

INSTANTIATE_TEST_SUITE_P(OpenAiChat, Answers, testing::ValuesIn(kAnswers),
                         [](const auto& answer) { return answer.param.name; });

TEST(OpenAiChat, AnswersBelowTheChoices) {
  const auto tail = [](const std::string& usage) {
    const std::string body =
        ReplayUnary(Request(""), 200, R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":)" + usage + "}").body;
    return body.substr(body.find("}],") + 3);
  };
  EXPECT_EQ(
      tail(R"({"promptTokenCount":3,"serviceTier":"standard"})"),
      R"("usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3,"prompt_tokens_details":)"
      R"({"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
      R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default"})");
  EXPECT_TRUE(tail(R"({"serviceTier":"flex"})").ends_with(R"("service_tier":"flex"})"));
  // No count is better than a made-up one.
  EXPECT_EQ(ReplayUnary(Request(""), 200, R"({"candidates":[{"finishReason":"STOP"}]})").body.find("usage"),
            std::string::npos);
}

TEST(OpenAiChat, CallIdsAreNewAndHarmless) {
  const std::string history = RequestOf(
      R"({"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"used","function":{"name":"f"}}]})");
  const auto id_of = [&](const std::string& id) {
    const std::string choice = Reply(Answer(R"({"functionCall":{"id":")" + id + R"(","name":"f"}})"), history);
    const auto document = json::Document::Parse(choice);
    return std::string(document->root().Find("message")->Find("tool_calls")->Items()[0].StringOr("id", ""));
  };
  EXPECT_EQ(id_of("fresh_-1"), "fresh_-1");
  for (const std::string bad : {"used", "", "a b", "a.b", "12345678901234567890123456789012345678901"}) {
    const std::string id = id_of(bad);
    EXPECT_TRUE(id.starts_with("call_") && id.size() == 29) << bad << " -> " << id;
  }
  const std::string twice =
      Reply(Answer(R"({"functionCall":{"id":"i","name":"f"}},{"functionCall":{"id":"i","name":"f"}})"));
  EXPECT_EQ(twice.find(R"("id":"i")"), twice.rfind(R"("id":"i")")) << twice;
}

TEST(OpenAiChat, OnlyTheFirstCallWhenNotParallel) {
  const std::string calls = std::string(kCall) + R"(,{"functionCall":{"id":"i2","name":"g"}})";
  EXPECT_NE(Reply(Answer(calls)).find("i2"), std::string::npos);
  const std::string one = Reply(Answer(calls), Request(R"("parallel_tool_calls":false)"));
  EXPECT_NE(one.find("i1"), std::string::npos);
  EXPECT_EQ(one.find("i2"), std::string::npos);
}

TEST(OpenAiChat, ToolNamesComeBackAsTheClientWroteThem) {
  const std::string request = Request(R"("tools":[{"type":"function","function":{"name":"1 a"}}])");
  EXPECT_NE(Reply(Answer(R"({"functionCall":{"name":"_1_a"}})"), request).find(R"("name":"1 a")"), std::string::npos);
}

// The deltas and finish reasons of a stream of these events, one a line.
std::string Streamed(const std::vector<std::string>& events, const std::string& members = "") {
  std::string bytes;
  for (const std::string& event : events) bytes += "data: " + event + "\n\n";
  const ChatReply reply = ReplayStream(Request(R"("stream":true)" + members), {bytes});
  std::string lines;
  for (const std::string& frame : FramesOf(reply.body)) {
    const auto document = json::Document::Parse(frame == "[DONE]" ? "{}" : frame);
    const json::Value* choices = document->root().Find("choices");
    const json::Value* error = document->root().Find("error");
    if (choices != nullptr && !choices->Items().empty()) {
      lines += json::ToText(*choices->Items()[0].Find("delta"));
      lines += choices->Items()[0].StringOr("finish_reason", "");
    } else if (error != nullptr) {
      lines += "error " + std::string(error->StringOr("message", ""));
    } else {
      lines += choices != nullptr ? "usage" : frame;
    }
    lines += "\n";
  }
  return lines;
}

const std::string kRole = R"({"role":"assistant","content":""})"
                          "\n";

std::string Event(const std::string& parts) { return R"({"candidates":[{"content":{"parts":[)" + parts + "]}}]}"; }
std::string End(const std::string& reason) { return R"({"candidates":[{"finishReason":")" + reason + "\"}]}"; }

TEST(OpenAiChatStream, PartsBecomeDeltas) {
  EXPECT_EQ(Streamed({Event(R"({"text":"hm","thought":true},{"text":"a"})"), Event(R"({"text":""})"),
                      Event(R"({"text":"b","thoughtSignature":"EgM="})"),
                      Event(R"({"text":"","thoughtSignature":"EgQ="})"), End("STOP")}),
            kRole + R"({"reasoning_content":"hm"})"
                    "\n"
                    R"({"content":"a"})"
                    "\n"
                    R"({"content":"b","extra_content":{"google":{"thought_signature":"EgM="}}})"
                    "\n"
                    R"({"content":"","extra_content":{"google":{"thought_signature":"EgQ="}}})"
                    "\n"
                    "{}stop\n[DONE]\n");
}

TEST(OpenAiChatStream, IndexCountsOverTheWholeAnswer) {
  const std::string out =
      Streamed({Event(R"({"functionCall":{"id":"a","name":"f"}},{"functionCall":{"id":"b","name":"f"}})"),
                Event(R"({"functionCall":{"id":"c","name":"f"}})"), End("STOP")});
  EXPECT_NE(out.find(R"("index":0,"id":"a")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("index":1,"id":"b")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("index":2,"id":"c")"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("{}tool_calls\n[DONE]\n")) << out;
}

TEST(OpenAiChatStream, HowItEnds) {
  const std::string text = R"({"content":"a"})"
                           "\n";
  const std::string a = Event(R"({"text":"a"})");
  EXPECT_EQ(Streamed({a, End("MAX_TOKENS")}), kRole + text + "{}length\n[DONE]\n");
  EXPECT_EQ(Streamed({a, End("OTHER")}), kRole + text + "{}stop\n[DONE]\n");
  EXPECT_EQ(Streamed({a, End("SAFETY")}), kRole + text + "{}content_filter\n[DONE]\n");
  EXPECT_EQ(Streamed({End("SAFETY")}), kRole + R"({"refusal":"Gemini withheld the answer (SAFETY)."})"
                                               "\n{}content_filter\n[DONE]\n");
  EXPECT_EQ(Streamed({R"({"promptFeedback":{"blockReason":"OTHER"}})"}),
            kRole + R"({"refusal":"Gemini blocked the prompt (OTHER)."})"
                    "\n{}content_filter\n[DONE]\n");
  EXPECT_EQ(Streamed({End("MALFORMED_FUNCTION_CALL")}),
            kRole + "error Gemini's answer is empty (MALFORMED_FUNCTION_CALL)\n");
  EXPECT_EQ(Streamed({}), kRole + "error Gemini's answer broke off before its end.\n");
  EXPECT_EQ(Streamed({a}), kRole + text + "error Gemini's answer broke off before its end.\n");
  EXPECT_EQ(Streamed({a, R"({"error":{"status":"INTERNAL","message":"boo"}})", End("STOP")}),
            kRole + text + "error boo\n");
}

TEST(OpenAiChatStream, UsageOnlyWhenAskedAndKnown) {
  const std::string usage = R"({"usageMetadata":{"promptTokenCount":1},"candidates":[{"finishReason":"STOP"}]})";
  const std::string include = R"(,"stream_options":{"include_usage":true})";
  EXPECT_EQ(Streamed({usage}), kRole + "{}stop\n[DONE]\n");
  EXPECT_EQ(Streamed({usage}, include), kRole + "{}stop\nusage\n[DONE]\n");
  EXPECT_EQ(Streamed({End("STOP")}, include), kRole + "{}stop\n[DONE]\n");
}

}  // namespace
}  // namespace gc
