// prune_batches.cc: steps, their pace, checkpoints.
// SPDX-License-Identifier: MIT
#include "jobs/prune_batches.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "jobs/session.h"
#include "store/checkpoint.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;

constexpr int kTurnWaitMs = 250;
constexpr int kBusyTimeoutMs = 5000;
constexpr int kCheckpointWaitMs = 20;
constexpr int kCheckpointPages = store::kCheckpointPages / 2;
constexpr int64_t kFirstRows = 500;
constexpr int64_t kLeastRows = 16;
// How long a step may hold the write lock: what a writer waits at most, but for the checkpoints.
constexpr int64_t kHoldUs = 4'000;
constexpr int64_t kLongestPauseUs = 1'000'000;
constexpr useconds_t kBackupPauseUs = 50'000;
// Pauses, in lengths of the step before: beside writers, who wait for the checkpoints that it causes as well; and while
// nobody else writes, for who may come.
constexpr int64_t kBesideTimes = 2;
constexpr int64_t kAlonePart = 8;
constexpr int64_t kFirstPages = 64;
constexpr int64_t kLeastPages = 8;
constexpr int64_t kMostPages = 4096;

// The deleting touches each page of the oldest rows in three trees; SQLite's own 2 MiB of cache make it half as fast.
// secure_delete, which is Debian's default and costs nothing measurable here: pruned rows may not rest in free pages,
// which backups copy.
constexpr char kPragmas[] = "PRAGMA cache_size=-65536; PRAGMA secure_delete=ON;";

int OnCommit(void* pages, sqlite3* /*db*/, const char* /*name*/, int wal_pages) {
  *static_cast<int*>(pages) = wal_pages;
  return SQLITE_OK;
}

}  // namespace

PruneBatches::PruneBatches(Poco::Data::Session& session, const PruneOptions& options, Clock& clock,
                           store::Connection holder, store::Connection checkpointer)
    : session_(&session),
      clock_(&clock),
      most_rows_(options.batch_rows),
      pause_ms_(options.pause_ms),
      end_us_(clock.MonotonicUs() + options.budget_s * 1'000'000),
      max_wal_bytes_(options.max_wal_bytes),
      holder_(std::move(holder)),
      checkpointer_(std::move(checkpointer)),
      database_path_(options.database_path),
      turns_(std::make_unique<store::TurnLock>(options.database_path)),
      wal_pages_(std::make_unique<int>(0)),
      next_checkpoint_pages_(kCheckpointPages),
      batch_rows_(std::min(options.batch_rows, kFirstRows)) {}

Result<PruneBatches> PruneBatches::Open(Poco::Data::Session& session, const PruneOptions& options, Clock& clock) {
  auto holder = store::Connection::Open(options.database_path, store::OpenMode::kReadWrite, kCheckpointWaitMs);
  if (!holder) return holder.error();
  auto checkpointer = store::Connection::Open(options.database_path, store::OpenMode::kReadWrite, 0);
  if (!checkpointer) return checkpointer.error();
  PruneBatches batches(session, options, clock, std::move(*holder), std::move(*checkpointer));
  const auto page_bytes = batches.holder_.QueryInt("PRAGMA page_size");
  if (!page_bytes) return page_bytes.error();
  batches.page_bytes_ = *page_bytes;
  sqlite3* db = HandleOf(session);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  if (sqlite3_exec(db, kPragmas, nullptr, nullptr, nullptr) != SQLITE_OK) return store::LastError(db);
  sqlite3_wal_hook(db, OnCommit, batches.wal_pages_.get());
  return batches;
}

PruneBatches::~PruneBatches() {
  if (wal_pages_) sqlite3_wal_hook(HandleOf(*session_), nullptr, nullptr);
}

Status PruneBatches::Delete(const std::function<std::string(int64_t)>& sql, int64_t rows, int64_t* deleted,
                            const std::function<void()>& progress) {
  while (rows > 0 && !Halted()) {
    const int64_t limit = std::min(batch_rows_, rows);
    const auto changed = Step(sql(limit));
    if (!changed && MakeRoom(changed.error(), &batch_rows_, kLeastRows)) continue;
    if (!changed) return changed.error();
    rows -= *changed;
    *deleted += *changed;
    progress();
    if (*changed < limit) return {};
    batch_rows_ = Adapted(batch_rows_, kLeastRows, most_rows_);
  }
  return {};
}

