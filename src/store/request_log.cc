// request_log.cc: the transaction that records finished requests.
// SPDX-License-Identifier: MIT
#include "store/request_log.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/json.h"
#include "store/migrations.h"

namespace gc::store {
namespace {

constexpr int64_t kMinuteS = 60;
constexpr int64_t kKeepMinutesS = 172'800;  // two days

constexpr std::string_view kInsertRequest =
    "INSERT INTO request_logs (id, timestamp, client_type, client_ip, user_agent, api_key_hash, model, original_model,"
    " endpoint, response_time, status_code, input_tokens, output_tokens, total_tokens, is_stream, has_error,"
    " error_message, request_size, response_size, first_token_ms, cached_tokens, thoughts_tokens, finish_reason,"
    " error_type, attempts)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO NOTHING";

constexpr std::string_view kInsertError =
    "INSERT INTO error_logs (id, timestamp, error_type, error_message, error_stack, request_id, client_type, client_ip,"
    " endpoint, method, api_key_hash, status_code, user_agent, referer, context, created_at)"
    " VALUES (?,?,?,?,NULL,?,?,?,?,?,?,?,?,?,?,?)";

// ?1 hash, ?2 response time, ?3..?5 tokens in, out, total, ?6 arrival, ?7 end, ?8 now, ?9 1 = the key failed, ?10 1 =
// the answer says nothing about the key, ?11 1 = Google refused the key. Spooled rows come late: what describes the
// last request changes only when this one ended last. The WHERE keeps a refused key from getting a row; the parser
// needs it anyway between SELECT and ON CONFLICT.
constexpr std::string_view kUpsertKey =
    "INSERT INTO api_key_metrics AS m (key_hash, total_requests, successful_requests, failed_requests,"
    " average_response_time, last_response_time, min_response_time, max_response_time, is_healthy, last_health_check,"
    " consecutive_failures, last_failure_time, total_tokens, total_input_tokens, total_output_tokens, last_used,"
    " first_seen, created_at, updated_at)"
    " SELECT ?1, 1, 1 - ?9, ?9, ?2, ?2, ?2, ?2, 1, iif(?10, NULL, ?7), ?9, iif(?9, ?7, NULL), ?5, ?3, ?4, ?7, ?6,"
    " ?8, ?8"
    " WHERE NOT ?11 OR EXISTS (SELECT 1 FROM api_key_metrics WHERE key_hash = ?1)"
    " ON CONFLICT(key_hash) DO UPDATE SET"
    " total_requests = m.total_requests + 1,"
    " successful_requests = m.successful_requests + 1 - ?9,"
    " failed_requests = m.failed_requests + ?9,"
    " average_response_time = m.average_response_time + (?2 - m.average_response_time) / (m.total_requests + 1.0),"
    " last_response_time = iif(?7 >= ifnull(m.last_used, 0), ?2, m.last_response_time),"
    " min_response_time = min(ifnull(m.min_response_time, ?2), ?2),"
    " max_response_time = max(ifnull(m.max_response_time, ?2), ?2),"
    " is_healthy = iif(?10 OR ?7 < ifnull(m.last_health_check, 0), m.is_healthy,"
    "   NOT (?11 OR (?9 AND m.consecutive_failures >= 2))),"
    " consecutive_failures = iif(?10 OR ?7 < ifnull(m.last_health_check, 0), m.consecutive_failures,"
    "   iif(?9, m.consecutive_failures + 1, 0)),"
    " last_health_check = iif(?10, m.last_health_check, max(ifnull(m.last_health_check, 0), ?7)),"
    " last_failure_time = iif(?9, max(ifnull(m.last_failure_time, 0), ?7), m.last_failure_time),"
    " total_tokens = m.total_tokens + ?5,"
    " total_input_tokens = m.total_input_tokens + ?3,"
    " total_output_tokens = m.total_output_tokens + ?4,"
    " last_used = max(ifnull(m.last_used, 0), ?7),"
    " first_seen = min(ifnull(m.first_seen, ?6), ?6),"
    " updated_at = ?8";

constexpr std::string_view kUpsertTotals =
    "INSERT INTO totals AS t (id, requests, errors, input_tokens, output_tokens, cache_hits, cache_misses, since)"
    " VALUES (1,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
    " requests = t.requests + excluded.requests, errors = t.errors + excluded.errors,"
    " input_tokens = t.input_tokens + excluded.input_tokens, output_tokens = t.output_tokens + excluded.output_tokens,"
    " cache_hits = t.cache_hits + excluded.cache_hits, cache_misses = t.cache_misses + excluded.cache_misses,"
    " since = min(t.since, excluded.since)";

constexpr std::string_view kUpsertMinute =
    "INSERT INTO metrics_minute AS m (minute, model, endpoint, status_class, requests, errors, response_time_ms_sum,"
    " first_token_ms_sum, first_token_count, input_tokens, output_tokens, request_bytes, response_bytes)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(minute, model, endpoint, status_class) DO UPDATE SET"
    " requests = m.requests + excluded.requests, errors = m.errors + excluded.errors,"
    " response_time_ms_sum = m.response_time_ms_sum + excluded.response_time_ms_sum,"
    " first_token_ms_sum = m.first_token_ms_sum + excluded.first_token_ms_sum,"
    " first_token_count = m.first_token_count + excluded.first_token_count,"
    " input_tokens = m.input_tokens + excluded.input_tokens, output_tokens = m.output_tokens + excluded.output_tokens,"
    " request_bytes = m.request_bytes + excluded.request_bytes,"
    " response_bytes = m.response_bytes + excluded.response_bytes";

constexpr std::string_view kInsertAttempt =
    "INSERT INTO key_attempts (request_id, step, key_hash, called, reason, status_code, start_ms, duration_ms,"
    " rests_until, timestamp) VALUES (?,?,?,?,?,?,?,?,?,?)";

// One hour from the oldest on, so that a long pause does not end in one long delete.
constexpr std::string_view kPruneMinutes =
    "DELETE FROM metrics_minute WHERE minute < min(?1, (SELECT min(minute) FROM metrics_minute) + 3600)";

// What an answer says about the key that was used.
enum class KeyVerdict { kWorks, kFailed, kNone };

KeyVerdict VerdictOf(const RequestLogRow& row) {
  const int status = row.status_code;
  if (row.key_rejected || status == 401 || status == 403 || status == 429 || status >= 500) return KeyVerdict::kFailed;
  return status >= 400 ? KeyVerdict::kNone : KeyVerdict::kWorks;
}

std::string ErrorContext(const RequestLogRow& row) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("attempts").Int(row.attempts);
  if (row.upstream_status != 0) w.Key("upstream_status").Int(row.upstream_status);
  if (!row.quota_id.empty()) w.Key("quota_id").String(row.quota_id);
  if (!row.model.empty()) w.Key("model").String(row.model);
  if (!row.finish_reason.empty()) w.Key("finish_reason").String(row.finish_reason);
  w.Key("is_stream").Bool(row.is_stream).EndObject();
  return text;
}

}  // namespace

