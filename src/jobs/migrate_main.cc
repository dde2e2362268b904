// migrate_main.cc: the command line of gemini-code-migrate.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>

#include "jobs/job.h"
#include "jobs/migrate.h"

namespace gc::jobs {
namespace {

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-migrate up                 make or update the configured databases\n"
    "  gemini-code-migrate status             what is missing; exit 1 when something is\n"
    "  gemini-code-migrate up --dry-run       print the SQL that would run\n"
    "  gemini-code-migrate up --db FILE       this main database only\n"
    "\n"
    "Brings the databases to the schema of this program, forward only. Without --db and --state-db both configured\n"
    "databases are meant.\n";

class Migrate final : public Job {
 public:
  Migrate() : Job({"gemini-code-migrate", "up|status [OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    options->addOption(Option("state-db", "", "state database, instead of database.state_path").argument("FILE"));
    options->addOption(Option("dry-run", "n", "change nothing; print the SQL"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "state-db") options_.state_path = value;
    if (name == "dry-run") options_.dry_run = store::DryRun::kYes;
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    if (arguments.size() > 1) return Usage("unexpected argument '" + arguments[1] + "'");
    if (!arguments.empty()) options_.command = arguments[0];
    if (has_database_option()) {
      options_.database_path = database_path();
    } else if (options_.state_path.empty()) {
      options_.database_path = database_path();
      options_.state_path = config().Text(ConfigKey::kDatabaseStatePath);
    }
    return RunMigrate(options_, &console());
  }

  MigrateOptions options_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::Migrate>(argc, argv); }
