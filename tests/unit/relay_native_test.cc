// relay_native_test.cc: what the path of a native request means, and which paths never go to Google.
// SPDX-License-Identifier: MIT
#include "handler/relay_native.h"

#include <gtest/gtest.h>

#include <string>

namespace gc {
namespace {

TEST(ReadNativeTarget, Paths) {
  enum class Kind { kUnary, kArray, kSse, kOther };
  using enum Kind;
  const std::string longest(128, 'm');
  const struct {
    const char* name;
    std::string path;
    const char* query;
    Kind kind;
    std::string model;
    const char* method;
  } cases[] = {
      {"unary", "models/gemini-3.8-flash:generateContent", "", kUnary, "gemini-3.8-flash", "generateContent"},
      {"unary with alt=sse", "models/g:generateContent", "alt=sse", kUnary, "g", "generateContent"},
      {"count", "models/g:countTokens", "", kUnary, "g", "countTokens"},
      {"unknown method", "models/g:somethingNew", "", kUnary, "g", "somethingNew"},
      {"stream as SSE", "models/g:streamGenerateContent", "alt=sse", kSse, "g", "streamGenerateContent"},
      {"alt=sse among others", "models/g:streamGenerateContent", "a=1&alt=sse&b", kSse, "g", "streamGenerateContent"},
      {"alt=sse at the end", "models/g:streamGenerateContent", "a=1&alt=sse", kSse, "g", "streamGenerateContent"},
      {"stream as an array", "models/g:streamGenerateContent", "", kArray, "g", "streamGenerateContent"},
      {"alt=json", "models/g:streamGenerateContent", "alt=json", kArray, "g", "streamGenerateContent"},
      {"a longer value", "models/g:streamGenerateContent", "alt=ssex", kArray, "g", "streamGenerateContent"},
      {"a longer name", "models/g:streamGenerateContent", "xalt=sse", kArray, "g", "streamGenerateContent"},
      {"the method's case counts", "models/g:streamgeneratecontent", "alt=sse", kUnary, "g", "streamgeneratecontent"},
      {"longest model name", "models/" + longest + ":countTokens", "", kUnary, longest, "countTokens"},
      {"list", "models", "pageSize=1000&pageToken=a%2Fb", kOther, "", ""},
      {"one model", "models/gemini-3.8-flash", "", kOther, "", ""},
      {"file", "files/abc-123", "", kOther, "", ""},
      {"download", "files/abc:download", "alt=media", kOther, "", ""},
      {"tuned model", "tunedModels/t-1:generateContent", "", kOther, "", ""},
      {"operation of a model", "models/g/operations/o1", "", kOther, "", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto target = ReadNativeTarget(c.path, c.query);
    ASSERT_TRUE(target.ok()) << target.error().message;
    EXPECT_EQ(target->model, c.model);
    EXPECT_EQ(target->method, c.method);
    EXPECT_EQ(target->is_unary, c.kind == kUnary);
    EXPECT_EQ(target->is_stream, c.kind == kArray || c.kind == kSse);
    EXPECT_EQ(target->is_sse, c.kind == kSse);
  }
}

TEST(ReadNativeTarget, Refusals) {
  const struct {
    const char* name;
    std::string path;
    std::string query;
    ApiErrorKind kind;
  } cases[] = {
      {"percent left after decoding", "models/g%2F:generateContent", "", ApiErrorKind::kNotFound},
      {"question mark", "models/g?x:generateContent", "", ApiErrorKind::kNotFound},
      {"fragment", "models/g#x", "", ApiErrorKind::kNotFound},
      {"blank", "models/g h", "", ApiErrorKind::kNotFound},
      {"line break", "models/g\r\nX: y", "", ApiErrorKind::kNotFound},
      {"backslash", "models\\g", "", ApiErrorKind::kNotFound},
      {"at sign", "models/a@b", "", ApiErrorKind::kNotFound},
      {"beyond ASCII", "models/\xC3\xA4", "", ApiErrorKind::kNotFound},
      {"no model", "models/:generateContent", "", ApiErrorKind::kNotFound},
      {"slash in the model", "models/a/b:generateContent", "", ApiErrorKind::kNotFound},
      {"colon in the model", "models/a:b:generateContent", "", ApiErrorKind::kNotFound},
      {"model that begins with a dot", "models/.g:generateContent", "", ApiErrorKind::kNotFound},
      {"model of 129 bytes", "models/" + std::string(129, 'm') + ":generateContent", "", ApiErrorKind::kNotFound},
      {"blank in the query", "models", "a b", ApiErrorKind::kInvalidRequest},
      {"line break in the query", "models", "a\r\nX: y", ApiErrorKind::kInvalidRequest},
      {"NUL in the query", "models", std::string("a\0b", 3), ApiErrorKind::kInvalidRequest},
      {"DEL in the query", "models", "\x7F", ApiErrorKind::kInvalidRequest},
      {"quote in the query", "models", "a=\"", ApiErrorKind::kInvalidRequest},
      {"angle in the query", "models", "a=<b>", ApiErrorKind::kInvalidRequest},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto target = ReadNativeTarget(c.path, c.query);
    ASSERT_FALSE(target.ok());
    EXPECT_EQ(target.error().kind, c.kind);
  }
}

}  // namespace
}  // namespace gc
