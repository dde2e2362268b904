// store_backup_test.cc: copies of a database in use, checks of copies, and a restore beside readers and writers.
// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "store/backup.h"
#include "support/database_content.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class StoreBackupTest : public StoreTest {
 protected:
  void Append(int rows) {
    auto log = RequestLog::Open(db_, 5000);
    ASSERT_TRUE(log.ok()) << log.error().message;
    for (int i = 0; i < rows; ++i) {
      const RequestLogRow row = FreshRow();
      ASSERT_TRUE(log->Append({&row, 1}).ok());
    }
  }
  void Damage(const std::string& path, int64_t offset, size_t bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << std::string(bytes, '\xEE');
  }

  const std::string copy_ = dir_.Path("copy.db");
};

TEST_F(StoreBackupTest, ACopyHasAllOfIt) {
  Append(300);
  const std::string before = test::ContentOf(db_);
  int64_t last = -1;
  int64_t total = 0;
  const Status copied = CopyDatabase(db_, copy_, [&](int64_t done, int64_t all) { last = done, total = all; });
  ASSERT_TRUE(copied.ok()) << copied.error().message;
  EXPECT_EQ(test::ContentOf(copy_), before);
  EXPECT_GT(total, 0);
  EXPECT_EQ(last, total);
  struct stat file {};
  ASSERT_EQ(stat(copy_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  const auto facts = CheckDatabase(copy_, CheckDepth::kFull);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->schema_version, kSchemaVersion);
  EXPECT_EQ(facts->max_seq, 300);
  EXPECT_EQ(facts->bytes, file.st_size);
  const auto rows = std::find_if(facts->rows.begin(), facts->rows.end(),
                                 [](const TableRows& t) { return t.table == "request_logs"; });
  ASSERT_NE(rows, facts->rows.end());
  EXPECT_EQ(rows->rows, 300);
  // One file, that a read-only medium can serve.
  for (const char* suffix : {"-wal", "-shm", "-journal"}) EXPECT_FALSE(std::filesystem::exists(copy_ + suffix));
}

// Without the read transaction every commit would start the copy over.
TEST_F(StoreBackupTest, ACopyEndsWhileAnotherConnectionCommits) {
  Append(1);
  ASSERT_TRUE(Open()
                  .Execute("CREATE TABLE filler(a);WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT "
                           "8000) INSERT INTO filler SELECT randomblob(4000) FROM n")
                  .ok());
  int64_t last = 0;
  int steps = 0;
  const Status copied = CopyDatabase(db_, copy_, [&](int64_t done, int64_t /*total*/) {
    EXPECT_GT(done, last) << "started over";
    last = done;
    ++steps;
    Append(1);
  });
  ASSERT_TRUE(copied.ok()) << copied.error().message;
  EXPECT_GT(steps, 2);
  EXPECT_EQ(RowsOf(copy_, "SELECT count(*) FROM request_logs"), "1");
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 1 + steps);
}

TEST_F(StoreBackupTest, WhatIsNotOursToCopyIsRefusedAndLeavesNothing) {
  const struct {
    const char* name;
    ErrorKind kind;
  } cases[] = {
      {"missing", ErrorKind::kNotFound}, {"empty", ErrorKind::kCorrupt}, {"random", ErrorKind::kCorrupt},
      {"foreign", ErrorKind::kConfig},   {"state", ErrorKind::kConfig},  {"newer", ErrorKind::kConfig},
  };
  for (const auto& c : cases) {
    const std::string source = dir_.Path(c.name);
    const std::string_view name = c.name;
    if (name == "empty") dir_.Write(c.name, "");
    if (name == "random") dir_.Write(c.name, std::string(8192, 'x'));
    if (name == "foreign") {
      ASSERT_EQ(RowsOf(dir_.Write(c.name, ""), "CREATE TABLE t(a)"), "");
    }
    if (name == "state") {
      ASSERT_TRUE(Up(source, Database::kState, DryRun::kNo, "test", 0).ok());
    }
    if (name == "newer") {
      ASSERT_TRUE(Up(source, Database::kMain, DryRun::kNo, "test", 0).ok());
      RowsOf(source, "PRAGMA user_version=99");
    }
    const Status copied = CopyDatabase(source, copy_, nullptr);
    ASSERT_FALSE(copied.ok()) << c.name;
    EXPECT_EQ(copied.error().kind, c.kind) << c.name << ": " << copied.error().message;
    EXPECT_FALSE(std::filesystem::exists(copy_)) << c.name;
  }
}

