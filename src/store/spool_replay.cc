// spool_replay.cc: reads spool files line by line and appends their rows in batches.
// SPDX-License-Identifier: MIT
#include "store/spool_replay.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/clock.h"
#include "store/spool.h"

namespace gc::store {
namespace {

constexpr size_t kBatchRows = 512;
constexpr size_t kMaxLineBytes = 256 << 10;  // a row has 10 KiB at most
constexpr int kTurnWaitMs = 1000;
constexpr int kLockTries = 200;
constexpr useconds_t kLockPauseUs = 10'000;
constexpr int64_t kLastUnixS = 253'402'300'799;  // 9999-12-31

constexpr std::string_view kReplayPrefix = "replay-";
constexpr std::string_view kSuffix = ".ndjson";

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

bool IsReplayName(std::string_view name) { return name.starts_with(kReplayPrefix) && name.ends_with(kSuffix); }

// Regular files that a replay would read; the renamed ones first, the oldest of them first (their names say when).
// Empty with errno set when the directory cannot be read.
std::vector<std::string> NamesIn(const std::string& dir) {
  std::vector<std::string> names;
  DIR* entries = opendir(dir.c_str());
  if (entries == nullptr) return names;
  bool has_current = false;
  while (const dirent* entry = readdir(entries)) {
    if (IsReplayName(entry->d_name)) names.emplace_back(entry->d_name);
    has_current = has_current || std::string_view(entry->d_name) == kSpoolFile;
  }
  closedir(entries);
  std::sort(names.begin(), names.end());
  if (has_current) names.emplace_back(kSpoolFile);
  errno = 0;
  return names;
}

bool StillNamed(int fd, const std::string& path) {
  struct stat opened {
  }, named{};
  if (fstat(fd, &opened) != 0 || lstat(path.c_str(), &named) != 0) return false;
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

bool LockFile(int fd) {
  for (int i = 0; i < kLockTries; ++i) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    usleep(kLockPauseUs);
  }
  return false;
}

// JSON with an id is not yet a row of ours.
bool IsOurRow(const RequestLogRow& row) {
  return row.timestamp_unix_s > 0 && row.timestamp_unix_s <= kLastUnixS && row.status_code >= 100 &&
         row.status_code <= 999 && !row.client_type.empty();
}

// Commits are in the WAL, but not yet on the disk (synchronous=NORMAL). SQLite locks nothing in this file, so that
// closing it drops no lock.
Status SyncWal(const std::string& database_path) {
  char real[PATH_MAX];
  if (realpath(database_path.c_str(), real) == nullptr) return Error{ErrorKind::kIo, database_path + " is gone"};
  const std::string wal = std::string(real) + "-wal";
  const Fd fd(open(wal.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return {};  // all of it is in the database: the last checkpoint synced both
  if (fd.get() < 0 || fsync(fd.get()) != 0) return Error{ErrorKind::kIo, wal + ": " + strerror(errno)};
  return {};
}

// One file of the spool, from its beginning to its deletion.
class FileReplay {
 public:
  FileReplay(std::string dir, int fd, RequestLog& log, TurnLock& turns, SpoolReplay* done)
      : dir_(std::move(dir)), fd_(fd), log_(log), turns_(turns), done_(done) {}

  // Commits all rows that are in the file now, from where the last call ended. The error is the database's.
  Status ReadToEnd();
  // Keeps the bad lines aside, which the file will not hold any longer.
  void KeepBadLines();
  bool HasMore() const {
    struct stat file {};
    return fstat(fd_, &file) == 0 && file.st_size > read_bytes_;
  }

 private:
  Status TakeLine(const std::string& line);
  Status Commit();
  void Bad(std::string_view line);

  const std::string dir_;
  const int fd_;
  RequestLog& log_;
  TurnLock& turns_;
  SpoolReplay* done_;
  int64_t read_bytes_ = 0;
  std::vector<RequestLogRow> rows_;
  std::string bad_;
};

Status FileReplay::ReadToEnd() {
  std::string line;
  bool too_long = false;
  std::vector<char> buffer(64 << 10);
  for (;;) {
    const ssize_t n = pread(fd_, buffer.data(), buffer.size(), read_bytes_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{ErrorKind::kIo, dir_ + ": " + strerror(errno)};
    if (n == 0) break;
    read_bytes_ += n;
    std::string_view rest(buffer.data(), static_cast<size_t>(n));
    for (size_t end = rest.find('\n'); !rest.empty(); end = rest.find('\n')) {
      const std::string_view part = rest.substr(0, end);
      line += part.substr(0, kMaxLineBytes - line.size());
      too_long = too_long || line.size() == kMaxLineBytes;
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      if (end == std::string_view::npos) break;
      if (too_long) Bad(line);
      if (Status s = too_long ? Status{} : TakeLine(line); !s.ok()) return s;
      line.clear();
      too_long = false;
    }
  }
  // The last line may have lost its end to a kill; when it still is a row, it is one.
  if (too_long) Bad(line);
  if (Status s = too_long ? Status{} : TakeLine(line); !s.ok()) return s;
  return Commit();
}

Status FileReplay::TakeLine(const std::string& line) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return {};
  auto row = ParseSpoolLine(line);
  if (!row || !IsOurRow(*row)) {
    Bad(line);
    return {};
  }
  rows_.push_back(std::move(*row));
  return rows_.size() < kBatchRows ? Status{} : Commit();
}

Status FileReplay::Commit() {
  if (rows_.empty()) return {};
  const TurnLock::Turn turn = turns_.Wait(kTurnWaitMs);
  if (Status s = log_.Append(rows_); !s.ok()) return s;
  done_->rows += static_cast<int64_t>(rows_.size());
  rows_.clear();
  return {};
}

void FileReplay::Bad(std::string_view line) {
  ++done_->bad_lines;
  if (bad_.size() + line.size() < kSpoolBadMaxBytes) bad_.append(line).append("\n");
}

void FileReplay::KeepBadLines() {
  if (bad_.empty()) return;
  const std::string path = dir_ + "/" + kSpoolBadFile;
  const Fd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat file {};
  if (fd.get() < 0 || fstat(fd.get(), &file) != 0 || !S_ISREG(file.st_mode)) {
    done_->problems.push_back(path + " cannot be written: " + strerror(errno));
    return;
  }
  const int64_t room = kSpoolBadMaxBytes - file.st_size;
  const size_t end = room >= static_cast<int64_t>(bad_.size()) ? bad_.size() - 1
                     : room > 0                                ? bad_.rfind('\n', static_cast<size_t>(room) - 1)
                                                               : std::string::npos;
  if (end == std::string::npos) return;
  if (write(fd.get(), bad_.data(), end + 1) != static_cast<ssize_t>(end + 1)) {
    done_->problems.push_back(path + " cannot be written: " + strerror(errno));
  }
}

// The file, renamed so that writers start a new one. Empty: nothing to read there, or a problem was noted.
std::string Claim(const std::string& dir, const std::string& name, SpoolReplay* done) {
  const std::string path = dir + "/" + name;
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0) return "";
  if (!S_ISREG(file.st_mode)) {
    done->problems.push_back(path + " is not a regular file");
    return "";
  }
  if (name != kSpoolFile) return path;
  if (file.st_size == 0) return "";
  std::string claimed = dir + "/" + std::string(kReplayPrefix) + UuidV7(SystemClock()) + std::string(kSuffix);
  if (rename(path.c_str(), claimed.c_str()) == 0) return claimed;
  done->problems.push_back(path + " cannot be renamed: " + strerror(errno));
  return "";
}

}  // namespace

int64_t SpoolBytes(const std::string& dir) {
  int64_t bytes = 0;
  for (const std::string& name : NamesIn(dir)) {
    struct stat file {};
    if (lstat((dir + "/" + name).c_str(), &file) == 0 && S_ISREG(file.st_mode)) bytes += file.st_size;
  }
  return bytes;
}

Status ReplaySpool(const std::string& dir, const std::string& database_path, RequestLog& log, TurnLock& turns,
                   SpoolReplay* done) {
  const std::vector<std::string> names = NamesIn(dir);
  if (errno != 0 && errno != ENOENT) done->problems.push_back(dir + " cannot be read: " + strerror(errno));
  for (const std::string& name : names) {
    const std::string path = Claim(dir, name, done);
    if (path.empty()) continue;
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd.get() < 0) {
      done->problems.push_back(path + " cannot be read: " + strerror(errno));
      continue;
    }
    if (!LockFile(fd.get())) {
      done->problems.push_back(path + " is locked by another process");
      continue;
    }
    if (!StillNamed(fd.get(), path)) continue;  // another replay was faster
    FileReplay file(dir, fd.get(), log, turns, done);
    // Again, for a writer that gave up waiting for the lock and wrote without it.
    do {
      if (Status s = file.ReadToEnd(); !s.ok()) return s;
      if (Status s = SyncWal(database_path); !s.ok()) return s;
    } while (file.HasMore());
    file.KeepBadLines();
    if (unlink(path.c_str()) == 0) {
      ++done->files;
    } else {
      done->problems.push_back(path + " cannot be deleted: " + strerror(errno));
    }
  }
  return {};
}

}  // namespace gc::store
