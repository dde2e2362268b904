// prune_batches.h: writes to the main database in small steps beside the gateway's writers: each in a short transaction
// of its own, on its turn, with a pause behind it, the WAL kept small.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "jobs/prune.h"
#include "store/connection.h"
#include "store/turn_lock.h"

namespace gc::jobs {

// Used by one thread. Session and clock outlive it.
class PruneBatches {
 public:
  enum class Halt { kNone, kBudget, kReader };

  // The budget runs from here on.
  static Result<PruneBatches> Open(Poco::Data::Session& session, const PruneOptions& options, Clock& clock);

  ~PruneBatches();
  PruneBatches(PruneBatches&& other) noexcept = default;
  PruneBatches& operator=(PruneBatches&&) = delete;

  // Runs `sql(n)`, which deletes n rows at most, until `rows` are deleted, none are left, or a halt. Adds to *deleted
  // as it goes, errors or not, and calls `progress` after each step. On a full disk it tries smaller steps, which may
  // fit into the WAL as it is; kFull: not even those do.
  Status Delete(const std::function<std::string(int64_t)>& sql, int64_t rows, int64_t* deleted,
                const std::function<void()>& progress);
  // Gives up to `pages` free pages back to the file system.
  Status ReturnPages(int64_t pages, int64_t* returned);

  // Why nothing more will be done.
  Halt halt() const { return halt_; }

 private:
  PruneBatches(Poco::Data::Session& session, const PruneOptions& options, Clock& clock, store::Connection holder,
               store::Connection checkpointer);
  // One step: the rows that it changed. Then pause and checkpoint.
  Result<int64_t> Step(const std::string& sql);
  // After a failed step: true when it was for want of room and may succeed now: smaller, and with a WAL that starts
  // over.
  bool MakeRoom(const Error& error, int64_t* step, int64_t least);
  // The size of the next step: `now`, at most `most`, larger or smaller by how long the last one held the lock.
  int64_t Adapted(int64_t now, int64_t least, int64_t most) const;
  Status Pause();
  Status CheckpointIfDue();
  bool Halted();

  Poco::Data::Session* session_;
  Clock* clock_;
  const int64_t most_rows_;
  const std::optional<int64_t> pause_ms_;
  const int64_t end_us_;  // monotonic
  const int64_t max_wal_bytes_;
  int64_t page_bytes_ = 4096;
  store::Connection holder_;  // of the write lock during a checkpoint
  store::Connection checkpointer_;
  std::string database_path_;
  std::unique_ptr<store::TurnLock> turns_;
  std::unique_ptr<int> wal_pages_;  // after the last commit; SQLite keeps its address; nullptr: moved
  int next_checkpoint_pages_;
  int64_t batch_rows_;
  int64_t step_us_ = 0;       // how long the last step held the write lock
  int64_t held_us_ = 0;       // the same with its checkpoint
  int64_t data_version_ = 0;  // changes when somebody else has written
  bool was_full_ = false;     // the last step found the disk full
  Halt halt_ = Halt::kNone;
};

}  // namespace gc::jobs
