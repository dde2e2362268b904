// mounts_test.cc: what each web server delivers: bodies, paths and headers as they were sent, and streams over a
// reload.
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "e2e/calls.h"

namespace gc::test {
namespace {

class Mounts : public testing::TestWithParam<Mount> {
 protected:
  Gateway gateway_{{.mount = GetParam()}};
};
INSTANTIATE_TEST_SUITE_P(Mounts, Mounts, testing::ValuesIn(kAllMounts), MountName);

// A connection on which the test writes what no HTTP library would.
class RawClient {
 public:
  explicit RawClient(const Gateway& gateway) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const std::string url = gateway.base_url();
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void Write(const std::string& bytes) const {
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  }
  std::string ReadToEnd() const {
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = recv(fd_, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<size_t>(n));
    return all;
  }

 private:
  int fd_;
};

// The fake's answer tells what arrived: its echo, and the length of the body that Gemini got.
TEST_P(Mounts, LargeBodiesArriveWhole) {
  for (const size_t size : {size_t{100}, size_t{20'000}, size_t{300'000}, size_t{20'000'000}}) {
    for (const bool chunked : {false, true}) {
      const std::string text(size, 'b');
      HttpCall call = Native(gateway_, "generateContent", text);
      if (chunked) call.headers.emplace_back("Transfer-Encoding: chunked");
      const HttpReply reply = Do(call);
      EXPECT_EQ(reply.status, 200) << size << (chunked ? " in chunks: " : ": ") << reply.error
                                   << reply.body.substr(0, 300);
      EXPECT_EQ(gateway_.fake().Requests().back().body_bytes, call.body.size()) << size << chunked;
      EXPECT_NE(reply.body.find("echo: bbb"), std::string::npos);
    }
  }
}

TEST_P(Mounts, BodyOverTheLimitIsRefusedInTheCallersProtocol) {
  const std::string text(40'000'000, 'x');  // the default limit is 32 MiB; the servers let 64 pass
  const HttpReply chat = Do(Chat(gateway_, text));
  EXPECT_EQ(chat.status, 413) << chat.error << chat.body.substr(0, 300);
  EXPECT_EQ(Field(chat.body, {"error", "type"}), "invalid_request_error");
  HttpCall chunked = Native(gateway_, "generateContent", text);
  chunked.headers.emplace_back("Transfer-Encoding: chunked");
  const HttpReply native = Do(chunked);
  EXPECT_EQ(native.status, 413) << native.error << native.body.substr(0, 300);
  EXPECT_EQ(Field(native.body, {"error", "status"}), "INVALID_ARGUMENT");
  EXPECT_TRUE(gateway_.fake().Requests().empty());
}

// The client goes away in the middle of its body: nothing of it may reach Gemini, whatever the form.
TEST_P(Mounts, CutUploadsReachNobody) {
  const std::string head =
      "POST /v1beta/models/gemini-3.8-flash:generateContent HTTP/1.1\r\nHost: localhost\r\n"
      "x-goog-api-key: test-key-cut\r\nContent-Type: application/json\r\n";
  const std::string body = R"({"contents":[{"parts":[{"text":"whole"}]}]})";
  {
    const RawClient client(gateway_);
    client.Write(head + "Content-Length: 100000\r\n\r\n" + body);
  }
  {
    const RawClient client(gateway_);
    client.Write(head + "Transfer-Encoding: chunked\r\n\r\n2b\r\n" + body + "\r\n");
  }
  EXPECT_EQ(Do(Chat(gateway_, "next")).status, 200);
  // Plain CGI under Apache hands a cut chunked body over as a whole one; this body would be valid.
  const size_t known_limit = GetParam() == kApacheCgi ? 1 : 0;
  WaitUntil([&] { return gateway_.fake().Requests().size() > 1 + known_limit; }, 500);
  EXPECT_LE(gateway_.fake().Requests().size(), 1 + known_limit);
}

struct Target {
  std::string sent;
  std::string path;   // that Gemini got: decoded once, as far as Gemini's names go
  std::string query;  // likewise, as the fake shows it
};

TEST_P(Mounts, PathsArriveAsSent) {
  const Target targets[] = {
      {"/v1beta/files/a%2Fb:download?alt=media", "/v1beta/files/a/b:download", "alt=media"},
      {"/v1beta/models%2Fgemini-3.8-flash", "/v1beta/models/gemini-3.8-flash", ""},
      {"/v1beta/files?pageToken=a%2Bb%20c&pageSize=3", "/v1beta/files", "pageToken=a+b c&pageSize=3"},
      {"/v1beta/models/gemini-3.8-flash:countTokens", "/v1beta/models/gemini-3.8-flash:countTokens", ""},
      {"http://localhost/v1beta/models/gemini-3.8-flash", "/v1beta/models/gemini-3.8-flash", ""},
  };
  for (const Target& target : targets) {
    const RawClient client(gateway_);
    client.Write("GET " + target.sent + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-goog-api-key: " + kKey +
                 "\r\n\r\n");
    const std::string answer = client.ReadToEnd();
    ASSERT_FALSE(gateway_.fake().Requests().empty()) << target.sent << ": " << answer;
    EXPECT_EQ(gateway_.fake().Requests().back().path, target.path) << answer;
    EXPECT_EQ(gateway_.fake().Requests().back().query, target.query) << target.sent;
  }
}

TEST_P(Mounts, OwnsItsPathsAndNoOther) {
  for (const std::string path : {"/v1", "/v1/", "/v1beta", "/upload/v1beta/files", "/health", "/livez", "/readyz"}) {
    EXPECT_NE(Do(Get(gateway_, path)).Header("x-request-id"), "") << path;
  }
  for (const std::string path : {"/", "/v1x", "/healthz", "/upload", "/v2/models", "/x/v1/models"}) {
    const HttpReply reply = Do(Get(gateway_, path));
    EXPECT_GE(reply.status, 400) << path;
    EXPECT_EQ(reply.Header("x-request-id"), "") << path;
  }
}

TEST_P(Mounts, HeadersArrive) {
  struct Credential {
    std::string path;
    std::string header;
  };
  const std::string native = "/v1beta/models/gemini-3.8-flash";
  for (const auto& [path, header] :
       {Credential{"/v1/models", "Authorization: Bearer test-key-aaa1"},
        Credential{"/v1/models", "x-api-key: test-key-aaa2"}, Credential{"/v1/models", "x-goog-api-key: test-key-aaa3"},
        Credential{native, "x-goog-api-key: test-key-aaa4"},
        Credential{native, "Authorization: Bearer test-key-aaa5"}}) {
    HttpCall call = Get(gateway_, path, "");
    call.headers = {header, "User-Agent: mount-test/1"};
    EXPECT_EQ(Do(call).status, 200) << header;
    EXPECT_EQ(gateway_.fake().Requests().back().key_last4, header.substr(header.size() - 4)) << path;
  }
  // An Anthropic client is known by its headers alone.
  HttpCall call = Get(gateway_, "/v1/models", "");
  call.headers = {"x-api-key: test-key-a", "anthropic-version: 2023-06-01"};
  EXPECT_NE(Field(Do(call).body, {"first_id"}), "absent");
  // A key as long as the servers take headers.
  call = Get(gateway_, "/v1/models", "test-key-" + std::string(7000, 'k'));
  EXPECT_EQ(Do(call).status, 200);
  EXPECT_TRUE(gateway_.WaitForCount("SELECT count(*) FROM request_logs WHERE user_agent = 'mount-test/1'", 5));
}

// `systemctl reload` of the web server while a stream is open.
TEST_P(Mounts, ServerReloadLetsOpenStreamsEnd) {
  std::atomic<bool> begun = false;
  HttpReply reply;
  std::thread client([&] {
    reply = Stream(Chat(gateway_, "long [[fake: chunks=3 hold=go@1 tag=long]]", Answer::kStream),
                   [&](std::string_view piece) {
                     if (piece.find("echo") != std::string_view::npos) begun = true;
                     return Next::kGoOn;
                   });
  });
  EXPECT_TRUE(WaitUntil([&] { return begun.load(); }));
  gateway_.ReloadServer();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // nobody says when a reload has begun
  gateway_.fake().Release("go");
  client.join();
  EXPECT_EQ(reply.error, "");
  EXPECT_NE(reply.body.find("[DONE]"), std::string::npos) << reply.body;
  EXPECT_TRUE(WaitUntil([&] { return Do(Chat(gateway_, "next")).status == 200; }, 10'000));
}

// One expression for all of them: a path that one server keeps to itself would be a 404 without a cause.
TEST(MountFiles, ShareOneExpressionOfOwnedPaths) {
  const std::string paths = "(v1|v1beta|upload/v1beta|health|livez|readyz)";
  EXPECT_NE(ReadFile("src/handler/router.cc").find("^/" + paths + "(/|$)"), std::string::npos);
  for (const std::string file :
       {"lighttpd/gemini-code-fcgi.conf", "lighttpd/gemini-code-socket.conf", "lighttpd/gemini-code-cgi.conf",
        "apache/gemini-code-common.conf", "nginx/gemini-code-location.conf"}) {
    EXPECT_NE(ReadFile("conf/" + file).find(paths), std::string::npos) << file;
  }
}

// What an operator copies to /etc, with its paths led to this checkout.
std::string ShippedFile(const std::string& name, const TempDir& dir) {
  const std::string root = std::filesystem::current_path().string();
  std::string text = ReadFile(root + "/conf/" + name);
  const std::pair<std::string, std::string> moves[] = {{"/usr/share/gemini-code", root + "/conf"},
                                                       {"/usr/lib/cgi-bin", BuildDirectory()},
                                                       {"${APACHE_LOG_DIR}", dir.path()},
                                                       {"/var/log/nginx", dir.path()}};
  for (const auto& [from, to] : moves) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  }
  return text;
}

void ExpectAccepted(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  const RunResult result = RunCommand(command);
  EXPECT_EQ(result.code, 0) << result.out << result.err;
}

// Beside the flags that Debian's lighttpd.conf sets.
TEST(MountFiles, LighttpdAcceptsTheShippedOne) {
  const TempDir dir;
  ExpectAccepted({"/usr/sbin/lighttpd", "-tt", "-f",
                  dir.Write("lighttpd.conf", "server.document-root = \"" + dir.path() +
                                                 "\"\n"
                                                 "server.feature-flags += ( \"server.h2proto\" => \"enable\" )\n"
                                                 "server.feature-flags += ( \"server.h2c\" => \"enable\" )\n"
                                                 "server.feature-flags += ( \"server.graceful-shutdown-timeout\" => 5 "
                                                 ")\n" +
                                                 ShippedFile("lighttpd/10-gemini-code.conf", dir))});
}

TEST(MountFiles, ApacheAcceptsTheShippedOnes) {
  const TempDir dir;
  std::string text = "ServerRoot " + dir.path() + "\nErrorLog error.log\nServerName localhost\nListen 127.0.0.1:1\n";
  for (const std::string module : {"mpm_event", "authz_core", "env", "alias", "proxy", "proxy_fcgi", "fcgid"})
    text.append("LoadModule " + module + "_module /usr/lib/apache2/modules/mod_" + module + ".so\n");
  text += ShippedFile("apache/gemini-code-server.conf", dir) + ShippedFile("apache/gemini-code.conf", dir);
  ExpectAccepted({"/usr/sbin/apache2", "-t", "-f", dir.Write("apache.conf", text)});
}

TEST(MountFiles, NginxAcceptsTheShippedOne) {
  const TempDir dir;
  const std::string text = "pid " + dir.Path("pid") + ";\nerror_log " + dir.Path("error.log") +
                           ";\nevents {}\nhttp {\n" + ShippedFile("nginx/gemini-code.conf", dir) + "}\n";
  ExpectAccepted({"/usr/sbin/nginx", "-t", "-q", "-e", dir.Path("error.log"), "-c", dir.Write("nginx.conf", text)});
}

}  // namespace
}  // namespace gc::test
