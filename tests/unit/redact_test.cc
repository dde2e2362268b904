// redact_test.cc: no credential survives redaction, and other text does.
// SPDX-License-Identifier: MIT
#include "base/redact.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gc {
namespace {

TEST(Redact, Shapes) {
  const std::string key = "AIzaSyA1234567890abcdefghijklmnopqrstuv_-";
  const struct {
    const char* name;
    std::string in;
    std::string out;
  } cases[] = {
      {"empty", "", ""},
      {"plain text stays", "The key of success: AIza is a prefix, AQ. too.", ""},
      {"Google key", "key " + key + " is bad", "key [redacted] is bad"},
      {"Google key in quotes", "{\"k\":\"" + key + "\"}", "{\"k\":\"[redacted]\"}"},
      {"Google key at the end", key, "[redacted]"},
      {"two in a row", key + "," + key, "[redacted],[redacted]"},
      {"inside a word", "x" + key + "!", "x[redacted]!"},
      {"20 bytes after the prefix", "AIza12345678901234567890", "[redacted]"},
      {"19 bytes after the prefix", "AIza1234567890123456789", ""},
      {"new Google key", "AQ.Ab8RN6I_abcdefghij-klmnop", "[redacted]"},
      {"gateway token", "gct_abcdefghijklmnopqrstuvwx", "[redacted]"},
      {"short gateway token stays", "gct_short", ""},
      {"bearer", "Authorization: Bearer abc, x", "Authorization: Bearer [redacted] x"},
      {"bearer in lower case", "authorization: bearer abc", "authorization: bearer [redacted]"},
      {"bearer with base64", "Bearer a+b/c==~d e", "Bearer [redacted] e"},
      {"bearer list", "Bearer K1,K2", "Bearer [redacted]"},
      {"bearer in JSON", R"({"h":"Bearer abc"})", R"({"h":"Bearer [redacted]"})"},
      {"bearer in escaped JSON", R"(\"Bearer abc\")", R"(\"Bearer [redacted]\")"},
      {"bearer without a word", "send Bearer ", ""},
      {"key in a query", "GET /v1beta/models?key=abc&pageSize=5 x", "GET /v1beta/models?key=[redacted]&pageSize=5 x"},
      {"second parameter", "?a=1&key=abc#f", "?a=1&key=[redacted]#f"},
      {"encoded value", "?key=a%2Fb%20c&d", "?key=[redacted]&d"},
      {"other names", "?api_key=a&access_token=b&api_key=c",
       "?api_key=[redacted]&access_token=[redacted]&api_key=[redacted]"},
      {"empty value", "?key=&a=1", ""},
      {"longer name", "?monkey=1&keys=2", ""},
      {"newline ends it", "?key=abc\nnext", "?key=[redacted]\nnext"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string want = c.out.empty() ? c.in : c.out;
    EXPECT_EQ(Redact(c.in), want);
    EXPECT_EQ(Redact(want), want) << "a second time";
  }
}

TEST(Redact, Secrets) {
  using Secrets = std::vector<std::string>;
  const struct {
    const char* name;
    Secrets secrets;
    std::string in;
    std::string out;
  } cases[] = {
      {"every occurrence", {"s3cret"}, "s3cret and s3crets", "[redacted] and [redacted]s"},
      {"shorter than four bytes", {"abc", ""}, "abcabc", "abcabc"},
      {"four bytes", {"abcd"}, "xabcdx", "x[redacted]x"},
      {"one begins like the other", {"abcd", "abcdef"}, "abcdef", "[redacted]"},
      {"the same in the other order", {"abcdef", "abcd"}, "abcdef abcd", "[redacted] [redacted]"},
      {"overlapping", {"abcdef", "defghi"}, "-abcdefghi-", "-[redacted]-"},
      {"one inside the other", {"cdef", "abcdefgh"}, "abcdefgh", "[redacted]"},
      {"a secret that begins a longer key", {"AIza1234"}, "AIza1234567890123456789012", "[redacted]"},
      {"back to back", {"aaaa", "bbbb"}, "aaaabbbb", "[redacted][redacted]"},
      {"repeats overlap themselves", {"abab"}, "ababab", "[redacted]"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Redact(c.in, c.secrets), c.out);
  }
}

TEST(CutUtf8, NeverSplitsASequence) {
  const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z";  // 1 + 2 + 3 + 4 + 1 bytes
  const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (size_t bytes = 0; bytes < std::size(want); ++bytes) {
    EXPECT_EQ(CutUtf8(text, bytes), std::string_view(text).substr(0, want[bytes])) << bytes;
  }
  EXPECT_EQ(CutUtf8("\x80\x80\x80", 2), "");
  EXPECT_EQ(CutUtf8("", 5), "");
}

}  // namespace
}  // namespace gc
