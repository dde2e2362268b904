// proto_openai_chat_extras_test.cc: what Chat Completions has beside text and functions: media, JSON, custom tools,
// citations, log probabilities, images, several choices.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "chat_replay.h"

namespace gc {
namespace {

std::string Request(const std::string& members, const std::string& model = "gemini-3.8-flash") {
  return R"({"model":")" + model + R"(","messages":[{"role":"user","content":"x"}])" +
         (members.empty() ? "" : "," + members) + "}";
}

std::string RequestOf(const std::string& messages, const std::string& model = "gemini-3.8-flash") {
  return R"({"model":")" + model + R"(","messages":[)" + messages + "]}";
}

std::string UserPart(const std::string& part, const std::string& model = "gemini-3.8-flash") {
  return RequestOf(R"({"role":"user","content":[)" + part + "]}", model);
}

std::string Image(const std::string& url, const std::string& more = "") {
  return R"({"type":"image_url","image_url":{"url":")" + url + "\"" + more + "}}";
}

std::string File(const std::string& members) { return R"({"type":"file","file":{)" + members + "}}"; }

struct Case {
  const char* name;
  std::string in;
  std::string out;
};

class Sends : public testing::TestWithParam<Case> {};
TEST_P(Sends, Body) {
  const auto parsed = ParseChat(GetParam().in);
  EXPECT_EQ(parsed.ok() ? parsed->body : parsed.error().message, GetParam().out);
}

const std::string kX = R"({"contents":[{"role":"user","parts":[{"text":"x"}]}])";
const std::string kTool = R"("tools":[{"type":"function","function":{"name":"a"}}])";
const std::string kSentTool = R"(,"tools":[{"functionDeclarations":[{"name":"a"}]}])";
const std::string kJsonObject = R"("response_format":{"type":"json_object"})";
const std::string kJsonSchema =
    R"("response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":)"
    R"({"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}}})";
const std::string kMime = R"("responseMimeType":"application/json")";

std::string Parts(const std::string& parts) { return R"({"contents":[{"role":"user","parts":[)" + parts + "]}]}"; }
std::string Inline(const std::string& type, const std::string& data, const std::string& more = "") {
  return R"({"inlineData":{"mimeType":")" + type + R"(","data":")" + data + "\"}" + more + "}";
}
std::string FileData(const std::string& uri) { return R"({"fileData":{"fileUri":")" + uri + "\"}}"; }
std::string Level(const std::string& level) {
  return R"(,"mediaResolution":{"level":"MEDIA_RESOLUTION_)" + level + "\"}";
}
std::string Config(const std::string& config) { return kX + R"(,"generationConfig":{)" + config + "}}"; }

