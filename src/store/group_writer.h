// group_writer.h: takes small changes off the requests' threads and writes them to the state database, all that wait in
// one transaction. For what may be lost: a full queue drops, and so does a database that fails; one that is only locked
// is tried again.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "store/checkpoint.h"
#include "store/turn_lock.h"

namespace gc::store {

// When the items are written.
enum class WriteTime {
  kAtOnce,  // by a thread, which the first item starts
  kAtStop,  // by Stop: for a process that serves one request (CGI)
};

// `Table` has connection(); `Item` has bytes(), its size in memory. One per table and process; made after the last
// fork.
template <class Item, class Table>
class GroupWriter {
 public:
  struct Options {
    std::string database_path;
    const char* lost;  // for the log: "thought signatures are lost"
    std::function<Result<Table>(int busy_timeout_ms)> open;
    std::function<Status(Table& table, std::span<const Item> items)> write;  // in one transaction
  };

  GroupWriter(Options options, WriteTime time)
      : options_(std::move(options)), time_(time), checkpoint_(options_.database_path) {}
  ~GroupWriter() { Stop(); }
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;

  // Never waits for the database. Any thread.
  void Add(std::vector<Item> items) {
    const std::lock_guard lock(mutex_);
    for (Item& item : items) {
      const bool full = queue_.size() >= kMaxWaiting || waiting_bytes_ + item.bytes() > kMaxWaitingBytes;
      if (stopping_ || full) break;
      waiting_bytes_ += item.bytes();
      queue_.push_back(std::move(item));
    }
    if (stopping_ || time_ == WriteTime::kAtStop) return;
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { Run(); });
      } catch (const std::system_error&) {
        return;  // the next one tries again; until then they wait in the queue
      }
    }
    ready_.notify_one();
  }

  // Calls visit(item) for each that is not written yet, the newest first. Any thread; `visit` may not call back.
  template <class Visit>
  void ForEachWaiting(Visit visit) {
    const std::lock_guard lock(mutex_);
    for (const auto* waiting : {&queue_, &writing_}) {
      for (auto item = waiting->rbegin(); item != waiting->rend(); ++item) visit(*item);
    }
  }

  // Writes what is left, then closes the database. What is added later is dropped. Once or often.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      ready_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
    Write();
    Close();
  }

 private:
  static constexpr std::chrono::milliseconds kPause{20};
  static constexpr int kTurnWaitMs = 50;
  static constexpr int kWriteWaitMs = 200;  // a CGI process still has its log row to write
  static constexpr int64_t kReopenPauseUs = 1'000'000;
  static constexpr size_t kMaxWaiting = 4096;
  static constexpr int64_t kMaxWaitingBytes = int64_t{16} << 20;
  static int64_t NowUs() { return SystemClock().MonotonicUs(); }

  void Run() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;  // Stop writes the rest
      }
      Write();
      // A transaction for each request would cost more than the request: what comes now goes together.
      std::unique_lock lock(mutex_);
      ready_.wait_for(lock, kPause, [this] { return stopping_; });
    }
  }

  // All that waits, in one transaction: whoever comes meanwhile is in the next one.
  void Write() {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      writing_.swap(queue_);
    }
    const Status status = Commit(writing_);
    if (!status.ok() && !fails_) Log(LogLevel::kWarn, options_.lost, {{"error", status.error().message}});
    fails_ = !status.ok();
    const bool locked = fails_ && status.error().kind == ErrorKind::kBusy;
    if (fails_ && !locked && NowUs() >= reopen_us_) {
      Close();
      reopen_us_ = NowUs() + kReopenPauseUs;
    }
    const std::lock_guard lock(mutex_);
    if (locked) {
      queue_.insert(queue_.begin(), std::make_move_iterator(writing_.begin()), std::make_move_iterator(writing_.end()));
    } else {
      for (const Item& item : writing_) waiting_bytes_ -= item.bytes();
    }
    writing_.clear();
  }

  Status Commit(std::span<const Item> items) {
    if (table_ && table_->connection().HasMoved()) Close();
    if (!table_) {
      if (NowUs() < reopen_us_) return Error{ErrorKind::kIo, "the state database is closed"};
      auto opened = options_.open(kWriteWaitMs);
      if (!opened) return opened.error();
      table_.emplace(std::move(*opened));
      turns_.emplace(options_.database_path);
    }
    {
      const TurnLock::Turn turn = turns_->Wait(kTurnWaitMs);
      table_->connection().SetBusyTimeout(kWriteWaitMs);
      if (Status s = options_.write(*table_, items); !s.ok()) return s;
    }
    return checkpoint_.RunIfDue(table_->connection());
  }

  void Close() {
    checkpoint_.Close();
    table_.reset();
    turns_.reset();
  }

  const Options options_;
  const WriteTime time_;

  std::mutex mutex_;  // guards the members up to stopping_
  std::condition_variable ready_;
  std::vector<Item> queue_;
  std::vector<Item> writing_;  // taken from the queue, not committed yet
  int64_t waiting_bytes_ = 0;  // of both
  bool stopping_ = false;
  std::thread thread_;

  // The writing side's own.
  std::optional<Table> table_;
  std::optional<TurnLock> turns_;
  PacedCheckpoint checkpoint_;
  int64_t reopen_us_ = 0;  // monotonic; not before
  bool fails_ = false;
};

}  // namespace gc::store
