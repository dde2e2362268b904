// vectors_test.cc: runs every golden vector that the protocols can answer without a network.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "anthropic_replay.h"
#include "chat_replay.h"
#include "handler/proto_anthropic_carrier.h"
#include "handler/proto_models.h"
#include "handler/retries.h"
#include "pool_replay.h"
#include "vector_compare.h"

namespace gc {
namespace {

using json::Value;

// What is not built yet. A vector that holds by now must leave this list.
constexpr std::string_view kNotYetCovered[] = {
    "chat-25-long-decode",
    "compl-26-legacy",
    "embed-27-batch-base64",
    "embed-28-dimensions-normalised",
    "resp-30-basic-stream",
    "resp-31-codex-namespace-stream",
    "resp-32-codex-roundtrip-input",
    "resp-33-custom-tool-stream",
    "resp-34-incomplete-unary",
    "resp-35-failed-midstream",
    "resp-36-web-search",
};

// A protocol as the vectors use it.
struct Client {
  std::string_view path;
  ErrorShape shape;
  Result<gemini::Request, ApiError> (*parse)(const std::string& body);
  Reply (*unary)(const std::string& request, int status, const std::vector<std::string>& answers);  // by call
  Reply (*stream)(const std::string& request, const std::vector<std::string_view>& pieces);
};
constexpr Client kClients[] = {
    {"/v1/chat/completions", ErrorShape::kOpenAi, [](const std::string& body) { return ParseChat(body); }, ReplayUnary,
     ReplayStream},
    {"/v1/messages", ErrorShape::kAnthropic, [](const std::string& body) { return ParseMessages(body); },
     [](const std::string& request, int status, const std::vector<std::string>& answers) {
       return AnthropicUnary(request, status, answers.back());
     },
     AnthropicStream},
};
const Client& kChat = kClients[0];

const Client* ClientOf(std::string_view path) {
  const auto* found =
      std::find_if(std::begin(kClients), std::end(kClients), [&](const Client& c) { return c.path == path; });
  return found == std::end(kClients) ? nullptr : found;
}

json::Document Parsed(const std::string& text) {
  auto document = json::Document::Parse(text);
  EXPECT_TRUE(document.ok()) << text;
  return document.ok() ? std::move(*document) : std::move(*json::Document::Parse("null"));
}

std::string DecodeBase64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = (bits << 6) | static_cast<unsigned>(kDigits.find(c));
    count += 6;
    if (count >= 8) bytes += static_cast<char>((bits >> (count -= 8)) & 0xFF);
  }
  return bytes;
}

// The bytes of a canned stream, in the pieces that the vector asks for.
std::vector<std::string> StreamOf(const Value& response) {
  std::vector<std::string> pieces;
  for (const Value& event : At(response, "sse").Items()) pieces.push_back("data: " + json::ToText(event) + "\r\n\r\n");
  for (const Value& piece : At(response, "raw_base64_chunks").Items()) pieces.push_back(DecodeBase64(piece.Text()));
  return pieces;
}

std::string Joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  return all;
}

// The body of a client's request, with our carrier for each {{carrier:f:SIGNATURE}}.
std::string RequestBody(const Value& vector) {
  constexpr std::string_view kMark = "{{carrier:f:";
  std::string text = json::ToText(At(At(vector, "client_request"), "body"));
  for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at)) {
    const size_t end = text.find("}}", at);
    const std::string signature = text.substr(at + kMark.size(), end - at - kMark.size());
    text.replace(at, end + 2 - at, MakeCarrier(CarrierTarget::kCall, signature));
  }
  return text;
}

std::string CompareUpstream(VectorCompare* compare, const Value& expected, const gemini::Request& actual) {
  const std::string path =
      "/v1beta/models/" + actual.model + (actual.stream ? ":streamGenerateContent" : ":generateContent");
  if (path != At(expected, "path").Text()) return "upstream path " + path;
  if (actual.stream != (expected.Find("query") != nullptr)) return "upstream query";
  return compare->Request(At(expected, "body"), Parsed(actual.body).root());
}

// The events of a stream but for pings; chat's have no name.
std::vector<AnthropicEvent> NamedFrames(const std::string& stream) {
  std::vector<AnthropicEvent> frames;
  for (std::string& data : FramesOf(stream)) frames.push_back({"", std::move(data)});
  if (!frames.empty()) return frames;
  frames = EventsOf(stream);
  std::erase_if(frames, [](const AnthropicEvent& event) { return event.name == "ping"; });
  return frames;
}