const Case kMedia[] = {
    {"Image", UserPart(Image("data:image/png;base64,AAAA")), Parts(Inline("image/png", "AAAA"))},
    {"UrlSafeUnpadded", UserPart(Image("data:image/PNG;x=y;base64,-_8")), Parts(Inline("image/png", "+/8="))},
    {"DetailLow", UserPart(Image("data:image/png;base64,AAAA", R"(,"detail":"low")")),
     Parts(Inline("image/png", "AAAA", Level("LOW")))},
    {"DetailOriginal", UserPart(Image("data:image/png;base64,AAAA", R"(,"detail":"original")")),
     Parts(Inline("image/png", "AAAA", Level("ULTRA_HIGH")))},
    {"DetailAuto", UserPart(Image("data:image/png;base64,AAAA", R"(,"detail":"auto")")),
     Parts(Inline("image/png", "AAAA"))},
    {"DetailOfAnOldFamily", UserPart(Image("data:image/png;base64,AAAA", R"(,"detail":"high")"), "gemini-2.5-flash"),
     Parts(Inline("image/png", "AAAA"))},
    {"FileOfTheApi", UserPart(Image("https://generativelanguage.googleapis.com/v1beta/files/abc")),
     Parts(FileData("https://generativelanguage.googleapis.com/v1beta/files/abc"))},
    {"YouTube", UserPart(R"({"type":"video_url","video_url":{"url":"https://youtu.be/x"}})"),
     Parts(FileData("https://youtu.be/x"))},
    {"Video", UserPart(R"({"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAA"}})"),
     Parts(Inline("video/mp4", "AAAA"))},
    {"Audio", UserPart(R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}})"),
     Parts(Inline("audio/wav", "AAAA"))},
    {"FileByName", UserPart(File(R"("filename":"A.CSV","file_data":"AAAA")")), Parts(Inline("text/csv", "AAAA"))},
    {"FileWithoutName", UserPart(File(R"("file_data":"AAAA")")), Parts(Inline("application/pdf", "AAAA"))},
    {"FileByUrl", UserPart(File(R"("filename":"a.csv","file_data":"data:text/plain;base64,AAAA")")),
     Parts(Inline("text/plain", "AAAA"))},
    {"FileById", UserPart(File(R"("file_id":"files/abc-1")")),
     Parts(FileData("https://generativelanguage.googleapis.com/v1beta/files/abc-1"))},
    {"ToolTextsAndImage",
     RequestOf(
         R"({"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f"}}]},)"
         R"({"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"a"},{"type":"text","text":"b"},)" +
         Image("data:image/png;base64,AAAA", R"(,"detail":"low")") + "]}"),
     R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"1",)"
     R"("name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]},{"role":"user","parts":[)"
     R"({"functionResponse":{"id":"1","name":"f","response":{"output":"a\nb"},"parts":[)" +
         Inline("image/png", "AAAA") + "]}}]}]}"},
    {"LegacyFunctions",
     R"({"model":"gemini-2.5-flash","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,)"
     R"("function_call":{"name":"f","arguments":"{\"n\":1}"}},{"role":"function","name":"f","content":"r"}],)"
     R"("functions":[{"name":"f","parameters":{"type":"object","properties":{"n":{"type":"integer"}}}}],)"
     R"("function_call":{"name":"f"}})",
     R"({"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"id":"call_f",)"
     R"("name":"f","args":{"n":1}}}]},{"role":"user","parts":[{"functionResponse":{"id":"call_f","name":"f",)"
     R"("response":{"output":"r"}}}]}],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":)"
     R"({"type":"object","properties":{"n":{"type":"integer"}}}}]}],"toolConfig":{"functionCallingConfig":)"
     R"({"mode":"ANY","allowedFunctionNames":["f"]}}})"},
};

