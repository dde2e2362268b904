// jobs_backup_test.cc: gemini-code-backup and gemini-code-restore as processes: killed at any moment, without space,
// without permission, and beside a gateway that serves.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "e2e/load.h"
#include "support/database_content.h"

namespace gc::test {
namespace {

namespace fs = std::filesystem;

void Execute(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  sqlite3_busy_timeout(db, 5000);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

// A database of some megabytes, and its backups.
class BackupProgram : public testing::Test {
 protected:
  BackupProgram() {
    dir_.Write("conf", "database.path = " + database_ + "\ndatabase.state_path = " + dir_.Path("state.db") +
                           "\nbackup.dir = " + backups_ + "\nbackup.keep_daily = 2\n");
    EXPECT_EQ(Run("migrate", {"up"}).code, 0);
    Fill(10'000);
  }

  Command Job(const std::string& program, std::vector<std::string> arguments) const {
    Command command;
    command.argv = {BuildDirectory() + "/gemini-code-" + program, "-c", dir_.Path("conf")};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return command;
  }
  RunResult Run(const std::string& program, std::vector<std::string> arguments) const {
    return RunCommand(Job(program, std::move(arguments)), 120'000);
  }
  void Fill(int rows) const {
    Execute(database_,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT " + std::to_string(rows) +
                ") INSERT INTO request_logs(id,timestamp,client_type,client_ip,api_key_hash,model,endpoint,"
                "response_time,status_code,error_message) SELECT hex(randomblob(16)),1700000000+i,'openai','-',"
                "hex(randomblob(16)),'m','/v1',i,200,hex(randomblob(150)) FROM n");
  }
  // Runs it and kills it at a random moment of its run. Whether it had ended by itself.
  bool RunAndKill(const std::string& program, const std::vector<std::string>& arguments, int64_t whole_run_us) {
    const Process process(Job(program, arguments));
    usleep(static_cast<useconds_t>(std::uniform_int_distribution<int64_t>(0, whole_run_us)(random_)));
    process.SignalGroup(SIGKILL);
    return process.Wait(10'000) == 0;
  }
  int64_t TimeOf(const std::string& program, const std::vector<std::string>& arguments) const {
    const auto start = std::chrono::steady_clock::now();
    const RunResult result = Run(program, arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(backups_)) files.push_back(entry.path().filename());
    std::sort(files.begin(), files.end());
    return files;
  }
  bool HasWorkFiles() const {
    const std::vector<std::string> files = Files();
    return std::any_of(files.begin(), files.end(), [](const std::string& file) { return file.starts_with('.'); });
  }

  const TempDir dir_;
  const std::string database_ = dir_.Path("main.db");
  const std::string backups_ = dir_.Path("backups");
  std::minstd_rand random_{20261124};
};

TEST_F(BackupProgram, KilledBackupsLeaveOnlyWholeOnes) {
  const int64_t whole_run_us = TimeOf("backup", {"create"});
  const std::string bytes = ReadFile(backups_ + "/" + Files().front());
  // One of another day, so that retention has no reason to take it.
  const std::string old = dir_.Write("backups/gemini-code-20200101T000000Z-s0002.db.zst", bytes);
  int killed = 0;
  bool left_work = false;
  for (int i = 0; i < 20; ++i) {
    const bool ended =
        RunAndKill("backup", {"create", "--keep-daily=1000", i % 3 == 0 ? "--format=sql" : "--full"}, whole_run_us);
    killed += !ended;
    left_work = left_work || HasWorkFiles();
    ASSERT_TRUE(ReadFile(old) == bytes);
    const RunResult check = Run("backup", {"check", "--all", "--json"});
    ASSERT_TRUE(check.code == 0 || check.code == 1) << check.out << check.err;
    ASSERT_EQ(check.out.find("\"ok\":false"), std::string::npos) << check.out;
  }
  EXPECT_GT(killed, 5);
  EXPECT_TRUE(left_work) << "no kill hit the work";
  EXPECT_EQ(Run("backup", {"create"}).code, 0);
  EXPECT_FALSE(HasWorkFiles());
  EXPECT_EQ(Run("backup", {"drill"}).code, 0);
  EXPECT_EQ(Database(database_).IntegrityCheck(), "ok");
}

TEST_F(BackupProgram, KilledRestoresLeaveAWholeDatabase) {
  ASSERT_EQ(Run("backup", {"create"}).code, 0);
  const std::string backup = Files().front();
  Fill(5'000);
  const std::vector<std::string> restore = {"--force", "--no-safety-backup", backup};
  const int64_t whole_run_us = TimeOf("restore", restore);
  int killed = 0;
  bool left_work = false;
  for (int i = 0; i < 20; ++i) {
    Execute(database_, "DELETE FROM request_logs WHERE seq > 10000; DELETE FROM watermarks");
    // Marks of the present state in pages that are far apart.
    Execute(database_, "UPDATE request_logs SET model='present' WHERE seq IN (1, 10000)");
    Execute(database_, "INSERT INTO watermarks VALUES('present', 1, 1)");
    killed += !RunAndKill("restore", restore, whole_run_us);
    left_work = left_work || fs::exists(database_ + ".restoring");
    const Database database(database_);
    ASSERT_EQ(database.IntegrityCheck(), "ok");
    ASSERT_EQ(database.Number("SELECT count(*) FROM request_logs"), 10'000);
    // All of the backup or all of what was there.
    const int64_t marks = database.Number(
        "SELECT (SELECT count(*) FROM watermarks) + (SELECT count(*) FROM request_logs WHERE model='present')");
    ASSERT_TRUE(marks == 0 || marks == 3) << marks;
  }
  EXPECT_GT(killed, 5);
  EXPECT_TRUE(left_work) << "no kill hit the work";
  const RunResult last = Run("restore", restore);
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(Database(database_).Number("SELECT count(*) FROM watermarks"), 0);
  EXPECT_FALSE(fs::exists(database_ + ".restoring"));
}

// A limit on the size of files stands for a full disk: the copy, the result and its manifest in turn.
TEST_F(BackupProgram, WithoutSpaceTheOldBackupsStay) {
  ASSERT_EQ(Run("backup", {"create"}).code, 0);
  const std::vector<std::string> before = Files();
  const std::string prlimit = "/usr/bin/prlimit";
  for (const char* bytes : {"100000", "4000000"}) {
    for (const char* format : {"--format=db", "--format=sql"}) {
      Command command = Job("backup", {"create", "--keep-daily=0", "--keep-weekly=0", "--keep-monthly=0", format});
      command.argv.insert(command.argv.begin(), {prlimit, std::string("--fsize=") + bytes});
      const RunResult result = RunCommand(command);
      EXPECT_EQ(result.code, 74) << bytes << " " << format << ": " << result.err;
      EXPECT_EQ(Files(), before) << bytes << " " << format;
    }
  }
  const std::string content = ContentOf(database_);
  Command command = Job("restore", {"--force", before.front()});
  command.argv.insert(command.argv.begin(), {prlimit, "--fsize=1000000"});
  const RunResult result = RunCommand(command);
  EXPECT_EQ(result.code, 74) << result.err;
  EXPECT_TRUE(ContentOf(database_) == content);
  EXPECT_FALSE(fs::exists(database_ + ".restoring"));
}

// Also as root: another user runs it.
TEST_F(BackupProgram, WithoutPermissionItSaysSo) {
  Command command = Job("backup", {"create"});
  fs::create_directory(backups_);
  fs::permissions(backups_, fs::perms::owner_read | fs::perms::owner_exec);
  if (geteuid() == 0) {
    fs::permissions(dir_.path(), fs::perms::all);
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      EXPECT_TRUE(entry.is_directory() || chown(entry.path().c_str(), 65534, 65534) == 0);
    }
    fs::permissions(backups_, fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    // Whatever the checkout's directories allow.
    fs::copy_file(command.argv[0], dir_.Path("program"));
    command.argv[0] = dir_.Path("program");
    command.argv.insert(command.argv.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  }
  const RunResult result = RunCommand(command);
  EXPECT_EQ(result.code, 77) << result.err;
  EXPECT_NE(result.err.find(backups_), std::string::npos) << result.err;
  fs::permissions(backups_, fs::perms::owner_all);
}

TEST_F(BackupProgram, OneRunAtATime) {
  const int lock = open((database_ + ".backup.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(Run("backup", {"create"}).code, 75);
  EXPECT_EQ(Run("backup", {"drill"}).code, 75);
  EXPECT_EQ(Run("backup", {"list"}).code, 0);
  dir_.Write("x.sql", "");
  EXPECT_EQ(Run("restore", {dir_.Path("x.sql"), "--force"}).code, 75);
  close(lock);
  EXPECT_EQ(Run("backup", {"create"}).code, 0);
}

TEST_F(BackupProgram, StandardOutputIsTheBackupAlone) {
  const RunResult result = Run("backup", {"create", "-o", "-", "--format=sql"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("-- Gemini Code backup, SQL format 1\n"));
  EXPECT_TRUE(result.out.ends_with("COMMIT;\n"));
  EXPECT_TRUE(Files().empty());
  dir_.Write("piped.sql", result.out);
  EXPECT_EQ(Run("restore", {dir_.Path("piped.sql"), "--confirm=piped.sql"}).code, 0);
  EXPECT_EQ(Database(database_).Number("SELECT count(*) FROM request_logs"), 10'000);
}

TEST_F(BackupProgram, ADamagedBackupFailsTheDrill) {
  ASSERT_EQ(Run("backup", {"create"}).code, 0);
  const std::string name = Files().front();
  std::string bytes = ReadFile(backups_ + "/" + name);
  bytes[bytes.size() / 3] ^= 0x10;
  dir_.Write("backups/" + name, bytes);
  const RunResult drill = Run("backup", {"drill"});
  EXPECT_EQ(drill.code, 65) << drill.err;
  EXPECT_NE(drill.err.find(name), std::string::npos) << drill.err;
  EXPECT_EQ(Run("restore", {"latest", "--force"}).code, 65);
}

// The gateway answers and logs while its database is copied and replaced; what is written while the restore holds the
// write lock is in the spool.
TEST(BackupBesideAGateway, ServesThroughBackupAndRestore) {
  Gateway gateway;
  gateway.Configure({{"backup.dir", gateway.Path("backups")}});
  const auto run = [&](const std::string& program, const std::vector<std::string>& arguments) {
    Command command;
    command.argv = {BuildDirectory() + "/gemini-code-" + program, "-c", gateway.config_file()};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return RunCommand(command, 60'000);
  };
  const auto rows = [&] { return gateway.database().Number("SELECT count(*) FROM request_logs"); };
  Load load(gateway, 4);
  load.WaitFor(100);
  const RunResult created = run("backup", {"create"});
  EXPECT_EQ(created.code, 0) << created.err;
  const RunResult drill = run("backup", {"drill"});
  EXPECT_EQ(drill.code, 0) << drill.err;
  EXPECT_TRUE(WaitUntil([&] { return rows() > 0; }));
  load.WaitFor(load.count() + 100);
  const RunResult restored = run("restore", {"latest", "--force"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  load.WaitFor(load.count() + 100);
  const auto& done = load.Stop();
  EXPECT_EQ(Failures(done), 0U);
  EXPECT_EQ(gateway.database().IntegrityCheck(), "ok");
  // Rows of requests after the restore are there: in the database, or in the spool.
  const std::string last = done.back().id;
  const auto is_logged = [&] {
    return gateway.database().Number("SELECT count(*) FROM request_logs WHERE id = ?", {last}) == 1 ||
           ReadFile(gateway.Path("spool/requests.ndjson")).find(last) != std::string::npos;
  };
  EXPECT_TRUE(WaitUntil(is_logged, 10'000));
  EXPECT_EQ(Do(Get(gateway, "/health")).status, 200);
  EXPECT_EQ(run("backup", {"check", "--all", "--full"}).code, 0);
}

}  // namespace
}  // namespace gc::test