std::string CompareStream(VectorCompare* compare, const Value& expected, const std::string& stream) {
  const auto events = At(expected, "sse").Items();
  const std::vector<AnthropicEvent> frames = NamedFrames(stream);
  if (frames.size() != events.size()) return std::to_string(frames.size()) + " frames: " + stream;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Value& data = At(events[i], "data");
    if (frames[i].name != At(events[i], "event").Text()) return "frame " + std::to_string(i) + " is " + frames[i].name;
    if (data.IsString() && data.Text() == frames[i].data) continue;
    const std::string why = compare->Answer(data, Parsed(frames[i].data).root());
    if (!why.empty()) return "frame " + std::to_string(i) + " " + why;
  }
  for (const Value& forbidden : At(expected, "forbid").Items()) {
    if (stream.find(forbidden.Text()) != std::string::npos) return "holds " + std::string(forbidden.Text());
  }
  return {};
}

// The same stream cut in two at every byte, and byte by byte, must give the same answer.
std::string CompareSplits(const Client& client, const std::string& request, const std::string& bytes,
                          const std::string& whole) {
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    const std::string_view all = bytes;
    if (client.stream(request, {all.substr(0, cut), all.substr(cut)}).body != whole) {
      return "differs when cut at byte " + std::to_string(cut);
    }
  }
  std::vector<std::string_view> single;
  for (size_t i = 0; i < bytes.size(); ++i) single.push_back(std::string_view(bytes).substr(i, 1));
  return client.stream(request, single).body == whole ? "" : "differs byte by byte";
}

// The one header that a vector asks for is made of the request's id.
std::string CompareHeaders(VectorCompare* compare, const Value& expected) {
  const std::string actual = R"({"request-id":")" + AnthropicRequestId(kAnthropicId) + "\"}";
  return compare->Answer(expected, Parsed(actual).root());
}

// True for an answer after which the relay sends the same request once more.
bool AskedAgain(const Value& response) {
  const auto answer = gemini::ParseResponse(json::ToText(At(response, "body")));
  AnswerWatch watch;
  if (answer.ok()) watch.Note(*answer);
  return At(response, "status").Int() == 200 && answer.ok() && watch.is_empty();
}

// One exchange of a client; empty: it went as the vector says.
std::string RunExchange(const Value& vector) {
  const auto upstream = At(vector, "upstream").Items();
  const Client* client = ClientOf(At(At(vector, "client_request"), "path").Text());
  if (client == nullptr) return "no protocol for that path";
  const Value& expected = At(vector, "client_response");
  const std::string request = RequestBody(vector);
  const auto parsed = client->parse(request);
  if (!parsed.ok()) return parsed.error().message;

  VectorCompare compare;
  const size_t together = At(vector, "upstream_order").Text() == "any" ? upstream.size() : 1;
  if (parsed->calls != together) return std::to_string(parsed->calls) + " calls to Gemini at the same time";
  for (const Value& call : upstream) {
    if (auto why = CompareUpstream(&compare, At(call, "request"), *parsed); !why.empty()) return why;
    if (together == 1 && &call != &upstream.back() && !AskedAgain(At(call, "response"))) {
      return "more than one call to Gemini";
    }
  }
  if (const Value* headers = expected.Find("headers")) {
    if (auto why = CompareHeaders(&compare, *headers); !why.empty()) return why;
  }
  const Value& response = At(upstream.back(), "response");
  const auto status = static_cast<int>(At(response, "status").Int().value_or(0));
  Reply reply;
  if (parsed->stream) {
    const std::vector<std::string> pieces = StreamOf(response);
    const std::vector<std::string_view> views(pieces.begin(), pieces.end());
    reply = client->stream(request, views);
    if (auto why = CompareSplits(*client, request, Joined(pieces), reply.body); !why.empty()) return why;
    if (auto why = CompareStream(&compare, expected, reply.body); !why.empty()) return why;
  } else {
    std::vector<std::string> answers;
    for (const Value& call : upstream.last(together)) answers.push_back(json::ToText(At(At(call, "response"), "body")));
    reply = client->unary(request, status, answers);
    if (auto why = compare.Answer(At(expected, "body"), Parsed(reply.body).root()); !why.empty()) return why;
  }
  return reply.status == At(expected, "status").Int() ? "" : "status " + std::to_string(reply.status);
}