const Case kSettings[] = {
    {"JsonObject", Request(kJsonObject), Config(kMime)},
    {"JsonSchemaInItsOrder", Request(kJsonSchema),
     Config(kMime + R"(,"responseJsonSchema":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":)"
                    R"("string"}}})")},
    {"JsonWithoutSchema", Request(R"("response_format":{"type":"json_schema","json_schema":{"name":"n"}})"),
     Config(kMime)},
    {"JsonBesideFunctions", Request(kJsonObject + "," + kTool),
     kX + kSentTool + R"(,"generationConfig":{)" + kMime + "}}"},
    {"JsonBesideForcedFunctions", Request(kJsonObject + "," + kTool + R"(,"tool_choice":"required")"),
     kX + kSentTool + R"(,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}})"},
    {"JsonBesideForbiddenFunctions",
     Request(kJsonObject + "," + kTool + R"(,"tool_choice":"none")", "gemini-2.5-flash"), Config(kMime)},
    {"JsonBesideFunctionsOnAnOldFamily", Request(kJsonObject + "," + kTool, "gemini-2.5-flash"),
     R"({"systemInstruction":{"parts":[{"text":"When you answer without calling a function, the answer must be one )"
     R"(JSON value and nothing else."}]},)" +
         kX.substr(1) + kSentTool + "}"},
    {"WebSearch", Request(R"("web_search_options":{"user_location":{"type":"approximate"}})"),
     kX + R"(,"tools":[{"googleSearch":{}}]})"},
    {"WebSearchBesideFunctions", Request(R"("web_search_options":{},)" + kTool), kX + kSentTool + "}"},
    {"WebSearchForbidden", Request(R"("web_search_options":{},"tool_choice":"none")"), kX + "}"},
    {"ThinkingLevel", Request(R"("google":{"thinking_config":{"thinking_level":"high","include_thoughts":true}})"),
     Config(R"("thinkingConfig":{"thinkingLevel":"high","includeThoughts":true})")},
    {"ThinkingBudgetNested",
     Request(R"("temperature":1,"extra_body":{"google":{"thinking_config":{"thinking_budget":0}}})",
             "gemini-2.5-flash"),
     Config(R"("temperature":1,"thinkingConfig":{"thinkingBudget":0})")},
    {"BudgetWithoutTemperature",
     Request(R"("temperature":1,"google":{"thinking_config":{"thinking_budget":9}})", "gemini-3.5-flash-lite"),
     Config(R"("thinkingConfig":{"thinkingBudget":9})")},
    {"GoogleBeforeEffort",
     Request(R"("reasoning_effort":"high","google":{"thinking_config":{"thinking_level":"low"}})"),
     Config(R"("thinkingConfig":{"thinkingLevel":"low","includeThoughts":true})")},
    {"EffortWithoutThoughts",
     Request(R"("reasoning_effort":"high","google":{"thinking_config":{"include_thoughts":false}})"),
     Config(R"("thinkingConfig":{"thinkingLevel":"high"})")},
    {"Safety", Request(R"("google":{"safety_settings":[{"category":"C","threshold":"OFF"}]})"),
     kX + R"(,"safetySettings":[{"category":"C","threshold":"OFF"}]})"},
    {"Cache", Request(R"("google":{"cached_content":"cachedContents/c"})"),
     kX + R"(,"cachedContent":"cachedContents/c"})"},
    {"Logprobs", Request(R"("logprobs":true,"top_logprobs":3)", "gemini-2.0-flash"),
     Config(R"("responseLogprobs":true,"logprobs":3)")},
    {"LogprobsAlone", Request(R"("logprobs":true)", "gemini-2.0-flash"), Config(R"("responseLogprobs":true)")},
    {"LogprobsOfAFamilyWithout", Request(R"("logprobs":true,"top_logprobs":3)"), kX + "}"},
    {"Candidates", Request(R"("n":3)", "gemini-2.0-flash"), Config(R"("candidateCount":3)")},
    {"CandidatesOfSeveralCalls", Request(R"("n":3)"), kX + "}"},
    {"Images", Request(R"("modalities":["text","image"])", "gemini-3-pro-image"),
     Config(R"("responseModalities":["TEXT","IMAGE"])")},
    {"CustomTool",
     Request(R"("tools":[{"type":"custom","custom":{"name":"p","description":"d","format":{"type":"grammar","grammar":)"
             R"({"syntax":"lark","definition":"start: A"}}}}],"tool_choice":{"type":"custom","custom":{"name":"p"}})"),
     kX +
         R"(,"tools":[{"functionDeclarations":[{"name":"p","description":"d\nThe input must match this lark grammar:\n)"
         R"(start: A","parametersJsonSchema":{"type":"object","properties":{"input":{"type":"string"}},"required":)"
         R"(["input"]}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["p"]}}})"},
    {"AllowedCustom",
     Request(R"("tools":[{"type":"custom","custom":{"name":"p"}}],"tool_choice":{"type":"allowed_tools",)"
             R"("allowed_tools":{"mode":"auto","tools":[{"type":"custom","custom":{"name":"p"}}]}})"),
     kX + R"(,"tools":[{"functionDeclarations":[{"name":"p","parametersJsonSchema":{"type":"object","properties":)"
          R"({"input":{"type":"string"}},"required":["input"]}}]}],"toolConfig":{"functionCallingConfig":{"mode":)"
          R"("VALIDATED","allowedFunctionNames":["p"]}}})"},
};

const auto kNameOf = [](const auto& test) { return std::string(test.param.name); };
INSTANTIATE_TEST_SUITE_P(OpenAiChatMedia, Sends, testing::ValuesIn(kMedia), kNameOf);
INSTANTIATE_TEST_SUITE_P(OpenAiChatSettings, Sends, testing::ValuesIn(kSettings), kNameOf);

struct Refusal {
  const char* name;
  std::string request;
  std::string_view param;
  ApiErrorKind kind = ApiErrorKind::kInvalidRequest;
};

class RefusesExtra : public testing::TestWithParam<Refusal> {};
TEST_P(RefusesExtra, Request) {
  const auto parsed = ParseChat(GetParam().request);
  ASSERT_FALSE(parsed.ok()) << parsed->body;
  EXPECT_EQ(parsed.error().kind, GetParam().kind) << parsed.error().message;
  EXPECT_EQ(parsed.error().param, GetParam().param);
}

constexpr auto kUrl = ApiErrorKind::kInvalidImageUrl;
constexpr auto kNotHere = ApiErrorKind::kNotImplemented;
const char kImageUrl[] = "messages[0].content[0].image_url.url";

