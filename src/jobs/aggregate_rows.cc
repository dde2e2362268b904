// aggregate_rows.cc: reads rows without a lock, then writes their cells under a short one.
// SPDX-License-Identifier: MIT
#include "jobs/aggregate_rows.h"

#include <Poco/Data/Statement.h>

#include <algorithm>
#include <vector>

#include "jobs/rollup.h"
#include "jobs/session.h"
#include "jobs/system_stats.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

constexpr int kTurnWaitMs = 1000;
// The write lock is held for the cells and days, not for the rows: so many that it takes some 25 ms. A day's sums over
// its part of stats_hourly take about as long as that many cells.
constexpr size_t kMaxCells = 10'000;
constexpr size_t kMinCells = 2'500;
constexpr size_t kCellsPerDay = 200;
constexpr int64_t kLockUs = 30'000;
// A read transaction keeps the WAL from being started over: not for longer than this takes.
constexpr int64_t kMaxRows = 250'000;

constexpr char kMoveWatermark[] =
    "UPDATE watermarks SET seq = $1, updated_at = $2 WHERE name = 'request_logs' AND seq = $3";
constexpr char kAddWatermark[] =
    "INSERT INTO watermarks (name, seq, updated_at) VALUES ('request_logs', $1, $2) ON CONFLICT (name) DO NOTHING";

// Throws what Poco throws. False: another process moved it meanwhile.
bool Move(Poco::Data::Session& session, const Watermark& from, const Watermark& to) {
  Poco::Int64 seq = to.seq, updated = to.updated_unix_s.value_or(0), before = from.seq;
  if (from.updated_unix_s) {
    session << kMoveWatermark, use(seq), use(updated), use(before), now;
  } else {
    session << kAddWatermark, use(seq), use(updated), now;
  }
  return sqlite3_changes64(HandleOf(session)) == 1;
}

}  // namespace

Result<Watermark> ReadWatermark(Poco::Data::Session& session) {
  std::vector<Poco::Int64> seq, updated;
  const Status read = Try(session, [&] {
    session << "SELECT seq, updated_at FROM watermarks WHERE name = 'request_logs'", into(seq), into(updated), now;
  });
  if (!read.ok()) return read.error();
  if (seq.empty()) return Watermark{};
  return Watermark{seq[0], updated[0]};
}

Result<int64_t> CountPending(Poco::Data::Session& session) {
  Poco::Int64 count = 0;
  const Status read = Try(session, [&] {
    session << "SELECT count(*) FROM request_logs WHERE seq >"
               " (SELECT coalesce(max(seq), 0) FROM watermarks WHERE name = 'request_logs')",
        into(count), now;
  });
  if (!read.ok()) return read.error();
  return int64_t{count};
}

Result<int64_t> RowAggregator::LastSeq() {
  // The table's sequence may have been deleted; what its rows have then counts.
  const auto given = reader_.QueryInt("SELECT seq FROM sqlite_sequence WHERE name = 'request_logs'");
  if (!given) return given.error();
  const auto present = reader_.QueryInt("SELECT max(seq) FROM request_logs");
  if (!present) return present.error();
  return std::max(*given, *present);
}

// Its numbers begin again below the watermark, so that new rows would never be seen. Those which arrived when the
// watermark was last moved, or before, count as aggregated: rather one too few than one twice.
Status RowAggregator::ResetIfBegunAnew(int64_t last_seq, AggregatedRows* done) {
  if (last_seq >= done->watermark.seq) return {};
  auto query = reader_.Prepare("SELECT max(seq) FROM request_logs WHERE timestamp <= ?");
  if (!query) return query.error();
  const auto row = query->BindInt(1, done->watermark.updated_unix_s).Step();
  if (!row) return row.error();
  const Watermark reset{query->Int(0), clock_.UnixS()};
  bool moved = false;
  const store::TurnLock::Turn turn = turns_.Wait(kTurnWaitMs);
  const Status written = Try(session_, [&] {
    ImmediateTransaction transaction(session_);
    moved = Move(session_, done->watermark, reset);
    transaction.Commit();
  });
  if (!written.ok()) return written;
  if (!moved) return Error{ErrorKind::kBusy, "another program moved the watermark of request_logs"};
  done->reset_from_seq = done->watermark.seq;
  done->watermark = reset;
  return {};
}

Status RowAggregator::Write(const Rollup& rollup, Watermark* watermark) {
  const Watermark next{rollup.last_seq(), clock_.UnixS()};
  bool moved = false;
  const store::TurnLock::Turn turn = turns_.Wait(kTurnWaitMs);
  int64_t locked_us = 0;
  const Status written = Try(session_, [&] {
    ImmediateTransaction transaction(session_);
    locked_us = clock_.MonotonicUs();
    moved = Move(session_, *watermark, next);
    if (!moved) return;
    rollup.Write(session_);
    RecomputeDays(session_, rollup.days(), *next.updated_unix_s);
    transaction.Commit();
  });
  if (!written.ok()) return written;
  if (!moved) return Error{ErrorKind::kBusy, "another program moved the watermark of request_logs"};
  locked_us = clock_.MonotonicUs() - locked_us;
  if (locked_us > kLockUs) max_cells_ = std::max(max_cells_ / 2, kMinCells);
  if (locked_us < kLockUs / 2) max_cells_ = std::min(max_cells_ * 2, kMaxCells);
  *watermark = next;
  return {};
}

Status RowAggregator::Run(AggregatedRows* done) {
  const auto watermark = ReadWatermark(session_);
  if (!watermark) return watermark.error();
  done->watermark = *watermark;
  const auto last_seq = LastSeq();
  if (!last_seq) return last_seq.error();
  if (Status s = ResetIfBegunAnew(*last_seq, done); !s.ok()) return s;
  max_cells_ = kMaxCells;
  while (done->watermark.seq < *last_seq) {
    Rollup rollup;
    {
      auto scan = store::RequestScan::Open(reader_, done->watermark.seq);
      if (!scan) return scan.error();
      store::ScannedRequest row;
      while (rollup.rows() < kMaxRows && rollup.last_seq() < *last_seq &&
             rollup.cells() + (rollup.days().size() - (rollup.rows() > 0)) * kCellsPerDay < max_cells_) {
        const auto there = scan->Next(&row);
        if (!there) return there.error();
        if (!*there) break;
        rollup.Add(row);
      }
    }
    if (rollup.rows() == 0) return {};  // the newest rows were deleted
    if (Status s = Write(rollup, &done->watermark); !s.ok()) return s;
    done->rows += rollup.rows();
    done->days.insert(rollup.days().begin(), rollup.days().end());
    after_commit_(done->rows);
  }
  return {};
}

}  // namespace gc::jobs
