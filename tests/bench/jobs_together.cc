// jobs_together.cc: aggregate, prune and backup at the same time, beside eight log writers: what a row waits for its
// commit, and that nothing is lost.
// SPDX-License-Identifier: MIT
#include <array>
#include <filesystem>
#include <thread>

#include "bench/job_log.h"
#include "bench/phases.h"

namespace gc::bench {

void MeasureTogether(Run* run) {
  const std::string dir = run->paths.NewDirectory("together");
  Series ratio;
  Series undisturbed_ms;
  Series disturbed_ms;
  std::string error;
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("all jobs at once, round " + std::to_string(i + 1));
    std::filesystem::remove_all(dir);
    std::filesystem::create_directories(dir);
    const std::string file = dir + "/main.db";
    MakeLog(file, run->log_rows, 60);
    // Half of it is in the roll-ups, and may go; aggregate has the other half before it.
    QueryInt(file, "INSERT INTO watermarks SELECT 'request_logs', max(seq) / 2, 0 FROM request_logs");
    const std::string spool = dir + "/spool";
    const test::WriteLoadResult before = Undisturbed(file, spool);

    test::WriteLoad load({file, spool});
    const std::vector<std::string> jobs[] = {
        {run->paths.Program("gemini-code-aggregate"), "--db", file, "-q"},
        {run->paths.Program("gemini-code-prune"), "--db", file, "--older-than=30d", "--force", "--time-budget=10m",
         "-q"},
        {run->paths.Program("gemini-code-backup"), "create", "--db", file, "--dir", dir + "/backups", "-q"}};
    std::array<std::string, std::size(jobs)> errors;
    std::vector<std::thread> threads;
    for (size_t job = 0; job < std::size(jobs); ++job) {
      threads.emplace_back([&, job] { TimeOf(jobs[job], &errors[job]); });
    }
    for (std::thread& thread : threads) thread.join();
    const test::WriteLoadResult& during = load.Stop();

    const int64_t pruned = QueryInt(file, "SELECT sum(rows) FROM job_runs WHERE job = 'prune'");
    const std::string missing = CheckRows(file, run->log_rows - pruned + before.committed + during.committed);
    for (const std::string& found : {errors[0], errors[1], errors[2], missing}) {
      if (error.empty()) error = found;
    }
    if (during.dropped > 0 && error.empty()) error = "rows were dropped";
    TimeOf({run->paths.Program("gemini-code-backup"), "drill", "--db", file, "--dir", dir + "/backups", "-q"}, &error);
    undisturbed_ms.Add(before.Percentile(0.99));
    disturbed_ms.Add(during.Percentile(0.99));
    ratio.Add(during.Percentile(0.99) / before.Percentile(0.99));
  }
  std::filesystem::remove_all(dir);
  Report& report = run->report;
  report.Add("Log rows to commit, p99: beside aggregate, prune and backup / undisturbed", "", ratio, AtMost(3), error);
  report.Add("Log rows to commit, p99: before all jobs", "ms", undisturbed_ms, {}, error);
  report.Add("Log rows to commit, p99: beside all jobs", "ms", disturbed_ms, {}, error);
}

}  // namespace gc::bench