const Refusal kRefusals[] = {
    {"RemoteImage", UserPart(Image("https://example.org/a.png")), kImageUrl, kUrl},
    {"LookAlike", UserPart(Image("https://youtube.com.example.org/a")), kImageUrl, kUrl},
    {"LocalFile", UserPart(Image("file:///etc/passwd")), kImageUrl, kUrl},
    {"NotBase64", UserPart(Image("data:image/png;base64,???")), kImageUrl, kUrl},
    {"DataWithoutType", UserPart(Image("data:;base64,AAAA")), kImageUrl, kUrl},
    {"Gif", UserPart(Image("data:image/gif;base64,AAAA")), kImageUrl},
    {"GifByName", UserPart(File(R"("filename":"a.gif","file_data":"AAAA")")), "messages[0].content[0].file.file_data"},
    {"ImageWithoutUrl", UserPart(R"({"type":"image_url","image_url":{}})"), kImageUrl},
    {"ImageWithoutObject", UserPart(R"({"type":"image_url"})"), "messages[0].content[0].image_url"},
    {"Detail", UserPart(Image("data:image/png;base64,AAAA", R"(,"detail":"x")")),
     "messages[0].content[0].image_url.detail"},
    {"AudioFormat", UserPart(R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"midi"}})"),
     "messages[0].content[0].input_audio.format"},
    {"AudioData", UserPart(R"({"type":"input_audio","input_audio":{"data":"?","format":"wav"}})"),
     "messages[0].content[0].input_audio.data"},
    {"OpenAiFile", UserPart(File(R"("file_id":"file-abc")")), "messages[0].content[0].file.file_id"},
    {"FilePath", UserPart(File(R"("file_id":"files/../x")")), "messages[0].content[0].file.file_id"},
    {"EmptyFile", UserPart(File("")), "messages[0].content[0].file.file_data"},
    {"BrokenFile", UserPart(File(R"("file_data":"data:x")")), "messages[0].content[0].file.file_data"},
    {"SystemImage", RequestOf(R"({"role":"system","content":[)" + Image("data:image/png;base64,AAAA") + "]}"),
     "messages[0].content[0].type"},
    {"AssistantImage", RequestOf(R"({"role":"assistant","content":[)" + Image("data:image/png;base64,AAAA") + "]}"),
     "messages[0].content[0].type"},
    {"CustomCallWithoutCustom", RequestOf(R"({"role":"assistant","tool_calls":[{"id":"1","type":"custom"}]})"),
     "messages[0].tool_calls[0].custom"},
    {"UnknownCall", RequestOf(R"({"role":"assistant","tool_calls":[{"id":"1","type":"x"}]})"),
     "messages[0].tool_calls[0].type"},
    {"LegacyCallWithoutName", RequestOf(R"({"role":"assistant","function_call":{}})"),
     "messages[0].function_call.name"},
    {"LegacyResultWithoutName", RequestOf(R"({"role":"function","content":"x"})"), "messages[0].name"},
    {"LegacyChoiceUnknown", Request(R"("functions":[{"name":"f"}],"function_call":{"name":"g"})"), "function_call"},
    {"LegacyChoiceWithoutFunctions", Request(R"("function_call":{"name":"g"})"), "function_call"},
    {"BothKindsOfTools", Request(R"("functions":[{"name":"f"}],)" + kTool), "functions"},
    {"Grammar", Request(R"("tools":[{"type":"custom","custom":{"name":"p","format":{"type":"grammar"}}}])"),
     "tools[0].custom.format.grammar"},
    {"SchemaFormatWithoutSchema", Request(R"("response_format":{"type":"json_schema"})"),
     "response_format.json_schema"},
    {"SchemaOfAnotherType", Request(R"("response_format":{"type":"json_schema","json_schema":{"schema":[]}})"),
     "response_format.json_schema.schema"},
    {"WebSearch", Request(R"("web_search_options":true)"), "web_search_options"},
    {"LevelAndBudget", Request(R"("google":{"thinking_config":{"thinking_level":"low","thinking_budget":1}})"),
     "google.thinking_config"},
    {"BudgetOfAnotherType", Request(R"("extra_body":{"google":{"thinking_config":{"thinking_budget":"x"}}})"),
     "extra_body.google.thinking_config.thinking_budget"},
    {"Safety", Request(R"("google":{"safety_settings":[{"category":"C"}]})"), "google.safety_settings[0].threshold"},
    {"CacheName", Request(R"("google":{"cached_content":"x"})"), "google.cached_content"},
    {"CacheAndTools", Request(R"("google":{"cached_content":"cachedContents/c"},)" + kTool), "tools"},
    {"TopLogprobs", Request(R"("logprobs":true,"top_logprobs":21)"), "top_logprobs"},
    {"TooManyChoices", Request(R"("n":9)", "gemini-2.0-flash"), "n"},
    {"TooManyCalls", Request(R"("n":9)"), "n"},
    {"Audio", Request(R"("modalities":["text","audio"])"), "modalities"},
    {"AudioOfASpeaker", Request(R"("modalities":["audio"])", "gemini-2.5-flash-preview-tts"), "modalities", kNotHere},
};
INSTANTIATE_TEST_SUITE_P(OpenAiChat, RefusesExtra, testing::ValuesIn(kRefusals), kNameOf);

