// keys_main.cc: the command line of gemini-code-keys.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>
#include <unistd.h>

#include "jobs/job.h"
#include "jobs/keys.h"

namespace gc::jobs {
namespace {

constexpr int64_t kMaxListed = 1'000'000;
constexpr int64_t kMaxLockWaitS = 86400;

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-keys                       all keys, those in trouble first\n"
    "  gemini-code-keys --state=resting       those that wait for quota\n"
    "  gemini-code-keys explain 019aa1b2c3d4  which keys a request asked, and why\n"
    "  gemini-code-keys unblock 1f2e3d4c      ask this key again at once\n"
    "  gemini-code-keys test < keys.txt       what Google says to these keys\n"
    "\n"
    "Shows what the gateway knows of the keys that clients came with. Keys themselves are not stored: a key is\n"
    "shown as the beginning of its keyed hash. Changes nothing, but for unblock.\n";

class Keys final : public Job {
 public:
  Keys() : Job({"gemini-code-keys", "[list|explain REQUEST-ID|unblock KEY-HASH|test] [OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    options->addOption(Option("state", "", "list: keys that are ok, resting or disabled").argument("STATE"));
    options->addOption(Option("model", "", "list, unblock: this model's quota only").argument("MODEL"));
    options->addOption(Option("limit", "l", "list: this many keys at most").argument("COUNT"));
    options->addOption(Option("full", "", "print key hashes in full"));
    options->addOption(Option("all", "", "unblock: all keys"));
    options->addOption(Option("dry-run", "n", "unblock: change nothing; print what would be cleared"));
    options->addOption(Option("lock-wait", "", "unblock: wait this long for another copy").argument("SEC"));
    options->addOption(Option("state-db", "", "state database, instead of database.state_path").argument("FILE"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "state") return SetState(value);
    if (name == "limit") return SetNumber(value, 1, kMaxListed, &options_.limit);
    if (name == "lock-wait") return SetNumber(value, 0, kMaxLockWaitS, &options_.lock_wait_s);
    if (name == "model") options_.model = value;
    if (name == "full") options_.length = HashLength::kFull;
    if (name == "all") options_.all_keys = true;
    if (name == "dry-run") options_.dry_run = true;
    if (name == "state-db") options_.state_path = value;
    return {};
  }

  Status SetState(const std::string& value) {
    for (const auto condition : {KeyCondition::kDisabled, KeyCondition::kResting, KeyCondition::kOk}) {
      if (value == ConditionName(condition)) options_.condition = condition;
    }
    if (options_.condition) return {};
    return Error{ErrorKind::kInvalid, "'" + value + "' is not ok, resting or disabled"};
  }

  static Status SetNumber(const std::string& text, int64_t min, int64_t max, int64_t* out) {
    const auto number = ReadInteger(text, min, max);
    if (!number) return number.error();
    *out = *number;
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    const std::string command = arguments.empty() ? "list" : arguments[0];
    const std::string argument = arguments.size() > 1 ? arguments[1] : "";
    const bool takes_one = command == "explain" || command == "unblock";
    if (command == "test" && arguments.size() > 1) return Usage("keys come on standard input, never as arguments");
    if (arguments.size() > (takes_one ? 2U : 1U)) return Usage("unexpected argument '" + arguments.back() + "'");
    options_.database_path = database_path();
    if (options_.state_path.empty()) options_.state_path = config().Text(ConfigKey::kDatabaseStatePath);
    if (command == "list") return ListKeys(options_, config(), SystemClock(), &console());
    if (command == "explain") return ExplainRequest(options_, argument, &console());
    if (command == "unblock") return UnblockKeys(options_, argument, config(), SystemClock(), &console());
    if (command == "test") return TestKeys(options_, config(), STDIN_FILENO, &console());
    return Usage("unknown command '" + command + "'; the commands are list, explain, unblock and test");
  }

  KeysOptions options_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::Keys>(argc, argv); }