std::string_view CountedModel(int64_t status_code, std::string_view model) {
  const bool client_error = status_code >= 400 && status_code < 500 && status_code != 429;
  return client_error ? std::string_view{} : model;
}

RequestLog::RequestLog(Connection connection, Statements statements, Clock& clock)
    : connection_(std::move(connection)), statements_(std::move(statements)), clock_(&clock) {}

Result<RequestLog> RequestLog::Open(const std::string& path, int busy_timeout_ms, Clock& clock) {
  auto connection = Connection::Open(path, OpenMode::kReadWrite, busy_timeout_ms);
  if (!connection) return connection.error();
  if (Status s = CheckVersion(*connection, Database::kMain); !s.ok()) return s.error();
  std::vector<Statement> prepared;
  for (const std::string_view sql :
       {kInsertRequest, kInsertError, kUpsertKey, kUpsertTotals, kUpsertMinute, kPruneMinutes}) {
    auto statement = connection->Prepare(sql);
    if (!statement) return statement.error();
    prepared.push_back(std::move(*statement));
  }
  std::optional<Statement> insert_attempt;
  if (auto statement = connection->Prepare(kInsertAttempt)) insert_attempt.emplace(std::move(*statement));
  Statements statements{std::move(prepared[0]),   std::move(prepared[1]), std::move(prepared[2]),
                        std::move(prepared[3]),   std::move(prepared[4]), std::move(prepared[5]),
                        std::move(insert_attempt)};
  return RequestLog(std::move(*connection), std::move(statements), clock);
}

