// job_run.h: one run of a job: the lock, so that no two copies work on one database, and the row in job_runs.
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "jobs/console.h"
#include "store/job_runs.h"

namespace gc::jobs {

// This machine's name; empty when it has none.
std::string HostName();

// flock(2) on <database>.<job>.lock, held until the object or the process ends: nothing stale stays after a crash.
class JobLock {
 public:
  // Waits `wait_s` at most. kBusy, with the holder's pid and start, when another copy runs; else as the file system
  // says.
  static Result<JobLock> Take(const std::string& database_path, const std::string& job, int64_t wait_s);
  ~JobLock();
  JobLock(JobLock&& other) noexcept;
  JobLock& operator=(JobLock&&) = delete;

 private:
  explicit JobLock(int fd) : fd_(fd) {}
  int fd_;
};

// The row in job_runs, begun at once and ended by End. A database that does not take it is no reason to end the job: it
// gets a warning.
class JobRecord {
 public:
  JobRecord(Console* console, const std::string& database_path, const std::string& job);

  // What End will write.
  store::JobRunRow& row() { return row_; }
  // Once. Returns exit_code.
  int End(int exit_code);

 private:
  Console* console_;
  const std::string database_path_;
  store::JobRunRow row_;
  int64_t seq_ = 0;  // 0: not begun
};

}  // namespace gc::jobs
