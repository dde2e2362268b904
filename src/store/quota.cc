// quota.cc: the statements on keys and quota.
// SPDX-License-Identifier: MIT
#include "store/quota.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/pacific.h"
#include "store/migrations.h"

namespace gc::store {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
constexpr int64_t kRowsBetweenTrims = 1000;

constexpr char kReadKey[] = "SELECT subject, disabled_until, reason FROM keys WHERE key_hash = ?1";
constexpr char kReadQuota[] =
    "SELECT cool_until, reason, failures, minute_requests_limit, minute_tokens_limit, day_requests_limit, limits_at,"
    " CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute_requests ELSE 0 END,"
    " CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute_tokens ELSE 0 END,"
    " CASE WHEN day BETWEEN ?4 AND ?4 + 1 THEN day_requests ELSE 0 END,"
    " CASE WHEN day BETWEEN ?4 AND ?4 + 1 THEN day_tokens ELSE 0 END"
    " FROM quota WHERE subject = ?1 AND model = ?2";
// A window that is one ahead is the current one: somebody else's clock was read a moment later. One that is further
// ahead is from before the clock was set back, and starts anew.
// Parameters: 1 subject, 2 model, 3 minute, 4 day, 5 tokens, 6 now, 7 to 9 limits, 10 requests.
constexpr char kReserve[] =
    "INSERT INTO quota (subject, model, minute, minute_requests, minute_tokens, day, day_requests, day_tokens,"
    " updated_at) VALUES (?1, ?2, ?3, ?10, ?5, ?4, ?10, ?5, ?6)"
    " ON CONFLICT DO UPDATE SET"
    " minute_requests = CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute_requests ELSE 0 END + ?10,"
    " minute_tokens = CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute_tokens ELSE 0 END + ?5,"
    " minute = CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute ELSE ?3 END,"
    " day_requests = CASE WHEN day BETWEEN ?4 AND ?4 + 1 THEN day_requests ELSE 0 END + ?10,"
    " day_tokens = CASE WHEN day BETWEEN ?4 AND ?4 + 1 THEN day_tokens ELSE 0 END + ?5,"
    " day = CASE WHEN day BETWEEN ?4 AND ?4 + 1 THEN day ELSE ?4 END,"
    " updated_at = ?6"
    " WHERE CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute_requests ELSE 0 END <= ?7 - ?10"
    " AND CASE WHEN minute BETWEEN ?3 AND ?3 + 1 THEN minute_tokens ELSE 0 END <= ?8 - ?5"
    " AND CASE WHEN day BETWEEN ?4 AND ?4 + 1 THEN day_requests ELSE 0 END <= ?9 - ?10"
    " RETURNING minute, day";
// What belongs to a window that is over is of no use any more; a window that is ahead of the clock is from before that
// was set back. Never below zero: the row may have been made anew.
// Parameters: 1 subject, 2 model, 3 minute, 4 day, 5 requests, 6 tokens, 7 now, 8 and 9 the windows of now.
constexpr char kUse[] =
    "INSERT INTO quota (subject, model, minute, minute_requests, minute_tokens, day, day_requests, day_tokens,"
    " updated_at) VALUES (?1, ?2, ?3, max(?5, 0), max(?6, 0), ?4, max(?5, 0), max(?6, 0), ?7)"
    " ON CONFLICT DO UPDATE SET"
    " minute_requests = CASE WHEN minute = ?3 THEN max(minute_requests + ?5, 0)"
    "   WHEN minute BETWEEN ?3 AND ?8 + 1 THEN minute_requests ELSE max(?5, 0) END,"
    " minute_tokens = CASE WHEN minute = ?3 THEN max(minute_tokens + ?6, 0)"
    "   WHEN minute BETWEEN ?3 AND ?8 + 1 THEN minute_tokens ELSE max(?6, 0) END,"
    " minute = CASE WHEN minute BETWEEN ?3 AND ?8 + 1 THEN minute ELSE ?3 END,"
    " day_requests = CASE WHEN day = ?4 THEN max(day_requests + ?5, 0)"
    "   WHEN day BETWEEN ?4 AND ?9 + 1 THEN day_requests ELSE max(?5, 0) END,"
    " day_tokens = CASE WHEN day = ?4 THEN max(day_tokens + ?6, 0)"
    "   WHEN day BETWEEN ?4 AND ?9 + 1 THEN day_tokens ELSE max(?6, 0) END,"
    " day = CASE WHEN day BETWEEN ?4 AND ?9 + 1 THEN day ELSE ?4 END,"
    " updated_at = ?7";
constexpr char kCool[] =
    "INSERT INTO quota (subject, model, cool_until, reason, failures, minute_requests_limit, minute_tokens_limit,"
    " day_requests_limit, limits_at, updated_at) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9)"
    " ON CONFLICT DO UPDATE SET reason = CASE WHEN ?3 >= cool_until THEN ?4 ELSE reason END, cool_until = "
    "max(cool_until, ?3), failures = failures + 1,"
    " minute_requests_limit = coalesce(?5, minute_requests_limit),"
    " minute_tokens_limit = coalesce(?6, minute_tokens_limit),"
    " day_requests_limit = coalesce(?7, day_requests_limit), limits_at = max(limits_at, ?8), updated_at = ?9";
constexpr char kFailure[] =
    "INSERT INTO quota (subject, model, failures, updated_at) VALUES (?1, ?2, 1, ?3)"
    " ON CONFLICT DO UPDATE SET failures = failures + 1, updated_at = ?3";
constexpr char kSuccess[] = "UPDATE quota SET failures = 0 WHERE subject = ?1 AND model = ?2 AND failures > 0";
constexpr char kDisable[] =
    "INSERT INTO keys (key_hash, subject, disabled_until, reason, updated_at) VALUES (?1, ?1, ?2, ?3, ?4)"
    " ON CONFLICT DO UPDATE SET disabled_until = ?2, reason = ?3, updated_at = ?4";
constexpr char kProject[] =
    "INSERT INTO keys (key_hash, subject, disabled_until, reason, updated_at) VALUES (?1, ?2, 0, '', ?3)"
    " ON CONFLICT DO UPDATE SET subject = ?2, updated_at = ?3";
constexpr char kClearKey[] = "DELETE FROM keys WHERE key_hash = ?1";
constexpr char kClearQuota[] = "DELETE FROM quota WHERE subject = ?1";
constexpr const char* kSql[] = {"BEGIN",  "COMMIT", kReadKey, kReadQuota, kReserve,  kUse,       kCool,
                                kFailure, kSuccess, kDisable, kProject,   kClearKey, kClearQuota};  // as in Statements

std::optional<int64_t> OptionalInt(const Statement& statement, int column) {
  if (statement.IsNull(column)) return std::nullopt;
  return statement.Int(column);
}

}  // namespace