Status RequestLog::Append(std::span<const RequestLogRow> rows) {
  auto transaction = Transaction::Begin(connection_);
  if (!transaction) return transaction.error();
  std::vector<const RequestLogRow*> added;
  for (const RequestLogRow& row : rows) {
    const auto inserted = InsertRequest(row);
    if (!inserted) return inserted.error();
    if (!*inserted) continue;
    added.push_back(&row);
    if (Status s = InsertError(row); !s.ok()) return s;
    if (Status s = InsertAttempts(row); !s.ok()) return s;
    if (Status s = CountForKey(row); !s.ok()) return s;
    if (Status s = CountForOtherKeys(row); !s.ok()) return s;
  }
  if (added.empty()) return {};
  if (Status s = CountTotals(added); !s.ok()) return s;
  if (Status s = CountMinutes(added); !s.ok()) return s;
  if (Status s = PruneMinutes(); !s.ok()) return s;
  return transaction->Commit();
}

// False: a row of that id is there already.
Result<bool> RequestLog::InsertRequest(const RequestLogRow& row) {
  Statement& s = statements_.insert_request;
  s.BindText(1, row.id).BindInt(2, row.timestamp_unix_s).BindText(3, row.client_type).BindText(4, row.client_ip);
  s.BindTextOrNull(5, row.user_agent).BindText(6, row.api_key_hash).BindText(7, row.model);
  s.BindTextOrNull(8, row.original_model).BindText(9, row.endpoint).BindInt(10, row.response_time_ms);
  s.BindInt(11, row.status_code).BindInt(12, row.input_tokens).BindInt(13, row.output_tokens);
  s.BindInt(14, row.total_tokens).BindInt(15, row.is_stream).BindInt(16, row.has_error);
  s.BindTextOrNull(17, row.error_message).BindInt(18, row.request_size).BindInt(19, row.response_size);
  s.BindInt(20, row.first_token_ms).BindInt(21, row.cached_tokens).BindInt(22, row.thoughts_tokens);
  s.BindTextOrNull(23, row.finish_reason).BindTextOrNull(24, row.error_type).BindInt(25, row.attempts);
  if (Status done = s.Run(); !done.ok()) return done.error();
  return connection_.changes() == 1;
}

Status RequestLog::InsertError(const RequestLogRow& row) {
  if (!row.has_error) return {};
  const std::string id = UuidV7(*clock_);
  const std::string context = ErrorContext(row);
  Statement& s = statements_.insert_error;
  s.BindText(1, id).BindInt(2, row.timestamp_unix_s).BindText(3, row.error_type).BindText(4, row.error_message);
  s.BindText(5, row.id).BindText(6, row.client_type).BindText(7, row.client_ip).BindText(8, row.endpoint);
  s.BindTextOrNull(9, row.method).BindTextOrNull(10, row.api_key_hash).BindInt(11, row.status_code);
  s.BindTextOrNull(12, row.user_agent).BindTextOrNull(13, row.referer).BindText(14, context);
  return s.BindInt(15, clock_->UnixS()).Run();
}

// The plain case, one call and nothing to tell, has its story in the row itself.
Status RequestLog::InsertAttempts(const RequestLogRow& row) {
  if (row.key_attempts.size() < 2 || !statements_.insert_attempt) return {};
  Statement& s = *statements_.insert_attempt;
  int64_t step = 0;
  for (const KeyAttempt& attempt : row.key_attempts) {
    const auto or_null = [](int64_t value) { return value != 0 ? std::optional(value) : std::nullopt; };
    s.BindText(1, row.id).BindInt(2, ++step).BindText(3, attempt.key_hash).BindInt(4, attempt.called);
    s.BindTextOrNull(5, attempt.reason).BindInt(6, or_null(attempt.status_code));
    s.BindInt(7, attempt.start_ms).BindInt(8, attempt.duration_ms).BindInt(9, or_null(attempt.rests_until_unix_s));
    s.BindInt(10, row.timestamp_unix_s);
    if (Status done = s.Run(); !done.ok()) return done;
  }
  return {};
}

// A call that another key had to make good is a request of its own to the key that it was made with.
Status RequestLog::CountForOtherKeys(const RequestLogRow& row) {
  const KeyAttempt* last = nullptr;
  for (const KeyAttempt& attempt : row.key_attempts) {
    if (attempt.called) last = &attempt;
  }
  for (const KeyAttempt& attempt : row.key_attempts) {
    if (!attempt.called || &attempt == last) continue;
    RequestLogRow other;
    other.api_key_hash = attempt.key_hash;
    other.attempts = 1;
    other.timestamp_unix_s = row.timestamp_unix_s + attempt.start_ms / 1000;
    other.response_time_ms = attempt.duration_ms;
    other.status_code = static_cast<int>(attempt.status_code != 0 ? attempt.status_code : 502);
    other.key_rejected = attempt.key_rejected;
    if (Status s = CountForKey(other); !s.ok()) return s;
  }
  return {};
}

