// media_test.cc: data URLs and base64 in every form that clients send.
// SPDX-License-Identifier: MIT
#include "handler/media.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

TEST(Media, Base64IsMadeStandard) {
  struct Case {
    std::string_view text;
    std::string_view normal;  // empty: refused
  };
  const Case cases[] = {
      {"AAAA", "AAAA"},
      {"AAA", "AAA="},
      {"AA", "AA=="},
      {"AA==", "AA=="},
      {"-_-_", "+/+/"},
      {"AA\r\nAA\n", "AAAA"},
      {" AAAA ", "AAAA"},
      {"A", ""},
      {"AAAAA", ""},
      {"", ""},
      {"====", ""},
      {"AA=A", ""},
      {"AA*A", ""},
      {"AA\xff"
       "A",
       ""},
  };
  for (const Case& c : cases) EXPECT_EQ(NormalBase64(c.text).value_or(""), c.normal) << c.text;
}

TEST(Media, DataUrls) {
  struct Case {
    std::string_view url;
    std::string_view mime_type;  // empty: refused
  };
  const Case cases[] = {
      {"data:image/png;base64,AAAA", "image/png"},
      {"DATA:Image/PNG;BASE64,AAAA", "image/png"},
      {"data:text/plain;charset=utf-8;base64,AAAA", "text/plain"},
      {"data:application/pdf;name=a.pdf;base64,AA", "application/pdf"},
      {"data:;base64,AAAA", ""},
      {"data:image/png,AAAA", ""},
      {"data:image/png;base64", ""},
      {"data:image/png;base64,", ""},
      {"data:image/png;base64,****", ""},
      {"https://example.org/a.png", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    const auto media = ReadDataUrl(c.url);
    EXPECT_EQ(media ? media->mime_type : "", c.mime_type) << c.url;
  }
}

TEST(Media, GifIsRefused) {
  EXPECT_FALSE(TakesMime("image/gif"));
  EXPECT_TRUE(TakesMime("image/webp"));
  EXPECT_TRUE(TakesMime("application/pdf"));
}

TEST(Media, ToBase64) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string_view("\0\xff\xfe", 3), "AP/+"},
  };
  for (const auto& [bytes, text] : cases) EXPECT_EQ(ToBase64(bytes), text) << bytes;
}

TEST(Media, TypesByUse) {
  const struct {
    const char* type;
    bool image;
    bool video;
    bool file;
  } cases[] = {
      {"image/png", true, false, true},  {"image/gif", false, false, false},
      {"video/mp4", false, true, true},  {"application/pdf", false, false, true},
      {"text/html", false, false, true}, {"application/octet-stream", false, false, false},
      {"", false, false, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(CheckMime(c.type, MediaUse::kImage).empty(), c.image) << c.type;
    EXPECT_EQ(CheckMime(c.type, MediaUse::kVideo).empty(), c.video) << c.type;
    EXPECT_EQ(CheckMime(c.type, MediaUse::kFile).empty(), c.file) << c.type;
  }
}

}  // namespace
}  // namespace gc
