-- 0002_rollups: what gemini-code-aggregate makes of the log, and keeps when the log's own rows are pruned; and which keys
-- a request considered.
CREATE TABLE watermarks (
  name       TEXT PRIMARY KEY,   -- table that was read
  seq        INTEGER NOT NULL,   -- all its rows up to this one are in the roll-ups; only those may be pruned
  updated_at INTEGER NOT NULL    -- Unix seconds
) WITHOUT ROWID;

CREATE TABLE stats_hourly (
  hour        INTEGER NOT NULL,  -- Unix seconds of its start, by arrival
  model       TEXT NOT NULL,     -- '' where the name is only the client's word (refused with 4xx, but 429)
  endpoint    TEXT NOT NULL,
  client_type TEXT NOT NULL,
  status_code INTEGER NOT NULL,
  error_type  TEXT NOT NULL,     -- '' = none
  requests    INTEGER NOT NULL DEFAULT 0,
  errors      INTEGER NOT NULL DEFAULT 0,  -- has_error = 1
  streams     INTEGER NOT NULL DEFAULT 0,  -- is_stream = 1
  attempts    INTEGER NOT NULL DEFAULT 0,
  response_time_ms_sum INTEGER NOT NULL DEFAULT 0,
  response_time_ms_min INTEGER NOT NULL,
  response_time_ms_max INTEGER NOT NULL,
  first_token_ms_sum   INTEGER NOT NULL DEFAULT 0,
  first_token_count    INTEGER NOT NULL DEFAULT 0,  -- requests that have a first_token_ms
  input_tokens    INTEGER NOT NULL DEFAULT 0,
  output_tokens   INTEGER NOT NULL DEFAULT 0,
  total_tokens    INTEGER NOT NULL DEFAULT 0,
  cached_tokens   INTEGER NOT NULL DEFAULT 0,
  thoughts_tokens INTEGER NOT NULL DEFAULT 0,
  request_bytes   INTEGER NOT NULL DEFAULT 0,
  response_bytes  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (hour, model, endpoint, client_type, status_code, error_type)
) WITHOUT ROWID;

CREATE TABLE stats_histogram (
  span   TEXT NOT NULL,     -- hour | day: how long, from start; both hold every request
  start  INTEGER NOT NULL,  -- Unix seconds, UTC, by arrival
  model  TEXT NOT NULL,     -- as in stats_hourly
  metric TEXT NOT NULL,     -- response_time | first_token
  bucket INTEGER NOT NULL,  -- the milliseconds from 1.04^bucket to below 1.04^(bucket+1); -1: 0 ms
  count  INTEGER NOT NULL,
  PRIMARY KEY (span, start, model, metric, bucket)
) WITHOUT ROWID;

CREATE TABLE stats_key_daily (
  date          TEXT NOT NULL,     -- YYYY-MM-DD, UTC, as in system_stats
  key_hash      TEXT NOT NULL,     -- api_key_hash of the rows; '' = none came
  requests      INTEGER NOT NULL DEFAULT 0,
  errors        INTEGER NOT NULL DEFAULT 0,  -- has_error = 1
  input_tokens  INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (date, key_hash)
) WITHOUT ROWID;

CREATE TABLE key_attempts (
  request_id  TEXT NOT NULL,     -- request_logs.id: a UUIDv7, so older ones sort first
  timestamp   INTEGER NOT NULL,  -- Unix seconds of the request's arrival
  step        INTEGER NOT NULL,  -- 1, 2, ...: their order
  key_hash    TEXT NOT NULL,
  called      INTEGER NOT NULL,  -- 1 = Gemini was called with it; 0 = it was passed over
  reason      TEXT,              -- why it was passed over, or what the call came to; NULL = the call succeeded
  status_code INTEGER,           -- of Gemini's answer; NULL = none came, or it was not called
  start_ms    INTEGER NOT NULL,  -- since the request's arrival
  duration_ms INTEGER NOT NULL,  -- of the call
  rests_until INTEGER,           -- Unix seconds until which the key rests; NULL = it does not
  PRIMARY KEY (request_id, step)
) WITHOUT ROWID;
