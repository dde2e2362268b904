// checkpoint.cc: passive checkpoints that begin under the write lock of a second connection.
// SPDX-License-Identifier: MIT
#include "store/checkpoint.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <system_error>
#include <utility>

namespace gc::store {
namespace {

constexpr int kPacedWaitMs = 20;

// WAL_READ_LOCK(0), the byte 123 of the WAL index. Whoever starts the WAL over needs it shared; a checkpoint has it
// exclusively while it moves pages.
constexpr int kReadLock0 = 3;

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

// SQLite's own descriptor of the database. REQUIRES: the connection has read something.
sqlite3_file* FileOf(const Connection& connection) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file;
}

// Calls `release` once this thread's connection has locked kReadLock0: stands between SQLite and its file while it
// lives. (Opening the database a second time to watch it is no way: closing that descriptor would drop SQLite's locks.)
template <class Release>
class LockWatch {
 public:
  LockWatch(sqlite3_file* file, Release release)
      : file_(file), original_(file->pMethods), methods_(*original_), release_(std::move(release)) {
    methods_.xShmLock = OnShmLock;
    current_ = this;
    file_->pMethods = &methods_;
  }
  ~LockWatch() {
    file_->pMethods = original_;
    current_ = nullptr;
  }
  LockWatch(const LockWatch&) = delete;
  LockWatch& operator=(const LockWatch&) = delete;

 private:
  static int OnShmLock(sqlite3_file* file, int offset, int count, int flags) {
    LockWatch* watch = current_;
    const int rc = watch->original_->xShmLock(file, offset, count, flags);
    const bool locked = rc == SQLITE_OK && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
    if (locked && offset == kReadLock0) watch->release_();
    return rc;
  }

  inline static thread_local LockWatch* current_ = nullptr;
  sqlite3_file* file_;
  const sqlite3_io_methods* original_;
  sqlite3_io_methods methods_;
  Release release_;
};

enum class Hold { kUntilItIsSafe, kToTheEnd };

Result<CheckpointResult> RunPragma(Connection& checkpointer) {
  auto statement = checkpointer.Prepare("PRAGMA wal_checkpoint(PASSIVE)");
  if (!statement) return statement.error();
  const auto row = statement->Step();
  if (!row) return row.error();
  if (statement->Int(0) != 0) return Error{ErrorKind::kBusy, "another checkpoint is running"};
  return CheckpointResult{static_cast<int>(statement->Int(1)), static_cast<int>(statement->Int(2))};
}

Result<CheckpointResult> Pass(Connection& holder, Connection& checkpointer, TurnLock& turns, int turn_wait_ms,
                              Hold hold) {
  TurnLock::Turn turn = turns.Wait(turn_wait_ms);
  auto guard = Transaction::Begin(holder);  // rolled back at the end: it only holds the lock
  if (!guard) return guard.error();
  sqlite3_file* file = FileOf(checkpointer);
  if (hold == Hold::kToTheEnd || file == nullptr || file->pMethods == nullptr) return RunPragma(checkpointer);
  const LockWatch watch(file, [&] {
    guard->Rollback();
    turn.End();
  });
  return RunPragma(checkpointer);
}

// With SQLite's own descriptor: the kernel tells of a failure once, and SQLite's next sync would know nothing of it.
Status SyncDatabase(const Connection& connection) {
  sqlite3_file* file = FileOf(connection);
  if (file == nullptr || file->pMethods == nullptr) return {};
  const int rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (rc == SQLITE_OK) return {};
  return Error{ErrorKind::kIo, "sqlite: the database cannot be synced (" + std::to_string(rc) + ")"};
}

std::string PauseFile(const std::string& database_path) { return database_path + ".pause.lock"; }

}  // namespace

Result<CheckpointResult> Checkpoint(Connection& holder, Connection& checkpointer, TurnLock& turns, int turn_wait_ms) {
  SyncWal(checkpointer);
  const auto first = Pass(holder, checkpointer, turns, turn_wait_ms, Hold::kUntilItIsSafe);
  // A reader that needs an older state holds the rest back: nothing is to be gained by another pass.
  if (!first || first->moved_pages < first->wal_pages) return first;
  if (Status s = SyncDatabase(checkpointer); !s.ok()) return s.error();
  SyncWal(checkpointer);
  return Pass(holder, checkpointer, turns, turn_wait_ms, Hold::kToTheEnd);
}

CheckpointPause::CheckpointPause(const std::string& database_path)
    : fd_(open(PauseFile(database_path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  // Whoever looks has it exclusively, for microseconds.
  if (fd_ >= 0) flock(fd_, LOCK_SH);
}

CheckpointPause::~CheckpointPause() {
  if (fd_ >= 0) close(fd_);
}

bool IsCheckpointPaused(const std::string& database_path, int wal_pages) {
  if (wal_pages >= kMostPausedPages) return false;
  const int fd = open(PauseFile(database_path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool paused = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return paused;
}

Status PacedCheckpoint::RunIfDue(const Connection& writer) {
  const int pages = writer.wal_pages();
  if (pages < kCheckpointPages) next_pages_ = kCheckpointPages;  // the WAL was started over
  if (pages < next_pages_ || is_running_) return {};
  // A reader may hold the WAL's pages back: try again when as many have come on top, not after each commit.
  next_pages_ = pages + kCheckpointPages;
  if (IsCheckpointPaused(path_, pages)) return {};
  if (thread_.joinable()) thread_.join();
  const Status before = std::exchange(status_, {});
  is_running_ = true;
  try {
    thread_ = std::thread([this] {
      status_ = Run();
      is_running_ = false;
    });
  } catch (const std::system_error&) {
    is_running_ = false;  // there will be another time
  }
  return before;
}

Status PacedCheckpoint::Run() {
  if (!checkpointer_) {
    auto holder = Connection::Open(path_, OpenMode::kReadWrite, kPacedWaitMs);
    if (!holder) return holder.error();
    auto checkpointer = Connection::Open(path_, OpenMode::kReadWrite, 0);
    if (!checkpointer) return checkpointer.error();
    holder_.emplace(std::move(*holder));
    checkpointer_.emplace(std::move(*checkpointer));
    turns_.emplace(path_);
  }
  const auto result = Checkpoint(*holder_, *checkpointer_, *turns_, kPacedWaitMs);
  if (!result && result.error().kind != ErrorKind::kBusy) return result.error();
  return {};
}

void PacedCheckpoint::Close() {
  if (thread_.joinable()) thread_.join();
  turns_.reset();
  checkpointer_.reset();
  holder_.reset();
  status_ = {};
  next_pages_ = kCheckpointPages;
}

}  // namespace gc::store
