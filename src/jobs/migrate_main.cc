// migrate_main.cc: the command line of gemini-code-migrate.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>
#include <unistd.h>

#include <iostream>

#include "base/clock.h"
#include "jobs/backup_make.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/migrate.h"

namespace gc::jobs {
namespace {

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-migrate up                 make or update the configured databases\n"
    "  gemini-code-migrate status             what is missing; exit 1 when something is\n"
    "  gemini-code-migrate verify             are they as their migrations made them; exit 1 when not\n"
    "  gemini-code-migrate up --dry-run       print the SQL that would run\n"
    "  gemini-code-migrate reset --confirm=gemini-code.db\n"
    "                                         delete every row of the main database\n"
    "  gemini-code-migrate generate NAME      for developers: write the next migration of a source tree\n"
    "\n"
    "Brings the databases to the schema of this program, forward only. Without --db and --state-db both configured\n"
    "databases are meant; reset is for the main one alone.\n";

class Migrate final : public Job {
 public:
  Migrate() : Job({"gemini-code-migrate", "up|status|verify|reset|generate [NAME] [OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    options->addOption(Option("state-db", "", "state database, instead of database.state_path").argument("FILE"));
    options->addOption(Option("dry-run", "n", "change nothing; print the SQL"));
    options->addOption(Option("confirm", "", "reset: the name of the database's file").argument("NAME"));
    options->addOption(Option("no-backup", "", "up, reset: make no backup before"));
    options->addOption(Option("lock-wait", "", "up, reset: seconds to wait for another copy").argument("SEC"));
    options->addOption(Option("source", "", "generate: the source tree, instead of .").argument("DIR"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "state-db") options_.state_path = value;
    if (name == "dry-run") options_.dry_run = store::DryRun::kYes;
    if (name == "confirm") options_.confirm = value;
    if (name == "no-backup") options_.no_backup = true;
    if (name == "source") options_.source = value;
    if (name == "lock-wait") {
      const auto seconds = ReadInteger(value, 0, 86400);
      if (!seconds) return seconds.error();
      options_.lock_wait_s = *seconds;
    }
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    if (!arguments.empty()) options_.command = arguments[0];
    const size_t expected = options_.command == "generate" ? 2 : 1;
    if (arguments.size() > expected) return Usage("unexpected argument '" + arguments[expected] + "'");
    if (arguments.size() == 2) options_.name = arguments[1];
    if (has_database_option() || options_.command == "reset") {
      options_.database_path = database_path();
    } else if (options_.state_path.empty()) {
      options_.database_path = database_path();
      options_.state_path = config().Text(ConfigKey::kDatabaseStatePath);
    }
    options_.backup_first = [this]() -> Status {
      const std::string& directory = config().Text(ConfigKey::kBackupDir);
      const auto lock = JobLock::Take(options_.database_path, "backup", options_.lock_wait_s);
      if (!lock) return lock.error();
      const auto made = MakeSafetyCopy(options_.database_path, directory, SystemClock().UnixS(), &console());
      if (!made) return Error{made.error().kind, "no backup before: " + made.error().message};
      console().Say("backup: " + *made);
      return {};
    };
    if (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1) options_.terminal = &std::cin;
    return RunMigrate(options_, &console());
  }

  MigrateOptions options_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::Migrate>(argc, argv); }
