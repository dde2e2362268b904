// fake_gemini_test.cc: the judge is judged first: what it refuses, what it accepts, and every way it misbehaves on cue.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "support/http.h"
#include "support/process.h"

namespace gc::test {
namespace {

constexpr std::string_view kFlash = "gemini-3.8-flash";
constexpr std::string_view kOld = "gemini-2.5-flash";

// "@hi" stands for contents of one user turn, "@tool" for a tools member with the function f.
std::string Expand(std::string text) {
  const std::pair<std::string_view, std::string_view> words[] = {
      {"@hi", R"("contents":[{"role":"user","parts":[{"text":"hi"}]}])"},
      {"@tool", R"("tools":[{"functionDeclarations":[{"name":"f"}]}])"},
      {"@user", R"({"role":"user","parts":[{"text":"hi"}]})"},
      {"@signed",
       R"({"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"EgNhYmM="}]})"},
      {"@unsigned", R"({"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}}]})"},
      {"@result", R"({"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"a":1}}}]})"},
  };
  for (const auto& [word, json] : words) {
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + json.size())) {
      text.replace(at, word.size(), json);
    }
  }
  return text;
}

// Contents of one user turn with this text.
std::string Say(std::string_view text, std::string_view more = "") {
  std::string quoted;
  json::Writer(&quoted).String(text);
  return R"({"contents":[{"parts":[{"text":)" + quoted + "}]}]" + std::string(more) + "}";
}

class FakeGeminiTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    fake_ = new FakeGemini;
    ASSERT_TRUE(fake_->Start().ok());
  }
  static void TearDownTestSuite() { delete fake_; }
  void SetUp() override { fake_->Reset(); }

  static std::string Url(std::string_view model, std::string_view method) {
    return fake_->base_url() + "/v1beta/models/" + std::string(model) + ":" + std::string(method);
  }
  static HttpCall Call(std::string_view model, std::string_view method, std::string body,
                       std::string_view key = "test-key-1") {
    return Post(Url(model, method), std::move(body), {"x-goog-api-key: " + std::string(key)});
  }
  static HttpReply Generate(std::string_view model, std::string body) {
    return Do(Call(model, "generateContent", std::move(body)));
  }
  static HttpReply Sse(std::string_view text) { return Do(Call(kFlash, "streamGenerateContent?alt=sse", Say(text))); }

  static FakeGemini* fake_;
};
FakeGemini* FakeGeminiTest::fake_ = nullptr;

json::Document Parse(const std::string& text) {
  auto document = json::Document::Parse(text);
  EXPECT_TRUE(document.ok()) << text;
  return document.ok() ? std::move(*document) : std::move(*json::Document::Parse("null"));
}

// Follows names and indexes: At(root, {"candidates", "0", "content"}).
const json::Value& At(const json::Value& root, const std::vector<std::string>& path) {
  static const json::Value kNothing;
  const json::Value* value = &root;
  for (const std::string& step : path) {
    if (value->IsArray()) {
      const auto i = static_cast<size_t>(std::stoul(step));
      if (i >= value->Items().size()) return kNothing;
      value = &value->Items()[i];
    } else if ((value = value->Find(step)) == nullptr) {
      return kNothing;
    }
  }
  return *value;
}

std::string TextOf(const HttpReply& reply) {
  const auto document = Parse(reply.body);
  return std::string(At(document.root(), {"candidates", "0", "content", "parts", "0", "text"}).Text());
}

// ---- judgement ----

struct Case {
  std::string name;
  std::string_view model;
  std::string body;
  std::string error;  // part of the message of a 400; empty = accepted
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.body; }

class FakeGeminiJudges : public FakeGeminiTest, public testing::WithParamInterface<Case> {};

TEST_P(FakeGeminiJudges, Request) {
  const Case& c = GetParam();
  const HttpReply reply = Generate(c.model, Expand(c.body));
  const auto document = Parse(reply.body);
  if (c.error.empty()) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    return;
  }
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_EQ(At(document.root(), {"error", "code"}).Int(), 400);
  EXPECT_EQ(At(document.root(), {"error", "status"}).Text(), "INVALID_ARGUMENT");
  EXPECT_NE(At(document.root(), {"error", "message"}).Text().find(c.error), std::string_view::npos) << reply.body;
}

std::string CaseName(const testing::TestParamInfo<Case>& info) { return info.param.name; }

const Case kFieldCases[] = {
    {"Plain", kFlash, "{@hi}", ""},
    {"SnakeCase", kFlash,
     R"({@hi,"generation_config":{"max_output_tokens":5},"system_instruction":{"parts":{"text":"s"}}})", ""},
    {"SingleForRepeated", kFlash, R"({"contents":{"parts":{"text":"hi"}}})", ""},
    {"NullIsAbsent", kFlash, R"({@hi,"tools":null})", ""},
    {"LowerCaseEnum", kFlash, R"({@hi,"generationConfig":{"thinkingConfig":{"thinkingLevel":"low"}}})", ""},
    {"IntInString", kFlash, R"({@hi,"generationConfig":{"seed":"7"}})", ""},
    {"BrokenJson", kFlash, R"({"contents":)", "Invalid JSON payload received."},
    {"UnknownTop", kFlash, R"({@hi,"stream":true})", R"(Unknown name "stream": Cannot find field.)"},
    {"UnknownConfig", kFlash, R"({@hi,"generationConfig":{"top_k2":1}})",
     R"(Unknown name "top_k2" at 'generation_config': Cannot find field.)"},
    {"UnknownInPart", kFlash, R"({"contents":[{"parts":[{"text":"a","cache_control":{}}]}]})",
     R"(Unknown name "cache_control" at 'contents[0].parts[0]')"},
    {"UnknownInCall", kFlash, R"({"contents":[{"parts":[{"functionCall":{"name":"f","arguments":{}}}]}]})",
     R"(Unknown name "arguments" at 'contents[0].parts[0].function_call')"},
    {"VertexOnly", kFlash, R"({@hi,"generationConfig":{"routingConfig":{}}})", R"(Unknown name "routingConfig")"},
    {"StrictInDeclaration", kFlash, R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","strict":true}]}]})",
     R"(Unknown name "strict" at 'tools[0].function_declarations[0]')"},
    {"SchemaKeyword", kFlash,
     R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string","const":"x"}}}}]}]})",
     R"(Unknown name "const" at 'tools[0].function_declarations[0].parameters.properties[0].value')"},
    {"SchemaTypeList", kFlash,
     R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":["string","null"]}}]}]})",
     "Proto field is not repeating, cannot start list."},
    {"TypeString", kFlash, R"({"contents":[{"parts":[{"text":7}]}]})",
     "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 7"},
    {"TypeMessage", kFlash, R"({"contents":["hi"]})",
     "Invalid value at 'contents[0]' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content)"},
    {"TypeBool", kFlash, R"({@hi,"store":"yes"})", "(TYPE_BOOL)"},
    {"Int32Overflow", kFlash, R"({@hi,"generationConfig":{"seed":5000000000}})",
     "'generation_config.seed' (TYPE_INT32)"},
    {"Fraction", kFlash, R"({@hi,"generationConfig":{"topK":1.5}})", "(TYPE_INT32)"},
    {"BadEnum", kFlash, R"({@hi,@tool,"toolConfig":{"functionCallingConfig":{"mode":"REQUIRED"}}})", "REQUIRED"},
    {"BadBase64", kFlash, R"({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%"}}]}]})",
     "Base64 decoding failed"},
    {"TwoDataFields", kFlash, R"({"contents":[{"parts":[{"text":"a","inlineData":{}}]}]})",
     "oneof field 'data' is already set"},
    {"ArgsMustBeObject", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"name":"f","args":"{}"}}]}]})",
     "function_call.args"},
    {"ResponseMustBeObject", kFlash, R"({"contents":[{"parts":[{"functionResponse":{"name":"f","response":[1]}}]}]})",
     "Unknown name \"response\" at 'contents[0].parts[0].function_response': Proto field is not repeating"},
};
INSTANTIATE_TEST_SUITE_P(Fields, FakeGeminiJudges, testing::ValuesIn(kFieldCases), CaseName);

