// access_test.cc: which credential counts, what is refused, and that nothing stays in the request.
// SPDX-License-Identifier: MIT
#include "handler/access.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gc {
namespace {

constexpr ErrorShape kO = ErrorShape::kOpenAi;
constexpr ErrorShape kA = ErrorShape::kAnthropic;
constexpr ErrorShape kG = ErrorShape::kGemini;
using Keys = std::vector<std::string>;

// No byte of a key may be left in a header or the query.
void ExpectWiped(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    EXPECT_TRUE(value.empty()) << name;
  }
  for (const char* name : {"key=", "access_token=", "SECRET"}) {
    EXPECT_EQ(request.query.find(name), std::string::npos) << request.query;
  }
}

TEST(Credentials, Precedence) {
  const std::pair<std::string, std::string> goog = {"x-goog-api-key", "GOOG"};
  const std::pair<std::string, std::string> api = {"x-api-key", "API"};
  const std::pair<std::string, std::string> bearer = {"authorization", "Bearer BEARER"};
  const struct {
    const char* name;
    ErrorShape shape;
    HttpHeaders headers;
    const char* query;
    const char* key;
  } cases[] = {
      {"OpenAI, all", kO, {goog, api, bearer}, "key=QUERY", "BEARER"},
      {"OpenAI, no bearer", kO, {goog, api}, "key=QUERY", "GOOG"},
      {"OpenAI, two left", kO, {api}, "key=QUERY", "API"},
      {"OpenAI, query only", kO, {}, "key=QUERY", "QUERY"},
      {"Anthropic, all", kA, {goog, bearer, api}, "key=QUERY", "API"},
      {"Anthropic, no x-api-key", kA, {goog, bearer}, "key=QUERY", "BEARER"},
      {"Anthropic, two left", kA, {goog}, "key=QUERY", "GOOG"},
      {"Anthropic, query only", kA, {}, "key=QUERY", "QUERY"},
      {"Gemini, all", kG, {api, bearer, goog}, "key=QUERY", "GOOG"},
      {"Gemini, no header of its own", kG, {api, bearer}, "key=QUERY", "QUERY"},
      {"Gemini, no query", kG, {api, bearer}, "", "BEARER"},
      {"Gemini, x-api-key only", kG, {api}, "", "API"},
      {"empty values do not count", kO, {{"authorization", ""}, {"x-goog-api-key", ""}, api}, "key=", "API"},
      {"another scheme does not count", kO, {{"authorization", "Basic QUJD"}, api}, "", "API"},
      {"bearer without a token does not count", kO, {{"authorization", "Bearer "}, api}, "", "API"},
      {"the scheme's case", kO, {{"authorization", "bEARER BEARER"}}, "", "BEARER"},
      {"api_key", kG, {}, "api_key=QUERY", "QUERY"},
      {"access_token", kG, {}, "access_token=QUERY", "QUERY"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpRequest request;
    request.headers = c.headers;
    request.query = c.query;
    const auto credentials = TakeCredentials(c.shape, &request);
    ASSERT_TRUE(credentials.ok()) << credentials.error().message;
    EXPECT_EQ(credentials->keys(), Keys{c.key});
    ExpectWiped(request);
  }
}

TEST(Credentials, Lists) {
  std::string most;
  for (int i = 0; i < 256; ++i) most += (i == 0 ? "K" : ",K") + std::to_string(i);
  const struct {
    const char* name;
    std::string value;
    size_t count;  // 0: refused
  } cases[] = {
      {"one", "AIza_-.09azAZ", 1},
      {"two", "K1,K2", 2},
      {"a joined header", "K1, K2", 0},
      {"blank before the comma", "K1 ,K2", 0},
      {"blank in front", " K1", 0},
      {"blank at the end", "K1 ", 0},
      {"tab", "K1\t", 0},
      {"empty item", "K1,,K2", 0},
      {"comma at the end", "K1,", 0},
      {"comma in front", ",K1", 0},
      {"comma alone", ",", 0},
      {"quotes", "\"K1\"", 0},
      {"line break", "K1\r\nx: y", 0},
      {"beyond ASCII", "K\xC3\xA4", 0},
      {"duplicates", "K1,K2,K1,K1", 2},
      {"256", most, 256},
      {"256 and duplicates", most + ",K0,K1", 256},
      {"257", most + ",K256", 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpRequest request;
    request.headers = {{"x-goog-api-key", c.value}};
    const auto credentials = TakeCredentials(kG, &request);
    ASSERT_EQ(credentials.ok(), c.count > 0);
    ExpectWiped(request);
    if (credentials.ok()) {
      EXPECT_EQ(credentials->keys().size(), c.count);
    } else {
      EXPECT_EQ(credentials.error().kind, ApiErrorKind::kBadCredential);
      EXPECT_EQ(credentials.error().message.find("K1"), std::string::npos) << "no key may be shown";
    }
  }
}

TEST(Credentials, OrderIsTheCallers) {
  HttpRequest request;
  request.headers = {{"authorization", "Bearer K3,K1,K2,K1"}};
  EXPECT_EQ(TakeCredentials(kO, &request)->keys(), (Keys{"K3", "K1", "K2"}));
}

// The one that counts decides: a bad one is not skipped, a bad one behind it does not matter.
TEST(Credentials, ABadOneThatCountsIsRefused) {
  HttpRequest bad_first;
  bad_first.headers = {{"authorization", "Bearer K1 K2"}, {"x-api-key", "K3"}};
  EXPECT_EQ(TakeCredentials(kO, &bad_first).error().kind, ApiErrorKind::kBadCredential);
  ExpectWiped(bad_first);
  HttpRequest bad_second;
  bad_second.headers = {{"authorization", "Bearer K1"}, {"x-api-key", "K2 K3"}};
  EXPECT_EQ(TakeCredentials(kO, &bad_second)->keys(), Keys{"K1"});
  ExpectWiped(bad_second);
}

TEST(Credentials, QueryLosesItsKeyOnly) {
  const struct {
    const char* name;
    const char* query;
    const char* rest;
    const char* key;  // nullptr: refused as bad
  } cases[] = {
      {"alone", "key=SECRET", "", "SECRET"},
      {"first", "key=SECRET&alt=sse", "alt=sse", "SECRET"},
      {"middle", "a=%20&key=SECRET&b=c=d", "a=%20&b=c=d", "SECRET"},
      {"last", "alt=sse&key=SECRET", "alt=sse", "SECRET"},
      {"escaped value", "key=SE%43RET", "", "SECRET"},
      {"escaped name", "k%65y=SECRET&a", "a", "SECRET"},
      {"list with an escaped comma", "key=K1%2CSECRET", "", "K1"},
      {"empty pairs go", "&&a&&key=SECRET&", "a", "SECRET"},
      {"names that only look alike", "keys=1&mykey=2&Key=3&key=SECRET", "keys=1&mykey=2&Key=3", "SECRET"},
      {"twice", "key=SECRET&a=1&key=SECRET", "a=1", nullptr},
      {"under two names", "key=SECRET&access_token=SECRET", "", nullptr},
      {"an empty one and another", "key=&key=SECRET", "", nullptr},
      {"an escaped name and a plain one", "k%65y=SECRET&key=SECRET", "", nullptr},
      {"malformed escape", "a&key=SECRET%zz", "a", nullptr},
      {"plus is no key byte", "key=SECRET+1", "", nullptr},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpRequest request;
    request.query = c.query;
    const auto credentials = TakeCredentials(kG, &request);
    EXPECT_EQ(request.query, c.rest);
    ASSERT_EQ(credentials.ok(), c.key != nullptr);
    if (credentials.ok()) {
      EXPECT_EQ(credentials->keys().front(), c.key);
    } else {
      EXPECT_EQ(credentials.error().kind, ApiErrorKind::kBadCredential);
    }
  }
}

TEST(Credentials, TwoQueryKeysAreRefusedEvenBesideAHeader) {
  HttpRequest request;
  request.headers = {{"x-goog-api-key", "K1"}};
  request.query = "key=K2&key=K3";
  EXPECT_EQ(TakeCredentials(kG, &request).error().kind, ApiErrorKind::kBadCredential);
}

TEST(Credentials, NoneIsMissing) {
  for (const ErrorShape shape : {kO, kA, kG}) {
    HttpRequest request;
    request.headers = {{"x-other", "stays"}};
    request.query = "alt=sse&b";
    const auto credentials = TakeCredentials(shape, &request);
    ASSERT_FALSE(credentials.ok());
    EXPECT_EQ(credentials.error().kind, ApiErrorKind::kMissingCredential);
    EXPECT_EQ(request.query, "alt=sse&b");
    EXPECT_EQ(request.Header("x-other"), "stays");
  }
}

TEST(Credentials, MovesWithoutCopies) {
  HttpRequest request;
  request.headers = {{"x-api-key", "K1,K2"}};
  auto taken = TakeCredentials(kA, &request);
  ASSERT_TRUE(taken.ok());
  const Credentials moved = std::move(*taken);
  EXPECT_EQ(moved.keys(), (Keys{"K1", "K2"}));
  static_assert(!std::is_copy_constructible_v<Credentials>);
}

}  // namespace
}  // namespace gc
