// aggregate_rows.h: brings the rows of request_logs that are new since the watermark into the roll-ups, each exactly
// once: cells, system_stats and watermark move in the same transaction.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"
#include "store/turn_lock.h"

namespace gc::jobs {

class Rollup;

// The row of request_logs in watermarks: rows up to it are in the roll-ups.
struct Watermark {
  int64_t seq = 0;
  std::optional<int64_t> updated_unix_s;  // nullopt: never set
};
Result<Watermark> ReadWatermark(Poco::Data::Session& session);

// Rows above the watermark; their number costs a scan of them.
Result<int64_t> CountPending(Poco::Data::Session& session);

struct AggregatedRows {
  int64_t rows = 0;
  Watermark watermark;     // as it is now
  std::set<int64_t> days;  // of system_stats, by their first second: made anew
  // Set when request_logs was found emptied and begun anew below this watermark.
  std::optional<int64_t> reset_from_seq;
};

// Used by one thread; what it is given outlives it.
class RowAggregator {
 public:
  // `session` writes, `reader` reads: both on the same main database. `after_commit` runs outside of transactions with
  // the rows done so far.
  RowAggregator(Poco::Data::Session& session, store::Connection& reader, store::TurnLock& turns, Clock& clock,
                std::function<void(int64_t rows)> after_commit)
      : session_(session), reader_(reader), turns_(turns), clock_(clock), after_commit_(std::move(after_commit)) {}

  // Takes the rows that are there when it starts. What is committed before an error stays, and is in `done`.
  Status Run(AggregatedRows* done);

 private:
  Result<int64_t> LastSeq();  // that request_logs ever gave out
  Status ResetIfBegunAnew(int64_t last_seq, AggregatedRows* done);
  Status Write(const Rollup& rollup, Watermark* watermark);

  Poco::Data::Session& session_;
  store::Connection& reader_;
  store::TurnLock& turns_;
  Clock& clock_;
  std::function<void(int64_t rows)> after_commit_;
  size_t max_cells_ = 0;
};

}  // namespace gc::jobs
