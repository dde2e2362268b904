// jobs_backup.cc: gemini-code-backup against the sqlite3 shell's .backup and zstd, and beside eight log writers.
// SPDX-License-Identifier: MIT
#include <filesystem>

#include "base/clock.h"
#include "bench/job_log.h"
#include "bench/phases.h"

namespace gc::bench {
namespace {

// Both end with a compressed file on the disk; ours has also checked its copy, hashed the file and counted the rows.
double TimeOfShell(const std::string& file, const std::string& dir, std::string* error) {
  std::filesystem::remove(dir + "/shell.db.zst");
  const std::string copy = dir + "/shell.db";
  return TimeOf(
      {"sh", "-c",
       "sqlite3 " + file + " '.backup " + copy + "' && zstd -3 -q --rm " + copy + " && sync " + copy + ".zst"},
      error);
}

}  // namespace

void MeasureBackup(Run* run) {
  const std::string dir = run->paths.NewDirectory("backup");
  const std::string file = dir + "/main.db";
  MakeLog(file, run->log_rows, 30);
  const std::string program = run->paths.Program("gemini-code-backup");
  const std::vector<std::string> create = {program, "create", "--db", file, "--dir", dir + "/backups", "-q"};
  const std::vector<std::string> drill = {program, "drill", "--db", file, "--dir", dir + "/backups", "-q"};
  Series ratio;
  Series ours_s;
  Series shell_s;
  Series beside_s;
  Series waits;
  Series undisturbed_ms;
  Series disturbed_ms;
  std::string error;
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("backup, round " + std::to_string(i + 1));
    const double shell = TimeOfShell(file, dir, &error);
    const double ours = TimeOf(create, &error);
    ratio.Add(ours / shell);
    ours_s.Add(ours);
    shell_s.Add(shell);

    const test::WriteLoadResult before = Undisturbed(file, dir + "/spool");
    test::WriteLoad load({file, dir + "/spool"});
    // One backup after the other for as long as before: the writers' start counts in both.
    const int64_t end_us = SystemClock().MonotonicUs() + kUndisturbedUs;
    while (SystemClock().MonotonicUs() < end_us) beside_s.Add(TimeOf(create, &error));
    const test::WriteLoadResult& during = load.Stop();
    if (during.dropped > 0 && error.empty()) error = "rows were dropped";
    TimeOf(drill, &error);
    undisturbed_ms.Add(before.Percentile(0.99));
    disturbed_ms.Add(during.Percentile(0.99));
    waits.Add(during.Percentile(0.99) / before.Percentile(0.99));
  }
  std::filesystem::remove_all(dir);
  Report& report = run->report;
  report.Add("Backup / sqlite3's .backup and zstd -3", "", ratio, AtMost(1.5), error);
  report.Add("Log rows to commit, p99: beside backups / undisturbed", "", waits, AtMost(3), error);
  report.Add("Backup", "s", ours_s, {}, error);
  report.Add("sqlite3's .backup and zstd -3", "s", shell_s, {}, error);
  report.Add("Backup beside 1,500 log rows/s of 8 writers", "s", beside_s, {}, error);
  report.Add("Log rows to commit, p99: before backups", "ms", undisturbed_ms, {}, error);
  report.Add("Log rows to commit, p99: beside backups", "ms", disturbed_ms, {}, error);
}

}  // namespace gc::bench