QuotaWindows WindowsAt(int64_t unix_s) { return {unix_s / 60, PacificDay(unix_s)}; }

Result<Quota> Quota::Open(const std::string& path, int busy_timeout_ms, const QuotaCaps& caps) {
  auto connection = Connection::Open(path, OpenMode::kReadWrite, busy_timeout_ms);
  if (!connection) return connection.error();
  if (Status s = CheckVersion(*connection, Database::kState); !s.ok()) return s.error();
  std::vector<Statement> s;
  for (const char* sql : kSql) {
    auto statement = connection->Prepare(sql);
    if (!statement) return statement.error();
    s.push_back(std::move(*statement));
  }
  return Quota(std::move(*connection),
               {std::move(s[0]), std::move(s[1]), std::move(s[2]), std::move(s[3]), std::move(s[4]), std::move(s[5]),
                std::move(s[6]), std::move(s[7]), std::move(s[8]), std::move(s[9]), std::move(s[10]), std::move(s[11]),
                std::move(s[12])},
               caps);
}

Result<std::vector<KeyQuota>> Quota::Read(std::span<const std::string> key_hashes, std::string_view model,
                                          QuotaWindows windows) {
  // One transaction: each statement alone would take and leave SQLite's read lock, which are system calls.
  if (Status s = statements_.begin_reading.Run(); !s.ok()) return s.error();
  std::vector<KeyQuota> found(key_hashes.size());
  Status status;
  for (size_t i = 0; i < key_hashes.size() && status.ok(); ++i)
    status = ReadKey(key_hashes[i], model, windows, &found[i]);
  const Status ended = statements_.end_reading.Run();
  if (!status.ok()) return status.error();
  if (!ended.ok()) return ended.error();
  return found;
}

Status Quota::ReadKey(const std::string& key_hash, std::string_view model, QuotaWindows windows, KeyQuota* key) {
  key->subject = key_hash;
  Statement& by_key = statements_.read_key;
  const auto known = by_key.BindText(1, key_hash).Step();
  if (known.ok() && *known) {
    key->subject = by_key.Text(0);
    key->disabled_until_s = by_key.Int(1);
    key->disabled_reason = by_key.Text(2);
  }
  by_key.Reset();
  if (!known) return known.error();
  Statement& by_subject = statements_.read_quota;
  by_subject.BindText(1, key->subject).BindText(2, model).BindInt(3, windows.minute).BindInt(4, windows.day);
  const auto row = by_subject.Step();
  if (row.ok() && *row) {
    key->cool_until_s = by_subject.Int(0);
    key->cool_reason = by_subject.Text(1);
    key->failures = by_subject.Int(2);
    key->learned = {OptionalInt(by_subject, 3), OptionalInt(by_subject, 4), OptionalInt(by_subject, 5)};
    key->learned_at_s = by_subject.Int(6);
    key->minute_requests = by_subject.Int(7);
    key->minute_tokens = by_subject.Int(8);
    key->day_requests = by_subject.Int(9);
    key->day_tokens = by_subject.Int(10);
  }
  by_subject.Reset();
  if (!row) return row.error();
  return {};
}

