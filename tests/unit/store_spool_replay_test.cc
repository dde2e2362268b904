// store_spool_replay_test.cc: each spooled row comes into the database once, whatever else is in the spool.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "store/spool.h"
#include "store/spool_replay.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class SpoolReplayTest : public StoreTest {
 protected:
  // Rows in the spool's file, as writers leave them.
  void SpoolRows(int count) {
    for (int i = 0; i < count; ++i) {
      const RequestLogRow row = FreshRow();
      ASSERT_TRUE(Spool(spool_dir_, 1 << 24).Append({&row, 1}).ok());
    }
  }

  SpoolReplay Replay() {
    SpoolReplay done;
    status_ = TryReplay(&done);
    EXPECT_TRUE(status_.ok()) << status_.error().message;
    return done;
  }
  Status TryReplay(SpoolReplay* done, int busy_timeout_ms = 1000) {
    auto log = RequestLog::Open(db_, busy_timeout_ms);
    if (!log) return log.error();
    TurnLock turns(db_);
    return ReplaySpool(spool_dir_, db_, *log, turns, done);
  }

  int64_t Count() const { return Int("SELECT count(*) FROM request_logs"); }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(spool_dir_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  Status status_;
};

TEST_F(SpoolReplayTest, RowsComeOnceAndTheFileGoes) {
  SpoolRows(1300);  // more than two batches
  const SpoolReplay done = Replay();
  EXPECT_EQ(done.files, 1);
  EXPECT_EQ(done.rows, 1300);
  EXPECT_EQ(done.bad_lines, 0);
  EXPECT_TRUE(done.problems.empty());
  EXPECT_EQ(Count(), 1300);
  EXPECT_EQ(Int("SELECT requests FROM totals"), 1300);
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(Replay().files, 0) << "a second time there is nothing";
  EXPECT_EQ(Count(), 1300);
}

TEST_F(SpoolReplayTest, NoSpoolIsNothingToDo) {
  EXPECT_EQ(Replay().files, 0);
  EXPECT_EQ(SpoolBytes(spool_dir_), 0);
  EXPECT_EQ(SpoolBytes(""), 0) << "none configured";
}

// A replay that was killed leaves its renamed file: before, between or after its commits.
TEST_F(SpoolReplayTest, WhatAKilledReplayLeftIsFinished) {
  for (const int committed : {0, 5, 10}) {
    std::string text;
    std::vector<RequestLogRow> rows;
    for (int i = 0; i < 10; ++i) {
      rows.push_back(FreshRow());
      text += ToSpoolLine(rows.back());
    }
    dir_.Write("spool/replay-0190.ndjson", text);
    auto log = RequestLog::Open(db_, 1000);
    ASSERT_TRUE(log.ok());
    ASSERT_TRUE(log->Append({rows.data(), static_cast<size_t>(committed)}).ok());
    const int64_t before = Count() - committed;
    SpoolRows(3);  // writers went on meanwhile
    EXPECT_EQ(Replay().files, 2) << committed;
    EXPECT_EQ(Count() - before, 13) << committed;
    EXPECT_EQ(Int("SELECT requests FROM totals"), Count()) << committed;
    EXPECT_TRUE(Files().empty()) << committed;
  }
}

