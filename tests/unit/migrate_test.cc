// migrate_test.cc: what gemini-code-migrate prints, makes and returns.
// SPDX-License-Identifier: MIT
#include "jobs/migrate.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "base/json.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

class MigrateTest : public testing::Test {
 protected:
  MigrateTest() {
    options_.command = "up";
    options_.database_path = dir_.Path("new/sub/main.db");
    options_.state_path = dir_.Path("new/sub/state.db");
  }
  int Run() {
    out_.str("");
    err_.str("");
    return RunMigrate(options_, &console_);
  }
  // A member of the output's document, or of its first database.
  json::Document Parsed(const std::string& text) {
    auto document = json::Document::Parse(text);
    if (!document) throw std::runtime_error(document.error().message + ": " + text);
    return std::move(*document);
  }

  TempDir dir_;
  MigrateOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-migrate", out_, err_};
};

int ModeOf(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? static_cast<int>(file.st_mode & 0777) : -1;
}

TEST_F(MigrateTest, UpMakesPrivateFilesAndDirectories) {
  const mode_t before = umask(0);
  EXPECT_EQ(Run(), 0) << err_.str();
  umask(before);
  EXPECT_EQ(ModeOf(dir_.Path("new")), 0700);
  EXPECT_EQ(ModeOf(dir_.Path("new/sub")), 0700);
  EXPECT_EQ(ModeOf(options_.database_path), 0600);
  EXPECT_EQ(ModeOf(options_.state_path), 0600);
  EXPECT_NE(out_.str().find(options_.database_path + ": applied 1 initial ("), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find(options_.state_path + ": applied 1 initial ("), std::string::npos) << out_.str();
  EXPECT_EQ(err_.str(), "");
}

TEST_F(MigrateTest, UpTwiceSaysUpToDate) {
  ASSERT_EQ(Run(), 0);
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(out_.str(), options_.database_path + ": schema version " + std::to_string(store::kSchemaVersion) +
                            ", up to date\n" + options_.state_path + ": schema version " +
                            std::to_string(store::kStateSchemaVersion) + ", up to date\n");
}

TEST_F(MigrateTest, OneDatabaseAlone) {
  options_.database_path.clear();
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(ModeOf(dir_.Path("new/sub/main.db")), -1);
  EXPECT_EQ(ModeOf(options_.state_path), 0600);
}

TEST_F(MigrateTest, QuietPrintsNothingButErrors) {
  console_.verbosity = Verbosity::kQuiet;
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(out_.str() + err_.str(), "");
  options_.command = "frob";
  EXPECT_EQ(Run(), 64);
  EXPECT_NE(err_.str(), "");
}

TEST_F(MigrateTest, ADryRunPrintsTheSqlAndMakesNothing) {
  options_.dry_run = store::DryRun::kYes;
  EXPECT_EQ(Run(), 0);
  EXPECT_NE(out_.str().find("CREATE TABLE request_logs ("), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir_.Path("new")));
  // What it prints is what up would run: SQLite takes it.
  auto database = store::Connection::Open(dir_.Path("by-hand.db"), store::OpenMode::kCreate, 0);
  ASSERT_TRUE(database.ok());
  options_.state_path.clear();
  ASSERT_EQ(Run(), 0);
  EXPECT_TRUE(database->Execute(out_.str()).ok());
}

TEST_F(MigrateTest, StatusTellsWhatIsMissing) {
  options_.command = "status";
  EXPECT_EQ(Run(), 1);
  std::string expected;
  for (const auto& [which, path] : {std::pair(store::Database::kMain, options_.database_path),
                                    std::pair(store::Database::kState, options_.state_path)}) {
    for (const store::Migration& m : store::Migrations(which)) {
      expected += path + ": missing " + std::to_string(m.version) + " " + std::string(m.name) + "\n";
    }
  }
  EXPECT_EQ(out_.str(), expected);
  EXPECT_FALSE(std::filesystem::exists(dir_.Path("new")));
  options_.command = "up";
  ASSERT_EQ(Run(), 0);
  options_.command = "status";
  EXPECT_EQ(Run(), 0);
}

