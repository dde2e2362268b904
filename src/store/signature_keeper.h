// signature_keeper.h: finds and keeps thought signatures for the requests of one process: never an error, never a wait
// for the disk when something is kept, and a short one at most when something is looked for.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "store/group_writer.h"
#include "store/shared_table.h"
#include "store/signatures.h"

namespace gc::store {

struct SignatureKeeperOptions {
  std::string database_path;
  SignatureLimits limits;  // max_rows 0: nothing is kept or found
};

// As the configuration says.
SignatureKeeperOptions SignatureKeeperOptionsFrom(const Config& config);

// One per process; made after the last fork. Find and Add are for any thread.
class SignatureKeeper {
 public:
  SignatureKeeper(SignatureKeeperOptions options, WriteTime time);

  // What is known of these calls, in no order; also what Add was given and the database does not have yet. Whatever is
  // wrong with the database: nothing of it. Waits 50 ms at most for a lock. REQUIRES: each id once.
  std::vector<SignatureRow> Find(std::string_view key_hash, std::span<const std::string_view> call_ids);
  // Never waits for the database. What the database refuses is lost: the next turn then goes without.
  void Add(std::vector<SignatureRow> rows);
  // Writes what is left, then closes the database. Rows added later are dropped. Once or often.
  void Stop();

 private:
  const SignatureKeeperOptions options_;
  SharedTable<Signatures> reader_;
  GroupWriter<SignatureRow, Signatures> writer_;
  std::atomic<bool> read_fails_ = false;
};

}  // namespace gc::store
