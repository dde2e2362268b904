// aggregate_main.cc: the command line of gemini-code-aggregate.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Option.h>

#include <algorithm>

#include "jobs/aggregate.h"
#include "jobs/job.h"

namespace gc::jobs {
namespace {

constexpr int64_t kMaxWaitS = 86'400;

constexpr char kHelp[] =
    "Examples:\n"
    "  gemini-code-aggregate -q             what cron runs, every five minutes\n"
    "  gemini-code-aggregate --dry-run      what waits to be aggregated\n"
    "  gemini-code-aggregate --repair       correct totals and api_key_metrics where they differ\n"
    "\n"
    "Replays the spool, brings new rows of the request log into the hourly and daily statistics, keeps\n"
    "api_key_metrics within metrics.max_keys, and checkpoints the database. Exit code 1: done, and there\n"
    "is something to look at.\n";

class Aggregate final : public Job {
 public:
  Aggregate() : Job({"gemini-code-aggregate", "[OPTION...]", kHelp}) {}

 private:
  void AddOptions(Poco::Util::OptionSet* options) override {
    using Poco::Util::Option;
    options->addOption(Option("spool", "", "spool to replay, instead of spool.dir (with --db: none)").argument("DIR"));
    options->addOption(Option("repair", "", "correct totals and api_key_metrics where they differ"));
    options->addOption(
        Option("lock-wait", "", "wait this long for another copy to end, instead of not at all").argument("SEC"));
    options->addOption(Option("dry-run", "n", "change nothing; say what there is to do"));
  }

  Status SetOption(const std::string& name, const std::string& value) override {
    if (name == "spool") options_.spool_dir = value;
    if (name == "repair") options_.repair = true;
    if (name == "dry-run") options_.dry_run = true;
    if (name != "lock-wait") return {};
    const auto seconds = ReadDuration(value);
    if (!seconds) return seconds.error();
    options_.lock_wait_s = std::min(*seconds, kMaxWaitS);
    return {};
  }

  int Run(const std::vector<std::string>& arguments) override {
    if (!arguments.empty()) return Usage("unexpected argument '" + arguments[0] + "'");
    options_.database_path = database_path();
    // The configured spool belongs to the configured database.
    if (options_.spool_dir.empty() && !has_database_option()) options_.spool_dir = config().Text(ConfigKey::kSpoolDir);
    options_.max_keys = config().Int(ConfigKey::kMetricsMaxKeys);
    return RunAggregate(options_, &console());
  }

  AggregateOptions options_;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) { return gc::jobs::Main<gc::jobs::Aggregate>(argc, argv); }
