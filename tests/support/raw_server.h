// raw_server.h: a TCP server on the loopback whose every byte a test decides: for clients that must survive bad
// servers.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gc {

// One accepted connection, seen from the server. Closed when the handler returns.
class RawPeer {
 public:
  explicit RawPeer(int fd) : fd_(fd) {}

  // The next request: head, and as much body as its Content-Length says. Empty when the client closed.
  std::string ReadRequest();
  void Write(std::string_view bytes);
  // Blocks until the client closes the connection. False when it sends something instead.
  bool WaitForClose();

 private:
  int fd_;
  std::string buffer_;
};

// Accepts until destroyed and runs the handler for each connection in a thread of its own. Destruction ends every
// blocked read and joins the threads: what a handler waits for beside reads must come by itself.
class RawServer {
 public:
  using Handler = std::function<void(RawPeer*)>;
  explicit RawServer(Handler handler);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  int port() const { return port_; }
  std::string Url(std::string_view target) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }
  // Connections accepted so far.
  int connections() const { return connections_; }

 private:
  void Accept();

  Handler handler_;
  int listen_fd_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;  // of the two below
  std::vector<int> open_fds_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A loopback port on which nobody listens.
int UnusedPort();

}  // namespace gc
