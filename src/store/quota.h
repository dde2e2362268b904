// quota.h: the state of keys and their quota windows in state.db, shared by all processes.
// Google counts for each project and model: requests and input tokens by the minute, requests by the day in California.
// A key's subject is what is counted for: its own hash, or its project once an answer of Google's has named it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

// Of one subject and model. Nullopt: not known, so not enforced. All at least 1.
struct QuotaLimits {
  std::optional<int64_t> minute_requests = std::nullopt;
  std::optional<int64_t> minute_tokens = std::nullopt;  // input
  std::optional<int64_t> day_requests = std::nullopt;

  bool any() const { return minute_requests || minute_tokens || day_requests; }
};

// Which windows an instant falls into.
struct QuotaWindows {
  int64_t minute = 0;  // since 1970, UTC
  int64_t day = 0;     // since 1970, in California
};
QuotaWindows WindowsAt(int64_t unix_s);

// What is known of one key for one model.
struct KeyQuota {
  std::string subject;  // never empty
  int64_t disabled_until_s = 0;
  std::string disabled_reason;
  int64_t cool_until_s = 0;
  std::string cool_reason;
  int64_t failures = 0;
  QuotaLimits learned;
  int64_t learned_at_s = 0;
  // Used in the windows that were asked for.
  int64_t minute_requests = 0;
  int64_t minute_tokens = 0;
  int64_t day_requests = 0;
  int64_t day_tokens = 0;
};

// The windows that a reservation was made in; they may be a moment ahead of those it was asked for.
struct Reservation {
  QuotaWindows windows;
};

// One thing to remember.
struct QuotaChange {
  enum class Kind {
    kUse,      // requests and tokens are added to the windows, if they are still the current ones; may be negative
    kCool,     // the subject is not asked for this model until until_s; limits that are set replace the known ones
    kFailure,  // one more in a row
    kSuccess,  // no failures in a row any more
    kDisable,  // the key is not asked for anything until until_s; what its quota rows said goes
    kProject,  // the key's quota is that of this subject
    kClear,    // the key is as if it had never been seen
  };
  Kind kind = Kind::kUse;
  std::string subject = {};   // kUse, kCool, kFailure, kSuccess; kProject: the project's
  std::string key_hash = {};  // kDisable, kProject, kClear
  std::string model = {};
  QuotaWindows windows = {};  // kUse
  int64_t requests = 0;
  int64_t tokens = 0;
  int64_t until_s = 0;
  std::string reason = {};
  QuotaLimits limits = {};

  int64_t bytes() const {
    return static_cast<int64_t>(sizeof *this + subject.size() + key_hash.size() + model.size() + reason.size());
  }
};

struct QuotaCaps {
  int64_t max_keys = 100'000;   // rows of keys
  int64_t max_quota = 200'000;  // rows of quota
};

// One connection to the state database. Used by one thread at a time.
class Quota {
 public:
  // Errors: as Connection::Open; kConfig when the schema is not one that this program knows; kInternal when it is the
  // one before quotas.
  static Result<Quota> Open(const std::string& path, int busy_timeout_ms, const QuotaCaps& caps = {});

  // One for each hash, in their order; a key that was never seen has its hash as subject, and zeros.
  Result<std::vector<KeyQuota>> Read(std::span<const std::string> key_hashes, std::string_view model,
                                     QuotaWindows windows);
  // Takes `requests` (at least 1) and `tokens` from the windows, unless that would go over a limit: then nullopt, and
  // nothing is taken. One statement, so that no number of processes can be granted more together. Both are cut to the
  // limit: what is larger than a minute's quota gets a fresh minute, and Google decides.
  Result<std::optional<Reservation>> Reserve(const std::string& subject, std::string_view model, QuotaWindows windows,
                                             const QuotaLimits& limits, int64_t requests, int64_t tokens,
                                             int64_t now_unix_s);
  // All or none, in order, in one transaction.
  Status Apply(std::span<const QuotaChange> changes, int64_t now_unix_s);

  Connection& connection() { return connection_; }

 private:
  struct Statements {
    Statement begin_reading;
    Statement end_reading;
    Statement read_key;
    Statement read_quota;
    Statement reserve;
    Statement use;
    Statement cool;
    Statement failure;
    Statement success;
    Statement disable;
    Statement project;
    Statement clear_key;
    Statement clear_quota;
  };
  Quota(Connection connection, Statements statements, const QuotaCaps& caps)
      : connection_(std::move(connection)), statements_(std::move(statements)), caps_(caps) {}

  Status ReadKey(const std::string& key_hash, std::string_view model, QuotaWindows windows, KeyQuota* key);
  Status ApplyOne(const QuotaChange& change, int64_t now_unix_s);
  Status Trim();

  Connection connection_;  // before the statements: they go first
  Statements statements_;
  QuotaCaps caps_;
  int64_t rows_until_trim_ = 0;  // rows that may be added before the tables are counted again
};

}  // namespace gc::store