TEST_F(StoreBackupTest, AFileInTheWayIsKept) {
  dir_.Write("copy.db", "mine");
  const Status copied = CopyDatabase(db_, copy_, nullptr);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().kind, ErrorKind::kExists);
  EXPECT_EQ(ReadFile(copy_), "mine");
  EXPECT_FALSE(CopyDatabase(dir_.Path("missing"), copy_, nullptr).ok());
  EXPECT_EQ(ReadFile(copy_), "mine");
}

TEST_F(StoreBackupTest, OlderSchemasAreCopiedToo) {
  const std::string old = dir_.Path("old.db");
  ASSERT_TRUE(UpWith(Migrations(Database::kMain).first(1), old, Database::kMain, DryRun::kNo, "test", 0).ok());
  ASSERT_TRUE(CopyDatabase(old, copy_, nullptr).ok());
  const auto facts = CheckDatabase(copy_, CheckDepth::kQuick);
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->schema_version, 1);
}

TEST_F(StoreBackupTest, ChecksFindDamage) {
  Append(2000);
  const struct {
    const char* name;
    CheckDepth depth;
    const char* message;
  } cases[] = {
      {"a page", CheckDepth::kQuick, "malformed"},
      {"cut short", CheckDepth::kQuick, "malformed"},
      {"a table is missing", CheckDepth::kQuick, "watermarks is missing"},
      {"an index that lies", CheckDepth::kFull, "damaged"},
  };
  for (const auto& c : cases) {
    unlink(copy_.c_str());
    ASSERT_TRUE(CopyDatabase(db_, copy_, nullptr).ok());
    const std::string_view name = c.name;
    if (name == "a page") Damage(copy_, std::filesystem::file_size(copy_) / 8192 * 4096, 4096);
    if (name == "cut short") std::filesystem::resize_file(copy_, std::filesystem::file_size(copy_) / 2 / 4096 * 4096);
    if (name == "a table is missing") RowsOf(copy_, "DROP TABLE watermarks");
    if (name == "an index that lies") {
      RowsOf(copy_,
             "PRAGMA writable_schema=ON;UPDATE sqlite_master SET sql='CREATE INDEX idx_request_logs_timestamp ON "
             "request_logs(response_time)' WHERE name='idx_request_logs_timestamp'");
    }
    const auto facts = CheckDatabase(copy_, c.depth);
    ASSERT_FALSE(facts.ok()) << c.name;
    EXPECT_EQ(facts.error().kind, ErrorKind::kCorrupt) << c.name << ": " << facts.error().message;
  }
}

class RestoreIntoTest : public StoreBackupTest {
 protected:
  RestoreIntoTest() {
    Append(50);
    before_ = test::ContentOf(db_);
    EXPECT_TRUE(CopyDatabase(db_, copy_, nullptr).ok());
    Append(30);
  }
  std::string before_;
};