// Choices of a unary answer with one candidate that has these members.
std::string Choices(const std::string& members, const std::string& request) {
  const ChatReply reply = ReplayUnary(request, 200, R"({"candidates":[{)" + members + R"(,"finishReason":"STOP"}]})");
  const auto document = json::Document::Parse(reply.body);
  const json::Value* choices = document->root().Find("choices");
  return choices == nullptr ? std::to_string(reply.status) : json::ToText(*choices);
}

std::string Message(const std::string& parts, const std::string& request) {
  const auto document = json::Document::Parse(Choices(R"("content":{"parts":[)" + parts + "]}", request));
  return document->root().Items().empty() ? std::string() : json::ToText(*document->root().Items()[0].Find("message"));
}

// The deltas of a stream of these candidates (members each), one a line.
std::string Deltas(const std::vector<std::string>& candidates, const std::string& request) {
  std::string bytes;
  for (const std::string& members : candidates) bytes += R"(data: {"candidates":[{)" + members + "}]}\n\n";
  std::string lines;
  for (const std::string& frame : FramesOf(ReplayStream(request, {bytes}).body)) {
    const auto document = json::Document::Parse(frame == "[DONE]" ? "{}" : frame);
    const json::Value* choices = document->root().Find("choices");
    if (choices == nullptr || choices->Items().empty()) continue;
    const json::Value& choice = choices->Items()[0];
    lines += std::to_string(choice.IntOr("index", -1)) + " " + json::ToText(*choice.Find("delta"));
    if (!choice.Find("logprobs")->IsNull()) lines += " " + json::ToText(*choice.Find("logprobs"));
    lines += choice.StringOr("finish_reason", "");
    lines += "\n";
  }
  return lines;
}

const std::string kStream = R"("stream":true,)";
const std::string kRole = "0 {\"role\":\"assistant\",\"content\":\"\"}\n";

TEST(OpenAiChatExtras, CustomCallsAreFreeText) {
  const std::string custom = R"("tools":[{"type":"custom","custom":{"name":"p"}}])";
  const std::string call = R"({"functionCall":{"id":"i","name":"p","args":{"input":"a\n"}}})";
  const std::string sent = R"("tool_calls":[{)";
  const std::string tail = R"("id":"i","type":"custom","custom":{"name":"p","input":"a\n"}}])";
  EXPECT_EQ(Message(call, Request(custom)),
            R"({"role":"assistant","content":null,"refusal":null,)" + sent + tail + "}");
  EXPECT_EQ(Deltas({R"("content":{"parts":[)" + call + R"(]},"finishReason":"STOP")"}, Request(kStream + custom)),
            kRole + "0 {" + sent + R"("index":0,)" + tail + "}\n0 {}tool_calls\n");
  // An input of another kind is not lost.
  EXPECT_NE(Message(R"({"functionCall":{"id":"i","name":"p","args":{"code":1}}})", Request(custom))
                .find(R"("input":"{\"code\":1}")"),
            std::string::npos);
  // A function of the same name, declared later, is a function.
  EXPECT_NE(Message(call, Request(R"("tools":[{"type":"custom","custom":{"name":"p"}},{"type":"function","function":)"
                                  R"({"name":"p"}}])"))
                .find(R"("type":"function")"),
            std::string::npos);
}

TEST(OpenAiChatExtras, ArgumentsThatAreNoObjectAreWrappedForGeminiOnly) {
  const std::string tools =
      R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"array","items":{"type":"string"}}}}])";
  const std::string request =
      R"({"model":"gemini-2.5-flash","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":)"
      R"("1","function":{"name":"f","arguments":"[\"a\"]"}}]},{"role":"tool","tool_call_id":"1","content":"r"}])" +
      tools + "}";
  const auto parsed = ParseChat(request);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_NE(parsed->body.find(R"("name":"f","args":{"value":["a"]})"), std::string::npos) << parsed->body;
  EXPECT_NE(
      Message(R"({"functionCall":{"name":"f","args":{"value":["b"]}}})", request).find(R"("arguments":"[\"b\"]")"),
      std::string::npos);
}