std::string Tool(const std::string& schema) {
  return R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":)" + schema + "}]}]}";
}
std::string Format(const std::string& schema) {
  return R"({@hi,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":)" + schema + "}}";
}

const Case kSchemaCases[] = {
    {"Documented", kFlash,
     Tool(
         R"({"type":"object","properties":{"a":{"$ref":"#/$defs/X"},"b":{"type":["string","null"],"format":"date"}},"required":["a"],"additionalProperties":false,"$defs":{"X":{"type":"integer","minimum":1}}})"),
     ""},
    {"PropertyNamedLikeKeyword", kFlash,
     Tool(R"({"type":"object","properties":{"const":{"type":"string"},"$schema":{"type":"string"}}})"), ""},
    {"PatternInParameters", kFlash, Tool(R"({"type":"string","pattern":"a","minLength":1})"), ""},
    {"PatternInAnswer", kFlash, Format(R"({"type":"string","pattern":"a"})"),
     R"(Unknown name "pattern" at 'generation_config.response_json_schema')"},
    {"DollarSchema", kFlash, Tool(R"({"$schema":"http://json-schema.org/draft-07/schema#","type":"object"})"),
     R"(Unknown name "$schema")"},
    {"ExclusiveMinimum", kFlash,
     Tool(R"({"type":"object","properties":{"n":{"type":"integer","exclusiveMinimum":0}}})"),
     R"(Unknown name "exclusiveMinimum" at 'tools[0].function_declarations[0].parameters_json_schema.properties.n')"},
    {"Definitions", kFlash, Tool(R"({"definitions":{}})"), R"(Unknown name "definitions")"},
    {"AllOfInAnyOf", kFlash, Tool(R"({"anyOf":[{"allOf":[]}]})"), R"(Unknown name "allOf" at)"},
    {"RefSibling", kFlash,
     Tool(R"({"$defs":{"X":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/X","description":"d"}}})"),
     "beside $ref"},
    {"RefNowhere", kFlash, Tool(R"({"properties":{"a":{"$ref":"#/$defs/Y"}}})"), "undefined schema"},
    {"RequiredGhost", kFlash, Tool(R"({"type":"object","properties":{},"required":["ghost"]})"), "required[0]"},
    {"ArrayWithoutItems", kFlash, Tool(R"({"type":"array"})"), "missing field"},
    {"BooleanSchema", kFlash, Tool(R"({"properties":{"a":true}})"), "(JSON schema)"},
    {"BooleanEnum", kFlash, Tool(R"({"enum":[true]})"), "enum[0]"},
    {"OpenApiItems", kFlash,
     R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object","properties":{"t":{"type":"array"}}}}]}]})",
     "parameters.properties[t].items: missing field."},
    {"OpenApiEmptyEnum", kFlash,
     R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"string","enum":[""]}}]}]})",
     "enum[0]: cannot be empty"},
    {"BothKinds", kFlash,
     R"({@hi,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object"},"parametersJsonSchema":{}}]}]})",
     "only one of"},
    {"AnswerWithoutMimeType", kFlash, R"({@hi,"generationConfig":{"responseJsonSchema":{"type":"object"}}})",
     "response_mime_type"},
    {"AnswerBothKinds", kFlash,
     R"({@hi,"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"STRING"},"responseJsonSchema":{}}})",
     "only one of"},
};
INSTANTIATE_TEST_SUITE_P(Schemas, FakeGeminiJudges, testing::ValuesIn(kSchemaCases), CaseName);

const Case kContentCases[] = {
    {"NoContents", kFlash, "{}", "contents is not specified"},
    {"EmptyContents", kFlash, R"({"contents":[]})", "contents is not specified"},
    {"NoParts", kFlash, R"({"contents":[{"role":"user"}]})", "contents.parts must not be empty"},
    {"EmptyPart", kFlash, R"({"contents":[{"parts":[{}]}]})",
     "required oneof field 'data' must have one initialized field"},
    {"EmptyText", kFlash, R"({"contents":[{"parts":[{"text":""}]}]})", "required oneof field 'data'"},
    {"EmptySignedText", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"text":"a"},{"text":"","thoughtSignature":"EgNhYmM="}]},@user]})",
     ""},
    {"Role", kFlash, R"({"contents":[{"role":"assistant","parts":[{"text":"a"}]}]})",
     "Please use a valid role: user, model."},
    {"Gif", kFlash, R"({"contents":[{"parts":[{"inlineData":{"mimeType":"image/gif","data":"AAAA"}}]}]})",
     "Unsupported MIME type: image/gif"},
    {"HttpFile", kFlash, R"({"contents":[{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"http://a/b"}}]}]})",
     "Invalid or unsupported file uri"},
    {"SystemOnGemma", "gemma-4-31b-it", R"({@hi,"systemInstruction":{"parts":[{"text":"s"}]}})",
     "Developer instruction is not enabled"},
    {"EmptySystem", kFlash, R"({@hi,"systemInstruction":{"parts":[]}})", "contents.parts must not be empty"},
    {"EndsWithModel", kFlash, R"({"contents":[@user,{"role":"model","parts":[{"text":"so"}]}]})",
     "ends with a user turn"},
    {"WrongModelInBody", kFlash, R"({@hi,"model":"models/other"})", "is not that of the path"},
    {"CacheWithTools", kFlash, R"({@hi,@tool,"cachedContent":"cachedContents/1"})", "CachedContent can not be used"},
};
INSTANTIATE_TEST_SUITE_P(Contents, FakeGeminiJudges, testing::ValuesIn(kContentCases), CaseName);

