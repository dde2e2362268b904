// signatures.h: the thought signatures in state.db, by key hash and call id: bounded, the oldest out first.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

struct SignatureLimits {
  int64_t max_rows = 0;
  int64_t max_bytes = 0;  // of keys, ids and signatures
  int64_t ttl_s = 0;      // older ones are not found
};

struct SignatureRow {
  std::string key_hash;
  std::string call_id;
  std::string signature;

  int64_t bytes() const { return static_cast<int64_t>(key_hash.size() + call_id.size() + signature.size()); }
};

// One connection to the state database. Used by one thread at a time.
class Signatures {
 public:
  // Errors: as Connection::Open; kConfig when the schema is not one that this program knows; kInternal when it is the
  // one before signatures. `clock` outlives the object.
  static Result<Signatures> Open(const std::string& path, const SignatureLimits& limits, int busy_timeout_ms,
                                 Clock& clock = SystemClock());

  // All rows or none; a call that is there already gets the new signature. What is then too much or too old goes.
  // A row of more than an eighth of max_bytes is left out: it would cost too many others.
  Status Append(std::span<const SignatureRow> rows);
  // Those of the calls that are known for this key, in no order. REQUIRES: each id once.
  Result<std::vector<SignatureRow>> Find(std::string_view key_hash, std::span<const std::string_view> call_ids);

  Connection& connection() { return connection_; }

 private:
  struct Statements {
    Statement find;
    Statement erase;
    Statement insert;
    Statement totals;
    Statement erase_oldest;
    Statement erase_expired;
  };
  Signatures(Connection connection, Statements statements, const SignatureLimits& limits, Clock& clock);
  Status Trim();

  Connection connection_;  // before the statements: they go first
  Statements statements_;
  SignatureLimits limits_;
  Clock* clock_;
};

}  // namespace gc::store