Status RequestLog::CountForKey(const RequestLogRow& row) {
  if (row.api_key_hash.empty() || row.attempts == 0) return {};
  const KeyVerdict verdict = VerdictOf(row);
  Statement& s = statements_.upsert_key;
  s.BindText(1, row.api_key_hash).BindInt(2, row.response_time_ms);
  s.BindInt(3, row.input_tokens.value_or(0)).BindInt(4, row.output_tokens.value_or(0));
  s.BindInt(5, row.total_tokens.value_or(0)).BindInt(6, row.timestamp_unix_s);
  s.BindInt(7, row.timestamp_unix_s + row.response_time_ms / 1000).BindInt(8, clock_->UnixS());
  s.BindInt(9, verdict == KeyVerdict::kFailed).BindInt(10, verdict == KeyVerdict::kNone);
  return s.BindInt(11, row.key_rejected).Run();
}

Status RequestLog::CountTotals(std::span<const RequestLogRow* const> rows) {
  int64_t errors = 0, input = 0, output = 0, hits = 0, misses = 0;
  int64_t since = rows.front()->timestamp_unix_s;
  for (const RequestLogRow* row : rows) {
    errors += row->has_error;
    input += row->input_tokens.value_or(0);
    output += row->output_tokens.value_or(0);
    hits += row->cache == CacheUse::kHit;
    misses += row->cache == CacheUse::kMiss;
    since = std::min(since, row->timestamp_unix_s);
  }
  Statement& s = statements_.upsert_totals;
  s.BindInt(1, static_cast<int64_t>(rows.size())).BindInt(2, errors).BindInt(3, input).BindInt(4, output);
  return s.BindInt(5, hits).BindInt(6, misses).BindInt(7, since).Run();
}

Status RequestLog::CountMinutes(std::span<const RequestLogRow* const> rows) {
  struct Sums {
    int64_t requests = 0, errors = 0, response_time_ms = 0, first_token_ms = 0, first_tokens = 0;
    int64_t input_tokens = 0, output_tokens = 0, request_bytes = 0, response_bytes = 0;
  };
  // Summed here first: a batch of 512 rows has a handful of cells.
  std::map<std::tuple<int64_t, std::string_view, std::string_view, int>, Sums> cells;
  for (const RequestLogRow* row : rows) {
    const int64_t minute = row->timestamp_unix_s - row->timestamp_unix_s % kMinuteS;
    Sums& cell = cells[{minute, CountedModel(row->status_code, row->model), row->endpoint, row->status_code / 100}];
    cell.requests += 1;
    cell.errors += row->has_error;
    cell.response_time_ms += row->response_time_ms;
    cell.first_token_ms += row->first_token_ms.value_or(0);
    cell.first_tokens += row->first_token_ms.has_value();
    cell.input_tokens += row->input_tokens.value_or(0);
    cell.output_tokens += row->output_tokens.value_or(0);
    cell.request_bytes += row->request_size;
    cell.response_bytes += row->response_size;
  }
  Statement& s = statements_.upsert_minute;
  for (const auto& [key, sums] : cells) {
    const auto& [minute, model, endpoint, status_class] = key;
    s.BindInt(1, minute).BindText(2, model).BindText(3, endpoint).BindInt(4, status_class);
    s.BindInt(5, sums.requests).BindInt(6, sums.errors).BindInt(7, sums.response_time_ms);
    s.BindInt(8, sums.first_token_ms).BindInt(9, sums.first_tokens).BindInt(10, sums.input_tokens);
    s.BindInt(11, sums.output_tokens).BindInt(12, sums.request_bytes).BindInt(13, sums.response_bytes);
    if (Status done = s.Run(); !done.ok()) return done;
  }
  return {};
}

Status RequestLog::PruneMinutes() {
  const int64_t now_s = clock_->UnixS();
  const int64_t minute = now_s - now_s % kMinuteS;
  if (minute == pruned_minute_) return {};
  pruned_minute_ = minute;
  return statements_.prune_minutes.BindInt(1, minute - kKeepMinutesS).Run();
}

}  // namespace gc::store
