// checkpoint.h: the only way in which this project moves a WAL's pages into its database.
// SQLite before 3.51.3 can lose acknowledged commits: a passive checkpoint reads the WAL's header, another process
// commits and starts the WAL over, and the checkpoint goes on with what it read. Here a second connection holds the
// write lock meanwhile, so nobody can start the WAL over. (The checkpoint of the last connection to close is safe: it
// holds an exclusive lock.)
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "store/connection.h"
#include "store/turn_lock.h"

namespace gc::store {

// WAL pages from which a writer checkpoints: 4 MiB, SQLite's own default.
inline constexpr int kCheckpointPages = 1000;

struct CheckpointResult {
  int wal_pages = 0;    // in the WAL when it ran
  int moved_pages = 0;  // of them now in the database; fewer when a reader still needs the older state
};

// Both connections are open on the same database, outside a transaction. Waits `turn_wait_ms` for the turn, then
// `holder`'s busy timeout for the write lock; kBusy when it did not get it, or when another checkpoint runs.
Result<CheckpointResult> Checkpoint(Connection& holder, Connection& checkpointer, TurnLock& turns, int turn_wait_ms);

// For one long-lived writer: a checkpoint whenever the WAL has grown by kCheckpointPages.
class PacedCheckpoint {
 public:
  explicit PacedCheckpoint(std::string database_path) : path_(std::move(database_path)) {}

  // After a commit of `writer`, whose busy timeout it changes. Rows wait meanwhile, so it waits for a few milliseconds
  // only: another time will come. Errors other than a busy database.
  Status RunIfDue(Connection& writer, TurnLock& turns);
  // The writer was closed.
  void Close();

 private:
  const std::string path_;
  std::optional<Connection> connection_;
  int next_pages_ = kCheckpointPages;
};

}  // namespace gc::store