TEST_F(RestoreIntoTest, TheFileIsTheSameAndItsContentTheCopys) {
  struct stat was {};
  struct stat is {};
  ASSERT_EQ(stat(db_.c_str(), &was), 0);
  const Status restored = RestoreInto(copy_, db_, 1000, nullptr);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  ASSERT_EQ(stat(db_.c_str(), &is), 0);
  EXPECT_EQ(was.st_ino, is.st_ino);
  EXPECT_EQ(test::ContentOf(db_), before_);
  EXPECT_EQ(Rows("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
}

TEST_F(RestoreIntoTest, AReaderKeepsItsStateAndAWriterItsConnection) {
  Connection reader = Open();
  ASSERT_TRUE(reader.Execute("BEGIN").ok());
  ASSERT_EQ(*reader.QueryInt("SELECT count(*) FROM request_logs"), 80);
  auto log = RequestLog::Open(db_, 1000);
  ASSERT_TRUE(log.ok());
  const RequestLogRow first = FreshRow();
  ASSERT_TRUE(log->Append({&first, 1}).ok());

  ASSERT_TRUE(RestoreInto(copy_, db_, 1000, nullptr).ok());
  EXPECT_EQ(*reader.QueryInt("SELECT count(*) FROM request_logs"), 80);
  ASSERT_TRUE(reader.Execute("COMMIT").ok());
  EXPECT_EQ(*reader.QueryInt("SELECT count(*) FROM request_logs"), 50);
  EXPECT_FALSE(log->connection().HasMoved());
  const RequestLogRow second = FreshRow();
  ASSERT_TRUE(log->Append({&second, 1}).ok());
  EXPECT_EQ(*reader.QueryInt("SELECT count(*) FROM request_logs"), 51);
  EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok");
}

TEST_F(RestoreIntoTest, AWriterIsWaitedFor) {
  auto writer = Open();
  auto transaction = Transaction::Begin(writer);
  ASSERT_TRUE(transaction.ok());
  const Status refused = RestoreInto(copy_, db_, 20, nullptr);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy) << refused.error().message;
  std::thread end([&] {
    usleep(100'000);
    transaction->Rollback();
  });
  const Status restored = RestoreInto(copy_, db_, 20'000, nullptr);
  end.join();
  EXPECT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ(test::ContentOf(db_), before_);
}

// Nobody sees half of it, whatever the moment.
TEST_F(RestoreIntoTest, ItIsOneTransaction) {
  ASSERT_TRUE(CopyDatabase(copy_, dir_.Path("small.db"), nullptr).ok());
  ASSERT_TRUE(Open()
                  .Execute("CREATE TABLE filler(a);WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT "
                           "6000) INSERT INTO filler SELECT randomblob(4000) FROM n")
                  .ok());
  const std::string large = dir_.Path("large.db");
  ASSERT_TRUE(CopyDatabase(db_, large, nullptr).ok());
  ASSERT_TRUE(RestoreInto(copy_, db_, 1000, nullptr).ok());
  int steps = 0;
  const Status restored = RestoreInto(large, db_, 1000, [&](int64_t done, int64_t total) {
    ++steps;
    // The last step commits.
    EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), done < total ? 50 : 80) << done << " of " << total;
  });
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_GT(steps, 2);
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 80);
  EXPECT_EQ(test::ContentOf(db_), test::ContentOf(large));
}

TEST_F(RestoreIntoTest, DamagedTargets) {
  const struct {
    const char* name;
    int64_t offset;
    size_t bytes;
    bool restorable;
  } cases[] = {
      {"a page of a table", int64_t{4096} * 9, 4096, true},
      {"everything but the first page", 4096, size_t{4096} * 20, true},
      {"the header", 0, 100, false},
  };
  for (const auto& c : cases) {
    const std::string target = dir_.Path("target.db");
    unlink(target.c_str());
    ASSERT_TRUE(CopyDatabase(db_, target, nullptr).ok());
    Damage(target, c.offset, c.bytes);
    const Status restored = RestoreInto(copy_, target, 0, nullptr);
    ASSERT_EQ(restored.ok(), c.restorable) << c.name << ": " << (restored.ok() ? "" : restored.error().message);
    if (c.restorable) {
      EXPECT_EQ(test::ContentOf(target), before_) << c.name;
    } else {
      EXPECT_EQ(restored.error().kind, ErrorKind::kCorrupt) << restored.error().message;
    }
  }
}

TEST_F(RestoreIntoTest, AnotherPageSizeIsRefused) {
  RowsOf(copy_, "PRAGMA page_size=8192;VACUUM");
  const std::string present = test::ContentOf(db_);
  const Status restored = RestoreInto(copy_, db_, 0, nullptr);
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().kind, ErrorKind::kInvalid) << restored.error().message;
  EXPECT_EQ(test::ContentOf(db_), present);
}

}  // namespace
}  // namespace gc::store
