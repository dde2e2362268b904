// remote_media_test.cc: images and files by URL: what is fetched, what is refused, and that nothing else is asked.
// The real program believes in a test's own Internet (tests/preload/network.cc).
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "e2e/calls.h"
#include "e2e/https_site.h"

namespace gc::test {
namespace {

enum class Api { kChat, kMessages };
enum class Part { kImage, kVideo, kFile };

constexpr char kPublic[] = "93.184.215.14";
constexpr char kPngBytes[] = "\x89PNG one";
constexpr char kPngBase64[] = "iVBORyBvbmU=";

// Content parts for these URLs, in the API's own words.
std::string Parts(Api api, Part part, const std::vector<std::string>& urls) {
  std::string content;
  for (const std::string& url : urls) {
    if (!content.empty()) content += ',';
    if (api == Api::kMessages) {
      content += R"({"type":")" + std::string(part == Part::kImage ? "image" : "document") +
                 R"(","source":{"type":"url","url":")" + url + "\"}}";
    } else if (part == Part::kFile) {
      content += R"({"type":"file","file":{"file_url":")" + url + "\"}}";
    } else {
      const std::string type = part == Part::kImage ? "image_url" : "video_url";
      content += R"({"type":")" + type + R"(",")" + type + R"(":{"url":")" + url + "\"}}";
    }
  }
  return content;
}

