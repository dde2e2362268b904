// reconcile.cc: trims api_key_metrics; compares totals and keys with the roll-ups.
// SPDX-License-Identifier: MIT
#include "jobs/reconcile.h"

#include <Poco/Data/Statement.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

#include "jobs/rollup.h"
#include "jobs/session.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;
using Integers = std::vector<Poco::Int64>;
using Texts = std::vector<std::string>;

constexpr int kTurnWaitMs = 1000;
constexpr size_t kBatchKeys = 1000;

// All that follow throw what Poco throws.

// Found without a lock, deleted when they were not used since.
int64_t TrimKeys(Poco::Data::Session& session, store::TurnLock& turns, const ReconcileOptions& options) {
  Poco::Int64 count = 0;
  session << "SELECT count(*) FROM api_key_metrics", into(count), now;
  Poco::Int64 over = std::max<int64_t>(0, count - options.max_keys);
  if (over == 0 || options.act == ReconcileOptions::Act::kLook) return over;
  Texts keys;
  Integers used;
  session << "SELECT key_hash, coalesce(last_used, 0) FROM api_key_metrics ORDER BY 2, 1 LIMIT $1", into(keys),
      into(used), use(over), now;
  const int64_t changes_before = sqlite3_total_changes64(HandleOf(session));
  for (size_t first = 0; first < keys.size(); first += kBatchKeys) {
    const auto end = static_cast<std::ptrdiff_t>(std::min(first + kBatchKeys, keys.size()));
    const auto begin = static_cast<std::ptrdiff_t>(first);
    Texts batch_keys(keys.begin() + begin, keys.begin() + end);
    Integers batch_used(used.begin() + begin, used.begin() + end);
    const store::TurnLock::Turn turn = turns.Wait(kTurnWaitMs);
    ImmediateTransaction transaction(session);
    session << "DELETE FROM api_key_metrics WHERE key_hash = $1 AND coalesce(last_used, 0) = $2", use(batch_keys),
        use(batch_used), now;
    transaction.Commit();
  }
  return sqlite3_total_changes64(HandleOf(session)) - changes_before;
}

int64_t TotalsShort(Poco::Data::Session& session) {
  Poco::Int64 missing = 0;
  session << "SELECT (SELECT coalesce(sum(total_requests), 0) FROM system_stats)"
             " - (SELECT coalesce(sum(requests), 0) FROM totals)",
      into(missing), now;
  return std::max<int64_t>(0, missing);
}

// Unix seconds of the date's beginning; 0 when it is none.
int64_t DateStart(const std::string& date) {
  struct tm day {};
  return strptime(date.c_str(), "%Y-%m-%d", &day) != nullptr ? static_cast<int64_t>(timegm(&day)) : 0;
}

void RaiseTotals(Poco::Data::Session& session, store::TurnLock& turns) {
  const store::TurnLock::Turn turn = turns.Wait(kTurnWaitMs);
  ImmediateTransaction transaction(session);
  Poco::Int64 missing = TotalsShort(session);  // again: it is exact only under the lock
  std::string first_date;
  session << "SELECT coalesce(min(date), '') FROM system_stats", into(first_date), now;
  Poco::Int64 since = DateStart(first_date);
  session << "INSERT INTO totals AS t (id, requests, since) VALUES (1, $1, $2)"
             " ON CONFLICT (id) DO UPDATE SET requests = t.requests + excluded.requests",
      use(missing), use(since), now;
  transaction.Commit();
}

// The keys that have more in api_key_metrics: what they have there, and what stats_key_daily says.
struct Differing {
  Texts keys;
  Integers requests, failed, tokens, input_tokens, output_tokens;
  Integers daily_requests, daily_input_tokens, daily_output_tokens;
};

