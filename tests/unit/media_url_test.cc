// media_url_test.cc: which URLs may be fetched, how they are read, where redirects lead.
// SPDX-License-Identifier: MIT
#include "handler/media_url.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

// The URL as it will be asked for; in parentheses what is wrong.
std::string TextOf(const Result<MediaUrl>& url) { return url.ok() ? url->Text() : "(" + url.error().message + ")"; }

constexpr char kScheme[] = "(must be a data: or an https: URL)";
constexpr char kUser[] = "(must not hold a user or a password)";
constexpr char kPort[] = "(must not name a port other than 443)";
constexpr char kHost[] = "(must have a host name, not an address)";
constexpr char kBlank[] = "(must not hold blanks or backslashes)";

TEST(MediaUrl, Parsed) {
  const struct {
    const char* text;
    const char* url;
  } cases[] = {
      {"https://example.org/a.png", "https://example.org/a.png"},
      {"HTTPS://EXAMPLE.org/A", "https://example.org/A"},
      {"https://example.org", "https://example.org/"},
      {"https://example.org?a=b", "https://example.org/?a=b"},
      {"https://example.org#top", "https://example.org/"},
      {"https://example.org/a?b=c#d?e", "https://example.org/a?b=c"},
      {"https://example.org:443/", "https://example.org/"},
      {"https://example.org:/", "https://example.org/"},
      {"https://example.org/a@b:80", "https://example.org/a@b:80"},
      {"https://example.org/\xc3\xa9?\xc3\xa9", "https://example.org/%C3%A9?%C3%A9"},
      {"https://1.example.org/", "https://1.example.org/"},
      {"", kScheme},
      {"http://example.org/", kScheme},
      {"ftp://example.org/", kScheme},
      {"file:///etc/passwd", kScheme},
      {"gopher://example.org/", kScheme},
      {"//example.org/", kScheme},
      {"https:example.org/", kScheme},
      {"https:/example.org/", kScheme},
      {"https://user@example.org/", kUser},
      {"https://user:secret@example.org/", kUser},
      {"https://example.org@127.0.0.1/", kUser},
      {"https://example.org:80/", kPort},
      {"https://example.org:0443/", kPort},
      {"https://example.org:4430/", kPort},
      {"https://example.org:443:80/", kPort},
      {"https:///a", kHost},
      {"https://:443/", kHost},
      {"https://127.0.0.1/", kHost},
      {"https://8.8.8.8/", kHost},
      {"https://2130706433/", kHost},
      {"https://0x7f000001/", kHost},
      {"https://0177.0.0.1/", kHost},
      {"https://127.1/", kHost},
      {"https://[::1]/", kHost},
      {"https://[::ffff:127.0.0.1]/", kHost},
      {"https://[::1]:443/", kHost},
      {"https://::1/", kPort},
      {"https://example.org./", kHost},
      {"https://%65xample.org/", kHost},
      {"https://ex\xc3\xa4mple.org/", kHost},
      {"https://example.org\\@127.0.0.1/", kBlank},
      {"https://example.org/a b", kBlank},
      {" https://example.org/", kBlank},
      {"https://example.org/a\r\nX: y", kBlank},
      {"https://exa\tmple.org/", kBlank},
  };
  for (const auto& c : cases) EXPECT_EQ(TextOf(ParseMediaUrl(c.text)), c.url) << c.text;
  EXPECT_FALSE(ParseMediaUrl(std::string_view("https://a.org/\0", 15)).ok());
}

TEST(MediaUrl, Redirected) {
  const MediaUrl base = {"example.org", "/a/b?c=/d/e"};
  const struct {
    const char* location;
    const char* url;
  } cases[] = {
      {"https://other.org/x", "https://other.org/x"},
      {"//other.org/x", "https://other.org/x"},
      {"//other.org:8443/x", kPort},
      {"/x?y", "https://example.org/x?y"},
      {"x", "https://example.org/a/x"},
      {"../x", "https://example.org/a/../x"},
      {"x?u=https://other.org/", "https://example.org/a/x?u=https://other.org/"},
      {"?x", "https://example.org/a/b?x"},
      {"#x", "https://example.org/a/"},
      {"http://example.org/x", kScheme},
      {"https:x", kScheme},
      {"javascript:alert(1)", kScheme},
      {"https://127.0.0.1/", kHost},
      {"//[::1]/", kHost},
      {"//user@other.org/", kUser},
      {"/\\other.org/", kBlank},
  };
  for (const auto& c : cases) EXPECT_EQ(TextOf(FollowLocation(base, c.location)), c.url) << c.location;
}

}  // namespace
}  // namespace gc
