// store_checkpoint_test.cc: the guarded checkpoint and the turn lock.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>
#include <vector>

#include "store/checkpoint.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class CheckpointTest : public StoreTest {
 protected:
  void Fill(Connection& connection, int rows) {
    ASSERT_TRUE(connection.Execute("CREATE TABLE IF NOT EXISTS filler(a)").ok());
    for (int i = 0; i < rows; ++i) {
      ASSERT_TRUE(connection.Execute("INSERT INTO filler VALUES (zeroblob(3000))").ok());
    }
  }
  int64_t WalBytes() const {
    struct stat wal {};
    return stat((db_ + "-wal").c_str(), &wal) == 0 ? wal.st_size : 0;
  }
};

TEST_F(CheckpointTest, MovesAllPagesAndTheWalStartsOver) {
  auto holder = Open();
  auto checkpointer = Open();
  TurnLock turns(db_);
  Fill(holder, 50);
  const int before = holder.wal_pages();
  const auto result = Checkpoint(holder, checkpointer, turns, 100);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->wal_pages, before);
  EXPECT_EQ(result->moved_pages, before);
  Fill(holder, 1);
  EXPECT_LT(holder.wal_pages(), before) << "the next commit starts the WAL over";
  EXPECT_EQ(*holder.QueryInt("SELECT count(*) FROM filler"), 51);
}

TEST_F(CheckpointTest, WithoutItTheWalOnlyGrows) {
  auto writer = Open();
  Fill(writer, 1200);
  EXPECT_GT(writer.wal_pages(), kCheckpointPages) << "no autocheckpoint of SQLite's own";
}

TEST_F(CheckpointTest, AReaderKeepsItsPagesBack) {
  auto holder = Open();
  auto checkpointer = Open();
  TurnLock turns(db_);
  Fill(holder, 5);
  auto reader = Open(OpenMode::kReadOnly);
  ASSERT_TRUE(reader.Execute("BEGIN").ok());
  ASSERT_EQ(*reader.QueryInt("SELECT count(*) FROM filler"), 5);
  Fill(holder, 20);
  const auto result = Checkpoint(holder, checkpointer, turns, 100);
  ASSERT_TRUE(result.ok());
  EXPECT_LT(result->moved_pages, result->wal_pages);
  EXPECT_EQ(*reader.QueryInt("SELECT count(*) FROM filler"), 5);
}

TEST_F(CheckpointTest, BusyWhenSomebodyWrites) {
  auto holder = Open(OpenMode::kReadWrite, 50);
  auto checkpointer = Open();
  TurnLock turns(db_);
  auto writer = Open();
  const auto held = Transaction::Begin(writer);
  ASSERT_TRUE(held.ok());
  const auto result = Checkpoint(holder, checkpointer, turns, 10);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kBusy);
}

TEST_F(CheckpointTest, TheHolderIsFreeAfterwards) {
  auto holder = Open();
  auto checkpointer = Open();
  TurnLock turns(db_);
  ASSERT_TRUE(Checkpoint(holder, checkpointer, turns, 100).ok());
  auto other = Open(OpenMode::kReadWrite, 0);
  EXPECT_TRUE(Transaction::Begin(other).ok());
}

// Stands between SQLite and the database file of a connection, and writes with another one while pages are moved.
class WriterInBetween {
 public:
  WriterInBetween(Connection& checkpointer, Connection& writer) {
    sqlite3_file_control(checkpointer.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file_);
    original_ = file_->pMethods;
    methods_ = *original_;
    methods_.xWrite = [](sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
      if (left_ > 0) written_ += writer_->Execute("INSERT INTO filler VALUES (2)").ok() && left_-- > 0;
      return original_->xWrite(file, bytes, count, offset);
    };
    methods_.xSync = [](sqlite3_file* file, int flags) {
      return failing_syncs_-- > 0 ? SQLITE_IOERR_FSYNC : original_->xSync(file, flags);
    };
    file_->pMethods = &methods_;
    writer_ = &writer;
    written_ = 0;
    left_ = 3;
    failing_syncs_ = 0;
  }
  ~WriterInBetween() { file_->pMethods = original_; }
  static void FailNextSync() { failing_syncs_ = 1; }
  int written() const { return written_; }

 private:
  inline static const sqlite3_io_methods* original_ = nullptr;
  inline static Connection* writer_ = nullptr;
  inline static int written_ = 0;
  inline static int left_ = 0;
  inline static int failing_syncs_ = 0;
  sqlite3_file* file_ = nullptr;
  sqlite3_io_methods methods_ = {};
};

