// store_signatures_test.cc: the table of thought signatures and its keeper, with real database files.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>

#include "store/signature_keeper.h"
#include "store/signatures.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

constexpr SignatureLimits kLimits = {.max_rows = 10, .max_bytes = 65536, .ttl_s = 3600};

struct Sql : StoreTest {
  using StoreTest::RowsOf;
  void TestBody() override {}
};

class SignaturesTest : public testing::Test {
 protected:
  SignaturesTest() : path_(dir_.Path("state.db")) {
    const auto up = Up(path_, Database::kState, DryRun::kNo, "test", 5000);
    EXPECT_TRUE(up.ok()) << up.error().message;
  }

  Signatures Open(const SignatureLimits& limits = kLimits) {
    auto table = Signatures::Open(path_, limits, 1000, clock_);
    if (!table) throw std::runtime_error(table.error().message);
    return std::move(*table);
  }

  static void Append(Signatures* table, const std::string& key, const std::string& id, const std::string& signature) {
    const SignatureRow row{key, id, signature};
    const Status s = table->Append({&row, 1});
    EXPECT_TRUE(s.ok()) << s.error().message;
  }

  // The signature, or "-".
  static std::string Found(Signatures* table, std::string_view key, std::string_view id) {
    const auto found = table->Find(key, {&id, 1});
    if (!found.ok()) return found.error().message;
    return found->empty() ? "-" : found->front().signature;
  }

  std::string Totals() {
    return Sql::RowsOf(path_,
                       "SELECT count(*), rows, sum(length(key_hash) + length(call_id) + length(signature)), bytes"
                       " FROM signatures, signature_totals");
  }

  TempDir dir_;
  const std::string path_;
  MovableClock clock_;
};