const Case kTurnCases[] = {
    {"ToolRound", kFlash, R"({"contents":[@user,@signed,@result],@tool})", ""},
    {"HistoryBeginsWithCall", kFlash, R"({"contents":[@signed,@result],@tool})",
     "function call turn comes immediately after a user turn"},
    {"CallAfterModelText", kFlash, R"({"contents":[@user,{"role":"model","parts":[{"text":"a"}]},@signed,@result]})",
     "function call turn comes immediately after"},
    {"CallByUser", kFlash, R"({"contents":[@user,{"role":"user","parts":[{"functionCall":{"name":"f"}}]}]})",
     "function call turn comes"},
    {"OrphanResponse", kFlash, R"({"contents":[@user,@result]})",
     "function response turn comes immediately after a function call turn"},
    {"Unanswered", kFlash, R"({"contents":[@user,@signed,@user]})", "number of function response parts is equal"},
    {"OneOfTwoAnswered", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"EgNhYmM="},{"functionCall":{"id":"2","name":"f"}}]},@result]})",
     "number of function response parts is equal"},
    {"ForeignId", kFlash,
     R"({"contents":[@user,@signed,{"role":"user","parts":[{"functionResponse":{"id":"9","name":"f","response":{}}}]}]})",
     "matches no function call"},
    {"ResponseThenText", kFlash,
     R"({"contents":[@user,@signed,{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{}}},{"text":"and now"}]}]})",
     ""},
    {"SignedResponse", kFlash,
     R"({"contents":[@user,@signed,{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{}},"thoughtSignature":"EgNhYmM="}]}]})",
     "not allowed in a functionResponse part"},
    {"Unsigned", kFlash, R"({"contents":[@user,@unsigned,@result]})",
     "Function call is missing a thought_signature in functionCall parts"},
    {"UnsignedNamesFunction", kFlash, R"({"contents":[@user,@unsigned,@result]})",
     "function call `default_api:f`, position 2"},
    {"UnsignedSecondStep", kFlash, R"({"contents":[@user,@signed,@result,@unsigned,@result]})", "position 4"},
    {"UnsignedOldTurn", kFlash,
     R"({"contents":[@user,@unsigned,@result,{"role":"model","parts":[{"text":"a"}]},@user]})", ""},
    {"UnsignedOn25", kOld, R"({"contents":[@user,@unsigned,@result]})", ""},
    {"UnsignedSecondParallel", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"EgNhYmM="},{"functionCall":{"id":"2","name":"f"}}]},{"parts":[{"functionResponse":{"id":"1","name":"f","response":{}}},{"functionResponse":{"id":"2","name":"f","response":{}}}]}]})",
     ""},
    {"Dummy", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"skip_thought_signature_validator"}]},@result]})",
     ""},
    {"OtherDummy", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"context_engineering_is_the_way_to_go"}]},@result]})",
     ""},
    {"CorruptSignature", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"AAAA"}]},@result]})",
     "Corrupted thought signature"},
    // "\x12\x06fake:g": the fake gave it to a call of g.
    {"MovedSignature", kFlash,
     R"({"contents":[@user,{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"EgZmYWtlOmc="}]},@result]})",
     "not valid for this part"},
};
INSTANTIATE_TEST_SUITE_P(Turns, FakeGeminiJudges, testing::ValuesIn(kTurnCases), CaseName);

std::string Declare(std::string_view name) {
  return R"({@hi,"tools":[{"functionDeclarations":[{"name":")" + std::string(name) + R"("}]}]})";
}

const Case kToolCases[] = {
    {"LegalName", kFlash, Declare("_a.b:c-9"), ""},
    {"DigitFirst", kFlash, Declare("1a"), "Invalid function name"},
    {"Slash", kFlash, Declare("a/b"), "Invalid function name"},
    {"Length64", kFlash, Declare(std::string(64, 'a')), ""},
    {"Length65", kFlash, Declare(std::string(65, 'a')), "Invalid function name"},
    {"Duplicate", kFlash, R"({@hi,"tools":[{"functionDeclarations":[{"name":"f"},{"name":"f"}]}]})",
     "Duplicate function declaration found: f"},
    {"EmptyTool", kFlash, R"({@hi,"tools":[{"functionDeclarations":[]}]})", "tool_type"},
    {"AnyWithoutTools", kFlash, R"({@hi,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}})",
     "without function_declarations"},
    {"AllowedWithAuto", kFlash,
     R"({@hi,@tool,"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["f"]}}})",
     "allowed_function_names"},
    {"AllowedValidated", kFlash,
     R"({@hi,@tool,"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["f"]}}})", ""},
    {"AllowedGhost", kFlash,
     R"({@hi,@tool,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["g"]}}})",
     "undeclared function: g"},
    {"MixOn25", kOld, R"({@hi,"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f"}]}]})",
     "cannot be combined"},
    {"MixAuto", kFlash, R"({@hi,"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f"}]}]})",
     "include_server_side_tool_invocations"},
    {"MixValidated", kFlash,
     R"({@hi,"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"includeServerSideToolInvocations":true,"functionCallingConfig":{"mode":"VALIDATED"}}})",
     ""},
    {"JsonAndToolsOn25", kOld, R"({@hi,@tool,"generationConfig":{"responseMimeType":"application/json"}})",
     "Function calling with a response mime type"},
    {"JsonAndToolsOn3", kFlash, R"({@hi,@tool,"generationConfig":{"responseMimeType":"application/json"}})", ""},
};
INSTANTIATE_TEST_SUITE_P(Tools, FakeGeminiJudges, testing::ValuesIn(kToolCases), CaseName);

