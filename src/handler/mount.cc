// mount.cc: tells FastCGI, CGI and the shell apart.
// SPDX-License-Identifier: MIT
#include "handler/mount.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace gc {
namespace {

bool IsListening(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
}

}  // namespace

MountInfo DetectMount() {
  constexpr int kFirstActivatedFd = 3;  // sd_listen_fds(3)
  const char* pid = std::getenv("LISTEN_PID");
  const char* fds = std::getenv("LISTEN_FDS");
  if (pid != nullptr && fds != nullptr && std::atoi(pid) == getpid() && std::atoi(fds) >= 1 &&
      IsListening(kFirstActivatedFd)) {
    return {Mount::kFastCgi, kFirstActivatedFd};
  }
  if (IsListening(STDIN_FILENO)) return {Mount::kFastCgi, STDIN_FILENO};
  if (std::getenv("GATEWAY_INTERFACE") != nullptr) return {Mount::kCgi, -1};
  return {};
}

const char* MountName(Mount mount) {
  switch (mount) {
    case Mount::kFastCgi:
      return "FastCGI";
    case Mount::kCgi:
      return "CGI";
    case Mount::kNone:
      break;
  }
  return "none";
}

}  // namespace gc
