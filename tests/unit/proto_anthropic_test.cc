// proto_anthropic_test.cc: Messages requests and refusals that the golden vectors leave out.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "anthropic_replay.h"
#include "handler/proto_anthropic_carrier.h"

namespace gc {
namespace {

// A request with these further members.
std::string Request(const std::string& members, const std::string& model = "gemini-3.8-flash") {
  return R"({"model":")" + model + R"(","max_tokens":4000,"messages":[{"role":"user","content":"x"}])" +
         (members.empty() ? "" : "," + members) + "}";
}

std::string RequestOf(const std::string& messages, const std::string& model = "gemini-3.8-flash") {
  return R"({"model":")" + model + R"(","max_tokens":4000,"messages":[)" + messages + "]}";
}

std::string Blocks(const std::string& role, const std::string& blocks) {
  return R"({"role":")" + role + R"(","content":[)" + blocks + "]}";
}

// The body that goes to Gemini, or what is wrong.
std::string Sent(const std::string& request) {
  const auto parsed = ParseMessages(request);
  return parsed.ok() ? parsed->body : parsed.error().message;
}

struct Case {
  const char* name;
  std::string in;
  std::string out;
};

std::string CaseName(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class AnthropicSends : public testing::TestWithParam<Case> {};
TEST_P(AnthropicSends, Body) { EXPECT_EQ(Sent(GetParam().in), GetParam().out); }

const char kX[] = R"({"contents":[{"role":"user","parts":[{"text":"x"}]}])";
std::string WithConfig(const std::string& more, const std::string& tools = "") {
  return kX + tools + R"(,"generationConfig":{"maxOutputTokens":4000)" + (more.empty() ? "" : "," + more) + "}}";
}
std::string Thinking(const std::string& config) { return WithConfig(R"("thinkingConfig":{)" + config + "}"); }
std::string Contents(const std::string& contents) {
  return R"({"contents":[)" + contents + R"(],"generationConfig":{"maxOutputTokens":4000}})";
}
std::string User(const std::string& parts) { return R"({"role":"user","parts":[)" + parts + "]}"; }

const char kEnabled[] = R"("thinking":{"type":"enabled","budget_tokens":)";
const char kEffort[] = R"("output_config":{"effort":")";

const Case kSettings[] = {
    {"UnknownFieldsAreIgnored", Request(R"("zzz":1,"metadata":{"user_id":"{}"},"container":"c","speed":"fast")"),
     WithConfig("")},
    {"NullsAreAbsent", Request(R"("system":null,"tools":null,"tool_choice":null,"thinking":null,"temperature":null)"),
     WithConfig("")},
    {"Sampling", Request(R"("temperature":1.0,"top_p":0.90,"top_k":40)"),
     std::string(kX) + R"(,"generationConfig":{"temperature":1.0,"topP":0.90,"topK":40,"maxOutputTokens":4000}})"},
    {"NoSamplingOnGemini4", Request(R"("temperature":1,"top_k":3)", "gemini-4-neon"), WithConfig("")},
    {"LimitOfGemini", R"({"model":"gemini-3.8-flash","max_tokens":128000,"messages":[{"role":"user","content":"x"}]})",
     std::string(kX) + R"(,"generationConfig":{"maxOutputTokens":65536}})"},
    {"FewTokensThinkLittle",
     R"({"model":"gemini-3.8-flash","max_tokens":1,"messages":[{"role":"user","content":"x"}]})",
     std::string(kX) + R"(,"generationConfig":{"maxOutputTokens":1,"thinkingConfig":{"thinkingLevel":"low"}}})"},
    {"BudgetLow", Request(std::string(kEnabled) + "2048}"),
     Thinking(R"("thinkingLevel":"low","includeThoughts":true)")},
    {"BudgetMedium", Request(std::string(kEnabled) + "12000}"),
     Thinking(R"("thinkingLevel":"medium","includeThoughts":true)")},
    {"BudgetHigh", Request(std::string(kEnabled) + "12001}"),
     Thinking(R"("thinkingLevel":"high","includeThoughts":true)")},
    {"BudgetIsKeptWhereThereAreBudgets", Request(std::string(kEnabled) + "3000}", "gemini-2.5-flash"),
     Thinking(R"("thinkingBudget":3000,"includeThoughts":true)")},
    {"BudgetIsBounded", Request(std::string(kEnabled) + "99000}", "gemini-2.5-pro"),
     Thinking(R"("thinkingBudget":32768,"includeThoughts":true)")},
    {"EffortWins", Request(std::string(kEnabled) + R"(99000},)" + kEffort + R"(low"})", "gemini-2.5-pro"),
     Thinking(R"("thinkingBudget":1024,"includeThoughts":true)")},
    {"EffortMax", Request(std::string(kEffort) + R"(max"})", "gemini-4-hydrogen"),
     Thinking(R"("thinkingLevel":"xhigh")")},
    {"AdaptiveIsTheDefault", Request(R"("thinking":{"type":"adaptive"})"), WithConfig("")},
    {"AdaptiveSummarized", Request(R"("thinking":{"type":"adaptive","display":"summarized"})"),
     Thinking(R"("includeThoughts":true)")},
    {"OmittedThoughts", Request(R"("thinking":{"type":"enabled","budget_tokens":1024,"display":"omitted"})"),
     Thinking(R"("thinkingLevel":"low")")},
    {"OffWhereThatWorks", Request(R"("thinking":{"type":"disabled"})", "gemini-2.5-flash"),
     Thinking(R"("thinkingBudget":0)")},
    {"OffWhereItDoesNot", Request(R"("thinking":{"type":"disabled"})", "gemini-2.5-pro"), WithConfig("")},
    {"NothingForWhatDoesNotThink", Request(std::string(kEnabled) + "2048}", "gemini-9-image"), WithConfig("")},
    {"StandardTier", Request(R"("service_tier":"standard_only")"),
     WithConfig("").insert(WithConfig("").size() - 1, R"(,"serviceTier":"standard")")},
    {"Format", Request(R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})"),
     WithConfig(R"("responseMimeType":"application/json","responseJsonSchema":{"type":"object"})")},
    {"FormatAsItWas", Request(R"("output_format":{"type":"json_schema","schema":{"type":"object"}})"),
     WithConfig(R"("responseMimeType":"application/json","responseJsonSchema":{"type":"object"})")},
};
INSTANTIATE_TEST_SUITE_P(Settings, AnthropicSends, testing::ValuesIn(kSettings), CaseName);