std::string RunCountTokens(const Value& vector) {
  const auto parsed = ParseMessages(RequestBody(vector), AnthropicUse::kCountTokens);
  if (!parsed.ok()) return parsed.error().message;
  const Value& call = At(vector, "upstream").Items()[0];
  if ("/v1beta/models/" + parsed->model + ":countTokens" != At(At(call, "request"), "path").Text()) return "path";
  VectorCompare compare;
  const auto body = Parsed(CountTokensBody(*parsed));
  if (auto why = compare.Request(At(At(call, "request"), "body"), body.root()); !why.empty()) return why;
  const int64_t tokens = At(At(At(call, "response"), "body"), "totalTokens").Int().value_or(-1);
  return compare.Answer(At(At(vector, "client_response"), "body"), Parsed(TokenCountBody(tokens)).root());
}

// A request that the gateway refuses itself.
std::string CompareRefusal(const Client& client, const std::string& body, const Value& expected_status,
                           const Value& expected_body) {
  const auto parsed = client.parse(body);
  if (parsed.ok()) return "not refused: " + body;
  const Reply reply = ErrorReply(client.shape, parsed.error(), kAnthropicId);
  if (reply.status != expected_status.Int()) return "status " + std::to_string(reply.status);
  VectorCompare compare;
  return compare.Answer(expected_body, Parsed(reply.body).root());
}

std::string RunToolChoiceTable(const Value& vector) {
  for (const Value& row : At(vector, "cases").Items()) {
    const std::string choice = json::ToText(At(row, "tool_choice"));
    const std::string body =
        R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}],"tools":[)"
        R"({"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}],"tool_choice":)" +
        choice + "}";
    std::string why;
    if (const Value* error = row.Find("error")) {
      const std::string shape = R"({"error":{"param":)" + json::ToText(At(*error, "param")) + "}}";
      why = CompareRefusal(kChat, body, At(*error, "status"), Parsed(shape).root());
    } else {
      const auto parsed = ParseChat(body);
      if (!parsed.ok()) return choice + ": " + parsed.error().message;
      const auto sent = Parsed(parsed->body);
      const std::string config = json::ToText(At(At(sent.root(), "toolConfig"), "functionCallingConfig"));
      const std::string expected = json::ToText(At(row, "functionCallingConfig"));
      if (config != expected) why = "expected " + expected + ", got " + config;
    }
    if (!why.empty()) return choice + ": " + why;
  }
  return {};
}

std::string RunEffortTable(const Value& vector) {
  for (const Value& row : At(vector, "cases").Items()) {
    const std::string model = json::ToText(At(row, "model"));
    const std::string effort = json::ToText(At(row, "reasoning_effort"));
    const auto parsed = ParseChat(R"({"messages":[{"role":"user","content":"x"}],"model":)" + model +
                                  R"(,"reasoning_effort":)" + effort + "}");
    if (!parsed.ok()) return parsed.error().message;
    std::string expected = R"({"contents":[{"role":"user","parts":[{"text":"x"}]}])";
    const Value& config = At(row, "thinkingConfig");
    if (!config.IsNull()) expected += R"(,"generationConfig":{"thinkingConfig":)" + json::ToText(config) + "}";
    VectorCompare compare;
    const std::string why = compare.Request(Parsed(expected + "}").root(), Parsed(parsed->body).root());
    if (!why.empty()) return model + " " + effort + ": " + why;
  }
  return {};
}

// The gateway has no list of models: an unknown name goes to Gemini, whose refusal is the answer.
std::string CompareUnknownModel(const Client& client, const std::string& body, const Value& row) {
  const Reply reply = client.unary(
      body, 404,
      {R"({"error":{"code":404,"message":"models/no-such is not found for API version v1beta","status":"NOT_FOUND"}})"});
  if (reply.status != At(row, "status").Int()) return "status " + std::to_string(reply.status);
  VectorCompare compare;
  return compare.Answer(At(row, "body"), Parsed(reply.body).root());
}

