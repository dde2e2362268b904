// signature_keeper.cc: one connection to read, one to write, and what is on its way between them.
// SPDX-License-Identifier: MIT
#include "store/signature_keeper.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <system_error>
#include <unordered_set>

#include "base/clock.h"
#include "base/log.h"

namespace gc::store {
namespace {

constexpr int kReadWaitMs = 50;
constexpr int kPollUs = 100;
constexpr int kTurnWaitMs = 50;
constexpr int kWriteWaitMs = 200;  // a CGI process still has its log row to write
constexpr int64_t kReopenPauseUs = 1'000'000;
constexpr size_t kMaxWaitingRows = 4096;
constexpr int64_t kMaxWaitingBytes = int64_t{16} << 20;

int64_t NowUs() { return SystemClock().MonotonicUs(); }

}  // namespace

SignatureKeeperOptions SignatureKeeperOptionsFrom(const Config& config) {
  SignatureKeeperOptions options;
  options.database_path = config.Text(ConfigKey::kDatabaseStatePath);
  options.limits.max_rows = config.Int(ConfigKey::kSignaturesMaxRows);
  options.limits.max_bytes = config.Int(ConfigKey::kSignaturesMaxBytes);
  options.limits.ttl_s = config.Int(ConfigKey::kSignaturesTtlS);
  return options;
}

SignatureKeeper::SignatureKeeper(SignatureKeeperOptions options, SignatureWrites writes)
    : options_(std::move(options)), writes_(writes), checkpoint_(options_.database_path) {}

void SignatureKeeper::Note(const Status& status, bool* failing, const char* what) {
  if (!status.ok() && !*failing) Log(LogLevel::kWarn, what, {{"error", status.error().message}});
  *failing = !status.ok();
}

std::vector<SignatureRow> SignatureKeeper::Find(std::string_view key_hash, std::span<const std::string_view> call_ids) {
  std::vector<SignatureRow> found;
  if (options_.limits.max_rows == 0 || call_ids.empty()) return found;
  std::unordered_set<std::string_view> missing(call_ids.begin(), call_ids.end());
  {
    const std::lock_guard lock(mutex_);
    for (const auto* waiting : {&queue_, &writing_}) {  // the newest of a call first
      for (auto row = waiting->rbegin(); row != waiting->rend(); ++row) {
        if (row->key_hash == key_hash && missing.erase(row->call_id) > 0) found.push_back(*row);
      }
    }
  }
  if (!missing.empty()) Read(key_hash, {missing.begin(), missing.end()}, &found);
  return found;
}

void SignatureKeeper::Read(std::string_view key_hash, const std::vector<std::string_view>& call_ids,
                           std::vector<SignatureRow>* found) {
  // Polls: ThreadSanitizer does not know what std::timed_mutex waits with.
  std::unique_lock lock(read_mutex_, std::try_to_lock);
  for (int waited_us = 0; !lock.owns_lock() && waited_us < kReadWaitMs * 1000; waited_us += kPollUs) {
    usleep(kPollUs);
    if (lock.try_lock()) break;
  }
  if (!lock.owns_lock() || NowUs() < reader_reopen_us_) return;
  if (reader_ && reader_->connection().HasMoved()) reader_.reset();
  Status status;
  if (!reader_) {
    auto opened = Signatures::Open(options_.database_path, options_.limits, kReadWaitMs);
    if (opened.ok()) {
      reader_.emplace(std::move(*opened));
    } else {
      status = opened.error();
    }
  }
  if (reader_) {
    auto rows = reader_->Find(key_hash, call_ids);
    if (rows.ok()) {
      std::move(rows->begin(), rows->end(), std::back_inserter(*found));
    } else {
      status = rows.error();
    }
  }
  Note(status, &read_fails_, "no thought signatures are found");
  if (!status.ok() && status.error().kind != ErrorKind::kBusy) {
    reader_.reset();
    reader_reopen_us_ = NowUs() + kReopenPauseUs;
  }
}

void SignatureKeeper::Add(std::vector<SignatureRow> rows) {
  if (options_.limits.max_rows == 0 || rows.empty()) return;
  const std::lock_guard lock(mutex_);
  for (SignatureRow& row : rows) {
    const bool full = queue_.size() >= kMaxWaitingRows || waiting_bytes_ + row.bytes() > kMaxWaitingBytes;
    if (stopping_ || full) break;
    waiting_bytes_ += row.bytes();
    queue_.push_back(std::move(row));
  }
  if (stopping_ || writes_ == SignatureWrites::kAtStop) return;
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (const std::system_error&) {
      return;  // the next one tries again; until then they are found in the queue
    }
  }
  ready_.notify_one();
}

void SignatureKeeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ready_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  Write();
  checkpoint_.Close();
  writer_.reset();
  turns_.reset();
  const std::lock_guard lock(read_mutex_);
  reader_.reset();
}

void SignatureKeeper::Run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
    }
    Write();
  }
}

// All that waits, in one transaction: whoever comes meanwhile is in the next one.
void SignatureKeeper::Write() {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return;
    writing_.swap(queue_);
  }
  const Status status = Commit(writing_);
  Note(status, &write_fails_, "thought signatures are lost");
  if (!status.ok() && status.error().kind != ErrorKind::kBusy && NowUs() >= writer_reopen_us_) {
    checkpoint_.Close();
    writer_.reset();
    turns_.reset();
    writer_reopen_us_ = NowUs() + kReopenPauseUs;
  }
  const std::lock_guard lock(mutex_);
  for (const SignatureRow& row : writing_) waiting_bytes_ -= row.bytes();
  writing_.clear();
}

Status SignatureKeeper::Commit(std::span<const SignatureRow> rows) {
  if (writer_ && writer_->connection().HasMoved()) {
    checkpoint_.Close();
    writer_.reset();
  }
  if (!writer_) {
    if (NowUs() < writer_reopen_us_) return Error{ErrorKind::kIo, "the state database is closed"};
    auto opened = Signatures::Open(options_.database_path, options_.limits, kWriteWaitMs);
    if (!opened) return opened.error();
    writer_.emplace(std::move(*opened));
    turns_.emplace(options_.database_path);
  }
  {
    const TurnLock::Turn turn = turns_->Wait(kTurnWaitMs);
    writer_->connection().SetBusyTimeout(kWriteWaitMs);
    if (Status s = writer_->Append(rows); !s.ok()) return s;
  }
  return checkpoint_.RunIfDue(writer_->connection(), *turns_);
}

}  // namespace gc::store
