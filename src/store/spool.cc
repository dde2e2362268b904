// spool.cc: appends rows to the spool file and reads its lines back.
// SPDX-License-Identifier: MIT
#include "store/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace gc::store {
namespace {

// Long enough for another writer's batch; a stopped process must not stop us.
constexpr int kLockTries = 100;
constexpr useconds_t kLockPauseUs = 1000;

// Every field once, for both directions. The names are the columns' where there is one.
template <class Row, class Visitor>
void VisitFields(Row& row, Visitor&& visit) {
  visit("id", row.id);
  visit("timestamp", row.timestamp_unix_s);
  visit("client_type", row.client_type);
  visit("client_ip", row.client_ip);
  visit("user_agent", row.user_agent);
  visit("api_key_hash", row.api_key_hash);
  visit("model", row.model);
  visit("original_model", row.original_model);
  visit("endpoint", row.endpoint);
  visit("method", row.method);
  visit("referer", row.referer);
  visit("response_time", row.response_time_ms);
  visit("status_code", row.status_code);
  visit("input_tokens", row.input_tokens);
  visit("output_tokens", row.output_tokens);
  visit("total_tokens", row.total_tokens);
  visit("cached_tokens", row.cached_tokens);
  visit("thoughts_tokens", row.thoughts_tokens);
  visit("is_stream", row.is_stream);
  visit("has_error", row.has_error);
  visit("error_type", row.error_type);
  visit("error_message", row.error_message);
  visit("request_size", row.request_size);
  visit("response_size", row.response_size);
  visit("first_token_ms", row.first_token_ms);
  visit("finish_reason", row.finish_reason);
  visit("attempts", row.attempts);
  visit("key_rejected", row.key_rejected);
  visit("upstream_status", row.upstream_status);
  visit("quota_id", row.quota_id);
  visit("cache", row.cache);
  visit("key_attempts", row.key_attempts);
}

template <class Attempt, class Visitor>
void VisitAttempt(Attempt& attempt, Visitor&& visit) {
  visit("key_hash", attempt.key_hash);
  visit("called", attempt.called);
  visit("reason", attempt.reason);
  visit("status_code", attempt.status_code);
  visit("start_ms", attempt.start_ms);
  visit("duration_ms", attempt.duration_ms);
  visit("rests_until", attempt.rests_until_unix_s);
  visit("key_rejected", attempt.key_rejected);
}

struct FieldWriter {
  json::Writer& w;
  void operator()(std::string_view name, const std::string& v) { w.Key(name).String(v); }
  void operator()(std::string_view name, int64_t v) { w.Key(name).Int(v); }
  void operator()(std::string_view name, int v) { w.Key(name).Int(v); }
  void operator()(std::string_view name, bool v) { w.Key(name).Bool(v); }
  void operator()(std::string_view name, CacheUse v) { w.Key(name).Int(static_cast<int>(v)); }
  void operator()(std::string_view name, const std::optional<int64_t>& v) {
    if (v) w.Key(name).Int(*v);
  }
  void operator()(std::string_view name, const std::vector<KeyAttempt>& v) {
    if (v.empty()) return;
    w.Key(name).BeginArray();
    for (const KeyAttempt& attempt : v) {
      w.BeginObject();
      VisitAttempt(attempt, *this);
      w.EndObject();
    }
    w.EndArray();
  }
};

struct FieldReader {
  const json::Value& object;
  std::string_view wrong{};  // first field that has another type

  void operator()(std::string_view name, std::string& out) { Take(name, &json::Value::String, &out); }
  void operator()(std::string_view name, int64_t& out) { Take(name, &json::Value::Int, &out); }
  void operator()(std::string_view name, int& out) { Take(name, &json::Value::Int, &out); }
  void operator()(std::string_view name, bool& out) { Take(name, &json::Value::Bool, &out); }
  void operator()(std::string_view name, CacheUse& out) { Take(name, &json::Value::Int, &out); }
  void operator()(std::string_view name, std::optional<int64_t>& out) { Take(name, &json::Value::Int, &out); }
  void operator()(std::string_view name, std::vector<KeyAttempt>& out) {
    const json::Value* value = object.Find(name);
    if (value == nullptr) return;
    for (const json::Value& item : value->Items()) {
      FieldReader reader{item};
      VisitAttempt(out.emplace_back(), reader);
      if (!reader.wrong.empty()) wrong = reader.wrong;
    }
    if (!value->IsArray()) wrong = name;
  }

