// shared_table.h: one connection to a database that many threads of a process use in turns, for short questions: it is
// opened when it is first needed, opened anew when its file was replaced, and left alone for a second when it fails.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace gc::store {

// `Table` has connection(), as Signatures has.
template <class Table>
class SharedTable {
 public:
  // `open` is called with the lock held.
  explicit SharedTable(std::function<Result<Table>()> open) : open_(std::move(open)) {}

  // Runs `use(table)`, which returns a Status, and returns what that returned. kBusy: others took `wait_ms` and longer,
  // so that a queue behind a database that hangs is gone at once. kIo: it failed within the last second.
  template <class Use>
  Status With(int wait_ms, Use use) {
    const int64_t begin_us = NowUs();
    const std::lock_guard lock(mutex_);
    if (NowUs() - begin_us > int64_t{wait_ms} * 1000) {
      return Error{ErrorKind::kBusy, "the database is in use by other requests"};
    }
    if (NowUs() < reopen_us_) return Error{ErrorKind::kIo, "the database failed a moment ago"};
    if (table_ && table_->connection().HasMoved()) table_.reset();
    Status status;
    if (!table_) {
      auto opened = open_();
      if (opened.ok()) {
        table_.emplace(std::move(*opened));
      } else {
        status = opened.error();
      }
    }
    if (table_) status = use(*table_);
    if (!status.ok() && status.error().kind != ErrorKind::kBusy) {
      table_.reset();
      reopen_us_ = NowUs() + kReopenPauseUs;
    }
    return status;
  }

  void Close() {
    const std::lock_guard lock(mutex_);
    table_.reset();
  }

 private:
  static constexpr int64_t kReopenPauseUs = 1'000'000;
  static int64_t NowUs() { return SystemClock().MonotonicUs(); }

  const std::function<Result<Table>()> open_;
  std::mutex mutex_;  // guards the members below
  std::optional<Table> table_;
  int64_t reopen_us_ = 0;  // monotonic; not before
};

}  // namespace gc::store