TEST_F(CheckpointTest, OthersWriteWhilePagesMoveAndTheWalStillStartsOver) {
  auto holder = Open();
  auto checkpointer = Open();
  auto other = Open(OpenMode::kReadWrite, 0);
  TurnLock turns(db_);
  Fill(holder, 50);
  const int before = holder.wal_pages();
  {
    const WriterInBetween writer(checkpointer, other);
    const auto result = Checkpoint(holder, checkpointer, turns, 100);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(writer.written(), 3);
    EXPECT_GT(result->wal_pages, before);
    EXPECT_EQ(result->moved_pages, result->wal_pages);
  }
  Fill(holder, 1);
  EXPECT_LT(holder.wal_pages(), before);
  EXPECT_EQ(*holder.QueryInt("SELECT count(*) FROM filler"), 54);
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
}

// The kernel reports it once: a second sync would succeed, and the WAL be given up for pages that are nowhere.
TEST_F(CheckpointTest, AFailedSyncIsNotTriedAgain) {
  auto holder = Open();
  auto checkpointer = Open();
  auto other = Open(OpenMode::kReadWrite, 0);
  TurnLock turns(db_);
  Fill(holder, 50);
  const int before = holder.wal_pages();
  {
    const WriterInBetween writer(checkpointer, other);
    WriterInBetween::FailNextSync();
    const auto result = Checkpoint(holder, checkpointer, turns, 100);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  }
  Fill(holder, 1);
  EXPECT_GT(holder.wal_pages(), before) << "the WAL still has what may not be in the database";
}

TEST_F(CheckpointTest, APausePutsOffPacedOnes) {
  auto writer = Open();
  PacedCheckpoint paced(db_);
  {
    const CheckpointPause first(db_);
    const CheckpointPause second(db_);
    Fill(writer, kCheckpointPages + 100);
    ASSERT_TRUE(paced.RunIfDue(writer).ok());
    EXPECT_TRUE(IsCheckpointPaused(db_, writer.wal_pages()));
    EXPECT_FALSE(IsCheckpointPaused(db_, kMostPausedPages)) << "a WAL has its bounds";
  }
  paced.Close();
  Fill(writer, 1);
  EXPECT_GT(writer.wal_pages(), kCheckpointPages) << "nothing was moved";
  ASSERT_TRUE(paced.RunIfDue(writer).ok());
  paced.Close();  // waits for it
  Fill(writer, 1);
  EXPECT_LT(writer.wal_pages(), kCheckpointPages);
}

// The part of the promise that a short test can see: with several processes writing and checkpointing, no commit that
// was acknowledged is missing and the file is whole.
TEST_F(CheckpointTest, ProcessesThatWriteAndCheckpointLoseNothing) {
  constexpr int kProcesses = 4;
  constexpr int kCommits = 150;
  ASSERT_TRUE(Open().Execute("CREATE TABLE acknowledged(who, n)").ok());
  std::vector<pid_t> children;
  for (int who = 0; who < kProcesses; ++who) {
    const pid_t child = fork();
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    auto holder = Open();
    auto checkpointer = Open();
    TurnLock turns(db_);
    for (int n = 0; n < kCommits; ++n) {
      {
        const TurnLock::Turn turn = turns.Wait(250);
        if (!holder.Execute("INSERT INTO acknowledged VALUES (" + std::to_string(who) + "," + std::to_string(n) + ")")
                 .ok())
          _exit(1);
      }
      const auto result = n % 5 == 0 ? Checkpoint(holder, checkpointer, turns, 250) : CheckpointResult{};
      if (!result && result.error().kind != ErrorKind::kBusy) _exit(2);
    }
    _exit(0);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Int("SELECT count(*) FROM acknowledged"), kProcesses * kCommits);
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
}

TEST_F(CheckpointTest, TurnsExcludeEachOther) {
  TurnLock first(db_);
  TurnLock second(db_);
  {
    const TurnLock::Turn held = first.Wait(0);
    ASSERT_TRUE(held.held());
    const int64_t start_us = SystemClock().MonotonicUs();
    EXPECT_FALSE(second.Wait(50).held());
    const int64_t waited_ms = (SystemClock().MonotonicUs() - start_us) / 1000;
    EXPECT_GE(waited_ms, 50);
    EXPECT_LT(waited_ms, 1000);
  }
  EXPECT_TRUE(second.Wait(0).held()) << "given back at the end of the scope";
}

TEST_F(CheckpointTest, ATurnComesWhenTheHolderIsDone) {
  TurnLock first(db_);
  std::atomic<bool> got = false;
  std::thread waiter;
  {
    const TurnLock::Turn held = first.Wait(0);
    waiter = std::thread([&] {
      TurnLock second(db_);
      got = second.Wait(5000).held();
    });
    usleep(20'000);
    EXPECT_FALSE(got);
  }
  waiter.join();
  EXPECT_TRUE(got);
}

TEST_F(CheckpointTest, TheLockFileIsPrivateAndItsAbsenceHarmless) {
  const TurnLock lock(db_);
  struct stat file {};
  ASSERT_EQ(stat((db_ + ".lock").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  TurnLock nowhere(dir_.Path("no/such/file.db"));
  EXPECT_FALSE(nowhere.Wait(1000).held());
}

}  // namespace
}  // namespace gc::store