std::string Config(std::string_view members) { return "{@hi,\"generationConfig\":{" + std::string(members) + "}}"; }
std::string Think(std::string_view members) { return Config("\"thinkingConfig\":{" + std::string(members) + "}"); }

const Case kConfigCases[] = {
    {"TemperatureMax", kFlash, Config(R"("temperature":2)"), ""},
    {"TemperatureHigh", kFlash, Config(R"("temperature":2.1)"), "temperature must be in the range"},
    {"TopPHigh", kFlash, Config(R"("topP":1.5)"), "top_p"},
    {"CandidatesOn4", "gemini-4-argon", Config(R"("candidateCount":2)"), "Multiple candidates is not enabled"},
    {"CandidatesNine", kFlash, Config(R"("candidateCount":9)"), "candidate_count"},
    {"FiveStops", kFlash, Config(R"("stopSequences":["a","b","c","d","e"])"), ""},
    {"SixStops", kFlash, Config(R"("stopSequences":["a","b","c","d","e","f"])"), "at most 5"},
    {"Penalty", kFlash, Config(R"("presencePenalty":0)"), "Penalty is not enabled for this model"},
    {"PenaltyOn25", kOld, Config(R"("frequencyPenalty":0.5)"), "Penalty is not enabled for this model"},
    {"MaxTokensZero", kFlash, Config(R"("maxOutputTokens":0)"), "max_output_tokens"},
    {"MaxTokensOverLimit", kFlash, Config(R"("maxOutputTokens":65537)"), "max_output_tokens"},
    {"LogprobsAlone", kFlash, Config(R"("logprobs":2)"), "response_logprobs"},
    {"LogprobsOn3", kFlash, Config(R"("responseLogprobs":true)"), "Logprobs is not enabled"},
    {"LogprobsOn25", kOld, Config(R"("responseLogprobs":true,"logprobs":2)"), ""},
    {"MimeType", kFlash, Config(R"("responseMimeType":"text/html")"), "allowed mimetypes"},
    {"LevelOn25", kOld, Think(R"("thinkingLevel":"LOW")"), "Thinking level is not supported for this model."},
    {"BudgetOn4", "gemini-4-argon", Think(R"("thinkingBudget":100)"),
     "Thinking budget is not supported for this model."},
    {"BudgetOnGemma", "gemma-4-31b-it", Think(R"("thinkingBudget":0)"),
     "Thinking budget is not supported for this model."},
    {"ThoughtsOnGemma", "gemma-4-31b-it", Think(R"("includeThoughts":true)"), "Thinking is not enabled"},
    {"BothKnobs", kFlash, Think(R"("thinkingBudget":1,"thinkingLevel":"LOW")"),
     "You can only set only one of thinking budget and thinking level."},
    {"MinimalOn38", kFlash, Think(R"("thinkingLevel":"MINIMAL")"), "MINIMAL is not supported"},
    {"MinimalOn35", "gemini-3.5-flash", Think(R"("thinkingLevel":"minimal")"), ""},
    {"MediumOn3Pro", "gemini-3-pro-preview", Think(R"("thinkingLevel":"MEDIUM")"), "MEDIUM is not supported"},
    {"XhighOnHydrogen", "gemini-4-hydrogen", Think(R"("thinkingLevel":"xhigh")"), ""},
    {"XhighOnArgon", "gemini-4-argon", Think(R"("thinkingLevel":"xhigh")"), "is not supported"},
    {"ZeroOnPro", "gemini-2.5-pro", Think(R"("thinkingBudget":0)"), "between 128 and 32768"},
    {"ZeroOnFlash", kOld, Think(R"("thinkingBudget":0)"), ""},
    {"DynamicOnPro", "gemini-2.5-pro", Think(R"("thinkingBudget":-1)"), ""},
    {"SmallOnLite", "gemini-2.5-flash-lite", Think(R"("thinkingBudget":511)"), "between 512 and 24576"},
    {"OverOnFlash", kOld, Think(R"("thinkingBudget":24577)"), "24576"},
};
INSTANTIATE_TEST_SUITE_P(Config, FakeGeminiJudges, testing::ValuesIn(kConfigCases), CaseName);

// ---- keys, paths, other methods ----