const char kToolA[] = R"({"name":"a","description":"d","input_schema":{"type":"object","properties":{}}})";
const char kDeclaredA[] = R"({"name":"a","description":"d"})";
std::string Tools(const std::string& tools, const std::string& more = "") {
  return Request(R"("tools":[)" + tools + "]" + (more.empty() ? "" : "," + more));
}
std::string Declared(const std::string& functions, const std::string& config = "") {
  return WithConfig("", R"(,"tools":[{"functionDeclarations":[)" + functions + "]}]" +
                            (config.empty() ? "" : R"(,"toolConfig":{"functionCallingConfig":{)" + config + "}}"));
}
const char kSearch[] = R"({"type":"web_search_20260318","name":"web_search","max_uses":8})";
const char kLater[] = R"({"name":"b","defer_loading":true,"input_schema":{"type":"object"}})";
const char kDeclaredB[] = R"({"name":"b"})";

const Case kTools[] = {
    {"Custom", Tools(std::string(R"({"type":"custom","cache_control":{},"strict":true,)") + (kToolA + 1)),
     Declared(kDeclaredA)},
    {"TheLaterOfTwo", Tools(std::string(R"({"name":"a"},)") + kToolA), Declared(kDeclaredA)},
    {"NamesThatGeminiRefuses", Tools(R"({"name":"1 x"})"), Declared(R"({"name":"_1_x"})")},
    {"Any", Tools(kToolA, R"("tool_choice":{"type":"any"})"), Declared(kDeclaredA, R"("mode":"ANY")")},
    {"None", Tools(kToolA, R"("tool_choice":{"type":"none"})"), Declared(kDeclaredA, R"("mode":"NONE")")},
    {"Auto", Tools(kToolA, R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true})"), Declared(kDeclaredA)},
    {"Named", Tools(kToolA, R"("tool_choice":{"type":"tool","name":"a"})"),
     Declared(kDeclaredA, R"("mode":"ANY","allowedFunctionNames":["a"])")},
    {"NamedAndDeferred", Tools(kLater, R"("tool_choice":{"type":"tool","name":"b"})"),
     Declared(kDeclaredB, R"("mode":"ANY","allowedFunctionNames":["b"])")},
    {"DeferredIsNotDeclared", Tools(std::string(kToolA) + "," + kLater), Declared(kDeclaredA)},
    {"OnlyDeferred", Tools(kLater, R"("tool_choice":{"type":"any"})"), WithConfig("")},
    {"ToolSearchDeclaresAll", Tools(std::string(R"({"type":"tool_search_tool_regex_20251119","name":"s"},)") + kLater),
     Declared(kDeclaredB)},
    {"Search", Tools(kSearch, R"("tool_choice":{"type":"tool","name":"web_search"})"),
     WithConfig("", R"(,"tools":[{"googleSearch":{}}])")},
    {"SearchAndFetchAndCode",
     Tools(std::string(kSearch) + R"(,{"type":"web_fetch_20260318","name":"f"},)" +
           R"({"type":"code_execution_20260521","name":"c"})"),
     WithConfig("", R"(,"tools":[{"googleSearch":{}},{"urlContext":{}},{"codeExecution":{}}])")},
    {"SearchWithoutChoice", Tools(kSearch, R"("tool_choice":{"type":"none"})"), WithConfig("")},
    {"FunctionsGoFirst", Tools(std::string(kSearch) + "," + kToolA), Declared(kDeclaredA)},
    {"Bash", Tools(R"({"type":"bash_20250124","name":"bash"})"),
     Declared(R"({"name":"bash","description":"Runs a command in a shell that keeps its state between calls; restart )"
              R"(begins a new one.","parametersJsonSchema":{"type":"object","properties":{"command":{"type":"string"},)"
              R"("restart":{"type":"boolean"}}}})")},
    {"AdditionAndRemoval",
     R"({"model":"gemini-3.8-flash","max_tokens":4000,"tools":[)" + std::string(kToolA) + "," + kLater +
         R"(],"messages":[{"role":"user","content":"x"},)" +
         Blocks("system", R"({"type":"tool_addition","tool":{"type":"tool_reference","name":"b"}},)"
                          R"({"type":"tool_removal","tool":{"type":"tool_reference","name":"a"}})") +
         "]}",
     Declared(kDeclaredB)},
    {"NoFormatForAForcedCall",
     Tools(kToolA, R"("tool_choice":{"type":"any"},"output_format":{"type":"json_schema","schema":{}})"),
     Declared(kDeclaredA, R"("mode":"ANY")")},
};
INSTANTIATE_TEST_SUITE_P(Tools, AnthropicSends, testing::ValuesIn(kTools), CaseName);

