// router_test.cc: every route, the refusals in the path's own protocol, and names fit for a log.
// SPDX-License-Identifier: MIT
#include "handler/router.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gc {
namespace {

using enum Operation;
using Found = Route::Found;
constexpr ErrorShape kO = ErrorShape::kOpenAi;
constexpr ErrorShape kA = ErrorShape::kAnthropic;
constexpr ErrorShape kG = ErrorShape::kGemini;

Route Match(std::string method, std::string path, HttpHeaders headers = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.headers = std::move(headers);
  return MatchRoute(request);
}

TEST(Router, ServedPaths) {
  const struct {
    const char* method;
    const char* path;
    Operation operation;
    ErrorShape shape;
    const char* client_type;
    const char* endpoint;
    const char* id;
  } cases[] = {
      {"POST", "/v1/chat/completions", kChatCompletions, kO, "openai", "/v1/chat/completions", ""},
      {"GET", "/v1/models", kListModels, kO, "openai", "/v1/models", ""},
      {"GET", "/v1/models/gemini-x", kGetModel, kO, "openai", "/v1/models/{id}", "gemini-x"},
      {"GET", "/v1/models/models/gemini-x", kGetModel, kO, "openai", "/v1/models/{id}", "models/gemini-x"},
      {"POST", "/v1/completions", kNotImplemented, kO, "openai", "/v1/completions", ""},
      {"POST", "/v1/embeddings", kNotImplemented, kO, "openai", "/v1/embeddings", ""},
      {"POST", "/v1/responses", kNotImplemented, kO, "openai", "/v1/responses", ""},
      {"DELETE", "/v1/responses/resp_1", kNotImplemented, kO, "openai", "/v1/responses/{id}", "resp_1"},
      {"POST", "/v1/messages", kMessages, kA, "claude", "/v1/messages", ""},
      {"POST", "/v1/messages/count_tokens", kCountTokens, kA, "claude", "/v1/messages/count_tokens", ""},
      {"GET", "/v1beta/models", kNative, kG, "gemini", "/v1beta/*", "models"},
      {"GET", "/v1beta/models/gemini-x", kNative, kG, "gemini", "/v1beta/*", "models/gemini-x"},
      {"DELETE", "/v1beta/files/abc", kNative, kG, "gemini", "/v1beta/*", "files/abc"},
      {"OPTIONS", "/v1beta/models", kNative, kG, "gemini", "/v1beta/*", "models"},
      {"GET", "/v1beta/models/xcountTokens", kNative, kG, "gemini", "/v1beta/*", "models/xcountTokens"},
      {"POST", "/v1beta/models/g:xcountTokens", kNative, kG, "gemini", "/v1beta/*", "models/g:xcountTokens"},
      {"POST", "/v1beta/models/g:generateContent", kNative, kG, "gemini", "/v1beta/models/{model}:generateContent",
       "models/g:generateContent"},
      {"POST", "/v1beta/models/g:streamGenerateContent", kNative, kG, "gemini",
       "/v1beta/models/{model}:streamGenerateContent", "models/g:streamGenerateContent"},
      {"POST", "/v1beta/models/g:countTokens", kNative, kG, "gemini", "/v1beta/models/{model}:countTokens",
       "models/g:countTokens"},
      {"POST", "/v1beta/models/g:embedContent", kNative, kG, "gemini", "/v1beta/models/{model}:embedContent",
       "models/g:embedContent"},
      {"POST", "/v1beta/models/g:batchEmbedContents", kNative, kG, "gemini",
       "/v1beta/models/{model}:batchEmbedContents", "models/g:batchEmbedContents"},
      {"POST", "/upload/v1beta/files", kNotImplemented, kG, "gemini", "/upload/v1beta/{id}", "files"},
      {"GET", "/health", kHealth, kO, "openai", "/health", ""},
      {"HEAD", "/health", kHealth, kO, "openai", "/health", ""},
      {"GET", "/livez", kLive, kO, "openai", "/livez", ""},
      {"HEAD", "/livez", kLive, kO, "openai", "/livez", ""},
      {"GET", "/readyz", kReady, kO, "openai", "/readyz", ""},
      {"HEAD", "/readyz", kReady, kO, "openai", "/readyz", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.path);
    const Route route = Match(c.method, c.path);
    EXPECT_EQ(route.found, Found::kYes);
    EXPECT_EQ(route.operation, c.operation);
    EXPECT_EQ(route.shape, c.shape);
    EXPECT_EQ(route.client_type, c.client_type);
    EXPECT_EQ(route.endpoint, c.endpoint);
    EXPECT_EQ(route.id, c.id);
    EXPECT_EQ(route.allow, "");
  }
}

TEST(Router, WrongMethodNamesTheRightOnes) {
  const struct {
    const char* method;
    const char* path;
    const char* allow;
    ErrorShape shape;
  } cases[] = {
      {"GET", "/v1/chat/completions", "POST", kO},
      {"post", "/v1/chat/completions", "POST", kO},
      {"POST", "/v1/models", "GET", kO},
      {"HEAD", "/v1/models/x", "GET", kO},
      {"DELETE", "/v1/models/x", "GET", kO},
      {"GET", "/v1/messages", "POST", kA},
      {"GET", "/v1/responses", "POST", kO},
      {"POST", "/health", "GET, HEAD", kO},
      {"OPTIONS", "/livez", "GET, HEAD", kO},
      {"GE", "/livez", "GET, HEAD", kO},
      {"", "/readyz", "GET, HEAD", kO},
      {"GET HEAD", "/readyz", "GET, HEAD", kO},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.path);
    const Route route = Match(c.method, c.path);
    EXPECT_EQ(route.found, Found::kWrongMethod);
    EXPECT_EQ(route.allow, c.allow);
    EXPECT_EQ(route.shape, c.shape);
    EXPECT_EQ(route.endpoint, c.path == std::string("/v1/models/x") ? "/v1/models/{id}" : c.path);
  }
}

