// spool.h: rows that the database refused, one JSON object per line in DIR/requests.ndjson, for aggregate to replay.
//
// One file for all processes, because a cap on the whole and a reader need one place; each append holds flock(2) on it,
// so a line that did not fit on the disk can be cut off again without hurting anybody else's.
// A reader renames the file first, then locks it exclusively, reads to its end and deletes it: a writer that finds the
// file renamed under its lock starts a new one, so no line is lost. Lines may come twice (a reader killed before it
// deleted): rows are idempotent by id.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "store/request_log.h"

namespace gc::store {

// The file that writers append to, inside the spool's directory.
inline constexpr char kSpoolFile[] = "requests.ndjson";

// Append is used by one thread at a time; the counters by any.
class Spool {
 public:
  // `cap_bytes` limits all *.ndjson in `dir` together, also those that a reader is replaying.
  Spool(std::string dir, int64_t cap_bytes) : dir_(std::move(dir)), cap_bytes_(cap_bytes) {}

  // One write(2) per row. Rows over the cap, and rows that cannot be written, are dropped and counted; the error is the
  // first reason (kFull for the cap). The directory (mode 0700) and the file (0600) are made when missing.
  Status Append(std::span<const RequestLogRow> rows);

  // Rows since this object was made.
  int64_t written() const { return written_; }
  int64_t dropped() const { return dropped_; }

 private:
  const std::string dir_;
  const int64_t cap_bytes_;
  std::atomic<int64_t> written_ = 0;
  std::atomic<int64_t> dropped_ = 0;
};

// The line of a row, "\n" included.
std::string ToSpoolLine(const RequestLogRow& row);
// The row of a line (with or without "\n"). kInvalid: no JSON object with an id, or a field of another type, as a torn
// line gives. Unknown fields are ignored.
Result<RequestLogRow> ParseSpoolLine(std::string line);

}  // namespace gc::store