TEST_F(FakeGeminiTest, KeysFailAsTheyAreNamed) {
  struct Row {
    std::string_view key;
    int status;
    std::string_view grpc;
    std::string_view detail;  // must stand in the body
  };
  const Row rows[] = {
      {"AIzaSomething", 200, "", "candidates"},
      {"sk-foreign", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"},
      {"test-key-invalid", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."},
      {"test-key-expired-2", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"},
      {"test-key-suspended", 403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED"},
      {"test-key-location", 400, "FAILED_PRECONDITION", "User location is not supported"},
      {"test-key-rpm", 429, "RESOURCE_EXHAUSTED", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},
      {"test-key-rpd", 429, "RESOURCE_EXHAUSTED", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
      {"test-key-rpd", 429, "RESOURCE_EXHAUSTED", "\"retryDelay\":\"22s\""},
      {"test-key-zero", 429, "RESOURCE_EXHAUSTED", "\"quotaValue\":\"0\""},
      {"test-key-zero", 429, "RESOURCE_EXHAUSTED", "limit: 0"},
      {"test-key-nodetail", 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted"},
      {"test-key-overloaded", 503, "UNAVAILABLE", "overloaded"},
      {"test-key-rpmx", 200, "", "candidates"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.key) + " " + std::string(row.detail));
    const HttpReply reply = Do(Call(kFlash, "generateContent", Say("hi"), row.key));
    EXPECT_EQ(reply.status, row.status);
    EXPECT_EQ(At(Parse(reply.body).root(), {"error", "status"}).Text(), row.grpc);
    EXPECT_NE(reply.body.find(row.detail), std::string::npos) << reply.body;
  }
}

TEST_F(FakeGeminiTest, CredentialMayComeInHeaderOrQuery) {
  HttpCall call = Post(Url(kFlash, "generateContent"), Say("hi"));
  const HttpReply none = Do(call);
  EXPECT_EQ(none.status, 403);
  EXPECT_NE(none.body.find("unregistered callers"), std::string::npos);
  call.headers = {"Authorization: Bearer test-key-1"};
  EXPECT_EQ(Do(call).status, 401);
  call.headers = {};
  call.url += "?key=test-key-secret-abcd";
  EXPECT_EQ(Do(call).status, 200);
  call.headers = {"x-goog-api-key: test-key-other-wxyz"};
  EXPECT_EQ(Do(call).status, 200);

  const auto requests = fake_->Requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[0].key_in, "none");
  EXPECT_EQ(requests[1].key_in, "bearer");
  EXPECT_EQ(requests[2].key_in, "query");
  EXPECT_EQ(requests[2].query, "key=*");
  EXPECT_EQ(requests[2].key_last4, "abcd");
  EXPECT_EQ(requests[3].key_in, "both");
  EXPECT_NE(requests[3].key_index, requests[2].key_index);
  for (const auto& request : requests) {
    EXPECT_EQ(ToJson(request).find("test-key"), std::string::npos) << "a key was recorded";
  }
}

TEST_F(FakeGeminiTest, PathsMethodsAndQueries) {
  struct Row {
    std::string_view name;
    std::string_view method;
    std::string_view target;
    std::string body;
    int status;
    std::string_view part;
  };
  const Row rows[] = {
      {"one model", "GET", "/v1beta/models/gemini-2.5-pro", "", 200, R"("name":"models/gemini-2.5-pro")"},
      {"unknown model", "GET", "/v1beta/models/gpt-4", "", 404, "models/gpt-4 is not found for API version v1beta"},
      {"generate with unknown model", "POST", "/v1beta/models/gpt-4:generateContent", "{@hi}", 404,
       "or is not supported for generateContent"},
      {"generate with embedding model", "POST", "/v1beta/models/gemini-embedding-001:generateContent", "{@hi}", 404,
       "NOT_FOUND"},
      {"unknown verb", "POST", "/v1beta/models/gemini-2.5-pro:predict", "{}", 404, "NOT_FOUND"},
      {"foreign path", "GET", "/index.html", "", 404, "<!DOCTYPE html>"},
      {"unknown v1beta path", "GET", "/v1beta/tunes", "", 404, R"("status": "NOT_FOUND")"},
      {"files", "GET", "/v1beta/files", "", 200, "{}"},
      {"cached contents", "GET", "/v1beta/cachedContents", "", 200, "{}"},
      {"unknown query", "GET", "/v1beta/models?limit=3", "", 400,
       R"(Unknown name \"limit\": Cannot bind query parameter)"},
      {"count", "POST", "/v1beta/models/gemini-2.5-pro:countTokens", "{@hi}", 200, R"("totalTokens":1)"},
      {"count wrapped", "POST", "/v1beta/models/gemini-2.5-pro:countTokens",
       R"({"generateContentRequest":{"model":"models/gemini-2.5-pro",@hi,@tool}})", 200, R"("totalTokens":11)"},
      {"count wrapped without model", "POST", "/v1beta/models/gemini-2.5-pro:countTokens",
       R"({"generateContentRequest":{@hi}})", 400, "model must be set"},
      {"count with system", "POST", "/v1beta/models/gemini-2.5-pro:countTokens",
       R"({@hi,"systemInstruction":{"parts":[{"text":"s"}]}})", 400, "Unknown name"},
      {"embed", "POST", "/v1beta/models/gemini-embedding-001:embedContent",
       R"({"content":{"parts":[{"text":"a"}]},"outputDimensionality":2})", 200, R"({"embedding":{"values":[)"},
      {"batch without model", "POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents",
       R"({"requests":[{"content":{"parts":[{"text":"a"}]}}]})", 400, "model is not specified"},
      {"batch", "POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents",
       R"({"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}}]})", 200,
       R"({"embeddings":[{"values":[)"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    HttpCall call = Post(fake_->base_url() + std::string(row.target), Expand(row.body), {"x-goog-api-key: test-key-1"});
    call.method = row.method;
    const HttpReply reply = Do(call);
    EXPECT_EQ(reply.status, row.status) << reply.body;
    EXPECT_NE(reply.body.find(row.part), std::string::npos) << reply.body;
  }
}

TEST_F(FakeGeminiTest, RefusesABatchOver100) {
  std::string body = R"({"requests":[)";
  for (int i = 0; i < 101; ++i) {
    body += (i == 0 ? "" : ",") +
            std::string(R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}})");
  }
  const HttpReply reply = Do(Call("gemini-embedding-001", "batchEmbedContents", body + "]}"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("at most 100 requests"), std::string::npos) << reply.body;
}

TEST_F(FakeGeminiTest, ListsModelsInPages) {
  size_t models = 0;
  int pages = 0;
  std::string token;
  do {
    HttpCall call;
    call.url = fake_->base_url() + "/v1beta/models?pageSize=10" + (token.empty() ? "" : "&pageToken=" + token);
    call.headers = {"x-goog-api-key: test-key-1"};
    const auto document = Parse(Do(call).body);
    models += At(document.root(), {"models"}).Items().size();
    token = document.root().StringOr("nextPageToken", "");
  } while (!token.empty() && ++pages < 10);
  EXPECT_EQ(pages, 2);
  EXPECT_GT(models, 20U);
}

TEST_F(FakeGeminiTest, WantsJsonAsContentType) {
  HttpCall call = Call(kFlash, "generateContent", Say("hi"));
  call.headers.emplace_back("Content-Type: text/plain");
  EXPECT_EQ(Do(call).status, 400);
}

// ---- answers ----

TEST_F(FakeGeminiTest, EchoesInThreeFramesWithRunningTotals) {
  const HttpReply reply = Sse("Grüße an alle");
  EXPECT_EQ(reply.Header("content-type"), "text/event-stream");
  const auto events = SplitSse(reply.body);
  ASSERT_EQ(events.size(), 3U);
  std::string text;
  int64_t last_total = 0;
  for (const SseEvent& event : events) {
    const auto document = Parse(event.data);
    text += At(document.root(), {"candidates", "0", "content", "parts", "0", "text"}).Text();
    const int64_t total = At(document.root(), {"usageMetadata", "totalTokenCount"}).Int().value_or(0);
    EXPECT_GT(total, last_total);
    last_total = total;
    const bool is_last = &event == &events.back();
    EXPECT_EQ(At(document.root(), {"candidates", "0", "finishReason"}).Text(), is_last ? "STOP" : "");
  }
  EXPECT_EQ(text, "echo: Grüße an alle");
  const auto unary = Parse(Generate(kFlash, Say("Grüße an alle")).body);
  EXPECT_EQ(At(unary.root(), {"usageMetadata", "totalTokenCount"}).Int(), last_total);
  EXPECT_EQ(At(unary.root(), {"modelVersion"}).Text(), kFlash);
}

