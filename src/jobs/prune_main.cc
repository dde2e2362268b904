// prune_main.cc: the command line of gemini-code-prune.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>
#include <sysexits.h>

#include <optional>

#include "jobs/job.h"
#include "jobs/prune.h"

namespace gc::jobs {
namespace {

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-prune                      delete what is older than retention.* says\n"
    "  gemini-code-prune -n                   count it\n"
    "  gemini-code-prune --older-than=7d --time-budget=10m\n"
    "  gemini-code-prune --max-bytes=2G       and the oldest log rows, until 2 GiB are in use\n"
    "\n"
    "Deletes old rows of the main database in small steps while the gateway goes on writing. Rows of request_logs\n"
    "go only when gemini-code-aggregate has them in its roll-ups.\n";

constexpr int64_t kHourS = 3600;
constexpr int64_t kLongestS = 36500 * kDayS;

class PruneProgram final : public Job {
 public:
  PruneProgram() : Job({"gemini-code-prune", "[OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    const auto add = [&](const char* name, const char* help, const char* argument) {
      options->addOption(Option(name, "", help).argument(argument));
    };
    add("older-than", "age of request_logs, as 30d or 12h, instead of retention.requests_days", "AGE");
    add("errors-older-than", "age of error_logs, instead of retention.errors_days", "AGE");
    add("stats-older-than", "age of statistics and roll-ups, instead of retention.stats_days", "AGE");
    add("max-bytes", "bytes in use, as 2G, instead of retention.max_bytes; 0: no limit", "SIZE");
    add("max-rows", "rows of request_logs, instead of retention.max_rows; 0: no limit", "N");
    add("batch", "most rows that one transaction deletes (5000)", "N");
    add("pause", "milliseconds between transactions (adapts to how long they take)", "MS");
    add("time-budget", "end after that time, as 60s or 10m; the next run goes on (60s)", "TIME");
    add("lock-wait", "seconds to wait for another copy to end (0)", "SEC");
    options->addOption(Option("force", "", "in spite of the safety stops"));
    options->addOption(Option("dry-run", "n", "delete nothing, count"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "force") options_.force = true;
    if (name == "dry-run") options_.dry_run = true;
    if (name == "older-than") return SetSeconds(value, kHourS, &requests_s_);
    if (name == "errors-older-than") return SetSeconds(value, kHourS, &errors_s_);
    if (name == "stats-older-than") return SetSeconds(value, kDayS, &stats_s_);
    if (name == "max-bytes") return Set(ReadBytes(value), &max_bytes_);
    if (name == "max-rows") return Set(ReadInteger(value, 0, 1'000'000'000'000), &max_rows_);
    if (name == "batch") return Set(ReadInteger(value, 1, 100'000), &options_.batch_rows);
    if (name == "pause") return Set(ReadInteger(value, 0, 10'000), &options_.pause_ms);
    if (name == "time-budget") return SetSeconds(value, 1, &options_.budget_s);
    if (name == "lock-wait") return Set(ReadInteger(value, 0, 86'400), &options_.lock_wait_s);
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    if (!arguments.empty()) return Usage("unexpected argument '" + arguments[0] + "'");
    options_.database_path = database_path();
    options_.requests_s = requests_s_.value_or(config().Int(ConfigKey::kRetentionRequestsDays) * kDayS);
    options_.errors_s = errors_s_.value_or(config().Int(ConfigKey::kRetentionErrorsDays) * kDayS);
    options_.stats_s = stats_s_.value_or(config().Int(ConfigKey::kRetentionStatsDays) * kDayS);
    options_.max_bytes = max_bytes_.value_or(config().Int(ConfigKey::kRetentionMaxBytes));
    options_.max_rows = max_rows_.value_or(config().Int(ConfigKey::kRetentionMaxRows));
    if (options_.max_bytes > 0 && options_.max_bytes < kLeastMaxBytes) {
      const std::string wrong = "is less than " + BytesText(kLeastMaxBytes) + "; 0: no limit";
      return max_bytes_ ? Usage("--max-bytes: " + wrong) : console().Fail(EX_CONFIG, "retention.max_bytes " + wrong);
    }
    return RunPrune(options_, &console());
  }

  template <class Target>
  static Status Set(const Result<int64_t>& value, Target* target) {
    if (!value) return value.error();
    *target = *value;
    return {};
  }

  template <class Target>
  static Status SetSeconds(const std::string& text, int64_t least_s, Target* target) {
    const auto seconds = ReadDuration(text);
    if (seconds && (*seconds < least_s || *seconds > kLongestS)) {
      return Error{ErrorKind::kInvalid, "'" + text + "' is not between " + std::to_string(least_s) + "s and 36500d"};
    }
    return Set(seconds, target);
  }

  PruneOptions options_;
  std::optional<int64_t> requests_s_;
  std::optional<int64_t> errors_s_;
  std::optional<int64_t> stats_s_;
  std::optional<int64_t> max_bytes_;
  std::optional<int64_t> max_rows_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::PruneProgram>(argc, argv); }
