// checkpoint.h: the only way in which this project moves a WAL's pages into its database.
// SQLite before 3.51.3 can lose acknowledged commits: a passive checkpoint reads the WAL's header, another process
// commits and starts the WAL over, and the checkpoint goes on with what it read. Here a second connection holds the
// write lock until the checkpoint has the lock that keeps a WAL from being started over: SQLite's own, by which writers
// go on while pages are moved. (The checkpoint of the last connection to close is safe: it holds an exclusive lock.)
// Source: SQLite's "WAL-mode File Format", locks of the WAL index; walCheckpoint in wal.c 3.40.1.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "store/connection.h"
#include "store/turn_lock.h"

namespace gc::store {

// WAL pages from which a writer checkpoints: 4 MiB, SQLite's own default.
inline constexpr int kCheckpointPages = 1000;
// From which on it does so also during a CheckpointPause: 62 MiB.
inline constexpr int kMostPausedPages = 16 * kCheckpointPages;

struct CheckpointResult {
  int wal_pages = 0;    // in the WAL when it ran
  int moved_pages = 0;  // of them now in the database; fewer when a reader still needs the older state
};

// Both connections are open on the same database, outside a transaction. Waits `turn_wait_ms` for the turn, then
// `holder`'s busy timeout for the write lock; kBusy when it did not get it, or when another checkpoint runs; after kIo
// neither connection is to be used again: a sync that failed may seem to succeed when it is tried once more. Most pages
// are moved and synced while others write; what they wrote meanwhile is moved under the write lock, so that the WAL
// ends empty and can be started over.
Result<CheckpointResult> Checkpoint(Connection& holder, Connection& checkpointer, TurnLock& turns, int turn_wait_ms);

// While it lives, paced checkpoints of that database are put off, in all processes: for a job that gives the disk so
// much to write that each sync takes hundreds of milliseconds. Ends with its process.
class CheckpointPause {
 public:
  explicit CheckpointPause(const std::string& database_path);
  ~CheckpointPause();
  CheckpointPause(const CheckpointPause&) = delete;
  CheckpointPause& operator=(const CheckpointPause&) = delete;

 private:
  int fd_;  // -1: the file system does not let us; then nothing is put off
};
// Whether a checkpoint that is due at this size of the WAL should wait for a better time.
bool IsCheckpointPaused(const std::string& database_path, int wal_pages);

// For one long-lived writer: a checkpoint whenever the WAL has grown by kCheckpointPages, in a thread of its own. The
// writer's thread calls it.
class PacedCheckpoint {
 public:
  explicit PacedCheckpoint(std::string database_path) : path_(std::move(database_path)) {}
  ~PacedCheckpoint() { Close(); }
  PacedCheckpoint(const PacedCheckpoint&) = delete;
  PacedCheckpoint& operator=(const PacedCheckpoint&) = delete;

  // After a commit of `writer`. Never waits. Errors, other than a busy database, are the latest checkpoint's.
  Status RunIfDue(const Connection& writer);
  // The writer was closed. Waits for a checkpoint that is running.
  void Close();

 private:
  Status Run();

  const std::string path_;
  int next_pages_ = kCheckpointPages;
  std::thread thread_;
  std::atomic<bool> is_running_ = false;
  // The thread's own while it runs.
  std::optional<Connection> holder_;
  std::optional<Connection> checkpointer_;
  std::optional<TurnLock> turns_;
  Status status_;
};

}  // namespace gc::store
