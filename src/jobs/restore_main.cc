// restore_main.cc: the command line of gemini-code-restore.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>
#include <unistd.h>

#include "jobs/job.h"
#include "jobs/restore.h"

namespace gc::jobs {
namespace {

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-restore latest             the newest backup; asks first\n"
    "  gemini-code-restore 2026-11-23         the newest of that day or before\n"
    "  gemini-code-restore latest -n          check it, change nothing\n"
    "  gemini-code-restore FILE --confirm=NAME   a .db, .db.zst, .sql or .sql.zst, without a question\n"
    "\n"
    "Checks the backup, keeps the present database as a backup of its own, and replaces its content in\n"
    "one transaction; the gateway may run meanwhile. The salt (secret.salt_file) is NOT in a backup:\n"
    "without it, keys of old rows and new ones do not match.\n";

bool AskPerson() {
  std::cerr << "The backup is good. Replace the present database with it? Type yes: ";
  std::string answer;
  return std::getline(std::cin, answer) && answer == "yes";
}

class RestoreProgram final : public Job {
 public:
  RestoreProgram() : Job({"gemini-code-restore", "FILE|NAME|DATE|latest [OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    options->addOption(Option("confirm", "", "the backup's name: go on without a question").argument("NAME"));
    options->addOption(Option("force", "f", "go on without a question, whatever it is"));
    options->addOption(Option("no-safety-backup", "", "do not keep the present database"));
    options->addOption(Option("full", "", "integrity_check instead of quick_check"));
    options->addOption(Option("dir", "", "backup directory, instead of backup.dir").argument("DIR"));
    options->addOption(Option("lock-wait", "", "seconds to wait for another run to end (0)").argument("SEC"));
    options->addOption(Option("dry-run", "n", "check the backup; change nothing"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "confirm") options_.confirmed = value;
    if (name == "force") options_.force = true;
    if (name == "no-safety-backup") options_.safety_copy = SafetyCopy::kNo;
    if (name == "full") options_.depth = store::CheckDepth::kFull;
    if (name == "dir") options_.directory = value;
    if (name == "dry-run") options_.dry_run = true;
    if (name == "lock-wait") {
      const auto wait = ReadInteger(value, 0, 86400);
      if (!wait) return wait.error();
      options_.lock_wait_s = *wait;
    }
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    if (arguments.size() > 1) return Usage("unexpected argument '" + arguments[1] + "'");
    if (!arguments.empty()) options_.wanted = arguments[0];
    options_.database_path = database_path();
    if (options_.directory.empty()) options_.directory = config().Text(ConfigKey::kBackupDir);
    if (isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0) options_.ask = AskPerson;
    return RunRestore(options_, SystemClock(), &console());
  }

  RestoreOptions options_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::RestoreProgram>(argc, argv); }