TEST_F(SignaturesTest, AreFoundByTheirKeyAlone) {
  auto table = Open();
  Append(&table, "alice", "call_1", "c2lnMQ==");
  Append(&table, "bob", "call_1", "c2lnMg==");
  EXPECT_EQ(Found(&table, "alice", "call_1"), "c2lnMQ==");
  EXPECT_EQ(Found(&table, "bob", "call_1"), "c2lnMg==");
  EXPECT_EQ(Found(&table, "carol", "call_1"), "-");
  EXPECT_EQ(Found(&table, "alice", "call_2"), "-");
  EXPECT_EQ(Found(&table, "alice", R"(a"b\)"), "-");
}

TEST_F(SignaturesTest, ManyAreFoundInOneQueryAndByAnotherConnection) {
  {
    auto table = Open();
    const SignatureRow rows[] = {{"k", "a", "1"}, {"k", "b", "2"}, {"k", "c", "3"}};
    ASSERT_TRUE(table.Append(rows).ok());
  }
  auto again = Open();
  const std::string_view ids[] = {"c", "x", "a"};
  const auto found = again.Find("k", ids);
  ASSERT_TRUE(found.ok());
  std::string all;
  for (const SignatureRow& row : *found) all += row.call_id + row.signature;
  EXPECT_EQ(all, "c3a1");
}

TEST_F(SignaturesTest, ALaterSignatureOfACallCounts) {
  auto table = Open();
  Append(&table, "k", "a", "1");
  Append(&table, "k", "a", "22");
  EXPECT_EQ(Found(&table, "k", "a"), "22");
  EXPECT_EQ(Totals(), "1|1|4|4");
}

TEST_F(SignaturesTest, RowsAreBoundedAndTheOldestGo) {
  auto table = Open();
  for (int i = 0; i < 3 * kLimits.max_rows; ++i) Append(&table, "k", "call_" + std::to_string(i), "c2ln");
  EXPECT_EQ(Totals().substr(0, 6), "10|10|");
  EXPECT_EQ(Found(&table, "k", "call_19"), "-");
  EXPECT_EQ(Found(&table, "k", "call_20"), "c2ln");
  EXPECT_EQ(Found(&table, "k", "call_29"), "c2ln");
}

TEST_F(SignaturesTest, BytesAreBounded) {
  auto table = Open({.max_rows = 1000, .max_bytes = 65536, .ttl_s = 3600});
  for (int i = 0; i < 40; ++i) Append(&table, "k", "call_" + std::to_string(i), std::string(8000, 'A'));
  const std::string totals = Totals();
  EXPECT_EQ(totals.substr(0, 4), "8|8|") << totals;
  EXPECT_EQ(Found(&table, "k", "call_31"), "-");
  EXPECT_NE(Found(&table, "k", "call_32"), "-");
  Append(&table, "k", "huge", std::string(8192, 'A'));
  EXPECT_EQ(Found(&table, "k", "huge"), "-") << "one row took more than its share";
  EXPECT_NE(Found(&table, "k", "call_32"), "-");
}

TEST_F(SignaturesTest, OldOnesAreNotFoundAndGoWithTheNextWrite) {
  auto table = Open();
  Append(&table, "k", "a", "1");
  clock_.unix_s += kLimits.ttl_s - 1;
  Append(&table, "k", "b", "2");
  EXPECT_EQ(Found(&table, "k", "a"), "1");
  clock_.unix_s += 1;
  EXPECT_EQ(Found(&table, "k", "a"), "-");
  EXPECT_EQ(Found(&table, "k", "b"), "2");
  Append(&table, "k", "c", "3");
  EXPECT_EQ(Totals(), "2|2|6|6");
}

TEST_F(SignaturesTest, SmallerLimitsTakeEffectWithTheNextWrite) {
  {
    auto table = Open();
    for (int i = 0; i < 10; ++i) Append(&table, "k", std::to_string(i), "c2ln");
  }
  auto table = Open({.max_rows = 2, .max_bytes = 65536, .ttl_s = 3600});
  Append(&table, "k", "last", "c2ln");
  EXPECT_EQ(Totals().substr(0, 4), "2|2|");
}

// Programs and databases are replaced one after the other: beside an older or newer schema all works but this.
TEST_F(SignaturesTest, AnotherSchemaIsAnErrorAndNothingElse) {
  const std::string old = dir_.Path("old.db");
  ASSERT_TRUE(UpWith(Migrations(Database::kState).first(1), old, Database::kState, DryRun::kNo, "test", 0).ok());
  const std::string newer = dir_.Path("newer.db");
  ASSERT_TRUE(Up(newer, Database::kState, DryRun::kNo, "test", 0).ok());
  Sql::RowsOf(newer, "PRAGMA user_version=99");
  for (const std::string& path : {old, newer}) {
    EXPECT_FALSE(Signatures::Open(path, kLimits, 0).ok());
    SignatureKeeper keeper({path, kLimits}, WriteTime::kAtStop);
    const std::string_view id = "a";
    EXPECT_TRUE(keeper.Find("k", {&id, 1}).empty());
    keeper.Add({{"k", "a", "1"}});
    keeper.Stop();
    EXPECT_TRUE(keeper.Find("k", {&id, 1}).empty());
  }
}

class KeeperTest : public SignaturesTest {
 protected:
  static std::string Found(SignatureKeeper* keeper, const std::string& key, std::string_view id) {
    const auto found = keeper->Find(key, {&id, 1});
    return found.empty() ? "-" : found.front().signature;
  }
  int64_t Written() { return std::stoll(Sql::RowsOf(path_, "SELECT count(*) FROM signatures")); }
};

TEST_F(KeeperTest, WhatWasAddedIsFoundAtOnceAndByOthersSoon) {
  SignatureKeeper keeper({path_, kLimits}, WriteTime::kAtOnce);
  SignatureKeeper other({path_, kLimits}, WriteTime::kAtOnce);
  for (int i = 0; i < 5; ++i) {
    const std::string id = "call_" + std::to_string(i);
    keeper.Add({{"k", id, "c2ln"}});
    EXPECT_EQ(Found(&keeper, "k", id), "c2ln");
    EXPECT_EQ(Found(&keeper, "other", id), "-");
    EXPECT_TRUE(WaitUntil(5000, [&] { return Found(&other, "k", id) == "c2ln"; })) << id;
  }
}

TEST_F(KeeperTest, ALockedDatabaseDelaysNobodyAndWhatWaitsIsFound) {
  SignatureKeeper keeper({path_, kLimits}, WriteTime::kAtOnce);
  keeper.Add({{"k", "before", "1"}});
  ASSERT_TRUE(WaitUntil(5000, [&] { return Written() == 1; }));
  auto connection = Connection::Open(path_, OpenMode::kReadWrite, 5000);
  ASSERT_TRUE(connection.ok());
  {
    auto lock = Transaction::Begin(*connection);
    ASSERT_TRUE(lock.ok());
    EXPECT_EQ(Found(&keeper, "k", "before"), "1");
    keeper.Add({{"k", "while", "2"}});
    EXPECT_EQ(Found(&keeper, "k", "while"), "2");
  }
  ASSERT_TRUE(WaitUntil(5000, [&] {
    keeper.Add({{"k", "after", "3"}});
    return Found(&keeper, "k", "after") == "3" && Written() >= 2;
  }));
}

TEST_F(KeeperTest, AOneRequestProcessWritesAtItsEnd) {
  SignatureKeeper keeper({path_, kLimits}, WriteTime::kAtStop);
  keeper.Add({{"k", "a", "1"}});
  EXPECT_EQ(Written(), 0);
  keeper.Stop();
  EXPECT_EQ(Written(), 1);
  keeper.Add({{"k", "late", "2"}});
  keeper.Stop();
  EXPECT_EQ(Written(), 1);
}

TEST_F(KeeperTest, NoDatabaseIsNoTroubleAndANewOneIsTaken) {
  SignatureKeeper keeper({path_, kLimits}, WriteTime::kAtOnce);
  keeper.Add({{"k", "a", "1"}});
  ASSERT_TRUE(WaitUntil(5000, [&] { return Written() == 1; }));
  EXPECT_EQ(Found(&keeper, "k", "a"), "1");
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + end);
  EXPECT_EQ(Found(&keeper, "k", "a"), "-");
  keeper.Add({{"k", "lost", "2"}});
  ASSERT_TRUE(Up(path_, Database::kState, DryRun::kNo, "test", 5000).ok());
  EXPECT_TRUE(WaitUntil(10'000, [&] {
    keeper.Add({{"k", "b", "3"}});
    SignatureKeeper other({path_, kLimits}, WriteTime::kAtOnce);
    return Found(&other, "k", "b") == "3";
  }));
}

