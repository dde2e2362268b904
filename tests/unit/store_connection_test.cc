// store_connection_test.cc: opening, pragmas, modes, error translation, statements and transactions.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "store/connection.h"
#include "support/temp_dir.h"

namespace gc::store {
namespace {

int ModeOf(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? static_cast<int>(file.st_mode & 0777) : -1;
}

// Root ignores file modes; as nobody they count. Back to what it was at the end of the scope.
class AsNobody {
 public:
  AsNobody() : uid_(geteuid()) {
    if (uid_ == 0 && seteuid(65534) != 0) ADD_FAILURE() << "seteuid";
  }
  ~AsNobody() {
    if (seteuid(uid_) != 0) ADD_FAILURE() << "seteuid back";
  }

 private:
  const uid_t uid_;
};

Connection MustOpen(const std::string& path, OpenMode mode, int busy_timeout_ms = 1000) {
  auto connection = Connection::Open(path, mode, busy_timeout_ms);
  if (!connection) throw std::runtime_error(connection.error().message);
  return std::move(*connection);
}

void MustRun(Connection& connection, const std::string& sql) {
  const Status s = connection.Execute(sql);
  ASSERT_TRUE(s.ok()) << sql << ": " << s.error().message;
}

TEST(ConnectionTest, CreatedFilesArePrivateWhateverTheUmask) {
  for (const mode_t mask : {0, 022, 0777}) {
    const TempDir dir;
    const mode_t before = umask(mask);
    {
      auto db = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
      MustRun(db, "CREATE TABLE t(a)");
      EXPECT_EQ(ModeOf(dir.Path("x.db")), 0600) << mask;
      EXPECT_EQ(ModeOf(dir.Path("x.db-wal")), 0600) << mask;
      EXPECT_EQ(ModeOf(dir.Path("x.db-shm")), 0600) << mask;
    }
    umask(before);
  }
}

TEST(ConnectionTest, PragmasHold) {
  const TempDir dir;
  MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  auto db = MustOpen(dir.Path("x.db"), OpenMode::kReadWrite, 1234);
  const struct {
    const char* pragma;
    int64_t value;
  } cases[] = {{"synchronous", 1},     {"foreign_keys", 1}, {"trusted_schema", 0},           {"wal_autocheckpoint", 0},
               {"busy_timeout", 1234}, {"auto_vacuum", 2},  {"journal_size_limit", 67108864}};
  for (const auto& c : cases) {
    const auto value = db.QueryInt(std::string("PRAGMA ") + c.pragma);
    ASSERT_TRUE(value.ok()) << c.pragma;
    EXPECT_EQ(*value, c.value) << c.pragma;
  }
  auto mode = db.Prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode.ok());
  ASSERT_TRUE(*mode->Step());
  EXPECT_EQ(mode->Text(0), "wal");
}

TEST(ConnectionTest, OpeningAnExistingFileTakesNoWriteLock) {
  const TempDir dir;
  auto holder = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  const auto held = Transaction::Begin(holder);
  ASSERT_TRUE(held.ok());
  for (const OpenMode mode : {OpenMode::kCreate, OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    EXPECT_TRUE(Connection::Open(dir.Path("x.db"), mode, 0).ok()) << static_cast<int>(mode);
  }
}

TEST(ConnectionTest, OpenErrorsSayWhatToDo) {
  const TempDir dir;
  if (geteuid() == 0) {
    ASSERT_EQ(chown(dir.path().c_str(), 65534, 65534), 0);
  }
  const AsNobody user;
  MustOpen(dir.Path("readonly.db"), OpenMode::kCreate);
  chmod(dir.Path("readonly.db").c_str(), 0400);
  MustOpen(dir.Path("secret.db"), OpenMode::kCreate);
  chmod(dir.Path("secret.db").c_str(), 0);
  dir.Write("garbage.db", std::string(8192, 'x'));
  const struct {
    const char* name;
    OpenMode mode;
    ErrorKind kind;
  } cases[] = {
      {"missing.db", OpenMode::kReadWrite, ErrorKind::kNotFound},
      {"missing.db", OpenMode::kReadOnly, ErrorKind::kNotFound},
      {"no/such/dir.db", OpenMode::kCreate, ErrorKind::kNotFound},
      {"readonly.db", OpenMode::kReadWrite, ErrorKind::kReadOnly},
      {"secret.db", OpenMode::kReadWrite, ErrorKind::kPermission},
      {"garbage.db", OpenMode::kReadWrite, ErrorKind::kCorrupt},
  };
  for (const auto& c : cases) {
    const auto connection = Connection::Open(dir.Path(c.name), c.mode, 0);
    ASSERT_FALSE(connection.ok()) << c.name;
    EXPECT_EQ(connection.error().kind, c.kind) << c.name << ": " << connection.error().message;
    EXPECT_NE(connection.error().message.find(c.name), std::string::npos) << connection.error().message;
  }
}

TEST(ConnectionTest, OpeningForReadingMakesNothing) {
  const TempDir dir;
  EXPECT_FALSE(Connection::Open(dir.Path("x.db"), OpenMode::kReadWrite, 0).ok());
  EXPECT_EQ(ModeOf(dir.Path("x.db")), -1);
}

TEST(ConnectionTest, ReadOnlyRefusesToWrite) {
  const TempDir dir;
  auto writer = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  MustRun(writer, "CREATE TABLE t(a)");
  auto reader = MustOpen(dir.Path("x.db"), OpenMode::kReadOnly);
  const Status s = reader.Execute("INSERT INTO t VALUES (1)");
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().kind, ErrorKind::kReadOnly);
}

TEST(ConnectionTest, ANameThatLooksLikeAUriIsAFileName) {
  const TempDir dir;
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  { MustOpen("file:x.db", OpenMode::kCreate); }
  std::filesystem::current_path(before);
  EXPECT_NE(ModeOf(dir.Path("file:x.db")), -1);
  EXPECT_EQ(ModeOf(dir.Path("x.db")), -1);
}

TEST(ConnectionTest, StatementsBindEveryKind) {
  const TempDir dir;
  auto db = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  MustRun(db, "CREATE TABLE t(a, b, c, d, e, f)");
  auto insert = db.Prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)");
  ASSERT_TRUE(insert.ok());
  const std::string nul("x\0y", 3);
  insert->BindInt(1, INT64_MIN).BindInt(2, std::optional<int64_t>(7)).BindInt(3, std::nullopt);
  ASSERT_TRUE(insert->BindText(4, {}).BindTextOrNull(5, "").BindText(6, nul).Run().ok());
  EXPECT_EQ(db.changes(), 1);
  auto query = db.Prepare("SELECT a, b, c IS NULL, typeof(d), d, e IS NULL, f FROM t");
  ASSERT_TRUE(query.ok());
  ASSERT_TRUE(*query->Step());
  EXPECT_EQ(query->Int(0), INT64_MIN);
  EXPECT_EQ(query->Int(1), 7);
  EXPECT_EQ(query->Int(2), 1);
  EXPECT_EQ(query->Text(3), "text");
  EXPECT_EQ(query->Text(4), "");
  EXPECT_EQ(query->Int(5), 1);
  EXPECT_EQ(query->Text(6), nul);
  EXPECT_FALSE(*query->Step());
}

