// requests_test.cc: requests and answers through the real servers, under every mount.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "e2e/calls.h"

namespace gc::test {
namespace {

// One gateway for each mount: starting it is the slow part.
class Requests : public testing::TestWithParam<Mount> {
 protected:
  static Gateway& TheGateway(const Mount& mount) {
    static std::map<std::string, std::unique_ptr<Gateway>> running;
    auto& gateway = running[mount.name()];
    if (!gateway) {
      GatewayOptions options{.mount = mount};
      options.config = {{"request.max_body_bytes", "1048576"}};
      gateway = std::make_unique<Gateway>(options);
    }
    all_ = &running;
    return *gateway;
  }
  static void TearDownTestSuite() {
    if (all_ != nullptr) all_->clear();
  }

  Gateway& gateway_ = TheGateway(GetParam());
  FakeGemini& fake_ = gateway_.fake();

 private:
  static inline std::map<std::string, std::unique_ptr<Gateway>>* all_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Mounts, Requests, testing::ValuesIn(kAllMounts), MountName);

std::string RowOf(const Gateway& gateway, const HttpReply& reply, const std::string& columns) {
  const std::string id(reply.Header("x-request-id"));
  const std::string where = " FROM request_logs WHERE id = '" + id + "'";
  if (!gateway.WaitForCount("SELECT count(*)" + where, 1)) return "no row for " + id;
  std::string out;
  const Row row = gateway.database().Query("SELECT " + columns + where).at(0);
  for (const std::string& value : row) out += (out.empty() ? "" : "|") + value;
  return out;
}

TEST_P(Requests, ChatUnaryAnswersAndLeavesARow) {
  const HttpReply reply = Do(Chat(gateway_, "Hello"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.Header("content-type"), "application/json");
  EXPECT_EQ(Field(reply.body, {"object"}), "chat.completion");
  EXPECT_EQ(Field(reply.body, {"choices", "message", "content"}), "echo: Hello");
  EXPECT_EQ(Field(reply.body, {"choices", "finish_reason"}), "stop");
  EXPECT_EQ(RowOf(gateway_, reply,
                  "client_type, client_ip, model, original_model, endpoint, status_code, is_stream, has_error, "
                  "finish_reason, attempts, input_tokens + output_tokens = total_tokens, length(api_key_hash), "
                  "request_size > 0, response_size, response_time >= first_token_ms"),
            "openai|127.0.0.0|gemini-3.8-flash|gemini-3.8-flash|/v1/chat/completions|200|0|0|STOP|1|1|32|1|" +
                std::to_string(reply.body.size()) + "|1");
}

// The upstream holds its second chunk back until the client has the first: a buffered answer would never begin.
TEST_P(Requests, ChatStreamIsIncremental) {
  SseSplitter splitter;
  std::string last;
  bool released = false;
  const HttpReply reply = Stream(Chat(gateway_, "Hi [[fake: chunks=3 hold=first@1 tag=inc]]", Answer::kStream),
                                 [&](std::string_view piece) {
                                   for (const SseEvent& event : splitter.Feed(piece)) {
                                     last = event.data;
                                     if (!released && event.data.find("echo") != std::string::npos) {
                                       released = true;
                                       fake_.Release("first");
                                     }
                                   }
                                   return Next::kGoOn;
                                 });
  EXPECT_TRUE(released) << reply.body;
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.error, "");
  EXPECT_EQ(reply.Header("content-type"), "text/event-stream");
  EXPECT_EQ(last, "[DONE]");
  EXPECT_EQ(
      RowOf(gateway_, reply, "is_stream, status_code, has_error, finish_reason, total_tokens > 0, first_token_ms >= 0"),
      "1|200|0|STOP|1|1");
}

TEST_P(Requests, NativeAnswersAreByteIdentical) {
  for (const std::string method :
       {"generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent", "countTokens"}) {
    HttpCall through = Native(gateway_, method, "same");
    HttpCall direct = through;
    direct.url = fake_.base_url() + through.url.substr(gateway_.base_url().size());
    const HttpReply a = Do(through);
    const HttpReply b = Do(direct);
    EXPECT_EQ(a.status, 200) << method << a.body;
    EXPECT_EQ(a.Header("content-type"), b.Header("content-type")) << method;
    // responseId differs from call to call; everything else may not.
    const auto without_id = [](std::string body) {
      for (size_t at = body.find("\"responseId\""); at != std::string::npos; at = body.find("\"responseId\"", at)) {
        body.erase(at, body.find('"', body.find(':', at) + 2) - at + 1);
      }
      return body;
    };
    EXPECT_EQ(without_id(a.body), without_id(b.body)) << method;
    if (method != "countTokens") {
      EXPECT_EQ(RowOf(gateway_, a, "client_type, model, endpoint, total_tokens > 0, finish_reason"),
                "gemini|gemini-3.8-flash|/v1beta/models/{model}:" + method.substr(0, method.find('?')) + "|1|STOP");
    }
  }
}

TEST_P(Requests, NativeStreamIsIncremental) {
  for (const std::string method : {"streamGenerateContent?alt=sse", "streamGenerateContent"}) {
    const std::string door = "native" + std::to_string(method.size());
    bool released = false;
    const HttpReply reply =
        Stream(Native(gateway_, method, "Hi [[fake: chunks=3 hold=" + door + "@1]]"), [&](std::string_view piece) {
          if (!released && piece.find("echo") != std::string_view::npos) {
            released = true;
            fake_.Release(door);
          }
          return Next::kGoOn;
        });
    EXPECT_TRUE(released) << method;
    EXPECT_EQ(reply.error, "") << method;
  }
}

TEST_P(Requests, Models) {
  const HttpReply list = Do(Get(gateway_, "/v1/models"));
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(Field(list.body, {"object"}), "list");
  EXPECT_NE(list.body.find("\"gemini-3.8-flash\""), std::string::npos);
  const HttpReply one = Do(Get(gateway_, "/v1/models/gemini-3.8-flash"));
  EXPECT_EQ(Field(one.body, {"id"}), "gemini-3.8-flash");
  const HttpReply none = Do(Get(gateway_, "/v1/models/no-such"));
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(Field(none.body, {"error", "code"}), "model_not_found");
}

TEST_P(Requests, AliasesAnswerUnderTheirOwnName) {
  HttpCall chat = Chat(gateway_, "Hello");
  chat.body.replace(chat.body.find(kModel), sizeof(kModel) - 1, "gpt-4o-2024-11-20");
  const HttpReply reply = Do(chat);
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(Field(reply.body, {"model"}), "gpt-4o-2024-11-20");
  EXPECT_EQ(RowOf(gateway_, reply, "model, original_model"), "gemini-flash-latest|gpt-4o-2024-11-20");

  const HttpReply list = Do(Get(gateway_, "/v1/models"));
  EXPECT_NE(list.body.find(R"("id":"gpt-4o")"), std::string::npos) << list.body;
  HttpCall claude = Get(gateway_, "/v1/models?limit=1000");
  claude.headers.emplace_back("anthropic-version: 2023-06-01");
  const HttpReply discovered = Do(claude);
  for (const std::string name : {"claude-opus", "claude-sonnet", "claude-haiku"}) {
    EXPECT_NE(discovered.body.find("\"id\":\"" + name + "\""), std::string::npos) << discovered.body;
  }
  const HttpReply one = Do(Get(gateway_, "/v1/models/claude-sonnet-4-5"));
  EXPECT_EQ(Field(one.body, {"id"}), "claude-sonnet-4-5") << one.body;
  EXPECT_EQ(RowOf(gateway_, one, "model, original_model"), "gemini-flash-latest|claude-sonnet-4-5");
}

struct BadInput {
  std::string name;
  std::string method = "POST";
  std::string path = "/v1/chat/completions";
  std::vector<std::string> headers = {std::string("Authorization: Bearer ") + kKey};
  std::string body = "{}";
  int status;
  std::vector<std::string_view> field;  // where to look
  std::string value;                    // what must stand there; "*": anything
};

// Each is refused in the caller's own protocol and leaves one row.
TEST_P(Requests, BadInput) {
  const std::string user = R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":)";
  const std::vector<std::string_view> openai_message = {"error", "message"};
  const std::vector<std::string_view> openai_param = {"error", "param"};
  const std::vector<std::string_view> anthropic = {"error", "type"};
  const std::vector<std::string_view> gemini = {"error", "status"};
  // One case, one entry.
  // clang-format off
  const BadInput cases[] = {
      {.name = "malformed JSON", .body = "{\"model\":", .status = 400, .field = openai_message, .value = "*"},
      {.name = "wrong type", .body = R"({"model":"gemini-3.8-flash","messages":"x"})", .status = 400,
       .field = openai_param, .value = "messages"},
      {.name = "wrong type inside", .body = user + "7}]}", .status = 400, .field = openai_param,
       .value = "messages[0].content"},
      {.name = "no model", .body = R"({"messages":[{"role":"user","content":"x"}]})", .status = 400,
       .field = openai_param, .value = "model"},
      {.name = "100k brackets", .body = std::string(100'000, '['), .status = 400, .field = openai_message, .value = "*"},
      {.name = "invalid UTF-8", .body = user + "\"\xff\"}]}", .status = 400, .field = openai_message, .value = "*"},
      {.name = "empty body", .body = "", .status = 400, .field = openai_message, .value = "*"},
      {.name = "remote image",
       .body = user + R"([{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}]})",
       .status = 400, .field = openai_param, .value = "messages[0].content[0].image_url.url"},
      {.name = "unknown path", .path = "/v1/nope", .status = 404, .field = openai_message, .value = "*"},
      {.name = "wrong method", .method = "GET", .body = "", .status = 405, .field = openai_message, .value = "*"},
      {.name = "no credential", .headers = {}, .status = 401, .field = {"error", "code"}, .value = "invalid_api_key"},
      {.name = "credential twice", .headers = {"Authorization: Bearer a", "Authorization: Bearer b"}, .status = 401,
       .field = {"error", "code"}, .value = "invalid_api_key"},
      {.name = "header twice by underscore", .headers = {"x-api-key: real", "X_Api_Key: spoof"}, .status = 400,
       .field = anthropic, .value = "invalid_request_error"},
      {.name = "key that Google refuses", .headers = {"Authorization: Bearer no-key-of-google"}, .body = user + "\"x\"}]}",
       .status = 401, .field = {"error", "code"}, .value = "invalid_api_key"},
      {.name = "too large", .body = user + "\"" + std::string(1'500'000, 'x') + "\"}]}", .status = 413,
       .field = openai_message, .value = "*"},
      {.name = "compressed", .headers = {std::string("Authorization: Bearer ") + kKey, "Content-Encoding: gzip"},
       .status = 415, .field = openai_message, .value = "*"},
      {.name = "unknown model", .body = R"({"model":"no-such","messages":[{"role":"user","content":"x"}]})",
       .status = 404, .field = {"error", "code"}, .value = "model_not_found"},
      {.name = "native path traversal", .path = "/v1beta/models/%2e%2e/x", .status = 404, .field = gemini,
       .value = "NOT_FOUND"},
      {.name = "native without key", .path = "/v1beta/models/gemini-3.8-flash:generateContent", .headers = {},
       .status = 401, .field = gemini, .value = "UNAUTHENTICATED"},
      {.name = "native unknown field", .path = "/v1beta/models/gemini-3.8-flash:generateContent",
       .body = R"({"contents":[{"parts":[{"text":"x"}]}],"nope":1})", .status = 400, .field = gemini,
       .value = "INVALID_ARGUMENT"},
      {.name = "Anthropic without a limit", .path = "/v1/messages",
       .body = R"({"model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}]})", .status = 400,
       .field = anthropic, .value = "invalid_request_error"},
      {.name = "Anthropic too large", .path = "/v1/messages", .body = std::string(1'500'000, ' '), .status = 413,
       .field = anthropic, .value = "request_too_large"},
      {.name = "Anthropic count of no model", .path = "/v1/messages/count_tokens",
       .body = R"({"model":"no-such","messages":[{"role":"user","content":"x"}]})", .status = 404,
       .field = anthropic, .value = "not_found_error"},
      {.name = "Anthropic batches", .path = "/v1/messages/batches", .status = 404, .field = anthropic,
       .value = "not_found_error"},
      {.name = "Responses", .path = "/v1/responses", .status = 501, .field = {"error", "code"},
       .value = "not_implemented"},
      {.name = "embeddings", .path = "/v1/embeddings", .status = 501, .field = {"error", "code"},
       .value = "not_implemented"},
      {.name = "uploads", .path = "/upload/v1beta/files", .status = 501, .field = gemini, .value = "UNIMPLEMENTED"},
  };
  // clang-format on
  for (const BadInput& c : cases) {
    const HttpReply reply = Do({.url = gateway_.Url(c.path), .method = c.method, .headers = c.headers, .body = c.body});
    if (GetParam() == kNginx && c.name == "credential twice") {  // refused by nginx itself
      EXPECT_EQ(reply.status, 400);
      continue;
    }
    EXPECT_EQ(reply.status, c.status) << c.name << ": " << reply.body << reply.error;
    const std::string value = Field(reply.body, c.field);
    if (c.value == "*") {
      EXPECT_NE(value, "absent") << c.name << ": " << reply.body;
      EXPECT_NE(value, "") << c.name;
    } else {
      EXPECT_EQ(value, c.value) << c.name << ": " << reply.body;
    }
    EXPECT_EQ(RowOf(gateway_, reply, "status_code, has_error, error_type != ''"), std::to_string(c.status) + "|1|1")
        << c.name;
  }
  EXPECT_EQ(Do(Chat(gateway_, "still there")).status, 200);
}

TEST_P(Requests, WrongMethodNamesTheRightOnes) {
  const HttpReply reply =
      Do({.url = gateway_.Url("/v1/chat/completions"), .method = "DELETE", .headers = {}, .body = {}});
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.Header("allow"), "POST");
}

