// job_log.cc: fills, loads and checks the logs of the jobs' benchmarks.
// SPDX-License-Identifier: MIT
#include "bench/job_log.h"

#include <time.h>

#include "base/clock.h"
#include "bench/report.h"
#include "bench/servers.h"
#include "store/connection.h"
#include "store/migrations.h"

namespace gc::bench {
namespace {

constexpr timespec kUndisturbed = {kUndisturbedUs / 1'000'000, 0};
constexpr int64_t kLongestMs = 600'000;
constexpr int64_t kDayS = 86400;

}  // namespace

int64_t QueryInt(const std::string& database_path, const std::string& sql) {
  auto connection = store::Connection::Open(database_path, store::OpenMode::kReadWrite, 5000);
  if (!connection) Fatal(database_path + ": " + connection.error().message);
  const auto value = connection->QueryInt(sql);
  if (!value) Fatal(sql + ": " + value.error().message);
  return *value;
}

void MakeLog(const std::string& database_path, int64_t rows, int days) {
  Report::Progress("a log of " + std::to_string(rows) + " rows");
  const int64_t now_s = SystemClock().UnixS();
  const auto up = store::Up(database_path, store::Database::kMain, store::DryRun::kNo, "bench", 5000);
  const Status filled = up ? test::FillLog(database_path, rows, now_s - days * kDayS, now_s) : Status(up.error());
  if (!filled.ok()) Fatal(filled.error().message);
}

std::string CheckRows(const std::string& database_path, int64_t wanted_rows) {
  const int64_t rows = QueryInt(database_path, "SELECT count(*) FROM request_logs");
  if (rows != wanted_rows) return std::to_string(wanted_rows - rows) + " rows are lost";
  const char* kIntegrity = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'";
  return QueryInt(database_path, kIntegrity) == 1 ? "" : "integrity_check fails";
}

double TimeOf(const std::vector<std::string>& argv, std::string* error) {
  test::Command command;
  command.argv = argv;
  const int64_t begin_us = SystemClock().MonotonicUs();
  const test::RunResult run = test::RunCommand(command, kLongestMs);
  const auto took_us = static_cast<double>(SystemClock().MonotonicUs() - begin_us);
  if (run.code > 1 && error->empty()) *error = argv[0] + ": " + run.err;
  return took_us / 1e6;
}

test::WriteLoadResult Undisturbed(const std::string& database_path, const std::string& spool_dir) {
  test::WriteLoad load({database_path, spool_dir});
  nanosleep(&kUndisturbed, nullptr);
  return load.Stop();
}

}  // namespace gc::bench
