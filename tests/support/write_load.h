// write_load.h: log rows at a steady rate, from writers as the gateway's workers have them, with the time that each row
// took to its commit; and a database full of rows to begin with.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "store/request_log.h"

namespace gc::test {

// A row that arrived at that time; about one in fifty failed, and models, keys and clients vary with `number`.
store::RequestLogRow LoadRow(int64_t number, int64_t timestamp_unix_s);

// Appends `rows` rows whose times go evenly from `first_unix_s` to `last_unix_s`, and checkpoints on the way. The
// database exists.
Status FillLog(const std::string& database_path, int64_t rows, int64_t first_unix_s, int64_t last_unix_s);

struct WriteLoadOptions {
  std::string database_path;
  std::string spool_dir;
  int writers = 8;                // threads, each with a store::LogWriter of its own (which has a thread, too)
  double rows_per_second = 1500;  // of all writers together; each row goes out at its time whatever became of others
};

struct WriteLoadResult {
  int64_t added = 0;
  int64_t committed = 0;
  int64_t spooled = 0;  // the database did not take them in time
  int64_t dropped = 0;
  std::vector<double> latencies_ms;  // from the time that a row was due to its commit or spooling, sorted

  // The latency that this share of the rows does not exceed; 0 without rows.
  double Percentile(double share) const;
};

// Runs from the constructor on. Used by one thread.
class WriteLoad {
 public:
  explicit WriteLoad(WriteLoadOptions options);
  ~WriteLoad() { Stop(); }
  WriteLoad(const WriteLoad&) = delete;
  WriteLoad& operator=(const WriteLoad&) = delete;

  // Ends the writers, which commit or spool what they hold. What came of it, also when called again.
  const WriteLoadResult& Stop();

 private:
  void Write(int writer, WriteLoadResult* result);

  const WriteLoadOptions options_;
  std::atomic<bool> stop_ = false;
  std::vector<WriteLoadResult> results_;  // one per writer
  std::vector<std::thread> threads_;
  WriteLoadResult total_;
};

}  // namespace gc::test
