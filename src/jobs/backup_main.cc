// backup_main.cc: the command line of gemini-code-backup.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>
#include <sys/resource.h>

#include "jobs/backup.h"
#include "jobs/job.h"

namespace gc::jobs {
namespace {

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-backup create              a backup into the backup directory, then retention\n"
    "  gemini-code-backup create --format=sql the same as SQL text\n"
    "  gemini-code-backup create -o FILE      into this file alone; compressed when it ends in .zst\n"
    "  gemini-code-backup list                what there is\n"
    "  gemini-code-backup check --all         read all backups and compare their hashes\n"
    "  gemini-code-backup drill               restore the newest into a temporary file and check that\n"
    "  gemini-code-backup prune -n            what retention would delete\n"
    "\n"
    "Copies the main database while the gateway runs. The salt (secret.salt_file) is NOT in a backup:\n"
    "keep a copy of it elsewhere. The state database is not either; it can be rebuilt.\n";

constexpr int64_t kMaxKept = 100000;
constexpr int kNice = 10;

class BackupProgram final : public Job {
 public:
  BackupProgram() : Job({"gemini-code-backup", "create|list|check|drill|prune [FILE] [OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    options->addOption(Option("format", "", "create: db (compressed database) or sql (text)").argument("FORMAT"));
    options->addOption(Option("output", "o", "create: this file, or - for standard output").argument("FILE"));
    options->addOption(Option("all", "", "check: all backups instead of the newest"));
    options->addOption(Option("full", "", "create: integrity_check instead of quick_check; check: as a database"));
    options->addOption(Option("dir", "", "backup directory, instead of backup.dir").argument("DIR"));
    options->addOption(Option("keep-daily", "", "days, instead of backup.keep_daily").argument("N"));
    options->addOption(Option("keep-weekly", "", "weeks, instead of backup.keep_weekly").argument("N"));
    options->addOption(Option("keep-monthly", "", "months, instead of backup.keep_monthly").argument("N"));
    options->addOption(Option("lock-wait", "", "seconds to wait for another run to end (0)").argument("SEC"));
    options->addOption(Option("dry-run", "n", "create, prune: change nothing; say what would be done"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "format") return SetFormat(value);
    if (name == "output") options_.output = value;
    if (name == "all") options_.all = true;
    if (name == "full") options_.depth = store::CheckDepth::kFull;
    if (name == "dir") options_.directory = value;
    if (name == "dry-run") options_.dry_run = true;
    if (name == "keep-daily") return SetNumber(value, &daily_);
    if (name == "keep-weekly") return SetNumber(value, &weekly_);
    if (name == "keep-monthly") return SetNumber(value, &monthly_);
    if (name == "lock-wait") {
      const auto wait = ReadInteger(value, 0, 86400);
      if (!wait) return wait.error();
      options_.lock_wait_s = *wait;
    }
    return {};
  }

  Status SetFormat(const std::string& value) {
    if (value != "db" && value != "sql") return Error{ErrorKind::kInvalid, "'" + value + "' is neither db nor sql"};
    options_.format = value == "sql" ? BackupFormat::kSql : BackupFormat::kDatabase;
    return {};
  }

  static Status SetNumber(const std::string& value, std::optional<int64_t>* number) {
    const auto read = ReadInteger(value, 0, kMaxKept);
    if (!read) return read.error();
    *number = *read;
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    if (!arguments.empty()) options_.command = arguments[0];
    const size_t most = options_.command == "check" ? 2 : 1;
    if (arguments.size() > most) return Usage("unexpected argument '" + arguments[most] + "'");
    if (arguments.size() == 2) options_.file = arguments[1];
    options_.database_path = database_path();
    if (options_.directory.empty()) options_.directory = config().Text(ConfigKey::kBackupDir);
    options_.retention.daily = daily_.value_or(config().Int(ConfigKey::kBackupKeepDaily));
    options_.retention.weekly = weekly_.value_or(config().Int(ConfigKey::kBackupKeepWeekly));
    options_.retention.monthly = monthly_.value_or(config().Int(ConfigKey::kBackupKeepMonthly));
    // Answers go first. Nobody waits for what this holds: it only reads the database.
    (void)setpriority(PRIO_PROCESS, 0, kNice);
    return RunBackup(options_, SystemClock(), &console());
  }

  BackupOptions options_;
  std::optional<int64_t> daily_;
  std::optional<int64_t> weekly_;
  std::optional<int64_t> monthly_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::BackupProgram>(argc, argv); }
