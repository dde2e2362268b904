// backup_test.cc: gemini-code-backup and gemini-code-restore on real databases: what they write, refuse and leave
// alone.
// SPDX-License-Identifier: MIT
#include "jobs/backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <sstream>

#include "base/json.h"
#include "jobs/archive.h"
#include "jobs/backup_make.h"
#include "jobs/job_run.h"
#include "jobs/manifest.h"
#include "jobs/restore.h"
#include "support/database_content.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

namespace fs = std::filesystem;
using store::MovableClock;
using store::StoreTest;

constexpr int64_t kDay = 86400;
constexpr int64_t kNoon = 1'795'521'600;  // 2026-11-24T12:00:00Z

class BackupTest : public StoreTest {
 protected:
  BackupTest() {
    clock_.unix_s = kNoon;
    options_.database_path = db_;
    options_.directory = dir_.Path("backups");
    restore_.database_path = db_;
    restore_.directory = options_.directory;
    restore_.wanted = "latest";
    restore_.force = true;
    Append(40);
  }

  void Append(int rows) {
    auto log = store::RequestLog::Open(db_, 5000);
    ASSERT_TRUE(log.ok()) << log.error().message;
    for (int i = 0; i < rows; ++i) {
      store::RequestLogRow row = store::FreshRow();
      row.user_agent = "it's\n\x01 a \"test\"";
      ASSERT_TRUE(log->Append({&row, 1}).ok());
    }
  }
  int Run(const std::string& command) {
    options_.command = command;
    Clear();
    return RunBackup(options_, clock_, &console_);
  }
  int RunRestoreOf(const std::string& wanted) {
    restore_.wanted = wanted;
    Clear();
    return RunRestore(restore_, clock_, &console_);
  }
  void Clear() {
    out_.str("");
    err_.str("");
  }
  std::string Stored(std::string_view name) const { return options_.directory + "/" + std::string(name); }
  // Names in the backup directory, sorted.
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(options_.directory, none)) files.push_back(entry.path().filename());
    std::sort(files.begin(), files.end());
    return files;
  }
  // Without job_runs, which every run writes.
  static std::string LogOf(const std::string& path) {
    std::istringstream lines(test::ContentOf(path));
    std::string text;
    std::string line;
    bool skip = false;
    while (std::getline(lines, line)) {
      if (line.starts_with("SELECT") || line.starts_with("PRAGMA")) skip = line.ends_with("\"job_runs\"");
      if (!skip && !line.starts_with("|sjob_runs|i")) text += line + "\n";
    }
    return text;
  }

  MovableClock clock_;
  BackupOptions options_;
  RestoreOptions restore_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-backup", out_, err_};
};

// What a name says of the schema that the tests' databases have.
const std::string kSchema = "s000" + std::to_string(store::kSchemaVersion);
const std::string kName = "gemini-code-20261124T120000Z-" + kSchema + ".db.zst";
const std::string kSqlName = "gemini-code-20261124T120000Z-" + kSchema + ".sql";

int ModeOf(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? static_cast<int>(file.st_mode & 07777) : -1;
}

TEST_F(BackupTest, CreateWritesABackupAndItsManifest) {
  ASSERT_EQ(Run("create"), 0) << err_.str();
  EXPECT_EQ(Files(), (std::vector<std::string>{kName, std::string(kName) + ".json"}));
  EXPECT_EQ(ModeOf(options_.directory), 0700);
  EXPECT_EQ(ModeOf(Stored(kName)), 0600);
  EXPECT_EQ(ModeOf(Stored(kName) + ".json"), 0600);
  EXPECT_TRUE(out_.str().starts_with(Stored(kName) + ": ")) << out_.str();
  EXPECT_EQ(err_.str(), "");
  const auto manifest = ReadManifest(Stored(kName));
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->created_unix_s, kNoon);
  EXPECT_EQ(manifest->bytes, static_cast<int64_t>(fs::file_size(Stored(kName))));
  EXPECT_EQ(manifest->facts.schema_version, store::kSchemaVersion);
  EXPECT_EQ(manifest->facts.max_seq, 40);
  EXPECT_NE(std::find(manifest->facts.rows.begin(), manifest->facts.rows.end(), store::TableRows{"request_logs", 40}),
            manifest->facts.rows.end());
  EXPECT_EQ(Rows("SELECT job, rc, bytes > 0 FROM job_runs"), "backup|0|1");
}

