// store_log_writer_test.cc: the writer thread against a database that works, and one in each way that does not.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <thread>
#include <vector>

#include "store/log_writer.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class LogWriterTest : public StoreTest {
 protected:
  int64_t RowCount() const { return Int("SELECT count(*) FROM request_logs"); }

  // Everything in the database that counts rows says `rows`.
  void ExpectCountsExactly(int64_t rows) const {
    EXPECT_EQ(RowCount(), rows);
    EXPECT_EQ(Int("SELECT sum(requests) FROM totals"), rows);
    EXPECT_EQ(Int("SELECT sum(requests) FROM metrics_minute"), rows);
    EXPECT_EQ(Int("SELECT sum(total_requests) FROM api_key_metrics"), rows);
    EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
  }

  static RequestLogRow Row() {
    RequestLogRow row = FreshRow();
    row.timestamp_unix_s = SystemClock().UnixS();
    return row;
  }

  // Adds a row and says how long it took to be committed or spooled, in milliseconds; -1 when it was neither.
  static int64_t SettleMs(LogWriter& writer) {
    const auto settled = [&] {
      const LogWriterStatus s = writer.status();
      return s.written + s.spooled;
    };
    const int64_t before = settled();
    const int64_t start_us = SystemClock().MonotonicUs();
    writer.Add(Row());
    if (!WaitUntil(5000, [&] { return settled() > before; })) return -1;
    return (SystemClock().MonotonicUs() - start_us) / 1000;
  }

  static bool WaitForCommit(LogWriter& writer) {
    return WaitUntil(5000, [&] {
      const int64_t before = writer.status().written;
      writer.Add(Row());
      return WaitUntil(100, [&] { return writer.status().written > before; });
    });
  }
};

TEST_F(LogWriterTest, CommitsWithinMilliseconds) {
  LogWriter writer(WriterOptions());
  const int64_t settle_ms = SettleMs(writer);
  EXPECT_GE(settle_ms, 0);
  EXPECT_LT(settle_ms, 500);
  EXPECT_EQ(RowCount(), 1);
  EXPECT_FALSE(writer.status().error);
}

TEST_F(LogWriterTest, ManyThreadsCountExactly) {
  constexpr int64_t kThreads = 8;
  constexpr int kRows = 250;
  {
    LogWriter writer(WriterOptions());
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kRows; ++i) writer.Add(Row());
      });
    }
    for (std::thread& thread : threads) thread.join();
    writer.Stop();
    EXPECT_EQ(writer.status().written, kThreads * kRows);
    EXPECT_EQ(writer.status().dropped, 0);
  }
  ExpectCountsExactly(kThreads * kRows);
}

TEST_F(LogWriterTest, StopDrainsAndIsRepeatable) {
  LogWriter writer(WriterOptions());
  for (int i = 0; i < 2000; ++i) writer.Add(Row());
  writer.Stop();
  writer.Stop();
  EXPECT_EQ(RowCount(), 2000);
  writer.Add(Row());
  EXPECT_EQ(writer.status().dropped, 1) << "a row after Stop";
}

