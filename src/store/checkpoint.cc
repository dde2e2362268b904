// checkpoint.cc: a passive checkpoint under the write lock of a second connection.
// SPDX-License-Identifier: MIT
#include "store/checkpoint.h"

namespace gc::store {

Result<CheckpointResult> Checkpoint(Connection& holder, Connection& checkpointer, TurnLock& turns, int turn_wait_ms) {
  const TurnLock::Turn turn = turns.Wait(turn_wait_ms);
  auto guard = Transaction::Begin(holder);  // rolled back at the end: it only holds the lock
  if (!guard) return guard.error();
  auto statement = checkpointer.Prepare("PRAGMA wal_checkpoint(PASSIVE)");
  if (!statement) return statement.error();
  const auto row = statement->Step();
  if (!row) return row.error();
  if (statement->Int(0) != 0) return Error{ErrorKind::kBusy, "another checkpoint is running"};
  return CheckpointResult{static_cast<int>(statement->Int(1)), static_cast<int>(statement->Int(2))};
}

}  // namespace gc::store
