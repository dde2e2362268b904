// request_log.h: what one request leaves behind: its row in request_logs, its row in error_logs when it failed, and
// its share of api_key_metrics, totals and metrics_minute, all in one transaction.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

// What the response cache did for a request.
enum class CacheUse { kNone, kHit, kMiss };

// One call that was made with a key, or one key that was passed over.
struct KeyAttempt {
  std::string key_hash = {};
  bool called = false;
  std::string reason = {};         // why it was passed over, or what the call came to; empty: the call succeeded
  int64_t status_code = 0;         // of Gemini's answer; 0: none came, or it was not called
  int64_t start_ms = 0;            // since the request's arrival
  int64_t duration_ms = 0;         // of the call
  int64_t rests_until_unix_s = 0;  // 0: it does not rest
  bool key_rejected = false;       // Google called the key invalid
};

// One finished request. Texts are valid UTF-8, already redacted and cut to their limits by the maker.
struct RequestLogRow {
  std::string id;                        // UUIDv7 = x-request-id
  int64_t timestamp_unix_s = 0;          // arrival
  std::string client_type;               // openai | claude | gemini | unknown
  std::string client_ip;                 // as privacy.ip says
  std::string user_agent;                // at most 256 bytes; empty: NULL
  std::string api_key_hash;              // empty when no key came
  std::string model;                     // Gemini model called; empty when none
  std::string original_model;            // as the client sent it; empty: NULL
  std::string endpoint;                  // route pattern
  std::string method;                    // for error_logs
  std::string referer;                   // for error_logs; empty: NULL
  int64_t response_time_ms = 0;          // arrival to last byte
  int status_code = 0;                   // 499: the client left
  std::optional<int64_t> input_tokens;   // prompt + tool use; nullopt: the answer carried no usage
  std::optional<int64_t> output_tokens;  // answer + thoughts
  std::optional<int64_t> total_tokens;
  std::optional<int64_t> cached_tokens;
  std::optional<int64_t> thoughts_tokens;
  bool is_stream = false;
  bool has_error = false;                 // also a 200 whose stream broke
  std::string error_type;                 // low cardinality; empty: none
  std::string error_message;              // at most 1 KiB; empty: NULL
  int64_t request_size = 0;               // body bytes in
  int64_t response_size = 0;              // body bytes out
  std::optional<int64_t> first_token_ms;  // arrival to the first event (stream) or byte (unary) of the answer
  std::string finish_reason;              // Gemini's; empty: NULL
  int attempts = 0;           // calls made to Gemini; 0: the key was not used, api_key_metrics stays as it is
  bool key_rejected = false;  // Google called the key invalid: no api_key_metrics row is created for it
  int upstream_status = 0;    // Gemini's last HTTP status, for error_logs; 0: none came
  std::string quota_id;       // quota that Gemini named in a 429, for error_logs; empty: none
  CacheUse cache = CacheUse::kNone;
  // In order. The last one that was called is the row's own key.
  std::vector<KeyAttempt> key_attempts;
};

// The model that a request is counted under, in metrics_minute and in all roll-ups: '' where the name is only the
// client's word. Until Gemini knows it, it could be anything, and would make one cell per request.
std::string_view CountedModel(int64_t status_code, std::string_view model);

// Writes rows to the main database. Used by one thread at a time.
class RequestLog {
 public:
  // Opens the database and prepares the statements. Errors: as Connection::Open, and kConfig when its schema is not
  // one that this program can write. `clock` outlives the object.
  static Result<RequestLog> Open(const std::string& path, int busy_timeout_ms, Clock& clock = SystemClock());

  // All rows or none, in one transaction. A row whose id is there already changes nothing: replays are harmless.
  // Once a minute it also deletes an hour's worth of the metrics_minute rows that are over two days old.
  Status Append(std::span<const RequestLogRow> rows);

  Connection& connection() { return connection_; }

 private:
  struct Statements {
    Statement insert_request;
    Statement insert_error;
    Statement upsert_key;
    Statement upsert_totals;
    Statement upsert_minute;
    Statement prune_minutes;
    std::optional<Statement> insert_attempt;  // nullopt: the schema is the one before attempts
  };
  RequestLog(Connection connection, Statements statements, Clock& clock);

  Result<bool> InsertRequest(const RequestLogRow& row);
  Status InsertError(const RequestLogRow& row);
  Status InsertAttempts(const RequestLogRow& row);
  Status CountForKey(const RequestLogRow& row);
  Status CountForOtherKeys(const RequestLogRow& row);
  Status CountTotals(std::span<const RequestLogRow* const> rows);
  Status CountMinutes(std::span<const RequestLogRow* const> rows);
  Status PruneMinutes();

  Connection connection_;  // before the statements: they go first
  Statements statements_;
  Clock* clock_;
  int64_t pruned_minute_ = 0;  // Unix seconds of the minute in which PruneMinutes last ran
};

}  // namespace gc::store