TEST_F(FakeGeminiTest, StreamsAnArrayWithoutSse) {
  const HttpReply reply = Do(Call(kFlash, "streamGenerateContent", Say("hello")));
  EXPECT_EQ(Parse(reply.body).root().Items().size(), 3U);
  const HttpReply refused = Do(Call(kFlash, "streamGenerateContent", "{}"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(At(Parse(refused.body).root(), {"0", "error", "code"}).Int(), 400);
}

TEST_F(FakeGeminiTest, CallsToolsAndQuotesTheirResults) {
  const std::string tools =
      R"(,"tools":[{"functionDeclarations":[{"name":"a"},{"name":"get","parametersJsonSchema":{"type":"object",)"
      R"("properties":{"city":{"type":"string"},"n":{"type":"integer","minimum":9}},"required":["city","n"]}}]}])";
  const auto call = Parse(Generate(kFlash, Say("get the weather", tools)).body);
  const json::Value& parts = At(call.root(), {"candidates", "0", "content", "parts"});
  ASSERT_EQ(parts.Items().size(), 1U) << "only the function that the prompt names";
  EXPECT_EQ(At(parts, {"0", "functionCall", "name"}).Text(), "get");
  EXPECT_EQ(At(parts, {"0", "functionCall", "args", "city"}).Text(), "get the weather");
  EXPECT_EQ(At(parts, {"0", "functionCall", "args", "n"}).Int(), 9);

  // Its own call and signature come back: accepted, and answered from the result.
  const std::string history = R"({"contents":[@user,{"role":"model","parts":)" + json::ToText(parts) +
                              R"(},{"role":"user","parts":[{"functionResponse":{"id":")" +
                              std::string(At(parts, {"0", "functionCall", "id"}).Text()) +
                              R"(","name":"get","response":{"t":15}}}]}])" + tools + "}";
  EXPECT_EQ(TextOf(Generate(kFlash, Expand(history))), R"(tools said: get={"t":15})");
}

TEST_F(FakeGeminiTest, ToolModes) {
  struct Row {
    std::string_view mode;
    std::string_view prompt;
    size_t calls;
  };
  for (const Row& row : {Row{"AUTO", "hi", 0}, Row{"AUTO", "f and g", 2}, Row{"NONE", "f and g", 0},
                         Row{"ANY", "hi", 1}, Row{"AUTO", "f [[fake: calls=3]]", 3}}) {
    SCOPED_TRACE(std::string(row.mode) + " " + std::string(row.prompt));
    const std::string more = R"(,"tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}],"toolConfig":)"
                             R"({"functionCallingConfig":{"mode":")" +
                             std::string(row.mode) + "\"}}";
    const auto document = Parse(Generate(kFlash, Say(row.prompt, more)).body);
    size_t calls = 0;
    size_t signatures = 0;
    for (const json::Value& part : At(document.root(), {"candidates", "0", "content", "parts"}).Items()) {
      calls += part.Find("functionCall") != nullptr ? 1 : 0;
      signatures += part.Find("thoughtSignature") != nullptr ? 1 : 0;
    }
    EXPECT_EQ(calls, row.calls);
    EXPECT_EQ(signatures, 1U) << "the first call, or the text, and no other";
  }
  const auto old = Generate(kOld, Say("f", R"(,"tools":[{"functionDeclarations":[{"name":"f"}]}])"));
  EXPECT_EQ(old.body.find("thoughtSignature"), std::string::npos);
}

TEST_F(FakeGeminiTest, KeepsToTheRequestedFormat) {
  const std::string schema = R"(,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":)"
                             R"({"type":"object","properties":{"kind":{"enum":["x","y"]}},"required":["kind"]}})";
  EXPECT_EQ(TextOf(Generate(kFlash, Say("hi", schema))), R"({"kind":"x"})");
  EXPECT_EQ(TextOf(Generate(kFlash, Say("one STOP two", R"(,"generationConfig":{"stopSequences":["STOP"]})"))),
            "echo: one ");
  const HttpReply cut = Generate(kFlash, Say("a long text", R"(,"generationConfig":{"maxOutputTokens":2})"));
  EXPECT_EQ(TextOf(cut), "echo: a");
  EXPECT_NE(cut.body.find("MAX_TOKENS"), std::string::npos);
  const auto two = Parse(Generate(kFlash, Say("hi", R"(,"generationConfig":{"candidateCount":2})")).body);
  EXPECT_EQ(At(two.root(), {"candidates", "1", "index"}).Int(), 1);
}

TEST_F(FakeGeminiTest, SearchesWhenItMay) {
  const auto answer = Parse(Generate(kFlash, Say("hé", R"(,"tools":[{"googleSearch":{}}])")).body);
  const json::Value& grounding = At(answer.root(), {"candidates", "0", "groundingMetadata"});
  EXPECT_EQ(At(grounding, {"groundingSupports", "0", "segment", "endIndex"}).Int(), 9) << "bytes of: echo: hé";
  EXPECT_EQ(Generate(kFlash, Say("hi", "")).body.find("groundingMetadata"), std::string::npos);
}

// ---- directives ----

struct Scripted {
  std::string name;
  std::string words;
  int status;
  size_t events;
  std::string part;   // of the body
  std::string error;  // of the transport
};

void PrintTo(const Scripted& c, std::ostream* out) { *out << c.words; }

class FakeGeminiScripts : public FakeGeminiTest, public testing::WithParamInterface<Scripted> {};

TEST_P(FakeGeminiScripts, Stream) {
  const Scripted& c = GetParam();
  const HttpReply reply = Sse("x [[fake: " + c.words + "]]");
  EXPECT_EQ(reply.status, c.status);
  EXPECT_EQ(SplitSse(reply.body).size(), c.events) << reply.body;
  EXPECT_NE(reply.body.find(c.part), std::string::npos) << reply.body;
  EXPECT_NE(reply.error.find(c.error), std::string::npos) << reply.error;
  EXPECT_EQ(reply.error.empty(), c.error.empty()) << reply.error;
}

