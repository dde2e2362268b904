// resolver.cc: getaddrinfo in a thread.
// SPDX-License-Identifier: MIT
#include "base/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/clock.h"

namespace gc {
namespace {

// Shared by the thread and its caller: either may end first.
struct Lookup {
  explicit Lookup(std::string name) : host(std::move(name)) {}
  ~Lookup() { close(done_fd); }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  const std::string host;
  const int done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::mutex mutex;
  std::vector<std::string> addresses;  // under mutex
};

std::vector<std::string> Ask(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_ADDRCONFIG;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<std::string> addresses;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char text[INET6_ADDRSTRLEN];
    const void* bytes = at->ai_family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(at->ai_addr)->sin_addr)
                            : &reinterpret_cast<const sockaddr_in6*>(at->ai_addr)->sin6_addr;
    if (inet_ntop(at->ai_family, bytes, text, sizeof text) == nullptr) continue;
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) addresses.emplace_back(text);
  }
  freeaddrinfo(found);
  return addresses;
}

// Signals are for threads that wait for them.
void StartThread(const std::shared_ptr<Lookup>& lookup) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  try {
    std::thread([lookup] {
      std::vector<std::string> addresses = Ask(lookup->host);
      const std::lock_guard lock(lookup->mutex);
      lookup->addresses = std::move(addresses);
      eventfd_write(lookup->done_fd, 1);
    }).detach();
  } catch (const std::system_error&) {
    eventfd_write(lookup->done_fd, 1);  // without addresses
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

Result<std::vector<std::string>> ResolveHost(const std::string& host, int64_t timeout_ms, int watch_fd,
                                             const std::function<bool()>& is_cancelled) {
  const auto lookup = std::make_shared<Lookup>(host);
  StartThread(lookup);
  const int64_t deadline_us = SystemClock().MonotonicUs() + timeout_ms * 1000;
  pollfd fds[] = {{lookup->done_fd, POLLIN, 0}, {watch_fd, POLLIN, 0}};
  while (fds[0].revents == 0) {
    const int64_t left_ms = (deadline_us - SystemClock().MonotonicUs()) / 1000;
    if (left_ms <= 0) return Error{ErrorKind::kTimeout, "the name was not resolved in time"};
    poll(fds, 2, static_cast<int>(left_ms));
    if (fds[1].revents == 0) continue;
    if (is_cancelled()) return Error{ErrorKind::kCancelled, "cancelled"};
    fds[1].fd = -1;  // readable and yet no reason to stop: watching on would spin
  }
  const std::lock_guard lock(lookup->mutex);
  if (lookup->addresses.empty()) return Error{ErrorKind::kUnreachable, "the name has no address"};
  return lookup->addresses;
}

}  // namespace gc