Result<std::optional<Reservation>> Quota::Reserve(const std::string& subject, std::string_view model,
                                                  QuotaWindows windows, const QuotaLimits& limits, int64_t requests,
                                                  int64_t tokens, int64_t now_unix_s) {
  const int64_t minute_tokens = limits.minute_tokens.value_or(kNoLimit);
  const int64_t minute_requests = limits.minute_requests.value_or(kNoLimit);
  const int64_t day_requests = limits.day_requests.value_or(kNoLimit);
  Statement& reserve = statements_.reserve;
  reserve.BindText(1, subject).BindText(2, model).BindInt(3, windows.minute).BindInt(4, windows.day);
  reserve.BindInt(5, std::min(tokens, minute_tokens)).BindInt(6, now_unix_s);
  reserve.BindInt(7, minute_requests).BindInt(8, minute_tokens).BindInt(9, day_requests);
  reserve.BindInt(10, std::min({requests, minute_requests, day_requests}));
  const auto row = reserve.Step();
  std::optional<Reservation> granted;
  if (row.ok() && *row) granted = Reservation{{reserve.Int(0), reserve.Int(1)}};
  // The change is committed when the statement is done.
  const auto done = granted ? reserve.Step() : row;
  reserve.Reset();
  if (!done) return done.error();
  return granted;
}

Status Quota::Apply(std::span<const QuotaChange> changes, int64_t now_unix_s) {
  auto transaction = Transaction::Begin(connection_);
  if (!transaction) return transaction.error();
  for (const QuotaChange& change : changes) {
    if (Status s = ApplyOne(change, now_unix_s); !s.ok()) return s;
  }
  rows_until_trim_ -= static_cast<int64_t>(changes.size());
  if (rows_until_trim_ < 0) {
    rows_until_trim_ = kRowsBetweenTrims;
    if (Status s = Trim(); !s.ok()) return s;
  }
  return transaction->Commit();
}

Status Quota::ApplyOne(const QuotaChange& c, int64_t now_unix_s) {
  Statements& s = statements_;
  switch (c.kind) {
    case QuotaChange::Kind::kUse:
      s.use.BindText(1, c.subject).BindText(2, c.model).BindInt(3, c.windows.minute).BindInt(4, c.windows.day);
      s.use.BindInt(5, c.requests).BindInt(6, c.tokens).BindInt(7, now_unix_s);
      return s.use.BindInt(8, WindowsAt(now_unix_s).minute).BindInt(9, WindowsAt(now_unix_s).day).Run();
    case QuotaChange::Kind::kCool:
      s.cool.BindText(1, c.subject).BindText(2, c.model).BindInt(3, c.until_s).BindText(4, c.reason);
      s.cool.BindInt(5, c.limits.minute_requests).BindInt(6, c.limits.minute_tokens);
      s.cool.BindInt(7, c.limits.day_requests).BindInt(8, c.limits.any() ? now_unix_s : int64_t{0});
      return s.cool.BindInt(9, now_unix_s).Run();
    case QuotaChange::Kind::kFailure:
      return s.failure.BindText(1, c.subject).BindText(2, c.model).BindInt(3, now_unix_s).Run();
    case QuotaChange::Kind::kSuccess:
      return s.success.BindText(1, c.subject).BindText(2, c.model).Run();
    case QuotaChange::Kind::kDisable:
      if (Status cleared = s.clear_quota.BindText(1, c.key_hash).Run(); !cleared.ok()) return cleared;
      return s.disable.BindText(1, c.key_hash).BindInt(2, c.until_s).BindText(3, c.reason).BindInt(4, now_unix_s).Run();
    case QuotaChange::Kind::kProject:
      return s.project.BindText(1, c.key_hash).BindText(2, c.subject).BindInt(3, now_unix_s).Run();
    case QuotaChange::Kind::kClear:
      if (Status cleared = s.clear_key.BindText(1, c.key_hash).Run(); !cleared.ok()) return cleared;
      return s.clear_quota.BindText(1, c.key_hash).Run();
  }
  return {};
}

// Anybody can send keys that nobody knows: what was not used for longest goes.
Status Quota::Trim() {
  for (const auto& [table, max] : {std::pair("keys", caps_.max_keys), std::pair("quota", caps_.max_quota)}) {
    const auto rows = connection_.QueryInt(std::string("SELECT count(*) FROM ") + table);
    if (!rows) return rows.error();
    if (*rows <= max) continue;
    // A tenth more than is too much, so that the next trim is not at once.
    const std::string excess = std::to_string(*rows - max + max / 10);
    const std::string oldest =
        std::string("(SELECT updated_at FROM ") + table + " ORDER BY updated_at LIMIT 1 OFFSET " + excess + ")";
    if (Status s = connection_.Execute(std::string("DELETE FROM ") + table + " WHERE updated_at < " + oldest); !s.ok())
      return s;
  }
  return {};
}

}  // namespace gc::store
