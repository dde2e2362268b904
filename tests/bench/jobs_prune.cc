// jobs_prune.cc: gemini-code-prune deletes half of a log, alone and beside eight log writers.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "bench/job_log.h"
#include "bench/phases.h"

namespace gc::bench {
namespace {

// A log of the last sixty days, all of it in the roll-ups.
std::string FullLog(const std::string& dir, int64_t rows) {
  const std::string file = dir + "/full.db";
  MakeLog(file, rows, 60);
  QueryInt(file, "INSERT INTO watermarks SELECT 'request_logs', max(seq), 0 FROM request_logs");
  return file;
}

// A fresh copy, on the disk: else the first checkpoint would wait for all of it to be written.
std::string CopyLog(const std::string& full, const std::string& dir) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const std::string file = dir + "/main.db";
  std::filesystem::copy_file(full, file);
  const int fd = open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0) Fatal("cannot write " + file);
  close(fd);
  return file;
}

struct Pruned {
  double rows_per_second = 0;
  int64_t rows = 0;
};

Pruned RunPrune(const Paths& paths, const std::string& file, std::string* error) {
  const double seconds = TimeOf(
      {paths.Program("gemini-code-prune"), "--db", file, "--older-than=30d", "--force", "--time-budget=10m", "-q"},
      error);
  Pruned pruned;
  pruned.rows = QueryInt(file, "SELECT rows FROM job_runs WHERE job = 'prune' ORDER BY seq DESC LIMIT 1");
  pruned.rows_per_second = static_cast<double>(pruned.rows) / seconds;
  return pruned;
}

}  // namespace

void MeasurePrune(Run* run) {
  const std::string dir = run->paths.NewDirectory("prune");
  const std::string full = FullLog(dir, run->log_rows);
  Series alone;
  Series beside;
  Series ratio;
  Series undisturbed_ms;
  Series disturbed_ms;
  std::string error;
  const auto note = [&](const std::string& found) {
    if (error.empty()) error = found;
  };
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("prune, round " + std::to_string(i + 1));
    std::string file = CopyLog(full, dir + "/alone");
    Pruned pruned = RunPrune(run->paths, file, &error);
    note(CheckRows(file, run->log_rows - pruned.rows));
    alone.Add(pruned.rows_per_second);

    file = CopyLog(full, dir + "/beside");
    const test::WriteLoadResult before = Undisturbed(file, dir + "/beside/spool");
    test::WriteLoad load({file, dir + "/beside/spool"});
    pruned = RunPrune(run->paths, file, &error);
    const test::WriteLoadResult& during = load.Stop();
    note(CheckRows(file, run->log_rows - pruned.rows + before.committed + during.committed));
    if (during.dropped > 0) note("rows were dropped");
    beside.Add(pruned.rows_per_second);
    undisturbed_ms.Add(before.Percentile(0.99));
    disturbed_ms.Add(during.Percentile(0.99));
    ratio.Add(during.Percentile(0.99) / before.Percentile(0.99));
  }
  std::filesystem::remove_all(dir);
  Report& report = run->report;
  report.Add("Prune alone: rows deleted", "/s", alone, AtLeast(100'000), error);
  report.Add("Log rows to commit, p99: beside prune / undisturbed", "", ratio, AtMost(3), error);
  report.Add("Prune beside 1,500 log rows/s of 8 writers: rows deleted", "/s", beside, {}, error);
  report.Add("Log rows to commit, p99: undisturbed", "ms", undisturbed_ms, {}, error);
  report.Add("Log rows to commit, p99: beside prune", "ms", disturbed_ms, {}, error);
}

}  // namespace gc::bench
