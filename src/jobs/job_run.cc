// job_run.cc: takes job locks and writes job_runs.
// SPDX-License-Identifier: MIT
#include "jobs/job_run.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/version.h"
#include "jobs/job.h"
#include "store/connection.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// What the holder wrote about itself.
std::string HolderOf(int fd) {
  char text[128] = {};
  const ssize_t bytes = pread(fd, text, sizeof text - 1, 0);
  std::string holder(text, bytes > 0 ? static_cast<size_t>(bytes) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "" : " (" + holder + ")";
}

}  // namespace

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

Result<JobLock> JobLock::Take(const std::string& database_path, const std::string& job, int64_t wait_s) {
  const std::string path = database_path + "." + job + ".lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    const bool refused = errno == EACCES || errno == EPERM || errno == EROFS;
    const ErrorKind kind = refused ? ErrorKind::kPermission : errno == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo;
    return Error{kind, "cannot open " + path + ": " + strerror(errno)};
  }
  JobLock lock(fd);
  const int64_t end_us = SystemClock().MonotonicUs() + wait_s * 1'000'000;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return Error{ErrorKind::kIo, path + ": " + strerror(errno)};
    if (SystemClock().MonotonicUs() >= end_us) {
      return Error{ErrorKind::kBusy, "another " + job + " is running" + HolderOf(fd)};
    }
    usleep(50'000);
  }
  const std::string holder = "pid " + std::to_string(getpid()) + ", since " + TimeText(SystemClock().UnixS()) + "\n";
  // For the other copy's message only.
  if (ftruncate(fd, 0) != 0 || pwrite(fd, holder.data(), holder.size(), 0) < 0) return lock;
  return lock;
}

JobLock::~JobLock() {
  if (fd_ >= 0) close(fd_);
}

JobLock::JobLock(JobLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

JobRecord::JobRecord(Console* console, const std::string& database_path, const std::string& job)
    : console_(console), database_path_(database_path) {
  row_.job = job;
  row_.host = HostName();
  row_.started_unix_s = SystemClock().UnixS();
  row_.version = kVersion;
  auto connection = store::Connection::Open(database_path_, store::OpenMode::kReadWrite, kBusyTimeoutMs);
  if (!connection) return;  // the job itself will say so
  if (const auto seq = store::AddJobRun(*connection, row_)) seq_ = *seq;
}

int JobRecord::End(int exit_code) {
  row_.finished_unix_s = SystemClock().UnixS();
  row_.rc = exit_code;
  auto connection = store::Connection::Open(database_path_, store::OpenMode::kReadWrite, kBusyTimeoutMs);
  const Status written = connection ? store::EndJobRun(*connection, seq_, row_) : Status(connection.error());
  if (!written.ok()) console_->Warn("job_runs was not written: " + written.error().message);
  return exit_code;
}

}  // namespace gc::jobs