TEST_F(BackupTest, TwoInOneSecondHaveTwoNames) {
  ASSERT_EQ(Run("create"), 0);
  ASSERT_EQ(Run("create"), 0);
  EXPECT_NE(out_.str().find("gemini-code-20261124T120001Z-" + kSchema + ".db.zst"), std::string::npos) << out_.str();
  // One a day: the newest.
  EXPECT_EQ(Files().front(), "gemini-code-20261124T120001Z-" + kSchema + ".db.zst");
  EXPECT_EQ(Files().size(), 2U);
}

TEST_F(BackupTest, EveryFormatComesBackAsItWas) {
  const struct {
    const char* name;
    BackupFormat format;
    const char* output;  // "": into the directory
  } cases[] = {
      {"db.zst", BackupFormat::kDatabase, ""},
      {"sql", BackupFormat::kSql, ""},
      {"plain db", BackupFormat::kDatabase, "a.db"},
      {"sql.zst", BackupFormat::kSql, "a.sql.zst"},
      {"db.zst of another name", BackupFormat::kDatabase, "mine.zst"},
  };
  for (const auto& c : cases) {
    for (const int rows : {0, 40}) {
      const std::string what = std::string(c.name) + ", " + std::to_string(rows) + " rows";
      ASSERT_TRUE(Open().Execute("DELETE FROM request_logs; DELETE FROM metrics_minute").ok());
      if (rows > 0) Append(rows);
      options_.format = c.format;
      options_.output = *c.output == '\0' ? "" : dir_.Path(c.output);
      clock_.unix_s += 60;
      ASSERT_EQ(Run("create"), 0) << what << ": " << err_.str();
      const std::string before = LogOf(db_);
      Append(3);
      ASSERT_EQ(RunRestoreOf(options_.output.empty() ? "latest" : options_.output), 0) << what << ": " << err_.str();
      EXPECT_EQ(LogOf(db_), before) << what;
      EXPECT_EQ(Rows("PRAGMA integrity_check"), "ok") << what;
      EXPECT_EQ(Rows("SELECT rc FROM job_runs WHERE job='restore' ORDER BY seq DESC LIMIT 1"), "0") << what;
    }
  }
}

TEST_F(BackupTest, OutputIsOneFileAndNoRetention) {
  ASSERT_EQ(Run("create"), 0);
  clock_.unix_s += kDay;
  options_.retention = {0, 0, 0};
  options_.output = dir_.Write("out/copy.db", "an older one");
  ASSERT_EQ(Run("create"), 0) << err_.str();
  EXPECT_TRUE(ReadFile(options_.output).starts_with("SQLite format 3"));
  EXPECT_EQ(ModeOf(options_.output), 0600);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.Path("out")), {}), 1);
  EXPECT_EQ(Files().size(), 2U);
  options_.output = db_;
  const std::string before = LogOf(db_);
  EXPECT_EQ(Run("create"), 73);
  EXPECT_EQ(LogOf(db_), before);
  options_.output = "/dev/null";
  EXPECT_EQ(Run("create"), 73);
}

TEST_F(BackupTest, RetentionFollowsAGoodBackup) {
  options_.retention = {2, 0, 0};
  dir_.Write("backups/notes.txt", "mine");
  dir_.Write("backups/gemini-code-old.db.zst", "mine");
  dir_.Write("backups/gemini-code-20270101T120000Z-" + kSchema + ".db.zst", "from the future");
  for (int day = 0; day < 4; ++day) {
    EXPECT_EQ(Run("create"), 1) << err_.str();  // the future one
    EXPECT_NE(err_.str().find("from the future"), std::string::npos);
    clock_.unix_s += kDay;
  }
  EXPECT_EQ(Files(), (std::vector<std::string>{"gemini-code-20261126T120000Z-" + kSchema + ".db.zst",
                                               "gemini-code-20261126T120000Z-" + kSchema + ".db.zst.json",
                                               "gemini-code-20261127T120000Z-" + kSchema + ".db.zst",
                                               "gemini-code-20261127T120000Z-" + kSchema + ".db.zst.json",
                                               "gemini-code-20270101T120000Z-" + kSchema + ".db.zst",
                                               "gemini-code-old.db.zst", "notes.txt"}));
}

