// jobs_prune.cc: gemini-code-prune deletes half of a log, alone and beside eight log writers.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"
#include "bench/phases.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "support/write_load.h"

namespace gc::bench {
namespace {

constexpr int kUndisturbedMs = 4000;
constexpr int64_t kDayS = 86400;

int64_t QueryInt(const std::string& file, const std::string& sql) {
  auto connection = store::Connection::Open(file, store::OpenMode::kReadWrite, 5000);
  if (!connection) Fatal(file + ": " + connection.error().message);
  const auto value = connection->QueryInt(sql);
  if (!value) Fatal(sql + ": " + value.error().message);
  return *value;
}

// A log of the last sixty days, all of it in the roll-ups.
std::string MakeLog(const std::string& dir, int64_t rows) {
  Report::Progress("prune, a log of " + std::to_string(rows) + " rows");
  const std::string file = dir + "/full.db";
  const int64_t now_s = SystemClock().UnixS();
  const auto up = store::Up(file, store::Database::kMain, store::DryRun::kNo, "bench", 5000);
  const Status filled = up ? test::FillLog(file, rows, now_s - 60 * kDayS, now_s) : Status(up.error());
  if (!filled.ok()) Fatal(filled.error().message);
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
  std::string error;
};

Pruned RunPrune(const Paths& paths, const std::string& file) {
  const int64_t begin_us = SystemClock().MonotonicUs();
  test::Command command;
  command.argv = {
      paths.Program("gemini-code-prune"), "--db", file, "--older-than=30d", "--force", "--time-budget=10m", "-q"};
  const test::RunResult run = test::RunCommand(command, 600'000);
  const auto took_us = static_cast<double>(SystemClock().MonotonicUs() - begin_us);
  Pruned pruned;
  pruned.rows = QueryInt(file, "SELECT rows FROM job_runs WHERE job = 'prune' ORDER BY seq DESC LIMIT 1");
  pruned.rows_per_second = static_cast<double>(pruned.rows) / took_us * 1e6;
  if (run.code != 0) pruned.error = "prune: " + run.err;
  return pruned;
}

std::string CheckRows(const std::string& file, int64_t wanted) {
  if (QueryInt(file, "SELECT count(*) FROM request_logs") != wanted) return "rows are lost";
  if (QueryInt(file, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") != 1) {
    return "integrity_check fails";
  }
  return {};
}

}  // namespace

void MeasurePrune(Run* run) {
  const std::string dir = run->paths.NewDirectory("prune");
  const std::string full = MakeLog(dir, run->log_rows);
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
    Pruned pruned = RunPrune(run->paths, file);
    note(pruned.error);
    note(CheckRows(file, run->log_rows - pruned.rows));
    alone.Add(pruned.rows_per_second);

    file = CopyLog(full, dir + "/beside");
    test::WriteLoad quiet({file, dir + "/beside/spool"});
    const timespec pause{kUndisturbedMs / 1000, 0};
    nanosleep(&pause, nullptr);
    const test::WriteLoadResult& before = quiet.Stop();
    test::WriteLoad load({file, dir + "/beside/spool"});
    pruned = RunPrune(run->paths, file);
    const test::WriteLoadResult& during = load.Stop();
    note(pruned.error);
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