TEST(OpenAiChatExtras, LegacyFunctionsAnswerWithOneFunctionCall) {
  const std::string functions = R"("functions":[{"name":"f"}])";
  const std::string calls =
      R"({"functionCall":{"id":"i","name":"f","args":{"n":1}},"thoughtSignature":"EgM="},{"functionCall":{"name":"f"}})";
  const std::string call = R"("function_call":{"name":"f","arguments":"{\"n\":1}"},"extra_content":{"google":)"
                           R"({"thought_signature":"EgM="}}})";
  EXPECT_EQ(Message(calls, Request(functions)), R"({"role":"assistant","content":null,"refusal":null,)" + call);
  EXPECT_EQ(Deltas({R"("content":{"parts":[)" + calls + R"(]},"finishReason":"STOP")"}, Request(kStream + functions)),
            kRole + "0 {" + call + "\n0 {}function_call\n");
}

const std::string kSearch = R"("web_search_options":{})";

std::string Grounding(const std::string& segment, const std::string& indices = "0") {
  return R"("groundingMetadata":{"groundingChunks":[{"web":{"uri":"u","title":"t"}},{"maps":{"uri":"m"}}],)"
         R"("groundingSupports":[{"segment":)" +
         segment + R"(,"groundingChunkIndices":[)" + indices + "]}]}";
}

std::string Citation(int start, int end, const std::string& title = "t", const std::string& url = "u") {
  return R"({"type":"url_citation","url_citation":{"start_index":)" + std::to_string(start) + R"(,"end_index":)" +
         std::to_string(end) + R"(,"title":")" + title + R"(","url":")" + url + "\"}}";
}

TEST(OpenAiChatExtras, CitationsCountCharactersOfTheWholeText) {
  const auto annotations = [](const std::string& parts, const std::string& grounding) {
    const std::string text = Choices(R"("content":{"parts":[)" + parts + "]}," + grounding, Request(kSearch));
    const size_t begin = text.find(R"("annotations":)");
    return begin == std::string::npos ? "" : text.substr(begin + 14, text.find(R"(},"logprobs")") - begin - 14);
  };
  EXPECT_EQ(annotations(R"({"text":"äb"},{"text":"€c"})", Grounding(R"({"partIndex":1,"startIndex":3,"endIndex":4})")),
            "[" + Citation(3, 4) + "]");
  EXPECT_EQ(annotations(R"({"text":"hm","thought":true},{"text":"äb"})",
                        Grounding(R"({"partIndex":1,"startIndex":2,"endIndex":3})", "0,1")),
            "[" + Citation(1, 2) + "," + Citation(1, 2, "", "m") + "]");
  EXPECT_EQ(annotations(R"({"text":"ab"})", Grounding(R"({"startIndex":1,"endIndex":99})")),
            "[" + Citation(1, 2) + "]");
  EXPECT_EQ(annotations(R"({"text":"ab"})", Grounding(R"({"partIndex":99,"startIndex":-5})", "2,-1")), "");
  std::string text;
  for (int i = 0; i < 700; ++i) text += "ä";
  EXPECT_EQ(annotations(R"({"text":")" + text + "\"}", Grounding(R"({"startIndex":512,"endIndex":1022})")),
            "[" + Citation(256, 511) + "]");
}

TEST(OpenAiChatExtras, CitationsOfAStreamComeOnceBeforeItsEnd) {
  const std::string grounding = Grounding(R"({"startIndex":3,"endIndex":4})");
  EXPECT_EQ(Deltas({R"("content":{"parts":[{"text":"äb"}]},)" + grounding,
                    R"("content":{"parts":[{"text":"c"}]},"finishReason":"STOP",)" + grounding},
                   Request(kStream + kSearch)),
            kRole + "0 {\"content\":\"äb\"}\n0 {\"content\":\"c\"}\n0 {\"annotations\":[" + Citation(2, 3) +
                "]}\n0 {}stop\n");
}