const char kPng[] = R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk_"}})";
const char kSentPng[] = R"({"inlineData":{"mimeType":"image/png","data":"aGk/"}})";
const char kCall[] = R"({"type":"tool_use","id":"t","name":"a","input":{"k":1.0}})";
std::string SentCall(const std::string& signature) {
  return R"({"role":"model","parts":[{"functionCall":{"id":"t","name":"a","args":{"k":1.0}},"thoughtSignature":")" +
         signature + R"("}]})";
}
std::string SentResult(const std::string& response, const std::string& more = "") {
  return User(R"({"functionResponse":{"id":"t","name":"a","response":)" + response + "}}" + more);
}
std::string Conversation(const std::string& assistant, const std::string& user) {
  return RequestOf(R"({"role":"user","content":"x"},)" + Blocks("assistant", assistant) + "," + Blocks("user", user));
}
std::string SentConversation(const std::string& model, const std::string& user) {
  return Contents(User(R"({"text":"x"})") + "," + model + "," + user);
}
const char kDummy[] = "skip_thought_signature_validator";
const char kResult[] = R"({"type":"tool_result","tool_use_id":"t","content":"r"})";
std::string ThinkingBlock(const std::string& signature) {
  return R"({"type":"thinking","thinking":"T","signature":")" + signature + R"("},)";
}