TEST_F(BackupTest, AFailedBackupDeletesNothing) {
  options_.retention = {1, 0, 0};
  ASSERT_EQ(Run("create"), 0);
  const std::vector<std::string> before = Files();
  clock_.unix_s += kDay;
  dir_.Write("foreign.db", std::string(9000, 'x'));
  options_.database_path = dir_.Path("foreign.db");
  EXPECT_EQ(Run("create"), 65) << err_.str();
  EXPECT_EQ(Files(), before);
}

TEST_F(BackupTest, PruneDeletesByTheSameRule) {
  options_.retention = {9, 0, 0};
  for (int day = 0; day < 3; ++day) {
    ASSERT_EQ(Run("create"), 0);
    clock_.unix_s += kDay;
  }
  options_.retention = {1, 0, 0};
  options_.dry_run = true;
  ASSERT_EQ(Run("prune"), 0);
  EXPECT_EQ(out_.str(), "would delete gemini-code-20261124T120000Z-" + kSchema +
                            ".db.zst\n"
                            "would delete gemini-code-20261125T120000Z-" +
                            kSchema + ".db.zst\n1 kept\n");
  EXPECT_EQ(Files().size(), 6U);
  options_.dry_run = false;
  ASSERT_EQ(Run("prune"), 0);
  EXPECT_EQ(Files().size(), 2U);
}

TEST_F(BackupTest, ADryRunWritesNothing) {
  options_.dry_run = true;
  ASSERT_EQ(Run("create"), 0) << err_.str();
  EXPECT_EQ(out_.str(), "would write " + Stored(kName) + "\n");
  EXPECT_FALSE(fs::exists(options_.directory));
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs"), 0);
}

TEST_F(BackupTest, LeftoversOfKilledRunsGo) {
  dir_.Write("backups/." + std::string(kName) + ".partial", "half");
  dir_.Write("backups/." + std::string(kName) + ".copy.partial", "half");
  dir_.Write("backups/." + std::string(kName) + ".copy.partial-wal", "half");
  dir_.Write("backups/.gemini-code-20200101T000000Z-s0001.sql.unpacked.partial-journal", "half");
  dir_.Write("backups/.gemini-code-20200101T000000Z-s0001.sql.json.partial", "of a backup that was never named");
  dir_.Write("backups/gemini-code-20261120T120000Z-" + kSchema + ".sql", "named");
  dir_.Write("backups/.gemini-code-20261120T120000Z-" + kSchema + ".sql.json.partial", "its manifest was not");
  dir_.Write("backups/.mine.partial", "foreign");
  ASSERT_EQ(Run("create"), 0) << err_.str();
  EXPECT_EQ(Files(), (std::vector<std::string>{".mine.partial", "gemini-code-20261120T120000Z-" + kSchema + ".sql",
                                               "gemini-code-20261120T120000Z-" + kSchema + ".sql.json", kName,
                                               std::string(kName) + ".json"}));
  EXPECT_EQ(ReadFile(Stored("gemini-code-20261120T120000Z-" + kSchema + ".sql.json")), "its manifest was not");
}

TEST_F(BackupTest, ErrorsHaveTheirExitCodes) {
  const struct {
    const char* name;
    int code;
    const char* message;
  } cases[] = {
      {"unknown command", 64, "unknown command 'frob'"},
      {"no database", 66, "unable to open"},
      {"empty", 65, "is empty"},
      {"newer", 78, "schema version 99"},
      {"a file for a directory", 73, "cannot create"},
      {"no directory for the output", 73, "No such file"},
      {"running", 75, "another backup is running"},
  };
  for (const auto& c : cases) {
    const std::string_view name = c.name;
    const BackupOptions before = options_;
    std::optional<JobLock> lock;
    if (name == "no database") options_.database_path = dir_.Path("none.db");
    if (name == "empty") options_.database_path = dir_.Write("empty.db", "");
    if (name == "newer") {
      options_.database_path = dir_.Path("newer.db");
      ASSERT_TRUE(store::Up(options_.database_path, store::Database::kMain, store::DryRun::kNo, "test", 0).ok());
      RowsOf(options_.database_path, "PRAGMA user_version=99");
    }
    if (name == "a file for a directory") options_.directory = dir_.Write("file", "") + "/backups";
    if (name == "no directory for the output") options_.output = dir_.Path("none/copy.db");
    if (name == "running") lock.emplace(std::move(*JobLock::Take(db_, "backup", 0)));
    EXPECT_EQ(Run(name == "unknown command" ? "frob" : "create"), c.code) << c.name << ": " << err_.str();
    EXPECT_NE(err_.str().find(c.message), std::string::npos) << c.name << ": " << err_.str();
    EXPECT_TRUE(Files().empty()) << c.name;
    options_ = before;
  }
}