TEST(Router, UnknownPathsAnswerInTheirProtocol) {
  const struct {
    const char* path;
    HttpHeaders headers;
    ErrorShape shape;
  } cases[] = {
      {"/", {}, kO},
      {"/v1", {}, kO},
      {"/v1/", {}, kO},
      {"/V1/models", {}, kO},
      {"/v1/chat", {}, kO},
      {"/v1/chat/completions/1", {}, kO},
      {"/v1/modelsx", {}, kO},
      {"/health/x", {}, kO},
      {"/v1/messages/batches", {}, kA},
      {"/v1/complete", {{"anthropic-version", "2023-06-01"}}, kA},
      {"/v1/files", {{"x-api-key", "K"}}, kA},
      {"/v1beta", {}, kG},
      {"/v1beta", {{"x-api-key", "K"}}, kG},
      {"/v1beta2/models", {}, kG},
      {"/upload/v1/files", {}, kG},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    const Route route = Match("GET", c.path, c.headers);
    EXPECT_EQ(route.found, Found::kNoPath);
    EXPECT_EQ(route.shape, c.shape);
    EXPECT_EQ(route.client_type, "unknown");
    EXPECT_EQ(route.endpoint, "unmatched");
    EXPECT_EQ(route.id, "");
  }
}

TEST(Router, ModelsBelongToTheClientThatAsks) {
  for (const char* path : {"/v1/models", "/v1/models/gemini-x"}) {
    const Route claude = Match("GET", path, {{"anthropic-version", "2023-06-01"}});
    EXPECT_EQ(claude.shape, kA) << path;
    EXPECT_EQ(claude.client_type, "claude") << path;
    EXPECT_EQ(Match("GET", path, {{"x-api-key", "K"}}).shape, kA) << path;
    EXPECT_EQ(Match("GET", path, {{"authorization", "Bearer K"}}).shape, kO) << path;
  }
  // Elsewhere the path says it.
  EXPECT_EQ(Match("POST", "/v1/chat/completions", {{"x-api-key", "K"}}).shape, kO);
  EXPECT_EQ(Match("POST", "/v1beta/models/g:generateContent", {{"anthropic-version", "1"}}).shape, kG);
  EXPECT_EQ(Match("GET", "/health", {{"x-api-key", "K"}}).shape, kO);
}

TEST(Router, EndpointsAreFewWhateverClientsSend) {
  std::set<std::string> endpoints;
  for (int i = 0; i < 100; ++i) {
    const std::string n = std::to_string(i);
    for (const std::string& path :
         {"/x" + n, "/v1/models/m" + n, "/v1/responses/r" + n, "/v1beta/files/" + n,
          "/v1beta/models/m" + n + ":generateContent", "/v1beta/models/m:method" + n,
          "/v1beta/tunedModels/t" + n + ":generateContent", "/v1beta/" + n + ":countTokens", "/upload/v1beta/u" + n}) {
      endpoints.insert(Match("GET", path).endpoint);
    }
  }
  const std::set<std::string> want = {"unmatched",
                                      "/v1/models/{id}",
                                      "/v1/responses/{id}",
                                      "/v1beta/*",
                                      "/v1beta/models/{model}:generateContent",
                                      "/upload/v1beta/{id}"};
  EXPECT_EQ(endpoints, want);
}

}  // namespace
}  // namespace gc
