// fcgi_request_test.cc: what a web server at the other end of the connection sees and does.
// SPDX-License-Identifier: MIT
#include "handler/fcgi_request.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

namespace gc {
namespace {

constexpr int kBegin = 1;
constexpr int kEnd = 3;
constexpr int kParams = 4;
constexpr int kStdin = 5;
constexpr size_t kHeaderBytes = 8;

// FastCGI 1.0, section 3.3; request id 1, no padding.
std::string Record(int type, const std::string& content) {
  const char header[kHeaderBytes] = {
      1, static_cast<char>(type), 0, 1, static_cast<char>(content.size() >> 8), static_cast<char>(content.size()), 0,
      0};
  return std::string(header, sizeof header) + content;
}

std::string Parameter(const std::string& name, const std::string& value) {
  return std::string({static_cast<char>(name.size()), static_cast<char>(value.size())}) + name + value;
}

class FcgiRequestTest : public testing::Test {
 protected:
  FcgiRequestTest() {
    setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "10", 0);  // as the worker does it: see worker.cc
    FCGX_Init();
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_), 0);
    const std::string request = Record(kBegin, std::string("\0\1\0\0\0\0\0\0", 8)) +
                                Record(kParams, Parameter("REQUEST_METHOD", "GET") + Parameter("REQUEST_URI", "/x")) +
                                Record(kParams, "") + Record(kStdin, "");
    EXPECT_EQ(write(pair_[1], request.data(), request.size()), static_cast<ssize_t>(request.size()));
    fcgi_.emplace(pair_[0], config_);
    EXPECT_TRUE(fcgi_->ok());
    EXPECT_FALSE(fcgi_->Read(SystemClock(), &request_).has_value());
    EXPECT_EQ(request_.path, "/x");
  }
  ~FcgiRequestTest() override { CloseServer(); }

  void CloseServer() {
    if (pair_[1] >= 0) close(std::exchange(pair_[1], -1));
  }

  void Answer() {
    fcgi_->Start(200, {{"content-type", "text/plain"}});
    EXPECT_TRUE(fcgi_->Write("body"));
    EXPECT_TRUE(fcgi_->Flush());
  }

  void ServerReads() {
    char buffer[4096];
    const ssize_t n = read(pair_[1], buffer, sizeof buffer);
    if (n > 0) received_.append(buffer, static_cast<size_t>(n));
    server_at_end_ = n <= 0;
  }

  // True when the record that ends a request stands among all that was sent.
  bool ReadsTheEnd() {
    while (!server_at_end_) ServerReads();
    const std::string& all = received_;
    EXPECT_NE(all.find("body"), std::string::npos);
    bool ended = false;
    for (size_t at = 0; at + kHeaderBytes <= all.size();) {
      const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(all[at + i])); };
      ended = ended || byte(1) == kEnd;
      at += kHeaderBytes + (byte(4) << 8) + byte(5) + byte(6);
    }
    return ended;
  }

  const Config config_ = Config::Defaults();
  int pair_[2] = {-1, -1};  // ours (closed by the request), the server's
  std::optional<FcgiRequest> fcgi_;
  HttpRequest request_;
  std::string received_;
  bool server_at_end_ = false;
};

TEST_F(FcgiRequestTest, AnAnswerEnds) {
  Answer();
  fcgi_.reset();
  EXPECT_TRUE(ReadsTheEnd());
}

TEST_F(FcgiRequestTest, AnAbortedAnswerDoesNotEnd) {
  Answer();
  ServerReads();  // or Abort would wait for it
  fcgi_->Abort();
  EXPECT_FALSE(fcgi_->Write("more"));
  fcgi_.reset();
  EXPECT_FALSE(ReadsTheEnd());
}

TEST_F(FcgiRequestTest, AServerThatStaysIsNotGone) {
  EXPECT_FALSE(fcgi_->ClientGone());
  Answer();
  EXPECT_FALSE(fcgi_->ClientGone());
}

TEST_F(FcgiRequestTest, AServerThatClosedIsGone) {
  CloseServer();
  EXPECT_TRUE(fcgi_->ClientGone());
}

// The kernel then resets the connection: recv fails instead of telling the end.
TEST_F(FcgiRequestTest, AServerThatClosedWithBytesUnreadIsGone) {
  Answer();
  CloseServer();
  EXPECT_TRUE(fcgi_->ClientGone());
}

}  // namespace
}  // namespace gc