TEST(ConnectionTest, ABadPositionShowsAtStepAndOnlyOnce) {
  const TempDir dir;
  auto db = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  auto query = db.Prepare("SELECT ?");
  ASSERT_TRUE(query.ok());
  EXPECT_FALSE(query->BindInt(2, int64_t{1}).Step().ok());
  EXPECT_TRUE(query->BindInt(1, int64_t{1}).Step().ok());
}

TEST(ConnectionTest, OnlyCommittedTransactionsStay) {
  const TempDir dir;
  auto db = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  MustRun(db, "CREATE TABLE t(a)");
  {
    auto transaction = Transaction::Begin(db);
    ASSERT_TRUE(transaction.ok());
    MustRun(db, "INSERT INTO t VALUES (1)");
  }
  EXPECT_EQ(*db.QueryInt("SELECT count(*) FROM t"), 0);
  {
    auto transaction = Transaction::Begin(db);
    ASSERT_TRUE(transaction.ok());
    MustRun(db, "INSERT INTO t VALUES (1)");
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EXPECT_EQ(*db.QueryInt("SELECT count(*) FROM t"), 1);
}

TEST(ConnectionTest, ASecondWriterIsBusyAfterItsTimeout) {
  const TempDir dir;
  auto first = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  auto second = MustOpen(dir.Path("x.db"), OpenMode::kReadWrite, 100);
  const auto held = Transaction::Begin(first);
  ASSERT_TRUE(held.ok());
  const auto refused = Transaction::Begin(second);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
}

TEST(ConnectionTest, AFullDatabaseRollsBackAndSaysFull) {
  const TempDir dir;
  auto db = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  MustRun(db, "CREATE TABLE t(a); PRAGMA max_page_count=6");
  {
    auto transaction = Transaction::Begin(db);
    ASSERT_TRUE(transaction.ok());
    const Status s = db.Execute("INSERT INTO t VALUES (zeroblob(100000))");
    ASSERT_FALSE(s.ok());
    EXPECT_EQ(s.error().kind, ErrorKind::kFull);
  }
  MustRun(db, "INSERT INTO t VALUES (1)");
  EXPECT_EQ(*db.QueryInt("SELECT count(*) FROM t"), 1);
}

TEST(ConnectionTest, NoticesThatItsFileIsGone) {
  const TempDir dir;
  auto db = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  MustRun(db, "CREATE TABLE t(a)");
  EXPECT_FALSE(db.HasMoved());
  std::filesystem::rename(dir.Path("x.db"), dir.Path("y.db"));
  EXPECT_TRUE(db.HasMoved());
  dir.Write("x.db", "");
  EXPECT_TRUE(db.HasMoved());
}

TEST(ConnectionTest, CountsWalPagesAlsoAfterAMove) {
  const TempDir dir;
  auto opened = MustOpen(dir.Path("x.db"), OpenMode::kCreate);
  Connection db = std::move(opened);
  EXPECT_EQ(db.wal_pages(), 0);
  MustRun(db, "CREATE TABLE t(a)");
  const int after_first = db.wal_pages();
  EXPECT_GT(after_first, 0);
  MustRun(db, "INSERT INTO t VALUES (1)");
  EXPECT_GT(db.wal_pages(), after_first);
}

}  // namespace
}  // namespace gc::store
