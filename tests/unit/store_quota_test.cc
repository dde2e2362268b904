// store_quota_test.cc: keys and quota windows in a real state database.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/pacific.h"
#include "store/quota.h"
#include "store/quota_keeper.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

using Kind = QuotaChange::Kind;

constexpr int64_t kNow = 1795557600;  // 2026-11-24 22:00:00 UTC
const std::string kKey = "0123456789abcdef0123456789abcdef";
constexpr char kModel[] = "gemini-x";

class QuotaTest : public testing::Test {
 protected:
  QuotaTest() {
    const auto up = Up(path_, Database::kState, DryRun::kNo, "test", 5000);
    if (!up.ok()) throw std::runtime_error(up.error().message);
  }

  static Quota Open(const std::string& path, const QuotaCaps& caps = {}) {
    auto quota = Quota::Open(path, 60'000, caps);
    if (!quota.ok()) throw std::runtime_error(quota.error().message);
    return std::move(*quota);
  }

  bool Reserve(Quota* quota, const QuotaLimits& limits, int64_t tokens, int64_t now, QuotaWindows* windows = nullptr) {
    const auto granted = quota->Reserve(kKey, kModel, WindowsAt(now), limits, 1, tokens, now);
    EXPECT_TRUE(granted.ok()) << granted.error().message;
    if (granted.ok() && *granted && windows != nullptr) *windows = (*granted)->windows;
    return granted.ok() && granted->has_value();
  }

  static KeyQuota Read(Quota* quota, int64_t now, const std::string& key = kKey) {
    const auto read = quota->Read(std::vector<std::string>{key}, kModel, WindowsAt(now));
    EXPECT_TRUE(read.ok());
    return read.ok() ? read->front() : KeyQuota{};
  }

  static void Apply(Quota* quota, const std::vector<QuotaChange>& changes, int64_t now = kNow) {
    const Status s = quota->Apply(changes, now);
    EXPECT_TRUE(s.ok()) << s.error().message;
  }

  TempDir dir_;
  const std::string path_ = dir_.Path("state.db");
};

TEST_F(QuotaTest, UnknownKeyHasNothingAgainstIt) {
  Quota quota = Open(path_);
  const KeyQuota key = Read(&quota, kNow);
  EXPECT_EQ(key.subject, kKey);
  EXPECT_EQ(key.disabled_until_s + key.cool_until_s + key.failures + key.minute_requests + key.day_requests, 0);
  EXPECT_FALSE(key.learned.any());
}

TEST_F(QuotaTest, EachLimitDeniesAloneAndTakesNothing) {
  const struct {
    const char* name;
    QuotaLimits limits;
    int64_t tokens;
    int granted;
  } cases[] = {
      {"requests a minute", {.minute_requests = 3}, 10, 3},
      {"tokens a minute", {.minute_tokens = 25}, 10, 2},
      {"requests a day", {.day_requests = 2}, 10, 2},
      {"the smallest counts", {.minute_requests = 5, .minute_tokens = 1000, .day_requests = 1}, 10, 1},
      {"larger than a minute's tokens", {.minute_tokens = 25}, 1'000'000, 1},
  };
  for (const auto& c : cases) {
    const TempDir dir;
    const std::string path = dir.Path("state.db");
    ASSERT_TRUE(Up(path, Database::kState, DryRun::kNo, "test", 0).ok());
    Quota quota = Open(path);
    int granted = 0;
    for (int i = 0; i < 10; ++i) granted += Reserve(&quota, c.limits, c.tokens, kNow) ? 1 : 0;
    EXPECT_EQ(granted, c.granted) << c.name;
    EXPECT_EQ(Read(&quota, kNow).minute_requests, c.granted) << c.name;
    EXPECT_EQ(Read(&quota, kNow).day_requests, c.granted) << c.name;
  }
}

TEST_F(QuotaTest, WindowsEndAndABoundaryIsCrossedOnce) {
  Quota quota = Open(path_);
  const QuotaLimits limits{.minute_requests = 1, .day_requests = 3};
  EXPECT_TRUE(Reserve(&quota, limits, 0, kNow));
  EXPECT_FALSE(Reserve(&quota, limits, 0, kNow + 59));
  QuotaWindows windows;
  EXPECT_TRUE(Reserve(&quota, limits, 0, kNow + 60, &windows));
  EXPECT_EQ(windows.minute, WindowsAt(kNow + 60).minute);
  // Somebody who read the clock a moment before the boundary does not get the old minute again.
  EXPECT_FALSE(Reserve(&quota, limits, 0, kNow + 59));
  EXPECT_TRUE(Reserve(&quota, limits, 0, kNow + 120));
  EXPECT_FALSE(Reserve(&quota, limits, 0, kNow + 180)) << "the day's three are gone";
  EXPECT_TRUE(Reserve(&quota, limits, 0, NextPacificMidnight(kNow))) << "at midnight in California";
}

TEST_F(QuotaTest, AClockThatIsSetBackLocksNobodyOut) {
  Quota quota = Open(path_);
  const QuotaLimits limits{.minute_requests = 1, .day_requests = 1};
  EXPECT_TRUE(Reserve(&quota, limits, 5, kNow + 10 * 86400));
  EXPECT_TRUE(Reserve(&quota, limits, 5, kNow));
  EXPECT_FALSE(Reserve(&quota, limits, 5, kNow));
  Apply(&quota,
        {{.kind = Kind::kUse,
          .subject = kKey,
          .model = kModel,
          .windows = WindowsAt(kNow + 20 * 86400),
          .requests = 7,
          .tokens = 0}},
        kNow + 20 * 86400);
  Apply(&quota, {{.kind = Kind::kUse, .subject = kKey, .model = kModel, .windows = WindowsAt(kNow), .requests = 1}});
  EXPECT_EQ(Read(&quota, kNow).minute_requests, 1);
}

TEST_F(QuotaTest, UseAdjustsTheWindowThatWasReserved) {
  Quota quota = Open(path_);
  QuotaWindows windows;
  ASSERT_TRUE(Reserve(&quota, {.minute_tokens = 1000}, 400, kNow, &windows));
  const auto use = [&](int64_t requests, int64_t tokens, int64_t now) {
    Apply(&quota,
          {{.kind = Kind::kUse,
            .subject = kKey,
            .model = kModel,
            .windows = windows,
            .requests = requests,
            .tokens = tokens}},
          now);
  };
  use(0, -150, kNow + 5);
  EXPECT_EQ(Read(&quota, kNow).minute_tokens, 250);
  EXPECT_EQ(Read(&quota, kNow).day_tokens, 250);
  use(-1, -250, kNow + 6);  // nothing was sent after all
  EXPECT_EQ(Read(&quota, kNow).minute_requests, 0);
  EXPECT_EQ(Read(&quota, kNow).day_requests, 0);
  use(-5, -5, kNow + 7);
  EXPECT_EQ(Read(&quota, kNow).minute_requests, 0) << "never below zero";
  // A minute later the old window is history, and the day still counts.
  ASSERT_TRUE(Reserve(&quota, {.minute_tokens = 1000}, 10, kNow + 60));
  use(0, 90, kNow + 61);
  EXPECT_EQ(Read(&quota, kNow + 60).minute_tokens, 10);
  EXPECT_EQ(Read(&quota, kNow + 60).day_tokens, 100);
}

TEST_F(QuotaTest, WhatGoogleSaidIsKeptAndShared) {
  Quota quota = Open(path_);
  Quota other = Open(path_);
  Apply(&quota, {{.kind = Kind::kCool,
                  .subject = kKey,
                  .model = kModel,
                  .until_s = kNow + 30,
                  .reason = "minute_requests",
                  .limits = {.minute_requests = 5}}});
  Apply(&quota,
        {{.kind = Kind::kCool, .subject = kKey, .model = kModel, .until_s = kNow + 10, .reason = "shared_capacity"}},
        kNow + 1);
  KeyQuota key = Read(&other, kNow);
  EXPECT_EQ(key.cool_until_s, kNow + 30) << "the longer rest counts";
  EXPECT_EQ(key.failures, 2);
  EXPECT_EQ(key.learned.minute_requests, 5);
  EXPECT_EQ(key.learned_at_s, kNow);
  Apply(&other, {{.kind = Kind::kSuccess, .subject = kKey, .model = kModel}});
  EXPECT_EQ(Read(&quota, kNow).failures, 0);

  Apply(&quota, {{.kind = Kind::kDisable, .key_hash = kKey, .until_s = kNow + 86400, .reason = "invalid_key"}});
  key = Read(&other, kNow);
  EXPECT_EQ(key.disabled_until_s, kNow + 86400);
  EXPECT_EQ(key.disabled_reason, "invalid_key");
  EXPECT_EQ(key.minute_requests + key.failures + key.cool_until_s, 0) << "a key that is none has no quota";
  Apply(&quota, {{.kind = Kind::kClear, .key_hash = kKey}});
  EXPECT_EQ(Read(&other, kNow).disabled_until_s, 0);
}

TEST_F(QuotaTest, KeysOfOneProjectShareItsQuota) {
  Quota quota = Open(path_);
  const std::string twin(32, 'b');
  Apply(&quota,
        {{.kind = Kind::kProject, .subject = "project/123", .key_hash = kKey},
         {.kind = Kind::kProject, .subject = "project/123", .key_hash = twin},
         {.kind = Kind::kCool, .subject = "project/123", .model = kModel, .until_s = kNow + 60, .reason = "r"}});
  EXPECT_EQ(Read(&quota, kNow).subject, "project/123");
  EXPECT_EQ(Read(&quota, kNow, twin).cool_until_s, kNow + 60);
}

TEST_F(QuotaTest, RowsAreCapped) {
  Quota quota = Open(path_, {.max_keys = 100, .max_quota = 200});
  for (int batch = 0; batch < 30; ++batch) {
    std::vector<QuotaChange> changes;
    for (int i = 0; i < 100; ++i) {
      const std::string hash = "key" + std::to_string(batch * 100 + i);
      changes.push_back({.kind = Kind::kDisable, .key_hash = hash, .until_s = kNow + 86400, .reason = "invalid_key"});
      changes.push_back(
          {.kind = Kind::kUse, .subject = hash, .model = kModel, .windows = WindowsAt(kNow), .requests = 1});
    }
    Apply(&quota, changes, kNow + batch);
  }
  EXPECT_LE(*quota.connection().QueryInt("SELECT count(*) FROM keys"), 100 + 1000);
  EXPECT_LE(*quota.connection().QueryInt("SELECT count(*) FROM quota"), 200 + 1000);
  EXPECT_EQ(Read(&quota, kNow + 29, "key2999").minute_requests, 1) << "the newest stay";
}

// 8 processes with 64 threads each, against ten requests a minute.
TEST_F(QuotaTest, ManyProcessesAreGrantedExactlyTheLimit) {
  constexpr int kProcesses = 8;
  constexpr int kThreads = 64;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      std::atomic<int> granted = 0;
      std::atomic<int> failed = 0;
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
          auto quota = Quota::Open(path_, 60'000);
          if (!quota.ok()) return void(++failed);
          const auto got = quota->Reserve(kKey, kModel, WindowsAt(kNow), {.minute_requests = 10}, 1, 1, kNow);
          if (!got.ok()) return void(++failed);
          if (*got) ++granted;
        });
      }
      for (std::thread& thread : threads) thread.join();
      _exit(failed > 0 ? 200 : granted.load());
    }
    children.push_back(pid);
  }
  int granted = 0;
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_LT(WEXITSTATUS(status), 200) << "a reservation failed";
    granted += WEXITSTATUS(status);
  }
  EXPECT_EQ(granted, 10);
  Quota quota = Open(path_);
  EXPECT_EQ(Read(&quota, kNow).minute_requests, 10);
}

