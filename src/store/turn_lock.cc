// turn_lock.cc: flock(2) with a bounded wait.
// SPDX-License-Identifier: MIT
#include "store/turn_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"

namespace gc::store {

TurnLock::TurnLock(const std::string& database_path)
    : fd_(open((database_path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}

TurnLock::~TurnLock() {
  if (fd_ >= 0) close(fd_);
}

void TurnLock::Turn::End() {
  if (fd_ >= 0) flock(fd_, LOCK_UN);
  fd_ = -1;
}

// Polls: a blocking flock cannot be given a deadline without a signal, and a stopped holder must not stop us.
TurnLock::Turn TurnLock::Wait(int wait_ms) {
  if (fd_ < 0) return Turn(-1);
  const int64_t end_us = SystemClock().MonotonicUs() + int64_t{wait_ms} * 1000;
  useconds_t pause_us = 100;
  while (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const bool retry = errno == EWOULDBLOCK || errno == EINTR;
    if (!retry || SystemClock().MonotonicUs() >= end_us) return Turn(-1);
    usleep(pause_us);
    pause_us = std::min<useconds_t>(pause_us * 2, 1000);
  }
  return Turn(fd_);
}

}  // namespace gc::store
