// log.cc: formats and writes the process log.
// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "base/json.h"
#include "base/redact.h"

namespace gc {
namespace {

struct Target {
  std::mutex mutex;
  std::string file;
  int fd = STDERR_FILENO;
  LogLevel level = LogLevel::kInfo;
};

Target& TheTarget() {
  static Target target;
  return target;
}

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};

// Logrotate renames the file; the next line goes to a new one.
void OpenIfMoved(Target* target) {
  if (target->file.empty()) return;
  struct stat named {};
  struct stat open_one {};
  if (target->fd != STDERR_FILENO && stat(target->file.c_str(), &named) == 0 && fstat(target->fd, &open_one) == 0 &&
      named.st_ino == open_one.st_ino && named.st_dev == open_one.st_dev) {
    return;
  }
  if (target->fd != STDERR_FILENO) close(target->fd);
  target->fd = open(target->file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (target->fd < 0) target->fd = STDERR_FILENO;
}

std::string Timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  char text[40];
  const size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1000000);
  return text;
}

}  // namespace

void LogInit(const std::string& file, std::string_view level) {
  Target& target = TheTarget();
  const std::lock_guard lock(target.mutex);
  if (target.fd != STDERR_FILENO) close(target.fd);
  target.fd = STDERR_FILENO;
  target.file = file;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == level) target.level = static_cast<LogLevel>(i);
  }
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  Target& target = TheTarget();
  const std::lock_guard lock(target.mutex);
  if (level < target.level) return;
  std::string line = Timestamp();
  line.append(" level=").append(kNames[static_cast<size_t>(level)]).append(" pid=").append(std::to_string(getpid()));
  line += " msg=";
  json::Writer(&line).String(json::CleanUtf8(Redact(message)));
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=");
    json::Writer(&line).String(json::CleanUtf8(Redact(value)));
  }
  line += '\n';
  OpenIfMoved(&target);
  if (write(target.fd, line.data(), line.size()) < 0) return;  // nowhere left to say so
}

}  // namespace gc
