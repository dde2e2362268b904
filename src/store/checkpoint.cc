// checkpoint.cc: a passive checkpoint under the write lock of a second connection.
// SPDX-License-Identifier: MIT
#include "store/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

namespace gc::store {
namespace {

constexpr int kPacedWaitMs = 20;

// A checkpoint begins with a sync of the WAL, which on a busy disk takes hundreds of milliseconds. Done before the lock
// is taken, nobody waits for it; the checkpoint's own then has little left to do. (Closing this descriptor drops no
// lock of SQLite's: those are on the database and the -shm file.)
void SyncWal(const Connection& connection) {
  const char* path = sqlite3_filename_wal(sqlite3_db_filename(connection.handle(), "main"));
  const int fd = path != nullptr && *path != '\0' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  fdatasync(fd);
  close(fd);
}

}  // namespace

Result<CheckpointResult> Checkpoint(Connection& holder, Connection& checkpointer, TurnLock& turns, int turn_wait_ms) {
  SyncWal(checkpointer);
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

Status PacedCheckpoint::RunIfDue(Connection& writer, TurnLock& turns) {
  const int pages = writer.wal_pages();
  if (pages < kCheckpointPages) next_pages_ = kCheckpointPages;  // the WAL was started over
  if (pages < next_pages_) return {};
  // A reader may hold the WAL's pages back: try again when as many have come on top, not after each commit.
  next_pages_ = pages + kCheckpointPages;
  if (!connection_) {
    auto connection = Connection::Open(path_, OpenMode::kReadWrite, 0);
    if (!connection) return connection.error();
    connection_.emplace(std::move(*connection));
  }
  writer.SetBusyTimeout(kPacedWaitMs);
  const auto result = Checkpoint(writer, *connection_, turns, kPacedWaitMs);
  if (!result && result.error().kind != ErrorKind::kBusy) return result.error();
  return {};
}

void PacedCheckpoint::Close() {
  connection_.reset();
  next_pages_ = kCheckpointPages;
}

}  // namespace gc::store
