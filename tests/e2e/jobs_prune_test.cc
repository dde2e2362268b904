// jobs_prune_test.cc: gemini-code-prune as a process: killed, doubled, beside the gateway, on databases and disks that
// refuse.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"
#include "e2e/calls.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "support/write_load.h"

namespace gc::test {
namespace {

constexpr int64_t kDay = 86400;

class JobsPruneTest : public testing::Test {
 protected:
  // Half of the rows are older than thirty days.
  void Fill(int64_t rows) {
    ASSERT_TRUE(store::Up(db_, store::Database::kMain, store::DryRun::kNo, "test", 5000).ok());
    const int64_t now_s = SystemClock().UnixS();
    ASSERT_TRUE(FillLog(db_, rows, now_s - 60 * kDay, now_s).ok());
    Aggregated(db_);
    old_ = Database(db_).Number("SELECT count(*) FROM request_logs WHERE timestamp < " +
                                std::to_string(now_s - 30 * kDay));
  }
  static void Aggregated(const std::string& db) {
    auto connection = store::Connection::Open(db, store::OpenMode::kReadWrite, 5000);
    ASSERT_TRUE(connection.ok()) << connection.error().message;
    ASSERT_TRUE(
        connection->Execute("INSERT OR REPLACE INTO watermarks SELECT 'request_logs', max(seq), 0 FROM request_logs")
            .ok());
  }

  Command Prune(std::vector<std::string> options) const {
    Command command;
    command.argv = {BuildDirectory() + "/gemini-code-prune", "--db", db_, "--force"};
    command.argv.insert(command.argv.end(), options.begin(), options.end());
    command.env = {"GEMINI_CODE_CONF=" + dir_.Path("gemini-code.properties")};
    return command;
  }
  int64_t Count() const { return Database(db_).Number("SELECT count(*) FROM request_logs"); }

