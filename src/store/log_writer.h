// log_writer.h: takes the rows of finished requests off the requests' threads and gets them into the main database, or
// into the spool when the database is locked, full, read-only, damaged, missing or of another schema. It never gives up
// on the database: the next batch tries again.
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "store/checkpoint.h"
#include "store/request_log.h"
#include "store/spool.h"
#include "store/turn_lock.h"

namespace gc::store {

struct LogWriterOptions {
  std::string database_path;
  std::string spool_dir;
  int64_t spool_max_bytes = int64_t{64} << 20;
  size_t queue_rows = 65536;  // rows waiting for the thread; more are dropped and counted
};

// As the configuration says.
LogWriterOptions LogWriterOptionsFrom(const Config& config);

// Counted since the writer started.
struct LogWriterStatus {
  int64_t written = 0;         // rows committed
  int64_t spooled = 0;         // rows in the spool file
  int64_t dropped = 0;         // rows lost: the queue or the spool was full, or the spool cannot be written
  int64_t busy = 0;            // batches that found the database locked for too long
  std::optional<Error> error;  // why the last batch was not committed; none: it was
};

// One per process; made after the last fork. Add and status are for any thread.
class LogWriter {
 public:
  // Starts the thread, with all signals blocked.
  explicit LogWriter(LogWriterOptions options);
  ~LogWriter() { Stop(); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Never waits for the database or the disk. The row is committed or spooled within a second.
  void Add(RequestLogRow row);
  // Commits or spools what is queued, then closes the database. A row added later is dropped. Once or often.
  void Stop();

  LogWriterStatus status() const;

 private:
  struct Queued {
    int64_t added_us;  // monotonic
    RequestLogRow row;
  };

  void Run();
  bool Take(std::vector<RequestLogRow>* rows, int64_t* deadline_us);
  void Write(const std::vector<RequestLogRow>& rows, int64_t deadline_us);
  Status Commit(const std::vector<RequestLogRow>& rows, int64_t deadline_us);
  Status OpenDatabase(int64_t deadline_us);
  void CloseDatabase();
  void Fail(const Error& error);

  const LogWriterOptions options_;
  Spool spool_;

  mutable std::mutex mutex_;  // guards the members up to error_
  std::condition_variable ready_;
  std::deque<Queued> queue_;
  bool stopping_ = false;
  int64_t written_ = 0;
  int64_t overflowed_ = 0;  // rows that found the queue full
  int64_t busy_ = 0;
  std::optional<Error> error_;

  // The thread's own.
  std::optional<RequestLog> log_;  // nullopt: closed
  std::optional<TurnLock> turns_;
  PacedCheckpoint checkpoint_;
  int64_t reopen_us_ = 0;  // monotonic; not before

  std::thread thread_;  // last: it uses all of the above
};

// The same for a process that serves one request (CGI): opens, writes, closes; spools when the database cannot be
// written within half a second. A row that the spool refuses as well is lost, which goes to the process log.
void WriteOnce(const LogWriterOptions& options, const RequestLogRow& row);

}  // namespace gc::store