class QuotaKeeperTest : public QuotaTest {
 protected:
  MovableClock clock_;
};

TEST_F(QuotaKeeperTest, ALockedDatabaseLetsRequestsGoOnAndCatchesUp) {
  clock_.unix_s = kNow;
  QuotaKeeper keeper(path_, WriteTime::kAtOnce, clock_);
  auto locker = Connection::Open(path_, OpenMode::kReadWrite, 0);
  ASSERT_TRUE(locker.ok());
  QuotaWindows windows = WindowsAt(kNow);
  {
    const auto held = Transaction::Begin(*locker);
    ASSERT_TRUE(held.ok());
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(keeper.Reserve(kKey, kModel, {.minute_requests = 1}, 1, 0, &windows), Grant::kUnknown);
      keeper.Add({{.kind = Kind::kUse, .subject = kKey, .model = kModel, .windows = windows, .requests = 1}});
    }
    keeper.ApplyNow({{.kind = Kind::kCool, .subject = kKey, .model = kModel, .until_s = kNow + 60, .reason = "r"}});
    EXPECT_EQ(keeper.unknown_grants(), 200);
    EXPECT_EQ(keeper.Read(std::vector<std::string>{kKey}, kModel, windows).front().minute_requests, 0);
  }
  EXPECT_TRUE(WaitUntil(10'000, [&] {
    const KeyQuota key = keeper.Read(std::vector<std::string>{kKey}, kModel, windows).front();
    return key.minute_requests == 200 && key.cool_until_s == kNow + 60;
  })) << "what waited is written once the lock is gone";
  EXPECT_TRUE(WaitUntil(
      5000, [&] { return keeper.Reserve(kKey, kModel, {.minute_requests = 1}, 1, 0, &windows) == Grant::kDenied; }));
}

TEST_F(QuotaKeeperTest, NoDatabaseIsNoTrouble) {
  QuotaKeeper keeper(dir_.Path("none.db"), WriteTime::kAtStop, clock_);
  QuotaWindows windows = WindowsAt(kNow);
  const std::vector<std::string> keys = {"a", "b"};
  const auto read = keeper.Read(keys, kModel, windows);
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[1].subject, "b");
  EXPECT_EQ(keeper.Reserve("a", kModel, {.minute_requests = 1}, 1, 0, &windows), Grant::kUnknown);
  keeper.ApplyNow({{.kind = Kind::kDisable, .key_hash = "a", .until_s = 1}});
  keeper.Stop();
}

}  // namespace
}  // namespace gc::store
