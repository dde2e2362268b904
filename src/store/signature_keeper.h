// signature_keeper.h: finds and keeps thought signatures for the requests of one process: never an error, never a wait
// for the disk when something is kept, and a short one at most when something is looked for.
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "store/checkpoint.h"
#include "store/signatures.h"
#include "store/turn_lock.h"

namespace gc::store {

struct SignatureKeeperOptions {
  std::string database_path;
  SignatureLimits limits;  // max_rows 0: nothing is kept or found
};

// As the configuration says.
SignatureKeeperOptions SignatureKeeperOptionsFrom(const Config& config);

// When the rows are written.
enum class SignatureWrites {
  kAtOnce,  // by a thread, which the first row starts
  kAtStop,  // by Stop: for a process that serves one request (CGI)
};

// One per process; made after the last fork. Find and Add are for any thread.
class SignatureKeeper {
 public:
  SignatureKeeper(SignatureKeeperOptions options, SignatureWrites writes);
  ~SignatureKeeper() { Stop(); }
  SignatureKeeper(const SignatureKeeper&) = delete;
  SignatureKeeper& operator=(const SignatureKeeper&) = delete;

  // What is known of these calls, in no order; also what Add was given and the database does not have yet. Whatever is
  // wrong with the database: nothing of it. Waits 50 ms at most for a lock. REQUIRES: each id once.
  std::vector<SignatureRow> Find(std::string_view key_hash, std::span<const std::string_view> call_ids);
  // Never waits for the database. What the database refuses is lost: the next turn then goes without.
  void Add(std::vector<SignatureRow> rows);
  // Writes what is left, then closes the database. Rows added later are dropped. Once or often.
  void Stop();

 private:
  void Read(std::string_view key_hash, const std::vector<std::string_view>& call_ids, std::vector<SignatureRow>* found);
  void Run();
  void Write();
  Status Commit(std::span<const SignatureRow> rows);
  // Says it once until it is good again.
  static void Note(const Status& status, bool* failing, const char* what);

  const SignatureKeeperOptions options_;
  const SignatureWrites writes_;

  std::mutex mutex_;  // guards the members up to stopping_
  std::condition_variable ready_;
  std::vector<SignatureRow> queue_;
  std::vector<SignatureRow> writing_;  // taken from the queue, not committed yet
  int64_t waiting_bytes_ = 0;          // of both
  bool stopping_ = false;
  std::thread thread_;

  // The writing side's own.
  std::optional<Signatures> writer_;
  std::optional<TurnLock> turns_;
  PacedCheckpoint checkpoint_;
  int64_t writer_reopen_us_ = 0;  // monotonic; not before
  bool write_fails_ = false;

  std::mutex read_mutex_;  // guards the members below
  std::optional<Signatures> reader_;
  int64_t reader_reopen_us_ = 0;
  bool read_fails_ = false;
};

}  // namespace gc::store