const Scripted kScripts[] = {
    {"Chunks", "chunks=20", 200, 20, "\" #20\"", ""},
    {"CutAfter", "chunks=5 cut_after=2", 200, 2, " #2", "outstanding read data"},
    {"CutAtHead", "cut_after=0", 200, 0, "", "outstanding read data"},
    {"CutBytes", "cut_bytes=30", 200, 0, "data: {", "outstanding read data"},
    {"UntilCloseCutsSilently", "chunks=5 cut_after=2 until_close", 200, 2, " #2", ""},
    {"Reset", "reset", 0, 0, "", "reset by peer"},
    {"ResetAfter", "chunks=5 reset=2", 200, 2, " #2", "reset by peer"},
    {"Drop", "drop", 0, 0, "", "Empty reply"},
    {"NoFinish", "eof_without_finish chunks=4", 200, 4, " #4", ""},
    {"Html", "html", 200, 0, "<!DOCTYPE html>", ""},
    {"Html502", "html status=502", 502, 0, "<!DOCTYPE html>", ""},
    {"Status503", "status=503", 503, 0, "UNAVAILABLE", ""},
    {"Status500", "status=500", 500, 0, "\"INTERNAL\"", ""},
    {"NamedError", "error=rpd", 429, 0, "PerDay", ""},
    {"Message", "status=418 message=teapot", 418, 0, "\"teapot\"", ""},
    {"LeakKey", "leak_key", 400, 0, "Key: test-key-1", ""},
    {"ErrorAfter", "chunks=5 error_after=2", 200, 3, "{\"error\":{\"code\":503", ""},
    {"ErrorAfterNamed", "error_after=0 error=rpm", 200, 1, "PerMinute", ""},
    {"BadUtf8", "bad_utf8", 200, 3, "\xC3\x28\xFF", ""},
    {"LoneSurrogate", "lone_surrogate", 200, 3, "\"\\ud83dec\"", ""},
    {"Bom", "bom", 200, 2,
     "\xEF\xBB\xBF"
     "data:",
     ""},
    {"Comments", "comments", 200, 3, ": a comment\r\n\r\ndata:", ""},
    {"Lf", "eol=lf", 200, 3, "}\n\n", ""},
    {"SplitEvery", "split=every", 200, 3, "finishReason", ""},
    {"Big", "big=100000 chunks=4", 200, 4, std::string(25000, 'x'), ""},
    {"Thoughts", "thoughts", 200, 4, "\"thought\":true", ""},
    {"Finish", "finish=SAFETY", 200, 3, "\"finishReason\":\"SAFETY\"", ""},
    {"Malformed", "finish=MALFORMED_FUNCTION_CALL", 200, 1, "\"content\":{}", ""},
    {"Block", "block=PROHIBITED_CONTENT", 200, 1, "{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}", ""},
    {"Cached", "cached=2", 200, 3, "\"cachedContentTokenCount\":2", ""},
    {"Empty", "empty", 200, 1, "\"content\":{}", ""},
    {"Misspelt", "chunk=3", 400, 0, "fake directive not understood: chunk=3", ""},
};
INSTANTIATE_TEST_SUITE_P(Words, FakeGeminiScripts, testing::ValuesIn(kScripts),
                         [](const auto& row) { return row.param.name; });

TEST_F(FakeGeminiTest, BreaksTheJsonOfOneFrame) {
  const auto events = SplitSse(Sse("x [[fake: bad_json=2]]").body);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_TRUE(json::Document::Parse(events[0].data).ok());
  EXPECT_FALSE(json::Document::Parse(events[1].data).ok());
  EXPECT_TRUE(json::Document::Parse(events[2].data).ok());
  EXPECT_FALSE(json::Document::Parse(Generate(kFlash, Say("x [[fake: bad_json]]")).body).ok());
}