TEST_F(LogWriterTest, AFullQueueDropsAndCounts) {
  auto holder = Open();
  const auto held = Transaction::Begin(holder);
  ASSERT_TRUE(held.ok());
  LogWriterOptions options = WriterOptions();
  options.queue_rows = 10;
  LogWriter writer(options);
  const int64_t start_us = SystemClock().MonotonicUs();
  for (int i = 0; i < 1000; ++i) writer.Add(Row());
  EXPECT_LT(SystemClock().MonotonicUs() - start_us, 300'000) << "Add does not wait";
  writer.Stop();
  const LogWriterStatus s = writer.status();
  EXPECT_GT(s.dropped, 900);
  EXPECT_EQ(s.spooled + s.dropped, 1000);
}

TEST_F(LogWriterTest, ALockedDatabaseSpoolsWithinASecondAndRecovers) {
  for (const char* lock : {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"}) {
    std::filesystem::remove_all(spool_dir_);
    const int64_t rows_before = RowCount();
    auto holder = Open();
    ASSERT_TRUE(holder.Execute(lock).ok());
    LogWriter writer(WriterOptions());
    const int64_t settle_ms = SettleMs(writer);
    EXPECT_GE(settle_ms, 0);
    EXPECT_LT(settle_ms, 5000) << lock;
    EXPECT_EQ(SpoolLines(), 1);
    EXPECT_EQ(writer.status().busy, 1);
    ASSERT_TRUE(writer.status().error);
    EXPECT_EQ(writer.status().error->kind, ErrorKind::kBusy);

    ASSERT_TRUE(holder.Execute("ROLLBACK").ok());
    EXPECT_GE(SettleMs(writer), 0);
    EXPECT_EQ(RowCount(), rows_before + 1);
    EXPECT_FALSE(writer.status().error) << "cleared by the next commit";
  }
}

// Rows added while a batch waits for the lock have their own second: they may not wait for a whole turn again.
TEST_F(LogWriterTest, UnderALockNoRowWaitsLongerThanASecond) {
  auto holder = Open();
  const auto held = Transaction::Begin(holder);
  ASSERT_TRUE(held.ok());
  TurnLock turns(db_);  // so that it waits for the turn as well
  const TurnLock::Turn turn = turns.Wait(0);
  ASSERT_TRUE(turn.held());
  LogWriter writer(WriterOptions());
  int64_t added = 0;
  const int64_t start_us = SystemClock().MonotonicUs();
  std::vector<int64_t> added_by_tick;  // rows added until each tick of 10 ms
  int64_t late = 0;
  while (SystemClock().MonotonicUs() - start_us < 2'500'000) {
    writer.Add(Row());
    added_by_tick.push_back(++added);
    usleep(10'000);
    const int64_t now_tick = static_cast<int64_t>(added_by_tick.size());
    if (now_tick > 100 && writer.status().spooled < added_by_tick[static_cast<size_t>(now_tick - 101)]) ++late;
  }
  EXPECT_EQ(late, 0) << "at each moment all rows older than 100 ticks are spooled";
  writer.Stop();
  EXPECT_EQ(writer.status().spooled, added);
}

TEST_F(LogWriterTest, AnExclusiveLockOnTheFileIsBusyToo) {
  auto holder = Open();
  ASSERT_TRUE(holder.Execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE").ok());
  LogWriter writer(WriterOptions());
  const int64_t settle_ms = SettleMs(writer);
  EXPECT_GE(settle_ms, 0);
  EXPECT_LT(settle_ms, 5000);
  EXPECT_EQ(SpoolLines(), 1);
}

TEST_F(LogWriterTest, ADeletedDatabaseSpoolsAndANewOneIsUsed) {
  LogWriter writer(WriterOptions());
  ASSERT_GE(SettleMs(writer), 0);
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(db_ + ending);
  const int64_t settle_ms = SettleMs(writer);
  EXPECT_LT(settle_ms, 5000);
  EXPECT_EQ(SpoolLines(), 1);
  EXPECT_EQ(writer.status().error->kind, ErrorKind::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(db_)) << "the writer makes no database";
  Migrate();
  ASSERT_TRUE(WaitForCommit(writer));
  EXPECT_GE(RowCount(), 1);
}

TEST_F(LogWriterTest, AReplacedDatabaseGetsTheNextRowAtOnce) {
  LogWriter writer(WriterOptions());
  ASSERT_GE(SettleMs(writer), 0);
  std::filesystem::rename(db_, dir_.Path("old.db"));
  for (const char* ending : {"-wal", "-shm"}) std::filesystem::rename(db_ + ending, dir_.Path("old.db") + ending);
  Migrate();
  ASSERT_GE(SettleMs(writer), 0);
  writer.Stop();
  EXPECT_EQ(RowCount(), 1) << "in the new file";
  EXPECT_EQ(SpoolLines(), 0);
}

TEST_F(LogWriterTest, ADamagedDatabaseSpoolsAndAMendedOneIsUsed) {
  std::filesystem::remove(db_);
  dir_.Write("main.db", std::string(100'000, 'x'));
  LogWriter writer(WriterOptions());
  EXPECT_LT(SettleMs(writer), 1000);
  EXPECT_EQ(SpoolLines(), 1);
  EXPECT_EQ(writer.status().error->kind, ErrorKind::kCorrupt);
  std::filesystem::remove(db_);
  Migrate();
  EXPECT_TRUE(WaitForCommit(writer));
}

TEST_F(LogWriterTest, DamageWhileOpenIsNoticed) {
  LogWriter writer(WriterOptions());
  for (int i = 0; i < 200; ++i) writer.Add(Row());
  ASSERT_GE(SettleMs(writer), 0);
  // Through SQLite, as a broken disk would show it: the root of request_logs becomes garbage.
  ASSERT_TRUE(Open()
                  .Execute("PRAGMA writable_schema=ON; UPDATE sqlite_master SET rootpage = 999999 WHERE name ="
                           " 'request_logs'; PRAGMA schema_version = 4711")
                  .ok());
  EXPECT_LT(SettleMs(writer), 1000);
  EXPECT_EQ(SpoolLines(), 1);
  EXPECT_EQ(writer.status().error->kind, ErrorKind::kCorrupt) << writer.status().error->message;
}

TEST_F(LogWriterTest, AWrongSchemaSpools) {
  ASSERT_TRUE(Open().Execute("PRAGMA user_version = 99").ok());
  LogWriter writer(WriterOptions());
  EXPECT_LT(SettleMs(writer), 1000);
  EXPECT_EQ(writer.status().error->kind, ErrorKind::kConfig);
  EXPECT_EQ(SpoolLines(), 1);
}

TEST_F(LogWriterTest, AFailingDatabaseIsOpenedOnceASecond) {
  std::filesystem::remove(db_);
  std::filesystem::create_directory(db_);  // SQLite cannot open a directory, and its access time tells nothing
  LogWriter writer(WriterOptions());
  for (int i = 0; i < 20; ++i) ASSERT_GE(SettleMs(writer), 0);
  EXPECT_EQ(SpoolLines(), 20);
  std::filesystem::remove(db_);
  Migrate();
  // Still inside the pause after the first failure: nobody has looked yet.
  ASSERT_GE(SettleMs(writer), 0);
  EXPECT_EQ(SpoolLines(), 21);
  EXPECT_TRUE(WaitForCommit(writer));
}

// What needs another user or a limit that cannot be lifted runs in a child; its exit code is the verdict.
template <class Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_F(LogWriterTest, AReadOnlyDatabaseSpools) {
  std::filesystem::create_directory(spool_dir_);
  if (geteuid() == 0) {
    for (const std::string& path : {dir_.path(), db_, spool_dir_}) ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  }
  ASSERT_EQ(chmod(db_.c_str(), 0400), 0);
  const int verdict = InChild([this] {
    if (geteuid() == 0 && setuid(65534) != 0) return 10;
    LogWriter writer(WriterOptions());
    const int64_t settle_ms = SettleMs(writer);
    if (settle_ms < 0 || settle_ms >= 1000) return 11;
    const auto error = writer.status().error;
    if (!error || error->kind != ErrorKind::kReadOnly) return 12;
    if (SpoolLines() != 1) return 13;
    if (chmod(db_.c_str(), 0600) != 0) return 14;
    return WaitForCommit(writer) ? 0 : 15;
  });
  EXPECT_EQ(verdict, 0);
}

TEST_F(LogWriterTest, ADiskWithoutRoomSpoolsThenDropsAndKeepsWhatWasCommitted) {
  {
    LogWriter writer(WriterOptions());
    ASSERT_GE(SettleMs(writer), 0);
  }
  const int verdict = InChild([this] {
    // Room for the spool, not for the WAL of a whole batch.
    const rlimit limit{60'000, 60'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 10;
    LogWriter writer(WriterOptions());
    for (int i = 0; i < 500; ++i) writer.Add(Row());
    writer.Stop();
    const LogWriterStatus s = writer.status();
    if (!s.error) return 11;
    if (s.error->kind != ErrorKind::kIo && s.error->kind != ErrorKind::kFull) return 12;
    if (s.spooled < 10 || s.dropped < 10) return 13;
    return s.written + s.spooled + s.dropped == 500 ? 0 : 14;
  });
  EXPECT_EQ(verdict, 0);
  const int64_t left = RowCount();
  EXPECT_GE(left, 1);
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(Int("SELECT requests FROM totals"), left);
  LogWriter writer(WriterOptions());
  EXPECT_TRUE(WaitForCommit(writer));
}

TEST_F(LogWriterTest, TheWalStaysSmall) {
  LogWriter writer(WriterOptions());
  int most_pages_mb = 0;
  for (int i = 0; i < 12'000; ++i) {
    RequestLogRow row = Row();
    row.error_message = std::string(1000, 'e');
    writer.Add(std::move(row));
    if (i % 1000 != 0) continue;
    WaitUntil(5000, [&] { return writer.status().written >= i; });
    struct stat wal {};
    if (stat((db_ + "-wal").c_str(), &wal) == 0) most_pages_mb = std::max(most_pages_mb, int(wal.st_size >> 20));
  }
  writer.Stop();
  EXPECT_EQ(writer.status().written, 12'000);
  EXPECT_LE(most_pages_mb, 12) << "of some 20 MB written";
}

TEST_F(LogWriterTest, AReaderDoesNotStopTheWriter) {
  auto reader = Open(OpenMode::kReadOnly);
  ASSERT_TRUE(reader.Execute("BEGIN").ok());
  ASSERT_EQ(*reader.QueryInt("SELECT count(*) FROM request_logs"), 0);
  {
    LogWriter writer(WriterOptions());
    for (int i = 0; i < 6000; ++i) writer.Add(Row());
    writer.Stop();
    EXPECT_EQ(writer.status().written, 6000);
  }
  EXPECT_EQ(*reader.QueryInt("SELECT count(*) FROM request_logs"), 0);
  ASSERT_TRUE(reader.Execute("COMMIT").ok());
  ExpectCountsExactly(6000);
}

TEST_F(LogWriterTest, ProcessesTogetherCountExactly) {
  constexpr int64_t kProcesses = 4;
  constexpr int kRows = 1000;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = fork();
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    LogWriter writer(WriterOptions());
    for (int i = 0; i < kRows; ++i) {
      writer.Add(Row());
      if (i % 50 == 0) usleep(2000);
    }
    writer.Stop();
    _exit(writer.status().written == kRows ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  ExpectCountsExactly(kProcesses * kRows);
}

TEST_F(LogWriterTest, TheThreadTakesNoSignals) {
  const int verdict = InChild([this] {
    static std::atomic<bool> handled_elsewhere = false;
    static const pthread_t main_thread = pthread_self();
    signal(SIGUSR1, [](int) { handled_elsewhere = pthread_equal(pthread_self(), main_thread) == 0; });
    LogWriter writer(WriterOptions());
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, nullptr);  // now only the writer could take it
    kill(getpid(), SIGUSR1);
    usleep(20'000);
    return handled_elsewhere ? 1 : 0;
  });
  EXPECT_EQ(verdict, 0);
}

TEST_F(LogWriterTest, WriteOnceCommits) {
  WriteOnce(WriterOptions(), Row());
  WriteOnce(WriterOptions(), Row());
  ExpectCountsExactly(2);
  EXPECT_EQ(SpoolLines(), 0);
  EXPECT_FALSE(std::filesystem::exists(db_ + "-wal")) << "the last one to close leaves no WAL";
}

TEST_F(LogWriterTest, WriteOnceSpoolsWhenItCannot) {
  const struct {
    const char* name;
    int least_ms;  // it waits for a lock, and for nothing else
    int most_ms;
  } cases[] = {{"locked", 450, 1000}, {"missing", 0, 300}};
  for (const auto& c : cases) {
    std::filesystem::remove_all(spool_dir_);
    auto holder = Open();
    const auto held = Transaction::Begin(holder);
    LogWriterOptions options = WriterOptions();
    if (c.least_ms == 0) options.database_path = dir_.Path("missing.db");
    const int64_t start_us = SystemClock().MonotonicUs();
    WriteOnce(options, Row());
    const int64_t took_ms = (SystemClock().MonotonicUs() - start_us) / 1000;
    EXPECT_GE(took_ms, c.least_ms) << c.name;
    EXPECT_LT(took_ms, c.most_ms) << c.name;
    EXPECT_EQ(SpoolLines(), 1) << c.name;
  }
}

TEST_F(LogWriterTest, WriteOnceCheckpointsBesideAKeeper) {
  const auto keeper = Open();
  auto filler = Open();
  ASSERT_TRUE(filler.Execute("CREATE TABLE filler(a); INSERT INTO filler VALUES (zeroblob(5000000))").ok());
  ASSERT_GT(filler.wal_pages(), kCheckpointPages);
  WriteOnce(WriterOptions(), Row());
  ASSERT_TRUE(filler.Execute("INSERT INTO filler VALUES (1)").ok());
  EXPECT_LT(filler.wal_pages(), kCheckpointPages) << "started over after the checkpoint";
}

TEST(LogWriterOptionsTest, ComeFromTheConfiguration) {
  const Config config = Config::Defaults();
  const LogWriterOptions options = LogWriterOptionsFrom(config);
  EXPECT_EQ(options.database_path, config.Text(ConfigKey::kDatabasePath));
  EXPECT_EQ(options.spool_dir, config.Text(ConfigKey::kSpoolDir));
  EXPECT_EQ(options.spool_max_bytes, config.Int(ConfigKey::kSpoolMaxBytes));
}

}  // namespace
}  // namespace gc::store