TEST_F(BackupTest, CheckTellsGoodFromDamaged) {
  EXPECT_EQ(Run("check"), 66);
  ASSERT_EQ(Run("create"), 0);
  options_.format = BackupFormat::kSql;
  ASSERT_EQ(Run("create"), 0);
  options_.all = true;
  EXPECT_EQ(Run("check"), 0) << err_.str();
  EXPECT_EQ(out_.str(), Stored(kName) + ": good\n" + Stored(kSqlName) + ": good\n");
  options_.depth = store::CheckDepth::kFull;
  EXPECT_EQ(Run("check"), 0) << err_.str();
  EXPECT_EQ(Files().size(), 4U);

  const std::string good = ReadFile(Stored(kName));
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;
  dir_.Write("backups/" + std::string(kName), bad);
  for (const auto depth : {store::CheckDepth::kQuick, store::CheckDepth::kFull}) {
    options_.depth = depth;
    EXPECT_EQ(Run("check"), 65);
    EXPECT_NE(err_.str().find("1 of 2 backups are not good"), std::string::npos) << err_.str();
    EXPECT_EQ(out_.str().find(kName), std::string::npos) << out_.str();
    EXPECT_NE(out_.str().find(std::string(kSqlName) + ": good"), std::string::npos) << out_.str();
  }
  EXPECT_EQ(Files().size(), 4U);
  options_.all = false;
  options_.file = kSqlName;
  EXPECT_EQ(Run("check"), 0) << err_.str();
  fs::remove(Stored(kSqlName) + ".json");
  EXPECT_EQ(Run("check"), 1);
  EXPECT_NE(err_.str().find("has no manifest"), std::string::npos);
}

TEST_F(BackupTest, DrillTriesTheNewest) {
  EXPECT_EQ(Run("drill"), 66);
  ASSERT_EQ(Run("create"), 0);
  clock_.unix_s += kDay;
  ASSERT_EQ(Run("create"), 0);
  EXPECT_EQ(Run("drill"), 0) << err_.str();
  EXPECT_EQ(Rows("SELECT rc FROM job_runs WHERE job='backup-drill' ORDER BY seq"), "66\n0");
  const std::string newest = "backups/gemini-code-20261125T120000Z-" + kSchema + ".db.zst";
  std::string text = ReadFile(dir_.Path(newest));
  text[text.size() / 2] ^= 1;
  dir_.Write(newest, text);
  EXPECT_EQ(Run("drill"), 65);
  EXPECT_NE(err_.str().find("20261125T120000Z"), std::string::npos) << err_.str();
  EXPECT_EQ(Files().size(), 4U);
}

TEST_F(BackupTest, DrillComparesRowsWithTheManifest) {
  ASSERT_EQ(Run("create"), 0);
  std::string manifest = ReadFile(Stored(kName) + ".json");
  const size_t at = manifest.find("\"request_logs\":40");
  ASSERT_NE(at, std::string::npos);
  dir_.Write("backups/" + std::string(kName) + ".json", manifest.replace(at, 17, "\"request_logs\":41"));
  EXPECT_EQ(Run("drill"), 65);
  EXPECT_NE(err_.str().find("request_logs has 40 rows, its manifest says 41"), std::string::npos) << err_.str();
}

TEST_F(BackupTest, ListIsPrintedHoweverQuiet) {
  ASSERT_EQ(Run("create"), 0);
  dir_.Write("backups/gemini-code-20261120T120000Z-" + kSchema + ".sql", std::string(2048, 'x'));
  console_.verbosity = Verbosity::kQuiet;
  ASSERT_EQ(Run("list"), 0);
  EXPECT_TRUE(out_.str().starts_with("2026-11-20T12:00:00Z  gemini-code-20261120T120000Z-" + kSchema +
                                     ".sql  2.0 KiB  no "
                                     "manifest\n2026-11-24T12:00:00Z  " +
                                     std::string(kName)))
      << out_.str();
}

