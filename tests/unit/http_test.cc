// http_test.cc: CGI variables as a request, percent coding, and heads that nobody can inject into.
// SPDX-License-Identifier: MIT
#include "handler/http.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "handler/api_error.h"

namespace gc {
namespace {

std::optional<ApiError> Read(const std::vector<std::string>& variables, HttpRequest* request) {
  std::vector<const char*> pointers;
  pointers.reserve(variables.size() + 1);
  for (const std::string& variable : variables) pointers.push_back(variable.c_str());
  pointers.push_back(nullptr);
  return ReadCgiHead(pointers.data(), request);
}

TEST(ReadCgiHead, RequestUri) {
  const struct {
    const char* name;
    const char* uri;
    const char* path;
    const char* query;
  } cases[] = {
      {"plain", "/v1/models", "/v1/models", ""},
      {"query", "/v1/models?a=1&b=%20?/..//", "/v1/models", "a=1&b=%20?/..//"},
      {"empty query", "/v1/models?", "/v1/models", ""},
      {"root", "/", "/", ""},
      {"colon", "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
       "/v1beta/models/gemini-x:streamGenerateContent", "alt=sse"},
      {"colon in the first segment", "/a:b", "/a:b", ""},
      {"escaped colon", "/v1beta/models/x%3AgenerateContent", "/v1beta/models/x:generateContent", ""},
      {"escaped slash", "/v1/models/models%2Fgemini-x", "/v1/models/models/gemini-x", ""},
      {"decoded once", "/a%252Fb", "/a%2Fb", ""},
      {"plus stays", "/a+b", "/a+b", ""},
      {"UTF-8", "/%C3%A4", "/\xC3\xA4", ""},
      {"three dots", "/.../.a/a.", "/.../.a/a.", ""},
      {"fragment", "/v1/models#x?y", "/v1/models", ""},
      {"fragment after the query", "/v1/models?a=1#x", "/v1/models", "a=1"},
      {"absolute form", "http://gateway.example:80/v1/models?a=1", "/v1/models", "a=1"},
      {"absolute form with TLS", "https://gateway.example/v1/models", "/v1/models", ""},
      {"absolute form without a path", "http://gateway.example", "/", ""},
      {"absolute form with a query only", "http://gateway.example?a=/v1/models", "/", "a=/v1/models"},
      {"a URL in the query", "/v1/models?u=http://x/y", "/v1/models", "u=http://x/y"},
      {"a URL as the path", "/http://x/y", nullptr, ""},
      {"dot segment", "/v1/./models", nullptr, ""},
      {"dot-dot segment", "/v1/../health", nullptr, ""},
      {"dot-dot at the end", "/v1/..", nullptr, ""},
      {"escaped dot-dot", "/v1/%2e%2E/health", nullptr, ""},
      {"dot-dot behind an escaped slash", "/v1%2f..%2fhealth", nullptr, ""},
      {"double slash", "/v1//models", nullptr, ""},
      {"double slash in front", "//v1/models", nullptr, ""},
      {"escaped double slash", "/v1/%2Fmodels", nullptr, ""},
      {"trailing slash", "/v1/models/", nullptr, ""},
      {"escaped NUL", "/v1/models%00", nullptr, ""},
      {"escaped line break", "/v1/mo%0Adels", nullptr, ""},
      {"raw control", "/v1/mo\tdels", nullptr, ""},
      {"escaped DEL", "/v1/%7F", nullptr, ""},
      {"cut escape", "/v1/models%2", nullptr, ""},
      {"lone percent", "/v1/models%", nullptr, ""},
      {"no hex", "/v1/%zzmodels", nullptr, ""},
      {"no slash in front", "v1/models", nullptr, ""},
      {"asterisk", "*", nullptr, ""},
      {"empty", "", nullptr, ""},
      {"query only", "?a=1", nullptr, ""},
      {"a URL in the query of no path", "v1?u=://x/health", nullptr, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpRequest request;
    const auto refusal = Read({"REQUEST_METHOD=GET", std::string("REQUEST_URI=") + c.uri}, &request);
    ASSERT_EQ(refusal.has_value(), c.path == nullptr) << request.path;
    if (refusal) {
      EXPECT_EQ(refusal->kind, ApiErrorKind::kNotFound);
      continue;
    }
    EXPECT_EQ(request.path, c.path);
    EXPECT_EQ(request.query, c.query);
  }
}

TEST(ReadCgiHead, RefusedPathsKeepTheirProtocol) {
  HttpRequest request;
  ASSERT_TRUE(Read({"REQUEST_URI=/v1beta/models/%zz"}, &request).has_value());
  EXPECT_TRUE(request.path.starts_with("/v1beta/")) << "the 404 is written for a Gemini client";
}

TEST(ReadCgiHead, VariablesBecomeFields) {
  HttpRequest request;
  const auto refusal = Read({"REQUEST_METHOD=POST", "REQUEST_URI=/v1/models?a=1", "REMOTE_ADDR=192.0.2.7",
                             "CONTENT_TYPE=application/json", "CONTENT_LENGTH=12", "HTTP_X_GOOG_API_KEY=K=1",
                             "HTTP_AUTHORIZATION=Bearer x", "HTTP_ACCEPT=", "SCRIPT_NAME=/wrong", "PATH_INFO=/wrong",
                             "QUERY_STRING=wrong", "SERVER_NAME=wrong", "no equals sign", "=x"},
                            &request);
  ASSERT_FALSE(refusal.has_value()) << refusal->message;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/models");
  EXPECT_EQ(request.query, "a=1");
  EXPECT_EQ(request.remote_addr, "192.0.2.7");
  const HttpHeaders want = {{"content-type", "application/json"},
                            {"content-length", "12"},
                            {"x-goog-api-key", "K=1"},
                            {"authorization", "Bearer x"},
                            {"accept", ""}};
  EXPECT_EQ(request.headers, want);
  EXPECT_EQ(request.Header("content-length"), "12");
  EXPECT_EQ(request.Header("none"), "");
}

TEST(ReadCgiHead, LengthAndTypeComeFromTheServerOnly) {
  // Content_Length: 5 (with an underscore) arrives as HTTP_CONTENT_LENGTH and must not override the real one.
  HttpRequest request;
  const auto refusal =
      Read({"REQUEST_URI=/x", "HTTP_CONTENT_LENGTH=5", "CONTENT_LENGTH=", "HTTP_CONTENT_TYPE=a/b", "CONTENT_TYPE="},
           &request);
  ASSERT_FALSE(refusal.has_value()) << refusal->message;
  EXPECT_TRUE(request.headers.empty());
}

TEST(ReadCgiHead, RefusesAHeaderThatOccursTwice) {
  const struct {
    const char* name;
    std::vector<std::string> variables;
    const char* header;
  } cases[] = {
      {"different", {"HTTP_X_API_KEY=spoof", "HTTP_X_API_KEY=real"}, "x-api-key"},
      {"the same", {"HTTP_AUTHORIZATION=Bearer x", "HTTP_AUTHORIZATION=Bearer x"}, "authorization"},
      {"first empty", {"HTTP_X_API_KEY=", "HTTP_X_API_KEY=real"}, "x-api-key"},
      {"second empty", {"HTTP_X_API_KEY=real", "HTTP_X_API_KEY="}, "x-api-key"},
      {"three", {"HTTP_ACCEPT=a", "HTTP_HOST=b", "HTTP_ACCEPT=c", "HTTP_ACCEPT=d"}, "accept"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpRequest request;
    auto variables = c.variables;
    variables.push_back("REQUEST_URI=/v1/models");
    const auto refusal = Read(variables, &request);
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->kind, ApiErrorKind::kInvalidRequest);
    EXPECT_NE(refusal->message.find(c.header), std::string::npos) << refusal->message;
    EXPECT_EQ(refusal->message.find("real"), std::string::npos) << "no value may be shown";
  }
}

TEST(ReadCgiHead, RefusesWithoutRequestUri) {
  HttpRequest request;
  const auto refusal = Read({"REQUEST_METHOD=GET", "PATH_INFO=/v1/models"}, &request);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->kind, ApiErrorKind::kNotFound);
  EXPECT_TRUE(Read({}, &request).has_value());
}

TEST(PercentCoding, Decode) {
  const struct {
    const char* in;
    std::optional<std::string> want;
  } cases[] = {
      {"", ""},
      {"abc", "abc"},
      {"%41%7a%7A", "Azz"},
      {"%", std::nullopt},
      {"%4", std::nullopt},
      {"a%4", std::nullopt},
      {"%4g", std::nullopt},
      {"%g4", std::nullopt},
      {"%00", std::nullopt},
      {"%01", "\x01"},
      {"%FF", "\xFF"},
      {"%%41", std::nullopt},
      {"%2541", "%41"},
      {"a+b", "a+b"},
      {"% 41", std::nullopt},
      {"%-1", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(PercentDecode(c.in), c.want) << c.in;
}

TEST(PercentCoding, EncodeComesBack) {
  EXPECT_EQ(PercentEncode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(PercentEncode(" +/?&=%#\xC3\xA4"), "%20%2B%2F%3F%26%3D%25%23%C3%A4");
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
}

TEST(CgiHead, CannotBeInjectedInto) {
  EXPECT_EQ(CgiHead(200, {}), "Status: 200\r\n\r\n");
  EXPECT_EQ(CgiHead(404, {{"content-type", "text/plain"}, {"x", ""}}),
            "Status: 404\r\ncontent-type: text/plain\r\nx: \r\n\r\n");
  EXPECT_EQ(CgiHead(200, {{"etag", "a\r\nset-cookie: x\r\n\r\nbody\n\rz"}}),
            "Status: 200\r\netag: a  set-cookie: x    body  z\r\n\r\n");
}

}  // namespace
}  // namespace gc