 private:
  template <class Read, class T>
  void Take(std::string_view name, Read read, T* out) {
    const json::Value* value = object.Find(name);
    if (value == nullptr) return;
    if (const auto typed = (value->*read)()) {
      *out = static_cast<T>(*typed);
    } else if (wrong.empty()) {
      wrong = name;
    }
  }
};

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error FromErrno(int error, const std::string& what) {
  const ErrorKind kind = error == ENOSPC || error == EDQUOT || error == EFBIG ? ErrorKind::kFull
                         : error == EROFS                                     ? ErrorKind::kReadOnly
                         : error == EACCES || error == EPERM                  ? ErrorKind::kPermission
                         : error == ENOENT                                    ? ErrorKind::kNotFound
                                                                              : ErrorKind::kIo;
  return {kind, what + ": " + strerror(error)};
}

Result<Fd> OpenAppending(const std::string& path) {
  constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  Fd existing(open(path.c_str(), kFlags));
  if (existing.get() >= 0 || errno != ENOENT) {
    if (existing.get() < 0) return FromErrno(errno, path);
    return existing;
  }
  Fd created(open(path.c_str(), kFlags | O_CREAT, 0600));
  if (created.get() < 0 || fchmod(created.get(), 0600) != 0) return FromErrno(errno, path);
  return created;
}

bool StillNamed(int fd, const std::string& path) {
  struct stat opened {
  }, named{};
  if (fstat(fd, &opened) != 0 || stat(path.c_str(), &named) != 0) return false;
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// The spool file, locked (or, when somebody holds the lock for too long, not: a line may then be torn, which is less
// than a batch lost). Closing it unlocks.
Result<Fd> OpenLocked(const std::string& path) {
  for (int i = 0;; ++i) {
    auto fd = OpenAppending(path);
    if (!fd) return fd;
    const bool locked = flock(fd->get(), LOCK_EX | LOCK_NB) == 0;
    if ((locked && StillNamed(fd->get(), path)) || i == kLockTries) return fd;
    if (!locked) usleep(kLockPauseUs);
  }
}

int64_t BytesOf(const std::string& dir) {
  int64_t bytes = 0;
  DIR* entries = opendir(dir.c_str());
  if (entries == nullptr) return 0;
  while (const dirent* entry = readdir(entries)) {
    struct stat file {};
    if (!std::string_view(entry->d_name).ends_with(".ndjson")) continue;
    if (fstatat(dirfd(entries), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0) bytes += file.st_size;
  }
  closedir(entries);
  return bytes;
}

// A killed writer may have left half a line: what follows must not grow onto it.
bool EndsInsideLine(int fd) {
  struct stat file {};
  char last = '\n';
  return fstat(fd, &file) == 0 && file.st_size > 0 && pread(fd, &last, 1, file.st_size - 1) == 1 && last != '\n';
}

Status WriteLine(int fd, const std::string& line) {
  struct stat before {};
  if (fstat(fd, &before) != 0) return FromErrno(errno, "spool");
  ssize_t n = write(fd, line.data(), line.size());
  while (n < 0 && errno == EINTR) n = write(fd, line.data(), line.size());
  if (n == static_cast<ssize_t>(line.size())) return {};
  const int error = n < 0 ? errno : ENOSPC;  // a short write to a file means that there is no room
  if (n > 0 && ftruncate(fd, before.st_size) != 0) return FromErrno(errno, "spool");
  return FromErrno(error, "spool");
}

}  // namespace

Status Spool::Append(std::span<const RequestLogRow> rows) {
  // The umask can only narrow 0700; an existing directory keeps the operator's mode.
  (void)mkdir(dir_.c_str(), 0700);
  const auto fd = OpenLocked(dir_ + "/" + kSpoolFile);
  if (!fd) {
    dropped_ += static_cast<int64_t>(rows.size());
    return fd.error();
  }
  Status first;
  int64_t bytes = BytesOf(dir_);
  const char* prefix = EndsInsideLine(fd->get()) ? "\n" : "";
  for (const RequestLogRow& row : rows) {
    const std::string line = prefix + ToSpoolLine(row);
    const auto size = static_cast<int64_t>(line.size());
    Status done =
        bytes + size > cap_bytes_ ? Error{ErrorKind::kFull, "the spool is at its limit"} : WriteLine(fd->get(), line);
    if (done.ok()) {
      prefix = "";
      bytes += size;
      ++written_;
      continue;
    }
    ++dropped_;
    if (first.ok()) first = std::move(done);
  }
  return first;
}

std::string ToSpoolLine(const RequestLogRow& row) {
  std::string line;
  json::Writer w(&line);
  w.BeginObject();
  VisitFields(row, FieldWriter{w});
  w.EndObject();
  line += '\n';
  return line;
}

Result<RequestLogRow> ParseSpoolLine(std::string line) {
  const auto document = json::Document::Parse(std::move(line));
  if (!document) return document.error();
  if (!document->root().IsObject()) return Error{ErrorKind::kInvalid, "not a JSON object"};
  RequestLogRow row;
  FieldReader reader{document->root()};
  VisitFields(row, reader);
  if (!reader.wrong.empty()) return Error{ErrorKind::kInvalid, "wrong type: " + std::string(reader.wrong)};
  if (row.id.empty()) return Error{ErrorKind::kInvalid, "no id"};
  return row;
}

}  // namespace gc::store