const std::string kLogprobs =
    R"("logprobsResult":{"chosenCandidates":[{"token":"é"}],"topCandidates":[{"candidates":[{"token":"e",)"
    R"("logProbability":-1.50}]}]})";
const std::string kSentLogprobs =
    R"({"content":[{"token":"é","logprob":0,"bytes":[195,169],"top_logprobs":[{"token":"e","logprob":-1.50,"bytes":)"
    R"([101]}]}],"refusal":null})";

TEST(OpenAiChatExtras, LogprobsOfAnAnswerAndOfEachChunk) {
  const std::string wanted = R"("logprobs":true)";
  const std::string chunk = R"("content":{"parts":[{"text":"é"}]},)" + kLogprobs;
  EXPECT_NE(Choices(chunk, Request(wanted, "gemini-2.0-flash")).find(R"("logprobs":)" + kSentLogprobs),
            std::string::npos);
  EXPECT_NE(Choices(chunk, Request("", "gemini-2.0-flash")).find(R"("logprobs":null)"), std::string::npos);
  EXPECT_EQ(
      Deltas({chunk, chunk, R"("finishReason":"STOP")"}, Request(kStream + wanted, "gemini-2.0-flash")),
      kRole + "0 {\"content\":\"é\"} " + kSentLogprobs + "\n0 {\"content\":\"é\"} " + kSentLogprobs + "\n0 {}stop\n");
}

TEST(OpenAiChatExtras, ImagesAndCode) {
  const std::string image = R"({"inlineData":{"mimeType":"image/png","data":"AAAA"}})";
  const std::string url = R"("type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}})";
  EXPECT_EQ(Message(image, Request("")), R"({"role":"assistant","content":"","refusal":null,"images":[{)" + url + "]}");
  EXPECT_EQ(Deltas({R"("content":{"parts":[)" + image + R"(]},"finishReason":"STOP")"}, Request(kStream + R"("n":1)")),
            kRole + R"(0 {"images":[{"index":0,)" + url + "]}\n0 {}stop\n");
  EXPECT_EQ(Choices(R"("content":{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"AA=="}}]})", Request("")),
            "501");
  EXPECT_EQ(Message(R"({"executableCode":{"language":"PYTHON","code":"1+1"}},)"
                    R"({"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"2"}})",
                    Request("")),
            R"({"role":"assistant","content":"\n```python\n1+1\n```\n\n```\n2\n```\n","refusal":null})");
}

TEST(OpenAiChatExtras, SeveralChoices) {
  const std::string two = R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},)"
                          R"({"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS"},)"
                          R"({"index":2,"content":{"parts":[{"text":"c"}]}}]})";
  const std::string wanted = R"("n":2)";
  const std::string body = ReplayUnary(Request(wanted, "gemini-2.0-flash"), 200, two).body;
  EXPECT_NE(body.find(R"({"index":1,"message":{"role":"assistant","content":"b","refusal":null},"logprobs":null,)"
                      R"("finish_reason":"length"}])"),
            std::string::npos)
      << body;
  EXPECT_EQ(Deltas({R"("content":{"parts":[{"text":"a"}]})", R"("index":1,"content":{"parts":[{"text":"b"}]})",
                    R"("finishReason":"STOP")", R"("index":1,"finishReason":"MAX_TOKENS")"},
                   Request(kStream + wanted, "gemini-2.0-flash")),
            kRole +
                "0 {\"content\":\"a\"}\n1 {\"role\":\"assistant\",\"content\":\"\"}\n1 {\"content\":\"b\"}\n"
                "0 {}stop\n1 {}length\n");
}

TEST(OpenAiChatExtras, WhatStandsBelowTheChoices) {
  const std::string body =
      ReplayUnary(Request(""), 200,
                  R"({"candidates":[{"finishReason":"STOP"}],"modelVersion":"v","usageMetadata":{"promptTokenCount":9,)"
                  R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":2},{"modality":"AUDIO","tokenCount":7}],)"
                  R"("candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":3}],"serviceTier":"priority"}})")
          .body;
  EXPECT_NE(body.find(R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":7})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("reasoning_tokens":0,"audio_tokens":3)"), std::string::npos) << body;
  EXPECT_TRUE(body.ends_with(R"("service_tier":"priority","system_fingerprint":"v"})")) << body;
}

}  // namespace
}  // namespace gc