TEST_F(KeeperTest, ZeroRowsSwitchItOff) {
  SignatureKeeper keeper({path_, {.max_rows = 0, .max_bytes = 65536, .ttl_s = 60}}, WriteTime::kAtStop);
  keeper.Add({{"k", "a", "1"}});
  EXPECT_EQ(Found(&keeper, "k", "a"), "-");
  keeper.Stop();
  EXPECT_EQ(Written(), 0);
}

// Every process of a host has a keeper of its own.
TEST_F(KeeperTest, ManyWritersKeepTheBoundAndTheCount) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      SignatureKeeper keeper({path_, kLimits}, WriteTime::kAtOnce);
      for (int i = 0; i < 50; ++i) keeper.Add({{"k", std::to_string(t) + "_" + std::to_string(i), "c2ln"}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Sql::RowsOf(path_, "SELECT (SELECT count(*) FROM signatures), rows FROM signature_totals"), "10|10");
}

TEST_F(KeeperTest, TheWalDoesNotGrowForEver) {
  SignatureKeeper keeper({path_, {.max_rows = 1000, .max_bytes = 1 << 24, .ttl_s = 60}}, WriteTime::kAtOnce);
  SignatureKeeper reader({path_, kLimits}, WriteTime::kAtStop);
  for (int i = 0; i < 400; ++i) {
    keeper.Add({{"k", std::to_string(i), std::string(60'000, 'A')}});
    if (i % 20 == 0) WaitUntil(5000, [&] { return Found(&reader, "k", std::to_string(i)) != "-"; });
  }
  ASSERT_TRUE(WaitUntil(10'000, [&] { return Found(&reader, "k", "399") != "-"; }));
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), 16U << 20) << "24 MB went through it";
}

}  // namespace
}  // namespace gc::store