const Case kMessages[] = {
    {"SystemText", Request(R"("system":"S")"),
     R"({"systemInstruction":{"parts":[{"text":"S"}]},)" + (WithConfig("").substr(1))},
    {"SystemMessages",
     RequestOf(R"({"role":"system","content":"A"},{"role":"user","content":"x"},)" +
               Blocks("system", R"({"type":"text","text":"B"})")),
     R"({"systemInstruction":{"parts":[{"text":"A"}]},)" +
         Contents(User(R"({"text":"x"},{"text":"System: B"})")).substr(1)},
    {"SystemOnly", RequestOf(R"({"role":"system","content":"A"})"), Contents(User(R"({"text":"A"})"))},
    {"SystemOfGemma", RequestOf(R"({"role":"system","content":"A"},{"role":"user","content":"x"})", "gemma-4-31b-it"),
     Contents(User(R"({"text":"A"},{"text":"x"})"))},
    {"Image",
     RequestOf(Blocks("user", std::string(kPng) + R"(,{"type":"text","text":"see"},{"type":"text","text":""})")),
     Contents(User(std::string(kSentPng) + R"(,{"text":"see"})"))},
    {"ImageOfDataUrl",
     RequestOf(Blocks("user", R"({"type":"image","source":{"type":"url","url":"data:image/PNG;base64,aGk"}})")),
     Contents(User(R"({"inlineData":{"mimeType":"image/png","data":"aGk="}})"))},
    {"FileOfGemini", RequestOf(Blocks("user", R"({"type":"document","source":{"type":"file","file_id":"files/f1"}})")),
     Contents(User(R"({"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f1"}})"))},
    {"Pdf",
     RequestOf(Blocks("user", R"({"type":"document","title":"T","context":"C","citations":{"enabled":true},)"
                              R"("source":{"type":"base64","media_type":"application/pdf","data":"aGk="}})")),
     Contents(User(R"({"text":"T\nC"},{"inlineData":{"mimeType":"application/pdf","data":"aGk="}})"))},
    {"TextDocument",
     RequestOf(Blocks("user", R"({"type":"document","source":{"type":"text","media_type":"text/plain",)"
                              R"("data":"D"}})")),
     Contents(User(R"({"text":"D"})"))},
    {"DocumentOfBlocks",
     RequestOf(Blocks("user", R"({"type":"document","source":{"type":"content","content":)"
                              R"([{"type":"text","text":"D"},)" +
                                  std::string(kPng) + "]}}")),
     Contents(User(R"({"text":"D"},)" + std::string(kSentPng)))},
    {"SearchResult",
     RequestOf(Blocks("user", R"({"type":"search_result","title":"T","source":"U","content":)"
                              R"([{"type":"text","text":"1"},{"type":"text","text":"2"}]})")),
     Contents(User(R"({"text":"T\nU\n1\n2"})"))},
    {"RealSignature", Conversation(ThinkingBlock(MakeCarrier(CarrierTarget::kCall, "EgE=")) + kCall, kResult),
     SentConversation(SentCall("EgE="), SentResult(R"({"output":"r"})"))},
    {"RedactedSignature",
     Conversation(
         R"({"type":"redacted_thinking","data":")" + MakeCarrier(CarrierTarget::kCall, "EgE=") + R"("},)" + kCall,
         kResult),
     SentConversation(SentCall("EgE="), SentResult(R"({"output":"r"})"))},
    {"ForeignSignature", Conversation(ThinkingBlock("EqQBCgIYAhIM") + kCall, kResult),
     SentConversation(SentCall(kDummy), SentResult(R"({"output":"r"})"))},
    {"SignatureOfText",
     RequestOf(Blocks("assistant", ThinkingBlock(MakeCarrier(CarrierTarget::kText, "EgE=")) +
                                       R"({"type":"text","text":"y"},{"type":"text","text":"z"})") +
               R"(,{"role":"user","content":"x"})"),
     Contents(User(R"({"text":"."})") + R"(,{"role":"model","parts":[{"text":"y","thoughtSignature":"EgE="},)" +
              R"({"text":"z"}]},)" + User(R"({"text":"x"})"))},
    {"SignaturesStayInTheirMessage",
     RequestOf(R"({"role":"user","content":"x"},)" +
               Blocks("assistant",
                      ThinkingBlock(MakeCarrier(CarrierTarget::kCall, "EgE=")) + R"({"type":"text","text":"y"})") +
               R"(,{"role":"user","content":"x"},)" + Blocks("assistant", kCall) + "," + Blocks("user", kResult)),
     Contents(User(R"({"text":"x"})") + R"(,{"role":"model","parts":[{"text":"y"}]},)" + User(R"({"text":"x"})") + "," +
              SentCall(kDummy) + "," + SentResult(R"({"output":"r"})"))},
    {"ResultOfObject", Conversation(kCall, R"({"type":"tool_result","tool_use_id":"t","content":"{\"k\":2.0}"})"),
     SentConversation(SentCall(kDummy), SentResult(R"({"k":2.0})"))},
    {"ResultOfBlocks",
     Conversation(kCall, R"({"type":"text","text":"go"},{"type":"tool_result","tool_use_id":"t","content":[)"
                         R"({"type":"text","text":"1"},{"type":"text","text":"2"}]})"),
     SentConversation(SentCall(kDummy), SentResult(R"({"output":"1\n2"})", R"(,{"text":"go"})"))},
    {"ResultWithoutContent", Conversation(kCall, R"({"type":"tool_result","tool_use_id":"t"})"),
     SentConversation(SentCall(kDummy), SentResult(R"({"output":""})"))},
    {"ResultOfNobody", RequestOf(Blocks("user", kResult)), Contents(User(R"({"text":"Tool result (t): r"})"))},
    {"InputThatIsNoObject", Conversation(R"({"type":"tool_use","id":"t","name":"a","input":[1]})", kResult),
     SentConversation(R"({"role":"model","parts":[{"functionCall":{"id":"t","name":"a","args":{"_raw":"[1]"}},)"
                      R"("thoughtSignature":"skip_thought_signature_validator"}]})",
                      SentResult(R"({"output":"r"})"))},
    {"ServerToolsAreLeftOut",
     Conversation(R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}},)"
                  R"({"type":"web_search_tool_result","tool_use_id":"s","content":[{"encrypted_content":"E"}]},)"
                  R"({"type":"text","text":"y"})",
                  R"({"type":"text","text":"z"})"),
     SentConversation(R"({"role":"model","parts":[{"text":"y"}]})", User(R"({"text":"z"})"))},
};
INSTANTIATE_TEST_SUITE_P(Messages, AnthropicSends, testing::ValuesIn(kMessages), CaseName);

