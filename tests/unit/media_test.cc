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

}  // namespace
}  // namespace gc