TEST_F(BackupTest, JsonOfEachCommand) {
  console_.format = OutputFormat::kJson;
  for (const char* command : {"create", "list", "check", "drill", "prune"}) {
    ASSERT_EQ(Run(command), 0) << command << ": " << err_.str();
    const std::string text = out_.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << command;
    const auto document = json::Document::Parse(text);
    ASSERT_TRUE(document.ok()) << text;
    EXPECT_EQ(document->root().StringOr("command", ""), command);
  }
}

using RestoreTest = BackupTest;

// Whatever is wrong with it: the database and the backups stay as they were.
TEST_F(RestoreTest, BadBackupsAreRefusedBeforeAnythingChanges) {
  ASSERT_EQ(Run("create"), 0);
  options_.format = BackupFormat::kSql;
  ASSERT_EQ(Run("create"), 0);
  const std::string zst = ReadFile(Stored(kName));
  const std::string sql = ReadFile(Stored(kSqlName));
  const auto flipped = [](std::string text, size_t at) {
    text[at] ^= 4;
    return text;
  };
  const auto database = [&](const char* name, const std::string& change) {
    const std::string path = dir_.Path(name);
    EXPECT_TRUE(store::Up(path, store::Database::kMain, store::DryRun::kNo, "test", 0).ok());
    RowsOf(path, change);
    RowsOf(path, "PRAGMA journal_mode=DELETE");
    return ReadFile(path);
  };
  const std::string foreign = database("f.db", "PRAGMA application_id=7");
  const std::string newer = database("n.db", "PRAGMA user_version=99");
  const std::string table = database("t.db", "DROP TABLE totals");
  const struct {
    const char* name;
    std::string content;
    int code;
  } cases[] = {
      {"empty.db", "", 65},
      {"text.db", "hello\n", 65},
      {"random.db", std::string(9000, '\x8F'), 65},
      {"flipped.db.zst", flipped(zst, zst.size() / 2), 65},
      {"flipped-end.db.zst", flipped(zst, zst.size() - 1), 65},
      {"cut.db.zst", zst.substr(0, zst.size() - 1), 65},
      {"half.db.zst", zst.substr(0, zst.size() / 2), 65},
      {"start.db.zst", zst.substr(0, 5), 65},
      {"more.db.zst", zst + "x", 65},
      {"cut.sql", sql.substr(0, sql.size() / 2), 65},
      {"flipped.sql", flipped(sql, sql.find("INSERT INTO")), 65},
      {"attach.sql", std::string(sql).insert(sql.find("CREATE"), "ATTACH 'x' AS x;\n"), 65},
      {"foreign.db", foreign, 78},
      {"newer.db", newer, 78},
      {"table.db", table, 65},
      {"zeroes.db", std::string(8192, '\0'), 65},
  };
  const std::string before = test::ContentOf(db_);
  const std::vector<std::string> files = Files();
  for (const auto& c : cases) {
    const std::string path = dir_.Write(std::string("bad/") + c.name, c.content);
    EXPECT_EQ(RunRestoreOf(path), c.code) << c.name << ": " << err_.str();
    EXPECT_EQ(out_.str(), "") << c.name;
    EXPECT_EQ(test::ContentOf(db_), before) << c.name;
    EXPECT_EQ(Files(), files) << c.name;
    EXPECT_FALSE(fs::exists(db_ + ".restoring")) << c.name;
  }
  // A whole file that is not the one of its manifest.
  dir_.Write("backups/" + std::string(kName), zst + zst);
  EXPECT_EQ(RunRestoreOf(kName), 65);
  dir_.Write("backups/" + std::string(kSqlName),
             flipped(sql, sql.find("curl") == std::string::npos ? sql.find("gemini-2.5") + 3 : sql.find("curl")));
  EXPECT_EQ(RunRestoreOf(kSqlName), 65);
  EXPECT_NE(err_.str().find("SHA-256"), std::string::npos) << err_.str();
  EXPECT_EQ(test::ContentOf(db_), before);
}