Status PruneBatches::ReturnPages(int64_t pages, int64_t* returned) {
  int64_t most = kFirstPages;
  while (pages > 0 && !Halted()) {
    const int64_t step = std::min(pages, most);
    const auto done = Step("PRAGMA incremental_vacuum(" + std::to_string(step) + ")");
    if (!done && MakeRoom(done.error(), &most, kLeastPages)) continue;
    if (!done) return done.error();
    pages -= step;
    *returned += step;
    most = Adapted(most, kLeastPages, kMostPages);
  }
  return {};
}

bool PruneBatches::MakeRoom(const Error& error, int64_t* step, int64_t least) {
  if (error.kind != ErrorKind::kFull || (was_full_ && *step <= least)) return false;
  was_full_ = true;
  *step = std::min(std::max(*step / 4, least), *step);
  (void)store::Checkpoint(holder_, checkpointer_, *turns_, kCheckpointWaitMs);
  return true;
}

Result<int64_t> PruneBatches::Step(const std::string& sql) {
  int64_t changed = 0;
  {
    const store::TurnLock::Turn turn = turns_->Wait(kTurnWaitMs);
    const Status done = Try(*session_, [&] {
      ImmediateTransaction transaction(*session_);
      const int64_t begin_us = clock_->MonotonicUs();
      sqlite3* db = HandleOf(*session_);
      const int64_t before = sqlite3_total_changes64(db);
      *session_ << sql, now;
      changed = sqlite3_total_changes64(db) - before;
      transaction.Commit();
      step_us_ = held_us_ = clock_->MonotonicUs() - begin_us;
    });
    if (!done.ok()) return done.error();
    was_full_ = false;
  }
  if (Status s = CheckpointIfDue(); !s.ok()) return s.error();
  if (Status s = Pause(); !s.ok()) return s.error();
  return changed;
}

int64_t PruneBatches::Adapted(int64_t now, int64_t least, int64_t most) const {
  if (step_us_ > kHoldUs) return std::min(std::max(now / 2, least), most);
  return step_us_ < kHoldUs / 2 ? std::min(now * 2, most) : now;
}

Status PruneBatches::Pause() {
  int64_t pause_us = 0;
  if (pause_ms_) {
    pause_us = *pause_ms_ * 1000;
  } else {
    Poco::Int64 version = 0;
    const Status read = Try(*session_, [&] { *session_ << "PRAGMA data_version", into(version), now; });
    if (!read.ok()) return read;
    const bool is_alone = data_version_ == version;
    data_version_ = version;
    pause_us = std::min(is_alone ? held_us_ / kAlonePart : held_us_ * kBesideTimes, kLongestPauseUs);
  }
  if (pause_us > 0) usleep(static_cast<useconds_t>(pause_us));
  return {};
}

// As store::PacedCheckpoint does it for the log's writers, but sooner: these pages all differ, theirs are mostly the
// same few, so that a checkpoint of as many takes longer.
Status PruneBatches::CheckpointIfDue() {
  const int pages = *wal_pages_;
  if (pages < kCheckpointPages) next_checkpoint_pages_ = kCheckpointPages;  // the WAL was started over
  if (pages < next_checkpoint_pages_) return {};
  next_checkpoint_pages_ = pages + kCheckpointPages;
  // A backup has the disk: what is deleted now would only make the WAL longer, which nobody may shorten.
  while (store::IsCheckpointPaused(database_path_, pages)) {
    if (Halted()) return {};
    usleep(kBackupPauseUs);
  }
  const int64_t begin_us = clock_->MonotonicUs();
  const auto result = store::Checkpoint(holder_, checkpointer_, *turns_, kCheckpointWaitMs);
  held_us_ += clock_->MonotonicUs() - begin_us;
  if (!result && result.error().kind != ErrorKind::kBusy) return result.error();
  const bool is_empty = result && result->moved_pages == result->wal_pages;
  if (!is_empty && pages * page_bytes_ > max_wal_bytes_) halt_ = Halt::kReader;
  return {};
}

bool PruneBatches::Halted() {
  if (halt_ == Halt::kNone && clock_->MonotonicUs() >= end_us_) halt_ = Halt::kBudget;
  return halt_ != Halt::kNone;
}

}  // namespace gc::jobs
