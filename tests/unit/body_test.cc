// body_test.cc: request bodies at, over and short of what was promised.
// SPDX-License-Identifier: MIT
#include "handler/body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace gc {
namespace {

constexpr size_t kMax = 20000;  // more than one read, and no multiple of its size

// Gives `text` in pieces of at most `piece` bytes, then the end or a cut.
class Source {
 public:
  enum class End { kClean, kCut };
  Source(std::string text, size_t piece, End end = End::kClean) : text_(std::move(text)), piece_(piece), end_(end) {}
  long operator()(char* buffer, size_t size) {
    const size_t n = std::min({size, piece_, text_.size() - at_});
    if (n == 0) {
      ++ends_;
      return end_ == End::kClean ? 0 : -1;
    }
    std::copy_n(text_.data() + at_, n, buffer);
    at_ += n;
    return static_cast<long>(n);
  }
  size_t taken() const { return at_; }
  int ends() const { return ends_; }

 private:
  std::string text_;
  size_t piece_;
  End end_;
  size_t at_ = 0;
  int ends_ = 0;
};

TEST(ReadBody, LengthsAndLimits) {
  const struct {
    const char* name;
    size_t bytes;
    const char* content_length;  // nullptr: none
    std::optional<ApiErrorKind> error;
  } cases[] = {
      {"empty", 0, nullptr, std::nullopt},
      {"empty as declared", 0, "0", std::nullopt},
      {"as declared", 500, "500", std::nullopt},
      {"undeclared", 500, nullptr, std::nullopt},
      {"more than one read", 17000, "17000", std::nullopt},
      {"exactly the limit", kMax, "20000", std::nullopt},
      {"one over", kMax + 1, "20001", ApiErrorKind::kTooLarge},
      {"one over, undeclared", kMax + 1, nullptr, ApiErrorKind::kTooLarge},
      {"far over", 5 * kMax, "100000", ApiErrorKind::kTooLarge},
      {"over, although declared small", 5 * kMax, "10", ApiErrorKind::kTooLarge},
      {"shorter than declared", 499, "500", ApiErrorKind::kInvalidRequest},
      {"longer than declared", 501, "500", ApiErrorKind::kInvalidRequest},
      {"declared and absent", 0, "500", ApiErrorKind::kInvalidRequest},
      {"declared over the limit and absent", 0, "18446744073709551615", ApiErrorKind::kInvalidRequest},
      {"length beyond 64 bits", 5, "99999999999999999999", ApiErrorKind::kInvalidRequest},
      {"length that is none", 5, "five", ApiErrorKind::kInvalidRequest},
      {"length with a tail", 5, "5x", ApiErrorKind::kInvalidRequest},
      {"negative length", 5, "-5", ApiErrorKind::kInvalidRequest},
  };
  for (const auto& c : cases) {
    for (const size_t piece : {size_t{1}, size_t{4096}, size_t{1} << 20}) {
      SCOPED_TRACE(std::string(c.name) + ", pieces of " + std::to_string(piece));
      HttpRequest request;
      if (c.content_length != nullptr) request.headers = {{"content-length", c.content_length}};
      const std::string text(c.bytes, 'b');
      Source source(text, piece);
      const auto error = ReadBody(kMax, &request, source);
      EXPECT_EQ(source.taken(), c.bytes) << "the body is always read to its end";
      ASSERT_EQ(error.has_value(), c.error.has_value()) << (error ? error->message : "");
      if (error) {
        EXPECT_EQ(error->kind, *c.error);
      } else {
        EXPECT_TRUE(request.body == text);
      }
      EXPECT_LE(request.body.size(), kMax);
    }
  }
}

TEST(ReadBody, ACutBodyIsRefused) {
  for (const size_t bytes : {size_t{0}, size_t{5}, 2 * kMax}) {
    HttpRequest request;
    const auto error = ReadBody(kMax, &request, Source(std::string(bytes, 'b'), 4096, Source::End::kCut));
    ASSERT_TRUE(error.has_value()) << bytes;
    EXPECT_EQ(error->kind, ApiErrorKind::kInvalidRequest) << bytes;
  }
}

TEST(ReadBody, ReadsNothingAfterTheEnd) {
  HttpRequest request;
  Source source("abc", 3);
  EXPECT_FALSE(ReadBody(kMax, &request, source).has_value());
  EXPECT_EQ(source.ends(), 1);
}

TEST(ReadBody, EveryByteArrives) {
  std::string all;
  for (int i = 0; i < 3000; ++i) all += static_cast<char>(i);
  HttpRequest request;
  EXPECT_FALSE(ReadBody(kMax, &request, Source(all, 7)).has_value());
  EXPECT_TRUE(request.body == all);
}

TEST(ReadBody, CompressedBodiesAreRefused) {
  const struct {
    const char* encoding;
    bool refused;
  } cases[] = {{"", false},  {"identity", false},      {"gzip", true},
               {"br", true}, {"gzip, identity", true}, {"identityx", true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.encoding);
    HttpRequest request;
    request.headers = {{"content-encoding", c.encoding}};
    Source source("body", 100);
    const auto error = ReadBody(kMax, &request, source);
    ASSERT_EQ(error.has_value(), c.refused);
    EXPECT_EQ(source.taken(), 4U);
    if (error) {
      EXPECT_EQ(error->kind, ApiErrorKind::kUnsupportedMediaType);
      EXPECT_EQ(HttpStatus(ErrorShape::kOpenAi, error->kind), 415);
    }
  }
}

}  // namespace
}  // namespace gc