Differing FindDiffering(Poco::Data::Session& session) {
  Differing found;
  std::string first_date;
  session << "SELECT coalesce(min(date), '') FROM stats_key_daily", into(first_date), now;
  if (first_date.empty()) return found;
  Poco::Int64 covered_from = DateStart(first_date) + kDayS;
  session << "WITH sums AS (SELECT key_hash, sum(requests) AS requests, sum(input_tokens) AS input_tokens,"
             "  sum(output_tokens) AS output_tokens FROM stats_key_daily GROUP BY key_hash),"
             " daily AS (SELECT m.key_hash, coalesce(s.requests, 0) AS requests,"
             "  coalesce(s.input_tokens, 0) AS input_tokens, coalesce(s.output_tokens, 0) AS output_tokens"
             "  FROM api_key_metrics m LEFT JOIN sums s ON s.key_hash = m.key_hash),"
             " pending AS (SELECT DISTINCT api_key_hash FROM request_logs WHERE seq >"
             "  (SELECT coalesce(max(seq), 0) FROM watermarks WHERE name = 'request_logs'))"
             " SELECT m.key_hash, m.total_requests, m.failed_requests, m.total_tokens, m.total_input_tokens,"
             " m.total_output_tokens, d.requests, d.input_tokens, d.output_tokens"
             " FROM api_key_metrics m JOIN daily d ON d.key_hash = m.key_hash"
             " WHERE m.first_seen >= $1 AND m.key_hash NOT IN (SELECT api_key_hash FROM pending)"
             " AND (m.total_requests > d.requests OR m.total_input_tokens > d.input_tokens"
             "  OR m.total_output_tokens > d.output_tokens)",
      into(found.keys), into(found.requests), into(found.failed), into(found.tokens), into(found.input_tokens),
      into(found.output_tokens), into(found.daily_requests), into(found.daily_input_tokens),
      into(found.daily_output_tokens), use(covered_from), now;
  return found;
}

void LowerKeys(Poco::Data::Session& session, store::TurnLock& turns) {
  const store::TurnLock::Turn turn = turns.Wait(kTurnWaitMs);
  ImmediateTransaction transaction(session);
  Differing f = FindDiffering(session);  // again, under the lock
  if (f.keys.empty()) return;
  Integers successful;
  for (size_t i = 0; i < f.keys.size(); ++i) {
    f.requests[i] = std::min(f.requests[i], f.daily_requests[i]);
    f.failed[i] = std::min(f.failed[i], f.requests[i]);
    successful.push_back(f.requests[i] - f.failed[i]);
    const int64_t other_tokens = f.tokens[i] - f.input_tokens[i] - f.output_tokens[i];
    f.input_tokens[i] = std::min(f.input_tokens[i], f.daily_input_tokens[i]);
    f.output_tokens[i] = std::min(f.output_tokens[i], f.daily_output_tokens[i]);
    f.tokens[i] = std::max<int64_t>(0, other_tokens) + f.input_tokens[i] + f.output_tokens[i];
  }
  session << "UPDATE api_key_metrics SET total_requests = $1, successful_requests = $2, failed_requests = $3,"
             " total_input_tokens = $4, total_output_tokens = $5, total_tokens = $6 WHERE key_hash = $7",
      use(f.requests), use(successful), use(f.failed), use(f.input_tokens), use(f.output_tokens), use(f.tokens),
      use(f.keys), now;
  transaction.Commit();
}

}  // namespace

Result<Reconciliation> Reconcile(Poco::Data::Session& session, store::TurnLock& turns,
                                 const ReconcileOptions& options) {
  Reconciliation result;
  const bool repair = options.act == ReconcileOptions::Act::kRepair;
  const Status done = Try(session, [&] {
    result.keys_over = TrimKeys(session, turns, options);
    result.totals_short = TotalsShort(session);
    if (repair && result.totals_short > 0) RaiseTotals(session, turns);
    if (options.compare_keys) result.keys_differ = static_cast<int64_t>(FindDiffering(session).keys.size());
    if (repair && result.keys_differ > 0) LowerKeys(session, turns);
  });
  if (!done.ok()) return done.error();
  return result;
}

}  // namespace gc::jobs