TEST_P(Requests, HealthCountsAndProbesLeaveNoRow) {
  Do(Chat(gateway_, "one"));
  const int64_t rows_before = gateway_.database().Number("SELECT count(*) FROM request_logs");
  ASSERT_TRUE(WaitUntil([&] {
    const HttpReply health = Do(Get(gateway_, "/health", ""));
    return Field(health.body, {"metrics", "requests_total"}) ==
           std::to_string(gateway_.database().Number("SELECT count(*) FROM request_logs"));
  }));
  const HttpReply health = Do(Get(gateway_, "/health", ""));
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(Field(health.body, {"database", "status"}), "connected");
  EXPECT_EQ(Field(health.body, {"database", "tables"}),
            R"(["request_logs","api_key_metrics","system_stats","error_logs"])");
  for (const std::string_view metric : {"requests_total", "requests_per_second", "average_response_time", "error_rate",
                                        "cache_hit_rate", "active_api_keys", "healthy_api_keys"}) {
    const auto document = json::Document::Parse(health.body);
    ASSERT_TRUE(document.ok());
    const json::Value* value = document->root().Find("metrics")->Find(metric);
    ASSERT_NE(value, nullptr) << metric;
    EXPECT_TRUE(value->IsNumber()) << metric;
  }
  EXPECT_EQ(Do(Get(gateway_, "/livez", "")).status, 200);
  EXPECT_EQ(Do(Get(gateway_, "/readyz", "")).status, 200);
  EXPECT_GE(gateway_.database().Number("SELECT count(*) FROM request_logs"), rows_before);
  EXPECT_EQ(gateway_.database().Number(
                "SELECT count(*) FROM request_logs WHERE endpoint IN ('/health', '/livez', '/readyz')"),
            0);
}

TEST_P(Requests, BodyJustUnderTheLimitPasses) {
  const HttpReply reply = Do(Chat(gateway_, std::string(1'000'000, 'y')));
  EXPECT_EQ(reply.status, 200) << reply.body.substr(0, 200);
}

TEST_P(Requests, OneOfManyKeysIsCalledAndAlwaysTheSameForAConversation) {
  std::string used;
  for (int i = 0; i < 3; ++i) {
    const HttpReply reply = Do(Chat(gateway_, "pool", Answer::kUnary, "test-key-one,test-key-two"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const std::string key = fake_.Requests().back().key_last4;
    EXPECT_TRUE(key == "-one" || key == "-two") << key;
    if (used.empty()) used = key;
    EXPECT_EQ(key, used);
  }
}

}  // namespace
}  // namespace gc::test
