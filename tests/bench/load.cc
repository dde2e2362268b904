// load.cc: runs wrk; sends requests at their time from a few threads, each with a warm connection.
// SPDX-License-Identifier: MIT
#include "bench/load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "bench/measure.h"

namespace gc::bench {
namespace {

constexpr int kLoadThreads = 2;  // of wrk: one alone would be the limit of a constant upstream
constexpr int kSenders = 10;
constexpr int kAnswerTimeoutS = 20;

int64_t NowNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

void SleepUntil(int64_t ns) {
  const timespec due{ns / 1'000'000'000, ns % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) != 0) continue;
}

// One keep-alive connection of a sender.
class Client {
 public:
  explicit Client(const Target& target) : port_(target.port) {
    request_ = "POST " + target.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
               target.key_header + "\r\nContent-Length: " + std::to_string(target.body.size()) + "\r\n\r\n" +
               target.body;
    Connect();
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The moment at which the answer, or the marker in it, was there; nullopt after a failure.
  std::optional<int64_t> Call(const std::string& marker) {
    if (send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size())) return {};
    std::string answer;
    int64_t arrived_ns = 0;
    while (!IsComplete(answer)) {
      char buffer[16384];
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return {};
      answer.append(buffer, static_cast<size_t>(n));
      if (arrived_ns == 0 && !marker.empty() && answer.find(marker) != std::string::npos) arrived_ns = NowNs();
    }
    if (arrived_ns == 0 && marker.empty()) arrived_ns = NowNs();
    if (!answer.starts_with("HTTP/1.1 200 ") || arrived_ns == 0) return {};
    const bool closes = answer.substr(0, answer.find("\r\n\r\n")).find("onnection: close") != std::string::npos;
    if (closes) Connect();
    return arrived_ns;
  }

 private:
  void Connect() {
    if (fd_ >= 0) close(fd_);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval timeout{kAnswerTimeoutS, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Fatal("a server is gone");
  }

  static bool IsComplete(const std::string& answer) {
    const size_t head_end = answer.find("\r\n\r\n");
    if (head_end == std::string::npos) return false;
    size_t at = answer.find("ontent-length: ");
    if (at == std::string::npos || at > head_end) at = answer.find("ontent-Length: ");
    if (at == std::string::npos || at > head_end) return answer.ends_with("\r\n0\r\n\r\n");
    return answer.size() >= head_end + 4 + std::strtoull(answer.c_str() + at + 15, nullptr, 10);
  }

  int port_;
  int fd_ = -1;
  std::string request_;
};

// The number after `label` in wrk's output; 0 when it is not there.
double NumberAfter(const std::string& text, const std::string& label) {
  const size_t at = text.find(label);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + label.size(), nullptr);
}

}  // namespace

Throughput Saturate(const Paths& paths, const Target& target, int seconds) {
  const std::string body_file = paths.state + "/wrk-body.json";
  const std::string script_file = paths.state + "/wrk.lua";
  const size_t colon = target.key_header.find(": ");
  std::ofstream(body_file, std::ios::binary) << target.body;
  std::ofstream(script_file) << "wrk.method = 'POST'\nwrk.body = io.open('" << body_file
                             << "'):read('*a')\nwrk.headers['Content-Type'] = 'application/json'\nwrk.headers['"
                             << target.key_header.substr(0, colon) << "'] = '" << target.key_header.substr(colon + 2)
                             << "'\nfunction done(summary)\n  print('requests ' .. summary.requests)\nend\n";
  const int64_t cpu_before_ns = EndedChildrenCpuNs();
  const test::RunResult result =
      RunProgram({"wrk", "-t" + std::to_string(kLoadThreads), "-c32", "-d" + std::to_string(seconds) + "s", "-s",
                  script_file, Loopback(target.port, target.path)});
  Throughput out;
  out.load_cpu_ns = static_cast<double>(EndedChildrenCpuNs() - cpu_before_ns);
  out.requests = NumberAfter(result.out, "\nrequests ");
  out.per_second = NumberAfter(result.out, "Requests/sec:");
  const double refused = NumberAfter(result.out, "Non-2xx or 3xx responses:");
  if (refused > 0) out.error = std::to_string(static_cast<int64_t>(refused)) + " answers were not 200";
  if (result.out.find("Socket errors:") != std::string::npos) out.error = "connections failed";
  if (result.code != 0 || out.requests == 0) out.error = "wrk failed: " + result.err;
  return out;
}

Latencies RunAtRate(const Target& target, int per_second, int count, const std::string& marker) {
  std::vector<std::vector<double>> parts(kSenders);
  std::vector<std::thread> threads;
  const int64_t interval_ns = 1'000'000'000 / per_second;
  const int64_t start_ns = NowNs() + 50'000'000;
  for (int sender = 0; sender < kSenders; ++sender) {
    threads.emplace_back([&, sender] {
      prctl(PR_SET_TIMERSLACK, 1UL);
      Client client(target);
      for (int i = sender; i < count; i += kSenders) {
        const int64_t due_ns = start_ns + i * interval_ns;
        SleepUntil(due_ns);
        const auto arrived_ns = client.Call(marker);
        if (!arrived_ns) return;
        parts[sender].push_back(static_cast<double>(*arrived_ns - due_ns) / 1000.0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Latencies out;
  for (const auto& part : parts) out.us.insert(out.us.end(), part.begin(), part.end());
  if (out.us.size() != static_cast<size_t>(count)) out.error = "a request failed";
  return out;
}

}  // namespace gc::bench