struct Refusal {
  const char* name;
  std::string in;
  int status;
  const char* param;
};
class AnthropicRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(AnthropicRefuses, NamingTheField) {
  const auto parsed = ParseMessages(GetParam().in);
  ASSERT_FALSE(parsed.ok()) << parsed->body;
  EXPECT_EQ(HttpStatus(ErrorShape::kAnthropic, parsed.error().kind), GetParam().status) << parsed.error().message;
  EXPECT_EQ(parsed.error().param, GetParam().param);
  EXPECT_TRUE(parsed.error().message.starts_with(GetParam().param)) << parsed.error().message;
}

const Refusal kRefusals[] = {
    {"NotJson", "{", 400, ""},
    {"NoModel", R"({"max_tokens":1,"messages":[{"role":"user","content":"x"}]})", 400, "model"},
    {"BadModel", Request("", "a/b"), 404, "model"},
    {"NoMessages", R"({"model":"m","max_tokens":1,"messages":[]})", 400, "messages"},
    {"NoContent", RequestOf(R"({"role":"user"})"), 400, "messages[0].content"},
    {"BadRole", RequestOf(R"({"role":"tool","content":"x"})"), 400, "messages[0].role"},
    {"NegativeLimit", R"({"model":"m","max_tokens":-1,"messages":[{"role":"user","content":"x"}]})", 400, "max_tokens"},
    {"TooHot", Request(R"("temperature":1.1)"), 400, "temperature"},
    {"SixStops", Request(R"("stop_sequences":["1","2","3","4","5","6"])"), 400, "stop_sequences"},
    {"BadThinking", Request(R"("thinking":{"type":"x"})"), 400, "thinking.type"},
    {"BadBudget", Request(R"("thinking":{"type":"enabled","budget_tokens":0})"), 400, "thinking.budget_tokens"},
    {"BadEffort", Request(R"("output_config":{"effort":"x"})"), 400, "output_config.effort"},
    {"BadFormat", Request(R"("output_config":{"format":{"type":"x"}})"), 400, "output_config.format.type"},
    {"FormatBesideToolsOf25",
     R"({"model":"gemini-2.5-pro","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"a"}],)"
     R"("output_config":{"format":{"type":"json_schema","schema":{}}}})",
     400, "output_config.format"},
    {"McpServers", Request(R"("mcp_servers":[{"name":"m"}])"), 501, "mcp_servers"},
    {"ToolWithoutName", Tools("{}"), 400, "tools[0].name"},
    {"UnknownTool", Tools(R"({"type":"computer_20251124","name":"c"})"), 501, "tools[0].type"},
    {"ChoiceWithoutTools", Request(R"("tool_choice":{"type":"any"})"), 400, "tool_choice"},
    {"ChoiceOfNobody", Tools(kToolA, R"("tool_choice":{"type":"tool","name":"z"})"), 400, "tool_choice.name"},
    {"BadChoice", Tools(kToolA, R"("tool_choice":{"type":"z"})"), 400, "tool_choice.type"},
    {"Gif",
     RequestOf(Blocks("user", R"({"type":"image","source":{"type":"base64","media_type":"image/gif",)"
                              R"("data":"aGk="}})")),
     400, "messages[0].content[0].source.media_type"},
    {"NotBase64",
     RequestOf(Blocks("user", R"({"type":"image","source":{"type":"base64","media_type":"image/png",)"
                              R"("data":"!"}})")),
     400, "messages[0].content[0].source.data"},
    {"RemoteImage", RequestOf(Blocks("user", R"({"type":"image","source":{"type":"url","url":"https://e.org/i"}})")),
     400, "messages[0].content[0].source.url"},
    {"ForeignFile", RequestOf(Blocks("user", R"({"type":"image","source":{"type":"file","file_id":"file_1"}})")), 400,
     "messages[0].content[0].source.file_id"},
    {"UnknownBlock", RequestOf(Blocks("user", R"({"type":"z"})")), 400, "messages[0].content[0].type"},
    {"UnknownBlockInResult",
     RequestOf(Blocks("user", R"({"type":"tool_result","tool_use_id":"t","content":[{"type":"z"}]})")), 400,
     "messages[0].content[0].content[0].type"},
    {"Container", RequestOf(Blocks("user", R"({"type":"container_upload","file_id":"f"})")), 501,
     "messages[0].content[0].type"},
    {"InlineTool", RequestOf(Blocks("system", R"({"type":"tool_addition","tool":{"type":"tool_definition"}})")), 501,
     "messages[0].content[0].tool.type"},
};
INSTANTIATE_TEST_SUITE_P(Fields, AnthropicRefuses, testing::ValuesIn(kRefusals),
                         [](const auto& refusal) { return std::string(refusal.param.name); });

TEST(Anthropic, CorruptSignaturesAreReplacedTheSecondTime) {
  const std::string request = Conversation(ThinkingBlock(MakeCarrier(CarrierTarget::kCall, "EgE=")) + kCall, kResult);
  const auto parsed = ParseMessages(request, AnthropicUse::kMessage, {.dummy_signatures = true});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->body, SentConversation(SentCall(kDummy), SentResult(R"({"output":"r"})")));
}