TEST_F(RestoreTest, ADatabaseInUseIsNoBackup) {
  const std::string other = dir_.Path("other.db");
  ASSERT_TRUE(store::Up(other, store::Database::kMain, store::DryRun::kNo, "test", 0).ok());
  auto open = store::Connection::Open(other, store::OpenMode::kReadWrite, 0);
  ASSERT_TRUE(open->Execute("INSERT INTO watermarks VALUES('x',1,1)").ok());
  EXPECT_EQ(RunRestoreOf(other), 65);
  EXPECT_NE(err_.str().find("-wal"), std::string::npos);
  EXPECT_EQ(RunRestoreOf(db_), 64);
}

TEST_F(RestoreTest, WhichBackupIsMeant) {
  for (int day = 0; day < 3; ++day) {
    ASSERT_TRUE(Open().Execute("INSERT INTO watermarks VALUES('day" + std::to_string(day) + "',1,1)").ok());
    ASSERT_EQ(Run("create"), 0);
    clock_.unix_s += kDay;
  }
  const struct {
    std::string wanted;
    int code;
    int days;
  } cases[] = {
      {"2026-11-24", 0, 1},           {"latest", 0, 3},  // not the safety copy of the restore before
      {"2026-11-25T12:00:00Z", 0, 2}, {"gemini-code-20261124T120000Z-" + kSchema + ".db.zst", 0, 1},
      {"2026-11-23", 66, 1},          {"gemini-code-20261024T120000Z-" + kSchema + ".db.zst", 66, 1},
      {"yesterday", 64, 1},           {"", 64, 1},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(RunRestoreOf(c.wanted), c.code) << c.wanted << ": " << err_.str();
    EXPECT_EQ(Int("SELECT count(*) FROM watermarks"), c.days) << c.wanted;
  }
}

TEST_F(RestoreTest, NothingHappensUnconfirmed) {
  ASSERT_EQ(Run("create"), 0);
  Append(1);
  const std::string before = test::ContentOf(db_);
  restore_.force = false;
  const struct {
    const char* name;
    std::string confirmed;
    int answer;  // -1: nobody is there
    int code;
  } cases[] = {
      {"nobody to ask", "", -1, 64},
      {"another name", "latest", -1, 64},
      {"no", "", 0, 64},
      {"another name, and a person", "x", 1, 64},
      {"yes", "", 1, 0},
      {"the name", kName, -1, 0},
      {"the name, and a person", kName, 0, 0},
  };
  for (const auto& c : cases) {
    restore_.confirmed = c.confirmed;
    restore_.ask = c.answer < 0 ? std::function<bool()>() : [&] { return c.answer == 1; };
    EXPECT_EQ(RunRestoreOf("latest"), c.code) << c.name << ": " << err_.str();
    if (c.code != 0) {
      EXPECT_EQ(test::ContentOf(db_), before) << c.name;
    } else {
      EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 40) << c.name;
    }
  }
}

TEST_F(RestoreTest, ADryRunChecksAndChangesNothing) {
  ASSERT_EQ(Run("create"), 0);
  Append(1);
  const std::string before = test::ContentOf(db_);
  restore_.dry_run = true;
  restore_.force = false;
  EXPECT_EQ(RunRestoreOf("latest"), 0) << err_.str();
  EXPECT_NE(out_.str().find("can be restored"), std::string::npos);
  EXPECT_EQ(test::ContentOf(db_), before);
  EXPECT_EQ(Files().size(), 2U);
}

TEST_F(RestoreTest, ThePresentDatabaseIsKept) {
  ASSERT_EQ(Run("create"), 0);
  Append(7);
  const std::string before = LogOf(db_);
  ASSERT_EQ(RunRestoreOf("latest"), 0) << err_.str();
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), 40);
  const std::string kept = "gemini-code-20261124T120000Z-" + kSchema + "-safety.db.zst";
  EXPECT_NE(out_.str().find(kept), std::string::npos) << out_.str();
  ASSERT_EQ(RunRestoreOf(kept), 0) << err_.str();
  EXPECT_EQ(LogOf(db_), before);
  restore_.safety_copy = SafetyCopy::kNo;
  const size_t files = Files().size();
  ASSERT_EQ(RunRestoreOf("latest"), 0) << err_.str();
  EXPECT_EQ(Files().size(), files);
}

