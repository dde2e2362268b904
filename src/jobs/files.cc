// files.cc: calls of the operating system around whole files.
// SPDX-License-Identifier: MIT
#include "jobs/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gc::jobs {

Error SystemError(const std::string& what, int system_errno) {
  ErrorKind kind = ErrorKind::kIo;
  switch (system_errno) {
    case ENOENT:
    case ENOTDIR:
      kind = ErrorKind::kNotFound;
      break;
    case EEXIST:
    case EISDIR:
      kind = ErrorKind::kExists;
      break;
    case EACCES:
    case EPERM:
      kind = ErrorKind::kPermission;
      break;
    case EROFS:
      kind = ErrorKind::kReadOnly;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      kind = ErrorKind::kFull;
      break;
    default:
      break;
  }
  return {kind, what + ": " + strerror(system_errno)};
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool Exists(const std::string& path) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0;
}

Status MakeDirectories(const std::string& path) { return MakeParents(path + "/"); }

Status MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    if (mkdir(directory.c_str(), 0700) == 0) continue;
    int error = errno;  // EEXIST; on a read-only file system EROFS, also for what is there
    struct stat found {};
    const bool is_there = stat(directory.c_str(), &found) == 0;
    if (is_there && S_ISDIR(found.st_mode)) continue;
    if (is_there) error = ENOTDIR;
    const ErrorKind kind = error == EACCES || error == EPERM ? ErrorKind::kPermission : ErrorKind::kNotFound;
    return Error{kind, "cannot create " + directory + ": " + strerror(error)};
  }
  return {};
}

Status WriteNewFile(const std::string& path, const std::string& content) {
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError("cannot create " + path, errno);
  int failed = 0;
  for (size_t at = 0; failed == 0 && at < content.size();) {
    const ssize_t bytes = write(fd, content.data() + at, content.size() - at);
    if (bytes > 0) at += static_cast<size_t>(bytes);
    if (bytes < 0 && errno != EINTR) failed = errno;
  }
  if (failed == 0 && fsync(fd) != 0) failed = errno;
  close(fd);
  if (failed == 0) return {};
  unlink(path.c_str());
  return SystemError("cannot write " + path, failed);
}

Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return SystemError("cannot rename " + from + " to " + to, errno);
  return {};
}

namespace {

Status Sync(const std::string& path, int flags) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) return SystemError("cannot open " + path, errno);
  // Some file systems have nothing to sync there.
  const int failed = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
  close(fd);
  if (failed != 0) return SystemError("cannot sync " + path, failed);
  return {};
}

}  // namespace

Status SyncFile(const std::string& path) { return Sync(path, 0); }
Status SyncDirectory(const std::string& directory) { return Sync(directory, O_DIRECTORY); }

Result<int64_t> FreeBytes(const std::string& directory) {
  struct statvfs system {};
  if (statvfs(directory.c_str(), &system) != 0) return SystemError("cannot look at " + directory, errno);
  return static_cast<int64_t>(system.f_bavail) * static_cast<int64_t>(system.f_frsize);
}

void RemoveDatabase(const std::string& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) unlink((path + suffix).c_str());
}

}  // namespace gc::jobs