TEST(Anthropic, CountingNeedsNoLimit) {
  const auto parsed =
      ParseMessages(R"({"model":"m","messages":[{"role":"user","content":"x"}]})", AnthropicUse::kCountTokens);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(CountTokensBody(*parsed),
            R"({"generateContentRequest":{"model":"models/m","contents":[{"role":"user","parts":[{"text":"x"}]}]}})");
}

TEST(Anthropic, EstimatesTextByBytesAndPicturesByNumber) {
  StillClock clock;
  const auto estimate = [&](const std::string& content) {
    const auto protocol = NewAnthropic(clock, AnthropicUse::kMessage);
    EXPECT_TRUE(protocol->Parse(AnthropicRequest(RequestOf(Blocks("user", content))), {}).ok());
    return protocol->estimated_input_tokens();
  };
  const std::string text = R"({"type":"text","text":")";
  const int64_t one = estimate(text + R"(x"})");
  EXPECT_EQ(estimate(text + std::string(4001, 'x') + R"("})"), one + 1000);
  const std::string picture(80'000, 'A');
  const int64_t with_picture = estimate(
      text + R"(x"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":")" + picture + R"("}})");
  EXPECT_NEAR(static_cast<double>(with_picture - one), 258 + 15, 10);
}

}  // namespace
}  // namespace gc
