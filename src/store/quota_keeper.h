// quota_keeper.h: the keys' quota for the requests of one process: never an error. Where the state database cannot be
// had, a request goes on without it: Google enforces the true limits.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/group_writer.h"
#include "store/quota.h"
#include "store/shared_table.h"

namespace gc::store {

enum class Grant {
  kGranted,
  kDenied,  // it would go over a limit
  kUnknown  // the database is locked or cannot be used: nothing was counted
};

// One per process; made after the last fork. All but Stop are for any thread.
class QuotaKeeper {
 public:
  // `clock` outlives the object.
  QuotaKeeper(std::string database_path, WriteTime time, Clock& clock = SystemClock());

  // As Quota::Read. Keys of which nothing can be known come back as never seen.
  std::vector<KeyQuota> Read(std::span<const std::string> key_hashes, std::string_view model, QuotaWindows windows);
  // As Quota::Reserve; waits 50 ms for the database at most. *windows: those that were reserved.
  Grant Reserve(const std::string& subject, std::string_view model, const QuotaLimits& limits, int64_t requests,
                int64_t tokens, QuotaWindows* windows);
  // What other requests should know at once, in all processes: written before it returns when that takes 50 ms at most,
  // else soon.
  void ApplyNow(std::vector<QuotaChange> changes);
  // Written soon.
  void Add(std::vector<QuotaChange> changes);
  // Writes what is left, then closes the database. Once or often.
  void Stop();

  // Requests that went on without a reservation, since the start.
  int64_t unknown_grants() const { return unknown_grants_; }

 private:
  template <class Use>
  Status Ask(Use use);
  void NoteFailure(const Status& status);

  const std::string path_;
  Clock& clock_;
  SharedTable<Quota> reader_;
  SharedTable<Quota> reserver_;
  GroupWriter<QuotaChange, Quota> writer_;
  std::atomic<int64_t> unknown_grants_ = 0;
  std::atomic<int64_t> locked_until_us_ = 0;  // monotonic: until then nobody waits for the lock
  std::atomic<bool> fails_ = false;
};

}  // namespace gc::store
