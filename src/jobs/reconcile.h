// reconcile.h: keeps api_key_metrics within its bound, and compares figures that are kept in two ways.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>

#include "base/result.h"
#include "store/turn_lock.h"

namespace gc::jobs {

struct ReconcileOptions {
  enum class Act {
    kLook,    // changes nothing
    kTrim,    // takes out what is over max_keys
    kRepair,  // and corrects what differs
  };
  Act act = Act::kTrim;
  int64_t max_keys = 0;
  bool compare_keys = false;  // a scan of stats_key_daily
};

struct Reconciliation {
  int64_t keys_over = 0;     // keys above max_keys; taken out unless kLook
  int64_t totals_short = 0;  // totals.requests is this much below the sum of system_stats.total_requests
  int64_t keys_differ = 0;   // keys with more requests or tokens in api_key_metrics than in stats_key_daily
};

// A key is compared when both tables cover the same rows: first seen after the oldest day of stats_key_daily, and no
// row of it is still to be aggregated. stats_key_daily may count more (requests that never called Gemini; a key that
// was taken out and came again), never less. kRepair raises totals.requests to the sum, and lowers api_key_metrics to
// stats_key_daily. Writes are in transactions of their own, 1,000 keys at most, each in its turn. Errors: the
// database's.
Result<Reconciliation> Reconcile(Poco::Data::Session& session, store::TurnLock& turns, const ReconcileOptions& options);

}  // namespace gc::jobs