HttpCall Ask(const Gateway& gateway, Api api, const std::string& parts, const std::string& text = "what is it?") {
  const std::string body = R"({"model":")" + std::string(kModel) +
                           R"(","max_tokens":2000,"messages":[{"role":"user",)" + R"("content":[)" + parts +
                           R"(,{"type":"text","text":")" + text + R"("}]}]})";
  const std::string path = api == Api::kChat ? "/v1/chat/completions" : "/v1/messages";
  return Post(gateway.Url(path), body,
              {"Authorization: Bearer " + std::string(kKey), "Cookie: a=secret", "X-Mine: secret"});
}

class RemoteMedia : public testing::Test {
 protected:
  RemoteMedia() {
    const std::string png = FileResponse("image/png", kPngBytes);
    site_.Set("/a.png", png);
    site_.Set("/b.png?x=1", FileResponse("Image/PNG; q=1", "two"));
    site_.Set("/a.pdf", FileResponse("application/pdf", "pdf"));
    site_.Set("/a.mp4", FileResponse("video/mp4", "mp4"));
    site_.Set("/login", FileResponse("text/html", "<p>"));
    site_.Set("/gif", FileResponse("image/gif", "GIF"));
    site_.Set("/bytes", FileResponse("application/octet-stream", "b"));
    site_.Set("/untyped", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
    site_.Set("/empty", FileResponse("image/png", ""));
    site_.Set("/packed", FileResponse("image/png", "z", "Content-Encoding: gzip\r\n"));
    site_.Set("/large", FileResponse("image/png", std::string(5001, 'x')));
    site_.Set("/largest", FileResponse("image/png", std::string(5000, 'x')));
    site_.Set("/large-without-length", "HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n" + std::string(5001, 'x'));
    site_.Set("/gone", "HTTP/1.1 404 No\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nx");
    site_.Set("/short", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nx");
    site_.Set("/to/relative", RedirectResponse("../a.png"));
    site_.Set("/to/listed", RedirectResponse("https://img.cdn.test/a.png"));
    site_.Set("/to/other", RedirectResponse("https://other.test/a.png"));
    site_.Set("/to/inside", RedirectResponse("https://inside.cdn.test/a.png"));
    site_.Set("/to/metadata", RedirectResponse("https://169.254.169.254/latest"));
    site_.Set("/to/plain", RedirectResponse("http://files.test/a.png"));
    site_.Set("/to/nowhere", RedirectResponse(""));
    site_.Set("/to/1", RedirectResponse("/to/2"));
    site_.Set("/to/2", RedirectResponse("/to/3"));
    site_.Set("/to/3", RedirectResponse("/to/4"));
    site_.Set("/to/4", RedirectResponse("/a.png"));
  }

  GatewayOptions Options(const std::map<std::string, std::string>& config = {}) {
    GatewayOptions options;
    options.config = {
        {"media.hosts", "files.test, *.cdn.test rebind.test mixed.test unknown.invalid never.test foreign.test"},
        {"media.max_bytes", "5000"},
        {"media.timeout_s", "60"},
        {"upstream.ca_path", site_.ca_path()}};
    for (const auto& [key, value] : config) options.config[key] = value;
    const std::string hosts = dir_.Write(
        "hosts",
        std::string("files.test ") + kPublic + "\nimg.cdn.test " + kPublic + "\nv6.cdn.test 2606:2800:21f::1\n" +
            "both.cdn.test 2606:2800:21f::1," + kPublic + "\nother.test " + kPublic + "\nforeign.test " + kPublic +
            "\ninside.cdn.test 10.0.0.1\nmetadata.cdn.test 169.254.169.254\nmapped.cdn.test ::ffff:127.0.0.1\n" +
            "local.cdn.test ::1\nmixed.test " + kPublic + ",192.168.1.1\nrebind.test " + kPublic +
            " 127.0.0.1\nnever.test never\n");
    options.prefix = {"env", "LD_PRELOAD=" + BuildDirectory() + "/test-network.so", "GC_TEST_HOSTS=" + hosts,
                      "GC_TEST_PORT=" + std::to_string(site_.port()), "ASAN_OPTIONS=verify_asan_link_order=0"};
    return options;
  }

  TempDir dir_;
  HttpsSite site_{"DNS:files.test,DNS:*.cdn.test,DNS:rebind.test,DNS:mixed.test"};
};

TEST_F(RemoteMedia, IsInlined) {
  Gateway gateway(Options());
  const struct {
    const char* name;
    Part part;
    const char* url;
    const char* blob;  // what Gemini gets
    size_t requests;
  } cases[] = {
      {"an image", Part::kImage, "https://files.test/a.png", "image/png,iVBORyBvbmU=", 1},
      {"type with parameters, query", Part::kImage, "https://files.test/b.png?x=1", "image/png,dHdv", 1},
      {"host in capitals, default port, fragment", Part::kImage, "HTTPS://Files.TEST:443/a.png#top",
       "image/png,iVBORyBvbmU=", 1},
      {"a name below a pattern", Part::kImage, "https://img.cdn.test/a.png", "image/png,iVBORyBvbmU=", 1},
      {"IPv6", Part::kImage, "https://v6.cdn.test/a.png", "image/png,iVBORyBvbmU=", 1},
      {"both families", Part::kImage, "https://both.cdn.test/a.png", "image/png,iVBORyBvbmU=", 1},
      {"a document", Part::kFile, "https://files.test/a.pdf", "application/pdf,cGRm", 1},
      {"as many bytes as allowed", Part::kImage, "https://files.test/largest", "image/png,eHh4", 1},
      {"redirected within its host", Part::kImage, "https://files.test/to/relative", "image/png,iVBORyBvbmU=", 2},
      {"redirected to another host", Part::kImage, "https://files.test/to/listed", "image/png,iVBORyBvbmU=", 2},
      {"redirected three times", Part::kImage, "https://files.test/to/2", "image/png,iVBORyBvbmU=", 4},
  };
  for (const Api api : {Api::kChat, Api::kMessages}) {
    for (const auto& c : cases) {
      SCOPED_TRACE(std::string(c.name) + (api == Api::kChat ? ", chat" : ", messages"));
      gateway.fake().Reset();
      const HttpReply reply = Do(Ask(gateway, api, Parts(api, c.part, {c.url})));
      EXPECT_EQ(reply.status, 200) << reply.body;
      const auto requests = site_.TakeRequests();
      EXPECT_EQ(requests.size(), c.requests);
      const auto sent = gateway.fake().Requests();
      ASSERT_EQ(sent.size(), 1U);
      const std::string blob = c.blob;
      const size_t comma = blob.find(',');
      EXPECT_NE(sent[0].body.find(R"("inlineData":{"mimeType":")" + blob.substr(0, comma) + R"(","data":")" +
                                  blob.substr(comma + 1)),
                std::string::npos)
          << sent[0].body.substr(0, 500);
    }
  }
  EXPECT_EQ(Do(Ask(gateway, Api::kChat, Parts(Api::kChat, Part::kVideo, {"https://files.test/a.mp4"}))).status, 200);
}

TEST_F(RemoteMedia, NothingOfTheClientGoesAlong) {
  Gateway gateway(Options());
  ASSERT_EQ(Do(Ask(gateway, Api::kChat, Parts(Api::kChat, Part::kImage, {"https://files.test/a.png"}))).status, 200);
  const auto requests = site_.TakeRequests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_TRUE(requests[0].starts_with("GET /a.png ")) << requests[0];
  for (const char* text : {"secret", kKey, "uthorization", "ookie", "x-goog", "X-Mine", "eferer"}) {
    EXPECT_EQ(requests[0].find(text), std::string::npos) << requests[0];
  }
}

TEST_F(RemoteMedia, IsRefused) {
  Gateway gateway(Options());
  const struct {
    const char* name;
    const char* url;
    const char* why;
    size_t requests;
    Part part = Part::kImage;
  } cases[] = {
      {"host that is not listed", "https://other.test/a.png", "does not fetch from that host", 0},
      {"the pattern's own name", "https://cdn.test/a.png", "does not fetch from that host", 0},
      {"a name that ends like a listed one", "https://evilfiles.test/a.png", "does not fetch from that host", 0},
      {"plain http", "http://files.test/a.png", "must be a data: or an https: URL", 0},
      {"a local file", "file:///etc/passwd", "must be a data: or an https: URL", 0},
      {"another port", "https://files.test:8443/a.png", "port other than 443", 0},
      {"a user", "https://files.test@other.test/a.png", "user or a password", 0},
      {"an address", "https://93.184.215.14/a.png", "not an address", 0},
      {"a private address", "https://inside.cdn.test/a.png", "not one of the public Internet", 0},
      {"a cloud's metadata", "https://metadata.cdn.test/latest", "not one of the public Internet", 0},
      {"a mapped address", "https://mapped.cdn.test/a.png", "not one of the public Internet", 0},
      {"IPv6 loopback", "https://local.cdn.test/a.png", "not one of the public Internet", 0},
      {"one private address among others", "https://mixed.test/a.png", "not one of the public Internet", 0},
      {"no such name", "https://unknown.invalid/a.png", "is not known", 0},
      {"a certificate for other names", "https://foreign.test/a.png", "cannot be reached", 0},
      {"redirected to a host that is not listed", "https://files.test/to/other", "redirects to a URL that is refused",
       1},
      {"redirected inside", "https://files.test/to/inside", "redirects to a URL that is refused", 1},
      {"redirected to an address", "https://files.test/to/metadata", "redirects to a URL that is refused", 1},
      {"redirected to plain http", "https://files.test/to/plain", "redirects to a URL that is refused", 1},
      {"redirected without a place", "https://files.test/to/nowhere", "redirects to nowhere", 1},
      {"redirected too often", "https://files.test/to/1", "redirects more than 3 times", 4},
      {"an HTML page", "https://files.test/login", "is text/html, which is no image", 1},
      {"a PDF as an image", "https://files.test/a.pdf", "is application/pdf, which is no image", 1},
      {"a GIF", "https://files.test/gif", "is image/gif, a type that Gemini does not take", 1},
      {"a file of no type", "https://files.test/bytes", "says nothing of its type", 1, Part::kFile},
      {"without Content-Type", "https://files.test/untyped", "has no Content-Type", 1, Part::kFile},
      {"empty", "https://files.test/empty", "is empty", 1},
      {"compressed", "https://files.test/packed", "compresses it", 1},
      {"too large", "https://files.test/large", "is over 5000 bytes", 1},
      {"too large, without a length", "https://files.test/large-without-length", "is over 5000 bytes", 1},
      {"not there", "https://files.test/gone", "answers with status 404", 1},
      {"cut", "https://files.test/short", "was cut", 1},
  };
  for (const Api api : {Api::kChat, Api::kMessages}) {
    for (const auto& c : cases) {
      SCOPED_TRACE(std::string(c.name) + (api == Api::kChat ? ", chat" : ", messages"));
      const HttpReply reply = Do(Ask(gateway, api, Parts(api, c.part, {c.url})));
      EXPECT_EQ(reply.status, 400) << reply.body;
      EXPECT_EQ(Field(reply.body, {"error", "type"}), "invalid_request_error");
      const std::string message = Field(reply.body, {"error", "message"});
      EXPECT_NE(message.find(c.why), std::string::npos) << message;
      EXPECT_EQ(site_.TakeRequests().size(), c.requests);
      if (api == Api::kChat) {
        const std::string part = c.part == Part::kFile ? "file.file_url" : "image_url.url";
        EXPECT_EQ(Field(reply.body, {"error", "param"}), "messages[0].content[0]." + part);
        EXPECT_EQ(Field(reply.body, {"error", "code"}), "invalid_image_url");
      } else {
        EXPECT_TRUE(message.starts_with("messages[0].content[0].source.url: ")) << message;
      }
      for (const char* inner : {"10.0", "169.254", "127.0", "192.168", "::", kPublic, "inside.cdn", "other.test"}) {
        EXPECT_EQ(message.find(inner), std::string::npos) << message;
      }
    }
  }
  EXPECT_TRUE(gateway.fake().Requests().empty());
}

// The second lookup would lead inside: there is only one for a file.
TEST_F(RemoteMedia, NameIsLookedUpOnce) {
  Gateway gateway(Options());
  const HttpCall call = Ask(gateway, Api::kChat, Parts(Api::kChat, Part::kImage, {"https://rebind.test/a.png"}));
  const HttpReply first = Do(call);
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(site_.TakeRequests().size(), 1U);
  const HttpReply second = Do(call);
  EXPECT_EQ(second.status, 400);
  EXPECT_NE(second.body.find("not one of the public Internet"), std::string::npos) << second.body;
  EXPECT_EQ(site_.TakeRequests().size(), 0U);
}

TEST_F(RemoteMedia, WhatIsSlowIsGivenUp) {
  Gateway gateway(Options({{"media.timeout_s", "1"}}));
  site_.SetDrip("/drip", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n");
  for (const char* url : {"https://files.test/silent", "https://files.test/drip", "https://never.test/a.png"}) {
    const HttpReply reply = Do(Ask(gateway, Api::kMessages, Parts(Api::kMessages, Part::kImage, {url})));
    EXPECT_EQ(reply.status, 400) << url;
    EXPECT_NE(reply.body.find("did not come within 1 s"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(Do(Chat(gateway, "next")).status, 200);
}

TEST_F(RemoteMedia, ClientThatLeavesEndsTheFetch) {
  GatewayOptions options = Options();
  options.mount = kNginx;  // it tells at once, also when nothing was answered yet
  Gateway gateway(options);
  HttpCall call = Ask(gateway, Api::kChat, Parts(Api::kChat, Part::kImage, {"https://files.test/silent"}));
  call.timeout_ms = 1000;
  EXPECT_NE(Do(call).error, "");
  EXPECT_TRUE(WaitUntil([&] { return site_.abandoned() == 1; }));
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE status_code = 499", 1));
  EXPECT_TRUE(gateway.fake().Requests().empty());
}

TEST_F(RemoteMedia, SeveralInOrderWithOneLimit) {
  // As large as three files of 4000 bytes in base64.
  Gateway gateway(Options({{"request.max_body_bytes", "16008"}}));
  std::vector<std::string> urls;
  for (int i = 1; i <= 4; ++i) {
    const std::string target = "/" + std::to_string(i);
    site_.Set(target, FileResponse("image/png", std::string(4000, 'x')));
    urls.push_back("https://files.test" + target);
  }
  urls.insert(urls.begin() + 1, urls[0]);  // fetched once
  const auto three = std::vector<std::string>(urls.begin(), urls.begin() + 4);
  EXPECT_EQ(Do(Ask(gateway, Api::kChat, Parts(Api::kChat, Part::kImage, three))).status, 200);
  const auto requests = site_.TakeRequests();
  ASSERT_EQ(requests.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(requests[i].starts_with("GET /" + std::to_string(i + 1) + " "));
  const HttpReply reply = Do(Ask(gateway, Api::kChat, Parts(Api::kChat, Part::kImage, urls)));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(Field(reply.body, {"error", "param"}), "messages[0].content[4].image_url.url");
  EXPECT_NE(reply.body.find("have left"), std::string::npos) << reply.body;
}

TEST_F(RemoteMedia, NumberIsLimited) {
  Gateway gateway(Options());
  std::vector<std::string> urls;
  for (int i = 0; i <= 32; ++i) {
    site_.Set("/" + std::to_string(i), FileResponse("image/png", "x"));
    urls.push_back("https://files.test/" + std::to_string(i));
  }
  const HttpReply reply = Do(Ask(gateway, Api::kMessages, Parts(Api::kMessages, Part::kImage, urls)));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("messages[0].content[32].source.url: is one too many"), std::string::npos) << reply.body;
  EXPECT_EQ(site_.TakeRequests().size(), 32U);
  urls.pop_back();
  EXPECT_EQ(Do(Ask(gateway, Api::kMessages, Parts(Api::kMessages, Part::kImage, urls))).status, 200);
}

TEST_F(RemoteMedia, SecondCallOfARequestDoesNotFetchAgain) {
  Gateway gateway(Options());
  for (const Api api : {Api::kChat, Api::kMessages}) {
    gateway.fake().Reset();
    const HttpReply reply = Do(Ask(gateway, api, Parts(api, Part::kImage, {"https://files.test/a.png"}),
                                   "again [[fake: empty times=1 tag=again]]"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const auto sent = gateway.fake().Requests();
    ASSERT_EQ(sent.size(), 2U);
    for (const auto& request : sent) EXPECT_NE(request.body.find(kPngBase64), std::string::npos) << request.body;
    EXPECT_EQ(site_.TakeRequests().size(), 1U);
  }
}

TEST_F(RemoteMedia, NothingIsFetchedByDefault) {
  GatewayOptions options = Options();
  options.config.erase("media.hosts");
  Gateway gateway(options);
  for (const Api api : {Api::kChat, Api::kMessages}) {
    const HttpReply reply = Do(Ask(gateway, api, Parts(api, Part::kImage, {"https://files.test/a.png"})));
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body.find("this gateway fetches no URLs"), std::string::npos) << reply.body;
  }
  EXPECT_TRUE(site_.TakeRequests().empty());
}

TEST_F(RemoteMedia, CountingTokensFetchesToo) {
  Gateway gateway(Options());
  HttpCall call = Ask(gateway, Api::kMessages, Parts(Api::kMessages, Part::kImage, {"https://files.test/a.png"}));
  call.url += "/count_tokens";
  const HttpReply reply = Do(call);
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(site_.TakeRequests().size(), 1U);
}

}  // namespace
}  // namespace gc::test
