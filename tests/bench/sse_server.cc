// sse_server.cc: Gemini's streams at a given pace, for many connections, in one thread. Prints `port N`.
//   POST ...:streamGenerateContent   events as the model's name says (pace.h)
//   any other POST                   the constant answer
//   GET /recorded                    the body of the last POST
//   GET /release                     lets all held streams end
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/answers.h"
#include "bench/pace.h"

namespace gc::bench {
namespace {

int64_t NowNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

std::string Chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

std::string WholeAnswer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

struct Connection {
  std::string in;
  std::string out;
  Pace pace;
  int events_left = 0;
  int64_t due_ns = 0;
};

class Server {
 public:
  // The port, or 0.
  int Listen() {
    listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listen_fd_, 4096) != 0) return 0;
    getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size);
    Watch(EPOLL_CTL_ADD, listen_fd_, EPOLLIN);
    return ntohs(address.sin_port);
  }

  void Run() {
    epoll_event ready[256];
    for (;;) {
      const int n = epoll_pwait2(epoll_fd_, ready, 256, NextTimeout(), nullptr);
      for (int i = 0; i < n; ++i) OnReady(ready[i].data.fd, ready[i].events);
      SendDueEvents();
    }
  }

 private:
  using Due = std::pair<int64_t, int>;  // when, which connection

  void Watch(int operation, int fd, uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_fd_, operation, fd, &event);
  }

  const timespec* NextTimeout() {
    if (due_.empty()) return nullptr;
    const int64_t left_ns = std::max<int64_t>(0, due_.top().first - NowNs());
    timeout_ = {left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    return &timeout_;
  }

  void OnReady(int fd, uint32_t events) {
    if (fd == listen_fd_) return Accept();
    Connection& connection = connections_[fd];
    if ((events & EPOLLOUT) != 0 && !Flush(fd, &connection)) return;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read(fd, &connection);
  }

  void Accept() {
    for (int fd = 0; (fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Watch(EPOLL_CTL_ADD, fd, EPOLLIN);
      connections_[fd] = {};
    }
  }

  void Close(int fd) {
    close(fd);
    connections_.erase(fd);
  }

  void Read(int fd, Connection* connection) {
    char buffer[16384];
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return Close(fd);
    if (n > 0) connection->in.append(buffer, static_cast<size_t>(n));
    const size_t head_end = connection->in.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    const std::string head = connection->in.substr(0, head_end);
    const size_t body_size = BodySize(head);
    if (connection->in.size() < head_end + 4 + body_size) return;
    const std::string body = connection->in.substr(head_end + 4, body_size);
    connection->in.erase(0, head_end + 4 + body_size);
    Answer(fd, connection, head, body);
  }

  static size_t BodySize(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
    const size_t at = head.find("\r\ncontent-length:");
    return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 17, nullptr, 10);
  }

  void Answer(int fd, Connection* connection, const std::string& head, const std::string& body) {
    if (head.starts_with("GET /recorded ")) {
      connection->out += WholeAnswer(recorded_);
    } else if (head.starts_with("GET /release ")) {
      for (const int held : std::exchange(held_, {})) Schedule(held, &connections_[held], NowNs());
      connection->out += WholeAnswer("{}");
    } else {
      recorded_ = body;
      if (head.find(":streamGenerateContent") != std::string::npos) return StartStream(fd, connection, FindPace(head));
      connection->out += WholeAnswer(kUnaryAnswer);
    }
    Flush(fd, connection);
  }

  void StartStream(int fd, Connection* connection, const Pace& pace) {
    connection->pace = pace;
    connection->events_left = pace.events;
    connection->due_ns = NowNs();
    connection->out += "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    SendEvent(fd, connection);
  }

  // Sends the event that is due; with interval 0 all of them, each in a chunk of its own.
  void SendEvent(int fd, Connection* connection) {
    do {
      const bool is_last = --connection->events_left == 0;
      connection->out += is_last ? last_chunk_ + "0\r\n\r\n" : inner_chunk_;
    } while (connection->events_left > 0 && !connection->pace.is_held && connection->pace.interval_us == 0);
    if (connection->events_left > 0) {
      if (connection->pace.is_held) {
        held_.push_back(fd);
      } else {
        Schedule(fd, connection, connection->due_ns + connection->pace.interval_us * 1000);
      }
    }
    Flush(fd, connection);
  }

  void Schedule(int fd, Connection* connection, int64_t due_ns) {
    connection->due_ns = due_ns;
    due_.emplace(due_ns, fd);
  }

  void SendDueEvents() {
    while (!due_.empty() && due_.top().first <= NowNs()) {
      const auto [due_ns, fd] = due_.top();
      due_.pop();
      // It may have been closed meanwhile, and its number given to another.
      const auto found = connections_.find(fd);
      if (found != connections_.end() && found->second.due_ns == due_ns) SendEvent(fd, &found->second);
    }
  }

  // False when the connection is closed.
  bool Flush(int fd, Connection* connection) {
    const ssize_t n = send(fd, connection->out.data(), connection->out.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return Close(fd), false;
    if (n > 0) connection->out.erase(0, static_cast<size_t>(n));
    const bool is_waiting = !connection->out.empty();
    if (is_waiting || n < 0) Watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
    if (!is_waiting) Watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    return true;
  }

  const int epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  int listen_fd_ = -1;
  timespec timeout_{};
  const std::string inner_chunk_ = Chunk(UpstreamEvent(Event::kInner));
  const std::string last_chunk_ = Chunk(UpstreamEvent(Event::kLast));
  std::string recorded_;
  std::map<int, Connection> connections_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<int> held_;
};

}  // namespace
}  // namespace gc::bench

int main() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  gc::bench::Server server;
  const int port = server.Listen();
  if (port == 0) return 71;
  std::printf("port %d\n", port);
  std::fflush(stdout);
  server.Run();
}
