// raw_server.cc: sockets of the scripted server.
// SPDX-License-Identifier: MIT
#include "support/raw_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace gc {
namespace {

// A bound socket on the loopback and its port.
int Bind(int* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ADD_FAILURE() << "no socket on the loopback";
  }
  *port = ntohs(address.sin_port);
  return fd;
}

size_t ContentLength(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const size_t at = head.find(kName);
  return at == std::string_view::npos ? 0 : std::strtoul(head.data() + at + kName.size(), nullptr, 10);
}

}  // namespace

std::string RawPeer::ReadRequest() {
  for (;;) {
    if (const size_t end = buffer_.find("\r\n\r\n"); end != std::string::npos) {
      const size_t size = end + 4 + ContentLength(buffer_.substr(0, end + 2));
      if (buffer_.size() >= size) {
        std::string request = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return request;
      }
    }
    char bytes[16384];
    const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return {};
    buffer_.append(bytes, static_cast<size_t>(n));
  }
}

void RawPeer::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

bool RawPeer::WaitForClose() {
  char byte = 0;
  return recv(fd_, &byte, 1, 0) <= 0;
}

RawServer::RawServer(Handler handler) : handler_(std::move(handler)) {
  listen_fd_ = Bind(&port_);
  if (listen(listen_fd_, 16) != 0) ADD_FAILURE() << "listen";
  acceptor_ = std::thread([this] { Accept(); });
}

RawServer::~RawServer() {
  shutdown(listen_fd_, SHUT_RDWR);
  acceptor_.join();
  close(listen_fd_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_fds_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();  // the acceptor is gone: no thread is added any more
}

void RawServer::Accept() {
  for (;;) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_fds_.push_back(fd);
    threads_.emplace_back([this, fd] {
      RawPeer peer(fd);
      handler_(&peer);
      const std::lock_guard end(mutex_);
      std::erase(open_fds_, fd);
      close(fd);
    });
  }
}

int UnusedPort() {
  int port = 0;
  close(Bind(&port));
  return port;
}

}  // namespace gc