  TempDir dir_;
  std::string db_ = dir_.Path("gemini-code.db");
  std::string config_ = dir_.Write("gemini-code.properties", "");
  int64_t old_ = 0;
};

TEST_F(JobsPruneTest, KilledAtAnyTimeItLosesNothingYoung) {
  Fill(8000);
  const int64_t young = Count() - old_;
  int64_t before = Count();
  for (int round = 0; round < 15; ++round) {
    Process prune(Prune({"--batch=20", "--pause=1"}));
    prune.Wait(5 + round * 9);
    prune.Signal(SIGKILL);
    prune.Wait(5000);
    const Database database(db_);
    ASSERT_EQ(database.IntegrityCheck(), "ok") << round;
    const int64_t now = Count();
    ASSERT_LE(now, before);
    ASSERT_GE(now, young);
    before = now;
  }
  EXPECT_LT(before, young + old_) << "it was always killed before it did anything";
  const RunResult whole = RunCommand(Prune({"--json"}));
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(Field(whole.out, {"rows_remaining"}), "0");
  EXPECT_NEAR(static_cast<double>(Count()), static_cast<double>(young), 3) << "time goes on";
  EXPECT_EQ(Database(db_).IntegrityCheck(), "ok");
  EXPECT_GT(Database(db_).Number("SELECT count(*) FROM job_runs WHERE finished_at IS NULL"), 0);
}

TEST_F(JobsPruneTest, TheSecondCopyWaitsOrSaysSo) {
  Fill(1000);
  Process first(Prune({"--batch=1", "--pause=200"}));
  ASSERT_TRUE(WaitUntil([&] { return Count() < 1000; }));
  const RunResult second = RunCommand(Prune({}));
  EXPECT_EQ(second.code, 75);
  EXPECT_NE(second.err.find("another prune is running (pid " + std::to_string(first.pid())), std::string::npos)
      << second.err;
  Process third(Prune({"--lock-wait=60"}));
  EXPECT_EQ(third.Wait(100), std::nullopt);
  first.Signal(SIGTERM);
  EXPECT_EQ(first.Wait(5000), 128 + SIGTERM);
  EXPECT_EQ(third.Wait(30'000), 0);
  EXPECT_NEAR(static_cast<double>(Count()), static_cast<double>(1000 - old_), 2);
}

TEST_F(JobsPruneTest, LockedByAnotherWriter) {
  Fill(1000);
  auto holder = store::Connection::Open(db_, store::OpenMode::kReadWrite, 5000);
  ASSERT_TRUE(holder.ok());
  auto held = store::Transaction::Begin(*holder);
  ASSERT_TRUE(held.ok());
  const RunResult locked = RunCommand(Prune({}), 60'000);
  EXPECT_EQ(locked.code, 75);
  EXPECT_NE(locked.err.find("database is locked"), std::string::npos) << locked.err;
  EXPECT_EQ(Count(), 1000);
  held->Rollback();
  EXPECT_EQ(RunCommand(Prune({})).code, 0);
}

TEST_F(JobsPruneTest, DatabasesThatRefuse) {
  Fill(2000);
  const std::string whole = ReadFile(db_);
  struct Case {
    const char* name;
    std::string content;
    int code;
  };
  std::string torn = whole;
  for (size_t page = 4096; page < torn.size(); page += 4096) torn.replace(page, 8, 8, '\x7F');
  std::string newer = whole;
  newer[63] = 99;  // user_version
  std::string foreign = whole;
  foreign[71] = 1;  // application_id
  const Case cases[] = {
      {"damaged pages", torn, 65},          {"no database", "a text of some length, but no database\n", 65},
      {"a newer schema", newer, 78},        {"of another program", foreign, 78},
      {"an empty file", std::string(), 78}, {"whole again", whole, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (const char* end : {"-wal", "-shm"}) unlink((db_ + end).c_str());
    dir_.Write("gemini-code.db", c.content);
    const RunResult result = RunCommand(Prune({"-q"}));
    EXPECT_EQ(result.code, c.code) << result.err;
    EXPECT_EQ(result.err.empty(), c.code == 0) << result.err;
    if (c.code == 78) {
      EXPECT_EQ(ReadFile(db_), c.content);
    }
  }
  unlink(db_.c_str());
  EXPECT_EQ(RunCommand(Prune({})).code, 66);
  EXPECT_NE(access(db_.c_str(), F_OK), 0) << "it makes none";
}

TEST_F(JobsPruneTest, ReadOnly) {
  Fill(1000);
  ASSERT_EQ(chmod(db_.c_str(), 0444), 0);
  Command prune = Prune({});
  if (geteuid() == 0) {  // may write anything until it gives this up
    const std::vector<std::string> less = {"setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"};
    prune.argv.insert(prune.argv.begin(), less.begin(), less.end());
  }
  const RunResult result = RunCommand(prune);
  EXPECT_EQ(result.code, 77);
  EXPECT_NE(result.err.find("cannot be written"), std::string::npos) << result.err;
  EXPECT_EQ(Count(), 1000);
}

// A name space with a small file system of its own, full but for $1 bytes; $2 is the directory of the database, the
// rest the command. Afterwards the database is in out/.
constexpr char kOnAFullDisk[] = R"(set -eu
left=$1; dir=$2; shift 2
mount -t tmpfs -o size=16m tmpfs "$dir/small"
cp "$dir/gemini-code.db" "$dir/small/"
cat /dev/zero > "$dir/small/ballast" 2> /dev/null || true
truncate -s "-$left" "$dir/small/ballast"
code=0
"$@" --db "$dir/small/gemini-code.db" || code=$?
rm "$dir/small/ballast"
cp "$dir/small/"* "$dir/out/"
exit $code)";

TEST_F(JobsPruneTest, AFullDiskTakesSmallStepsOrNone) {
  struct Case {
    const char* bytes_left;
    int code;
  };
  Fill(5000);
  const std::string filled = ReadFile(db_);
  for (const Case c : {Case{"0", 74}, Case{"262144", 0}}) {
    SCOPED_TRACE(c.bytes_left);
    db_ = dir_.Path("gemini-code.db");
    dir_.Write("gemini-code.db", filled);
    // Nothing of the case before: a WAL that is left would be taken for this database's.
    for (const char* name : {"small", "out"}) std::filesystem::remove_all(dir_.Path(name));
    dir_.Write("small/none", "");
    dir_.Write("out/none", "");
    Command command;
    command.argv = {"unshare",
                    "--mount",
                    "--user",
                    "--map-root-user",
                    "sh",
                    "-c",
                    kOnAFullDisk,
                    "sh",
                    c.bytes_left,
                    dir_.path(),
                    BuildDirectory() + "/gemini-code-prune",
                    "--force"};
    command.env = {"GEMINI_CODE_CONF=" + config_};
    const RunResult full = RunCommand(command);
    EXPECT_EQ(full.code, c.code) << full.err;
    db_ = dir_.Path("out/gemini-code.db");
    EXPECT_EQ(Database(db_).IntegrityCheck(), "ok");
    EXPECT_NEAR(static_cast<double>(Count()), static_cast<double>(c.code == 0 ? 5000 - old_ : 5000), 2);
    const RunResult room = RunCommand(Prune({}));
    EXPECT_EQ(room.code, 0) << room.err;
    // Its WAL is gone now, and reading makes a new one: as whoever runs this, and not as the copy's owner.
    auto connection = store::Connection::Open(db_, store::OpenMode::kReadWrite, 5000);
    ASSERT_TRUE(connection.ok()) << connection.error().message;
    const auto kept = connection->QueryInt("SELECT count(*) FROM request_logs");
    ASSERT_TRUE(kept.ok()) << kept.error().message;
    EXPECT_NEAR(static_cast<double>(*kept), static_cast<double>(5000 - old_), 2);
  }
}

TEST_F(JobsPruneTest, BesideTheGateway) {
  Gateway gateway;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(Do(Chat(gateway, "before")).status, 200);
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 20));
  db_ = gateway.Path("gemini-code.db");
  Aggregated(db_);
  config_ = gateway.config_file();
  const std::string last = gateway.database().One("SELECT max(seq) FROM request_logs");
  Command prune = Prune({"--max-rows=5", "--json", "--batch=1", "--pause=20"});
  prune.env = {"GEMINI_CODE_CONF=" + config_};
  Process running(prune);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Do(Chat(gateway, "during")).status, 200);
  const auto code = running.Wait(30'000);
  ASSERT_TRUE(code == 0 || code == 1) << *code;  // 1: new rows came before it was done, and may not go
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE seq > " + last, 10));
  EXPECT_LE(gateway.database().Number("SELECT count(*) FROM request_logs WHERE seq <= " + last), 5);
  EXPECT_EQ(gateway.database().Number("SELECT requests FROM totals"), 30) << "lifetime counters stay";
  EXPECT_EQ(gateway.database().IntegrityCheck(), "ok");
}

TEST_F(JobsPruneTest, PeriodsComeFromTheConfigurationAndOptionsStandAbove) {
  Fill(1000);
  dir_.Write("gemini-code.properties", "retention.requests_days = 45\nretention.max_rows = 700\n");
  const RunResult configured = RunCommand(Prune({"-n", "--json"}));
  EXPECT_EQ(configured.code, 0) << configured.err;
  EXPECT_EQ(Field(configured.out, {"rows_remaining"}), "300");
  const RunResult given = RunCommand(Prune({"-n", "--json", "--older-than=50d", "--max-rows=0"}));
  EXPECT_NEAR(std::stod(Field(given.out, {"rows_remaining"})), 167, 2);
  dir_.Write("gemini-code.properties", "retention.max_bytes = 5\n");
  EXPECT_EQ(RunCommand(Prune({"-n"})).code, 78);
}

TEST_F(JobsPruneTest, UsageErrors) {
  struct Case {
    std::string option;
    const char* says;
  };
  const Case cases[] = {
      {"--older-than=30x", "--older-than: '30x' is not a duration"},
      {"--older-than=5m", "'5m' is not between 3600s"},
      {"--stats-older-than=2h", "not between 86400s"},
      {"--max-bytes=5", "is less than 1.0 MiB"},
      {"--batch=0", "'0' is not between 1 and 100000"},
      {"--pause=-1", "'-1' is not"},
      {"--time-budget=0", "not between 1s"},
      {"--max-rows=many", "not a whole number"},
      {"--frob", "frob"},
      {"extra", "unexpected argument 'extra'"},
  };
  for (const Case& c : cases) {
    const RunResult result = RunCommand(Prune({c.option}));
    EXPECT_EQ(result.code, 64) << c.option;
    EXPECT_NE(result.err.find(c.says), std::string::npos) << c.option << ": " << result.err;
  }
}

}  // namespace
}  // namespace gc::test