// The cases of the protocols that are built.
std::string RunRejections(const Value& vector) {
  int run = 0;
  for (const Value& row : At(vector, "cases").Items()) {
    const Value& request = At(row, "request");
    const Value& body = At(request, "body");
    const Client* client = ClientOf(At(request, "path").Text());
    if (client == nullptr) continue;
    ++run;
    const std::string why = At(body, "model").Text() == "no-such"
                                ? CompareUnknownModel(*client, json::ToText(body), row)
                                : CompareRefusal(*client, json::ToText(body), At(row, "status"), At(row, "body"));
    if (!why.empty()) return json::ToText(body) + ": " + why;
  }
  return run == 5 ? "" : "ran " + std::to_string(run) + " cases";
}

std::string RunModels(const Value& vector) {
  std::vector<json::Document> pages;
  for (const Value& call : At(vector, "upstream").Items()) {
    pages.push_back(Parsed(json::ToText(At(At(call, "response"), "body"))));
  }
  VectorCompare compare;
  const auto anthropic = Parsed(*ModelListBody(ErrorShape::kAnthropic, pages));
  if (auto why = compare.Answer(At(At(vector, "client_response"), "body"), anthropic.root()); !why.empty()) return why;
  const auto openai = Parsed(*ModelListBody(ErrorShape::kOpenAi, pages));
  return compare.Answer(Parsed(R"({"object":"list","data":[
      {"id":"gemini-3.8-flash","object":"model","created":"{{unix}}","owned_by":"google"},
      {"id":"gemini-embedding-001","object":"model","created":"{{unix}}","owned_by":"google"}]})")
                            .root(),
                        openai.root());
}

std::string RunVector(const std::string& name) {
  const json::Document vector = LoadVector(name);
  if (name == "chat-07-tool-choice-table") return RunToolChoiceTable(vector.root());
  if (name == "chat-10-reasoning-effort-table") return RunEffortTable(vector.root());
  if (name == "table-29-rejections") return RunRejections(vector.root());
  if (name == "models-46-list") return RunModels(vector.root());
  if (name == "anth-45-count-tokens") return RunCountTokens(vector.root());
  if (vector.root().Find("keys") != nullptr) return RunWithKeys(vector.root());
  return RunExchange(vector.root());
}

class Vector : public testing::TestWithParam<std::string> {};

TEST_P(Vector, Holds) {
  const bool listed =
      std::find(std::begin(kNotYetCovered), std::end(kNotYetCovered), GetParam()) != std::end(kNotYetCovered);
  const std::string why = RunVector(GetParam());
  if (listed) {
    EXPECT_NE(why, "") << "holds by now: take it off the list";
  } else {
    EXPECT_EQ(why, "");
  }
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, Vector, testing::ValuesIn(VectorNames()), TestName);

TEST(Vectors, AreFoundAndTheListNamesFiles) {
  const std::vector<std::string> names = VectorNames();
  EXPECT_EQ(names.size(), 47U);
  for (const std::string_view listed : kNotYetCovered) {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), listed)) << listed;
  }
}

// Promise: a stream that was cut never looks complete, and one that was not cut never looks broken.
TEST(Vectors, EveryTruncationEndsInExactlyOneWay) {
  for (const std::string name : {"chat-02-stream-usage", "chat-03-parallel-tools-stream", "sse-47-framing"}) {
    const json::Document vector = LoadVector(name);
    const std::string request = json::ToText(At(At(vector.root(), "client_request"), "body"));
    const std::string bytes = Joined(StreamOf(At(At(vector.root(), "upstream").Items()[0], "response")));
    const size_t finish = bytes.find("finishReason");
    for (size_t length = 0; length <= bytes.size(); ++length) {
      const std::string out = ReplayStream(request, {std::string_view(bytes).substr(0, length)}).body;
      const bool done = out.ends_with("data: [DONE]\n\n");
      const bool failed = FramesOf(out).back().starts_with(R"({"error":)");
      EXPECT_NE(done, failed) << name << " cut to " << length;
      EXPECT_EQ(out.find("[DONE]") != std::string::npos, done) << name << " cut to " << length;
      EXPECT_TRUE(failed || length > finish) << name << " cut to " << length;
      EXPECT_TRUE(done || length < bytes.size()) << name;
    }
  }
}

}  // namespace
}  // namespace gc