// Not a bound on speed, only on silence: the pauses must be there.
TEST_F(FakeGeminiTest, Delays) {
  const HttpReply late = Sse("x [[fake: first_delay_ms=60]]");
  EXPECT_GE(late.first_byte_us, 60'000);
  const HttpReply slow = Sse("x [[fake: chunks=4 delay_ms=20]]");
  EXPECT_GE(slow.total_us - slow.first_byte_us, 55'000);
  const HttpReply once = Sse("x [[fake: chunks=4 chunk_delay=2:60]]");
  EXPECT_GE(once.total_us - once.first_byte_us, 55'000);
}

TEST_F(FakeGeminiTest, SplitGivesOnePiecePerByte) {
  size_t pieces = 0;
  size_t largest = 0;
  Stream(Call(kFlash, "generateContent", Say("x [[fake: split=every]]")), [&](std::string_view piece) {
    ++pieces;
    largest = std::max(largest, piece.size());
    return Next::kGoOn;
  });
  EXPECT_EQ(largest, 1U);
  EXPECT_GT(pieces, 100U);
}

TEST_F(FakeGeminiTest, GzipWhenTheClientTakesIt) {
  HttpCall call = Call(kFlash, "generateContent", Say("zip [[fake: gzip]]"));
  EXPECT_EQ(TextOf(Do(call)), "echo: zip");
  call.headers.emplace_back("Accept-Encoding: gzip");
  const HttpReply reply = Do(call);
  EXPECT_EQ(reply.Header("content-encoding"), "gzip");
  TempDir dir;
  Command gunzip;
  gunzip.argv = {"gzip", "-dc", dir.Write("body.gz", reply.body)};
  const RunResult plain = RunCommand(gunzip);
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_NE(plain.out.find("echo: zip"), std::string::npos);
}

TEST_F(FakeGeminiTest, TimesAndKeysLimitADirective) {
  const std::string body = Say("x [[fake: status=503 times=2 tag=t]]");
  EXPECT_EQ(Generate(kFlash, body).status, 503);
  EXPECT_EQ(Generate(kFlash, body).status, 503);
  EXPECT_EQ(Generate(kFlash, body).status, 200);
  const std::string keyed = Say("x [[fake: status=500 for_key=-a]]");
  EXPECT_EQ(Do(Call(kFlash, "generateContent", keyed, "test-key-a")).status, 500);
  EXPECT_EQ(Do(Call(kFlash, "generateContent", keyed, "test-key-b")).status, 200);
}

TEST_F(FakeGeminiTest, DefaultDirectiveServesWhoCannotWriteOne) {
  ASSERT_TRUE(fake_->SetDirective("status=500", 1).ok());
  HttpCall call;
  call.url = fake_->base_url() + "/v1beta/models";
  call.headers = {"x-goog-api-key: test-key-1"};
  EXPECT_EQ(Do(call).status, 500);
  EXPECT_EQ(Do(call).status, 200);
  EXPECT_FALSE(fake_->SetDirective("nonsense").ok());
}

TEST_F(FakeGeminiTest, FirstEventReachesTheClientBeforeTheLastIsSent) {
  size_t events_seen_before_release = 0;
  SseSplitter splitter;
  Stream(Call(kFlash, "streamGenerateContent?alt=sse", Say("x [[fake: chunks=3 hold=door@1 tag=t]]")),
         [&](std::string_view piece) {
           events_seen_before_release += splitter.Feed(piece).size();
           if (events_seen_before_release == 1) fake_->Release("door");
           return Next::kGoOn;
         });
  EXPECT_EQ(events_seen_before_release, 3U);
  std::string order;
  for (const auto& event : fake_->Events()) {
    if (event.tag == "t") order += event.type + std::to_string(event.value) + " ";
  }
  EXPECT_EQ(order, "request0 head200 chunk1 hold1 released1 chunk2 chunk3 end3 ");
}

TEST_F(FakeGeminiTest, SeesTheClientLeaveBeforeTheNextChunk) {
  const HttpReply reply =
      Stream(Call(kFlash, "streamGenerateContent?alt=sse", Say("x [[fake: chunks=3 hold=never@1 tag=t]]")),
             [](std::string_view) { return Next::kClose; });
  EXPECT_FALSE(reply.error.empty());
  const auto closed = fake_->WaitFor("client_closed", "t");
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->value, 1) << "one frame was sent";
  EXPECT_FALSE(fake_->WaitFor("chunk", "t", closed->seq, 0).has_value());
}

TEST_F(FakeGeminiTest, SilenceEndsWithTheClient) {
  HttpCall call = Call(kFlash, "generateContent", Say("x [[fake: silent tag=t]]"));
  call.timeout_ms = 100;
  EXPECT_EQ(Do(call).status, 0);
  EXPECT_TRUE(fake_->WaitFor("client_closed", "t").has_value());
}

TEST_F(FakeGeminiTest, CannedAnswersComeInOrder) {
  ASSERT_TRUE(fake_
                  ->AddAnswers(R"([
    {"request":{"key":"-b"},"response":{"status":429,"body":{"error":{"code":429}}}},
    {"request":{"path":"/v1beta/models/gemini-3.8-flash:generateContent"},"response":{"body":{"n":1.0}}},
    {"response":{"status":200,"sse":[{"a":1},{"b":2}]}},
    {"response":{"status":200,"headers":{"content-type":"text/event-stream"},"raw_base64_chunks":["ZGF0YTog","e30KCg=="]}}
  ])")
                  .ok());
  EXPECT_EQ(Generate(kFlash, Say("hi")).body, R"({"n":1.0})");
  EXPECT_EQ(Sse("hi").body, "data: {\"a\":1}\r\n\r\ndata: {\"b\":2}\r\n\r\n");
  EXPECT_EQ(Sse("hi").body, "data: {}\n\n");
  EXPECT_EQ(Do(Call(kFlash, "generateContent", Say("hi"), "test-key-b")).status, 429);
  EXPECT_EQ(Generate(kFlash, Say("hi")).status, 200);
  EXPECT_EQ(Generate(kFlash, "{}").status, 400) << "canned answers do not excuse a bad request";
}

TEST_F(FakeGeminiTest, ControlPaths) {
  const std::string base = fake_->base_url() + "/__fake/";
  EXPECT_EQ(Do(Post(base + "directive?times=1", "status=500")).status, 200);
  EXPECT_EQ(Do(Post(base + "directive", "no such word")).status, 400);
  EXPECT_EQ(Generate(kFlash, Say("hi")).status, 500);
  EXPECT_EQ(Do(Post(base + "answers", R"({"response":{"body":{}}})")).status, 200);
  EXPECT_EQ(Generate(kFlash, Say("hi")).body, "{}");
  EXPECT_EQ(Do(Post(base + "release?name=door", "")).status, 200);
  EXPECT_EQ(Generate(kFlash, Say("x [[fake: hold=door tag=w]]")).status, 200);
  HttpCall get;
  get.url = base + "wait?type=released&tag=w&timeout_ms=1000";
  EXPECT_EQ(At(Parse(Do(get).body).root(), {"detail"}).Text(), "door");
  get.url = base + "wait?type=reset&timeout_ms=1";
  EXPECT_EQ(Do(get).status, 408);
  get.url = base + "requests";
  EXPECT_EQ(At(Parse(Do(get).body).root(), {"requests"}).Items().size(), 3U);
  EXPECT_EQ(Do(Post(base + "reset", "")).status, 200);
  EXPECT_TRUE(At(Parse(Do(get).body).root(), {"requests"}).Items().empty());
}

TEST_F(FakeGeminiTest, RecordsRequestsInAFile) {
  TempDir dir;
  FakeGemini fake;
  ASSERT_TRUE(fake.RecordTo(dir.Path("record")).ok());
  ASSERT_TRUE(fake.Start().ok());
  Do(Post(fake.base_url() + "/v1beta/models/gemini-3.8-flash:generateContent", Say("hi"),
          {"x-goog-api-key: test-key-9876"}));
  const std::string line = ReadFile(dir.Path("record"));
  const auto document = Parse(line);
  EXPECT_EQ(document.root().StringOr("key_in", ""), "header");
  EXPECT_EQ(document.root().StringOr("key_last4", ""), "9876");
  EXPECT_EQ(document.root().StringOr("body", ""), Say("hi"));
  EXPECT_EQ(line.find("test-key"), std::string::npos);
}

TEST_F(FakeGeminiTest, StopsWhileStreamsHang) {
  FakeGemini fake;
  ASSERT_TRUE(fake.Start().ok());
  HttpCall call = Post(fake.base_url() + "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
                       Say("x [[fake: hold=never@1]]"), {"x-goog-api-key: test-key-1"});
  const auto results = RunStreams({call, call}, [&](size_t number, const SseEvent&) {
    if (number == 0) fake.Stop();
  });
  EXPECT_FALSE(results[0].complete());
  EXPECT_FALSE(results[1].complete());
}

}  // namespace
}  // namespace gc::test