TEST_F(SpoolReplayTest, LinesThatAreNoRowAreKeptAside) {
  struct Case {
    const char* name;
    std::string line;
    int64_t bad;
  };
  const std::string row = ToSpoolLine(FreshRow());
  const Case cases[] = {
      {"torn", row.substr(0, row.size() / 2) + "\n", 1},
      {"torn at the end of the file", row.substr(0, row.size() / 2), 1},
      {"whole but for its line end", row.substr(0, row.size() - 1), 0},
      {"another program's", "{\"id\":\"x\",\"level\":\"info\"}\n", 1},
      {"no JSON", std::string("\0\x01\xFF\xFE", 4) + "\n", 1},
      {"blank", "\n  \n", 0},
      {"endless", std::string(600'000, 'x') + "\n", 1},
      {"of no time", "{\"id\":\"x\",\"client_type\":\"openai\",\"status_code\":200,\"timestamp\":0}\n", 1},
      {"of no status", "{\"id\":\"x\",\"client_type\":\"openai\",\"timestamp\":1700000000}\n", 1},
  };
  for (const Case& c : cases) {
    const int64_t before = Count();
    dir_.Write("spool/requests.ndjson", ToSpoolLine(FreshRow()) + c.line);
    const SpoolReplay done = Replay();
    EXPECT_EQ(done.bad_lines, c.bad) << c.name;
    EXPECT_EQ(Count() - before, c.bad == 1 || std::string_view(c.name) == "blank" ? 1 : 2) << c.name;
    EXPECT_EQ(done.files, 1) << c.name;
  }
  const std::string kept = ReadFile(spool_dir_ + "/" + kSpoolBadFile);
  EXPECT_NE(kept.find("\"level\":\"info\""), std::string::npos);
  EXPECT_LT(kept.size(), 600'000U) << "of an endless line only the beginning is kept";
  struct stat file {};
  ASSERT_EQ(stat((spool_dir_ + "/" + kSpoolBadFile).c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
}

TEST_F(SpoolReplayTest, TheFileOfBadLinesIsBounded) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::string(1000, 'x') + "\n";
  dir_.Write("spool/requests.ndjson", text);
  EXPECT_EQ(Replay().bad_lines, 3000);
  dir_.Write("spool/requests.ndjson", text);
  EXPECT_EQ(Replay().bad_lines, 3000);
  const auto size = static_cast<int64_t>(std::filesystem::file_size(spool_dir_ + "/" + kSpoolBadFile));
  EXPECT_LE(size, kSpoolBadMaxBytes);
  EXPECT_GT(size, kSpoolBadMaxBytes / 2);
  EXPECT_EQ(size % 1001, 0) << "whole lines";
}

TEST_F(SpoolReplayTest, WhatIsNoFileIsLeftAlone) {
  struct Case {
    const char* name;
    std::function<void(const std::string& path)> make;
  };
  const Case cases[] = {
      {"directory", [](const std::string& path) { std::filesystem::create_directory(path); }},
      {"link", [&](const std::string& path) { std::filesystem::create_symlink(db_, path); }},
      {"pipe", [](const std::string& path) { mkfifo(path.c_str(), 0600); }},
  };
  for (const Case& c : cases) {
    std::filesystem::create_directory(spool_dir_);
    dir_.Write("spool/replay-1.ndjson", ToSpoolLine(FreshRow()));
    c.make(spool_dir_ + "/" + kSpoolFile);
    const int64_t before = Count();
    const SpoolReplay done = Replay();
    EXPECT_EQ(done.problems.size(), 1U) << c.name;
    EXPECT_EQ(Count(), before + 1) << c.name << ": the other file is replayed all the same";
    EXPECT_EQ(Files(), std::vector<std::string>{kSpoolFile}) << c.name;
    std::filesystem::remove_all(spool_dir_);
  }
}

TEST_F(SpoolReplayTest, AFileThatIsLockedWaits) {
  SpoolRows(2);
  const int fd = open((spool_dir_ + "/" + kSpoolFile).c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  EXPECT_EQ(Replay().problems.size(), 1U);
  EXPECT_EQ(Count(), 0);
  close(fd);
  EXPECT_EQ(Replay().rows, 2) << "its new name is found again";
}

TEST_F(SpoolReplayTest, ADatabaseThatRefusesKeepsTheFile) {
  SpoolRows(4);
  {
    auto holder = Open();
    auto held = Transaction::Begin(holder);
    ASSERT_TRUE(held.ok());
    SpoolReplay done;
    const Status refused = TryReplay(&done, 0);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
    EXPECT_EQ(done.files, 0);
    EXPECT_EQ(Files().size(), 1U);
  }
  EXPECT_EQ(Replay().rows, 4);
  EXPECT_EQ(Count(), 4);
}

// Writers spool without a pause while two readers replay.
TEST_F(SpoolReplayTest, NoRowIsLostBesideWriters) {
  constexpr int kWriters = 3;
  constexpr int kRowsEach = 400;
  std::atomic<int> running = kWriters;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&] {
      Spool spool(spool_dir_, 1 << 24);
      for (int i = 0; i < kRowsEach; ++i) {
        const RequestLogRow row = FreshRow();
        EXPECT_TRUE(spool.Append({&row, 1}).ok());
      }
      --running;
    });
  }
  for (int r = 0; r < 2; ++r) {
    threads.emplace_back([&] {
      while (running > 0) {
        SpoolReplay done;
        const Status s = TryReplay(&done, 5000);
        EXPECT_TRUE(s.ok()) << s.error().message;
        EXPECT_EQ(done.bad_lines, 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Replay();
  EXPECT_EQ(Count(), kWriters * kRowsEach);
  EXPECT_TRUE(Files().empty());
}

}  // namespace
}  // namespace gc::store