TEST_F(MigrateTest, JsonOfEachCommand) {
  console_.format = OutputFormat::kJson;
  options_.state_path.clear();
  const struct {
    const char* name;
    const char* command;
    store::DryRun dry_run;
    int64_t version;
    const char* list;
    size_t entries;
  } steps[] = {
      {"status of nothing", "status", store::DryRun::kNo, 0, "missing", store::kSchemaVersion},
      {"dry run", "up", store::DryRun::kYes, 0, "missing", store::kSchemaVersion},
      {"up", "up", store::DryRun::kNo, store::kSchemaVersion, "applied", store::kSchemaVersion},
      {"up again", "up", store::DryRun::kNo, store::kSchemaVersion, "missing", 0},
      {"status of all", "status", store::DryRun::kNo, store::kSchemaVersion, "missing", 0},
  };
  for (const auto& step : steps) {
    options_.command = step.command;
    options_.dry_run = step.dry_run;
    Run();
    const json::Document document = Parsed(out_.str());
    EXPECT_EQ(document.root().StringOr("command", ""), step.command) << step.name;
    const json::Value* databases = document.root().Find("databases");
    ASSERT_TRUE(databases != nullptr && databases->Items().size() == 1) << step.name;
    const json::Value& database = databases->Items()[0];
    EXPECT_EQ(database.StringOr("path", ""), options_.database_path);
    EXPECT_EQ(database.IntOr("version", -1), step.version) << step.name;
    EXPECT_EQ(database.IntOr("known_version", -1), store::kSchemaVersion);
    const json::Value* list = database.Find(step.list);
    ASSERT_NE(list, nullptr) << step.name;
    ASSERT_EQ(list->Items().size(), step.entries) << step.name;
    const bool shows_sql = step.entries > 0 && list->Items()[0].Find("sql") != nullptr;
    EXPECT_EQ(shows_sql, step.dry_run == store::DryRun::kYes) << step.name;
  }
}

TEST_F(MigrateTest, ErrorsHaveTheirExitCodes) {
  const struct {
    const char* name;
    int code;
    const char* message;
  } cases[] = {
      {"unknown command", 64, "unknown command 'frob'"},
      {"no command", 64, "no command given"},
      {"damaged", 65, "not a database"},
      {"no directory", 73, "cannot create"},
      {"newer", 78, "schema version 99"},
  };
  for (const auto& c : cases) {
    const TempDir dir;
    options_ = {};
    options_.command = std::string_view(c.name) == "unknown command" ? "frob" : "up";
    options_.database_path = dir.Path("main.db");
    if (std::string_view(c.name) == "no command") options_.command.clear();
    if (std::string_view(c.name) == "damaged") dir.Write("main.db", std::string(5000, 'x'));
    if (std::string_view(c.name) == "no directory") options_.database_path = dir.Write("file", "") + "/main.db";
    if (std::string_view(c.name) == "newer") {
      ASSERT_EQ(Run(), 0);
      auto database = store::Connection::Open(options_.database_path, store::OpenMode::kReadWrite, 0);
      ASSERT_TRUE(database.ok() && database->Execute("PRAGMA user_version = 99").ok());
    }
    EXPECT_EQ(Run(), c.code) << c.name;
    EXPECT_NE(err_.str().find(c.message), std::string::npos) << c.name << ": " << err_.str();
    EXPECT_EQ(out_.str(), "") << c.name;
    console_.format = OutputFormat::kJson;
    EXPECT_EQ(Run(), c.code) << c.name;
    EXPECT_EQ(Parsed(err_.str()).root().IntOr("code", 0), c.code) << c.name;
    EXPECT_EQ(Parsed(err_.str()).root().StringOr("message_type", ""), "exit_error") << c.name;
  }
}

}  // namespace
}  // namespace gc::jobs
