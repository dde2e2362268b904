// fcgi_request.cc: libfcgi's request object as ours.
// SPDX-License-Identifier: MIT
#include "handler/fcgi_request.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

#include "handler/body.h"

namespace gc {
namespace {

// Before it sees the end, the server has to have read all that was sent: head, body and end found at once are a whole
// answer for lighttpd. One that reads no more, because its client takes nothing, has passed the head on long ago.
constexpr int kAbortTries = 200;
constexpr useconds_t kAbortPauseUs = 5000;

void SetTimeout(int fd, int option, int64_t seconds) {
  const timeval value{seconds, 0};
  setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

}  // namespace

FcgiRequest::FcgiRequest(int connection_fd, const Config& config) : config_(config) {
  SetTimeout(connection_fd, SO_RCVTIMEO, config.Int(ConfigKey::kRequestReadTimeoutS));
  SetTimeout(connection_fd, SO_SNDTIMEO, config.Int(ConfigKey::kStreamWriteTimeoutS));
  // Listening socket -1: FCGX_Accept_r, which drops a broken request and would then accept the next one, must fail
  // instead. With ipcFd set and keepConnection, it skips its own accept.
  FCGX_InitRequest(&request_, -1, 0);
  request_.ipcFd = connection_fd;
  request_.keepConnection = 1;
  ok_ = FCGX_Accept_r(&request_) == 0;
}

FcgiRequest::~FcgiRequest() {
  // What came was read to its end, so nothing of the answer is lost when this side closes first: without this libfcgi
  // would wait for the server's close.
  FCGX_Detach(&request_);
  FCGX_Finish_r(&request_);
  FCGX_Free(&request_, 1);
}

std::optional<ApiError> FcgiRequest::Read(Clock& clock, HttpRequest* out) {
  out->received_unix_ms = clock.UnixMs();
  out->received_monotonic_us = clock.MonotonicUs();
  out->id = UuidV7(clock);
  auto refusal = ReadCgiHead(request_.envp, out);
  const auto max_bytes = static_cast<size_t>(config_.Int(ConfigKey::kRequestMaxBodyBytes));
  auto wrong_body = ReadBody(max_bytes, out, [this](char* buffer, size_t size) -> long {
    const int n = FCGX_GetStr(buffer, static_cast<int>(size), request_.in);
    return n == 0 && FCGX_GetError(request_.in) != 0 ? -1 : n;
  });
  return refusal ? refusal : wrong_body;
}

void FcgiRequest::Start(int status, const HttpHeaders& headers) {
  const std::string head = CgiHead(status, headers);
  gone_ = gone_ || FCGX_PutStr(head.data(), static_cast<int>(head.size()), request_.out) < 0;
}

bool FcgiRequest::Write(std::string_view bytes) {
  if (bytes.empty()) return !gone_;
  gone_ = gone_ || FCGX_PutStr(bytes.data(), static_cast<int>(bytes.size()), request_.out) < 0;
  if (!gone_) bytes_written_ += static_cast<int64_t>(bytes.size());
  return !gone_;
}

// libfcgi reports a failed write once and then plays along: gone_ remembers it.
bool FcgiRequest::Flush() {
  gone_ = gone_ || FCGX_FFlush(request_.out) < 0;
  return !gone_;
}

// The record that ends the request, which FCGX_Finish_r would send by itself, goes along with the rest.
bool FcgiRequest::Finish() {
  FCGX_FClose(request_.err);  // the last stream that is closed writes that record
  gone_ = gone_ || FCGX_FClose(request_.out) < 0;
  return !gone_;
}

// Without the record that ends a request the server does not end the answer either: lighttpd leaves the last chunk out.
void FcgiRequest::Abort() {
  gone_ = true;
  // nginx takes a connection that just closes for the end of the answer; a record of no protocol is an error
  // everywhere.
  constexpr char kNoRecord[8] = {};
  send(request_.ipcFd, kNoRecord, sizeof kNoRecord, MSG_NOSIGNAL | MSG_DONTWAIT);
  int unread = 0;
  for (int i = 0; i < kAbortTries && ioctl(request_.ipcFd, SIOCOUTQ, &unread) == 0 && unread > 0; ++i)
    usleep(kAbortPauseUs);
  shutdown(request_.ipcFd, SHUT_RDWR);
}

bool FcgiRequest::ClientGone() {
  pollfd ready{request_.ipcFd, POLLIN | POLLRDHUP, 0};
  if (gone_ || poll(&ready, 1, 0) <= 0) return gone_;
  char byte = 0;
  const ssize_t n = recv(request_.ipcFd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // A server that closes with bytes of ours unread resets the connection: that is told once, as an error.
  gone_ = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
  return gone_;
}

}  // namespace gc
