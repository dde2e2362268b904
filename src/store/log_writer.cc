// log_writer.cc: the writer thread: groups rows, commits them, spools what the database refuses.
// SPDX-License-Identifier: MIT
#include "store/log_writer.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/log.h"

namespace gc::store {
namespace {

constexpr size_t kBatchRows = 512;
constexpr int64_t kGatherUs = 5'000;
// A row is promised to be safe one second after Add; the last tenth is for the spool.
constexpr int64_t kSettleUs = 900'000;
constexpr int kTurnWaitMs = 250;
constexpr int kBusyTimeoutMs = 400;
constexpr int kOnceTimeoutMs = 500;
constexpr int64_t kReopenPauseUs = 1'000'000;

int LeftMs(int64_t deadline_us, int at_most_ms) {
  const int64_t left_ms = (deadline_us - SystemClock().MonotonicUs()) / 1000;
  return static_cast<int>(std::clamp<int64_t>(left_ms, 0, at_most_ms));
}

// Signals belong to the process's signal thread. SIGXFSZ blocked also turns a file size limit into an error code.
std::thread StartWithoutSignals(auto function) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(function);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

Status CommitOnce(const std::string& path, const RequestLogRow& row, int64_t deadline_us) {
  auto log = RequestLog::Open(path, kOnceTimeoutMs);
  if (!log) return log.error();
  TurnLock turns(path);
  {
    const TurnLock::Turn turn = turns.Wait(LeftMs(deadline_us, kTurnWaitMs));
    log->connection().SetBusyTimeout(LeftMs(deadline_us, kOnceTimeoutMs));
    if (Status s = log->Append({&row, 1}); !s.ok()) return s;
  }
  // Nobody else may be there to do it: while such processes overlap none of them is the last one to close.
  if (log->connection().wal_pages() < kCheckpointPages) return {};
  auto checkpointer = Connection::Open(path, OpenMode::kReadWrite, 0);
  if (checkpointer) (void)Checkpoint(log->connection(), *checkpointer, turns, 0);
  return {};
}

}  // namespace

LogWriterOptions LogWriterOptionsFrom(const Config& config) {
  LogWriterOptions options;
  options.database_path = config.Text(ConfigKey::kDatabasePath);
  options.spool_dir = config.Text(ConfigKey::kSpoolDir);
  options.spool_max_bytes = config.Int(ConfigKey::kSpoolMaxBytes);
  return options;
}

LogWriter::LogWriter(LogWriterOptions options)
    : options_(std::move(options)),
      spool_(options_.spool_dir, options_.spool_max_bytes),
      checkpoint_(options_.database_path),
      thread_(StartWithoutSignals([this] { Run(); })) {}

void LogWriter::Add(RequestLogRow row) {
  const int64_t now_us = SystemClock().MonotonicUs();
  const std::lock_guard lock(mutex_);
  if (stopping_ || queue_.size() >= options_.queue_rows) {
    ++overflowed_;
    return;
  }
  queue_.push_back({now_us, std::move(row)});
  // The thread sleeps on an empty queue or for a full batch; any other wake-up would only cost.
  if (queue_.size() == 1 || queue_.size() == kBatchRows) ready_.notify_one();
}

void LogWriter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ready_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

LogWriterStatus LogWriter::status() const {
  const std::lock_guard lock(mutex_);
  return {written_, spool_.written(), overflowed_ + spool_.dropped(), busy_, error_};
}

void LogWriter::Run() {
  // Opened before the first row, so that no row waits for it and status() knows early.
  if (Status s = OpenDatabase(SystemClock().MonotonicUs() + kSettleUs); !s.ok()) Fail(s.error());
  std::vector<RequestLogRow> rows;
  int64_t deadline_us = 0;
  while (Take(&rows, &deadline_us)) Write(rows, deadline_us);
  CloseDatabase();
}

// Waits for rows, then a moment for more. False: stopped, and nothing is left.
bool LogWriter::Take(std::vector<RequestLogRow>* rows, int64_t* deadline_us) {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return false;
  const int64_t oldest_us = queue_.front().added_us;
  const auto gather = std::chrono::microseconds(oldest_us + kGatherUs - SystemClock().MonotonicUs());
  ready_.wait_for(lock, gather, [this] { return stopping_ || queue_.size() >= kBatchRows; });
  rows->clear();
  while (!queue_.empty() && rows->size() < kBatchRows) {
    rows->push_back(std::move(queue_.front().row));
    queue_.pop_front();
  }
  *deadline_us = oldest_us + kSettleUs;
  return true;
}

void LogWriter::Write(const std::vector<RequestLogRow>& rows, int64_t deadline_us) {
  if (Status s = Commit(rows, deadline_us); !s.ok()) {
    Fail(s.error());
    (void)spool_.Append(rows);  // counts by itself what it could not keep
    return;
  }
  std::optional<Error> overcome;
  {
    const std::lock_guard lock(mutex_);
    written_ += static_cast<int64_t>(rows.size());
    overcome.swap(error_);
  }
  if (overcome) Log(LogLevel::kInfo, "the database takes log rows again");
  if (Status s = checkpoint_.RunIfDue(log_->connection()); !s.ok()) Fail(s.error());
}

Status LogWriter::Commit(const std::vector<RequestLogRow>& rows, int64_t deadline_us) {
  // Replaced or deleted by a restore or an operator: rows written into the old file would be lost.
  if (log_ && log_->connection().HasMoved()) CloseDatabase();
  if (!log_) {
    if (Status s = OpenDatabase(deadline_us); !s.ok()) return s;
  }
  const TurnLock::Turn turn = turns_->Wait(LeftMs(deadline_us, kTurnWaitMs));
  log_->connection().SetBusyTimeout(LeftMs(deadline_us, kBusyTimeoutMs));
  return log_->Append(rows);
}

Status LogWriter::OpenDatabase(int64_t deadline_us) {
  if (SystemClock().MonotonicUs() < reopen_us_) {
    const std::lock_guard lock(mutex_);
    return error_.value_or(Error{ErrorKind::kIo, "the database is closed"});
  }
  auto log = RequestLog::Open(options_.database_path, LeftMs(deadline_us, kBusyTimeoutMs));
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  turns_.emplace(options_.database_path);
  return {};
}

void LogWriter::CloseDatabase() {
  checkpoint_.Close();
  log_.reset();
  turns_.reset();
}

// A handle is not trusted after an error; the pause keeps a broken disk from being opened for every batch.
void LogWriter::Fail(const Error& error) {
  const bool busy = error.kind == ErrorKind::kBusy;
  const int64_t now_us = SystemClock().MonotonicUs();
  if (!busy && now_us >= reopen_us_) {  // else this error is only the pause
    CloseDatabase();
    reopen_us_ = now_us + kReopenPauseUs;
  }
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    busy_ += busy;
    is_new = !error_;
    error_ = error;
  }
  // Outside the lock: Add may not wait for the disk that the process log is on.
  if (is_new) Log(LogLevel::kWarn, "the database refuses log rows; they are spooled", {{"error", error.message}});
}

void WriteOnce(const LogWriterOptions& options, const RequestLogRow& row) {
  const int64_t deadline_us = SystemClock().MonotonicUs() + int64_t{kOnceTimeoutMs} * 1000;
  if (CommitOnce(options.database_path, row, deadline_us).ok()) return;
  const Status spooled = Spool(options.spool_dir, options.spool_max_bytes).Append({&row, 1});
  if (!spooled.ok()) Log(LogLevel::kError, "a log row is lost", {{"id", row.id}, {"error", spooled.error().message}});
}

}  // namespace gc::store
