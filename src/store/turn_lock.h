// turn_lock.h: whose turn it is to write to a database: flock(2) on <database>.lock, taken before BEGIN.
// SQLite's own waiting is unfair: with many writers one of them can starve for seconds. This lock is for fairness only;
// who does not get it in time writes all the same, and SQLite's locks keep the data safe.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gc::store {

// One per writer; used by one thread at a time, and not across a fork.
class TurnLock {
 public:
  // Opens (and makes, mode 0600) the lock file. When that fails every turn is granted at once.
  explicit TurnLock(const std::string& database_path);
  ~TurnLock();
  TurnLock(const TurnLock&) = delete;
  TurnLock& operator=(const TurnLock&) = delete;

  // Held from a successful wait to the end of the scope.
  class Turn {
   public:
    explicit Turn(int fd) : fd_(fd) {}
    ~Turn() { End(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    // False when the wait ended without the lock.
    bool held() const { return fd_ >= 0; }
    // Before the end of the scope.
    void End();

   private:
    int fd_;
  };

  // Waits for the turn, `wait_ms` at most.
  Turn Wait(int wait_ms);

 private:
  int fd_;
};

}  // namespace gc::store
