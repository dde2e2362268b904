// spool_replay.h: brings the spool's rows into the database, each exactly once: the reader's half of spool.h.
// A file is deleted when its rows are committed and on the disk; a replay that is killed before leaves it, and the next
// one reads it again, which changes nothing for rows that are there already (they are idempotent by id).
// Lines that are no row (torn by a killed writer, or another program's) are counted and kept aside in
// SPOOL/requests.bad.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/request_log.h"
#include "store/turn_lock.h"

namespace gc::store {

// Where lines go that are no row; mode 0600. Lines that would make it larger than the limit are only counted.
inline constexpr char kSpoolBadFile[] = "requests.bad";
inline constexpr int64_t kSpoolBadMaxBytes = 1 << 20;

struct SpoolReplay {
  int64_t files = 0;                  // replayed and deleted
  int64_t rows = 0;                   // of them, committed now or before
  int64_t bad_lines = 0;              // of them, no row
  std::vector<std::string> problems;  // what was left alone, and why: no file, locked for too long, not readable
};

// What waits in `dir`: bytes of the files that a replay would read. 0 when there is no directory.
int64_t SpoolBytes(const std::string& dir);

// Replays what is in `dir` now into `log`, which is open on `database_path`. One at a time on a directory; two are
// safe, the second leaves the first one's files alone. Commits up to 512 rows at a time, each in its turn. Adds to
// `done` as it goes; the error is the database's: the files that are not finished stay, for the next replay.
Status ReplaySpool(const std::string& dir, const std::string& database_path, RequestLog& log, TurnLock& turns,
                   SpoolReplay* done);

}  // namespace gc::store