TEST_F(RestoreTest, AMissingDatabaseIsMade) {
  ASSERT_EQ(Run("create"), 0);
  const std::string before = LogOf(db_);
  restore_.database_path = dir_.Path("new/sub/main.db");
  ASSERT_EQ(RunRestoreOf("latest"), 0) << err_.str();
  EXPECT_EQ(LogOf(restore_.database_path), before);
  EXPECT_EQ(ModeOf(restore_.database_path), 0600);
  EXPECT_EQ(ModeOf(dir_.Path("new/sub")), 0700);
  EXPECT_EQ(RowsOf(restore_.database_path, "PRAGMA journal_mode"), "wal");
  EXPECT_FALSE(fs::exists(restore_.database_path + ".restoring"));
  // A log of the one that was there would be replayed into it.
  fs::remove(restore_.database_path);
  dir_.Write("new/sub/main.db-wal", "stale");
  ASSERT_EQ(RunRestoreOf("latest"), 0) << err_.str();
  EXPECT_EQ(LogOf(restore_.database_path), before);
  EXPECT_EQ(ReadFile(restore_.database_path + ".damaged-" + std::to_string(kNoon) + "-wal"), "stale");
}

TEST_F(RestoreTest, ADamagedDatabaseIsReplacedAndItsFilesKept) {
  ASSERT_EQ(Run("create"), 0);
  const std::string before = LogOf(db_);
  const struct {
    const char* name;
    size_t offset;
    size_t bytes;
    bool same_file;
  } cases[] = {
      {"a page further in", size_t{4096} * 9, 4096, true},
      {"the header", 0, 100, false},
      {"everything", 0, 1 << 20, false},
      {"cut to nothing", 0, 0, true},
  };
  for (const auto& c : cases) {
    RowsOf(db_, "PRAGMA wal_checkpoint(TRUNCATE)");
    std::string bytes = ReadFile(db_);
    if (c.bytes == 0) bytes.clear();
    bytes.replace(c.offset, c.bytes, std::string(std::min(c.bytes, bytes.size() - c.offset), '\xEE'));
    fs::resize_file(db_, 0);
    dir_.Write("main.db", bytes);
    struct stat was {};
    struct stat is {};
    stat(db_.c_str(), &was);
    clock_.unix_s += 60;
    ASSERT_EQ(RunRestoreOf("2026-11-24"), 0) << c.name << ": " << err_.str();
    EXPECT_EQ(LogOf(db_), before) << c.name;
    EXPECT_TRUE(ReadFile(db_ + ".damaged-" + std::to_string(clock_.unix_s)) == bytes) << c.name;
    stat(db_.c_str(), &is);
    EXPECT_EQ(was.st_ino == is.st_ino, c.same_file) << c.name;
    EXPECT_NE(err_.str().find("damaged"), std::string::npos) << c.name;
  }
}

TEST_F(RestoreTest, AnOlderSchemaIsBroughtUpBeforeItGoesLive) {
  const std::string old = dir_.Path("old.db");
  ASSERT_TRUE(store::UpWith(store::Migrations(store::Database::kMain).first(1), old, store::Database::kMain,
                            store::DryRun::kNo, "test", 0)
                  .ok());
  RowsOf(old,
         "INSERT INTO job_runs(job, host, started_at, version) VALUES('old','h',1,'v');PRAGMA journal_mode=DELETE");
  ASSERT_EQ(RunRestoreOf(old), 0) << err_.str();
  EXPECT_NE(out_.str().find("schema version 1 brought to"), std::string::npos) << out_.str();
  EXPECT_EQ(Int("PRAGMA user_version"), store::kSchemaVersion);
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs WHERE job='old'"), 1);
  EXPECT_EQ(Int("SELECT count(*) FROM watermarks"), 0);
}

TEST_F(RestoreTest, AnotherProgramsDatabaseIsNotReplacedWithoutACopy) {
  ASSERT_EQ(Run("create"), 0);
  restore_.database_path = dir_.Write("foreign.db", "");
  RowsOf(restore_.database_path, "CREATE TABLE theirs(a);INSERT INTO theirs VALUES(1)");
  EXPECT_EQ(RunRestoreOf("latest"), 78) << err_.str();
  EXPECT_EQ(RowsOf(restore_.database_path, "SELECT a FROM theirs"), "1");
}

}  // namespace
}  // namespace gc::jobs
