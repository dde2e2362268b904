-- schema.sql: the whole main database as the migrations leave it (a unit test compares the two). The state database,
-- which can be lost, has its migrations alone (state-migrations/): thought signatures so far. A program takes the schema
-- it knows and the one before; beside a newer or older state database it serves without what that holds.
--
-- request_logs, api_key_metrics, system_stats and error_logs are an interface: operators' own SQL and scripts read
-- them, so names, types, units and order of their columns stay, and new columns go to the end. The other tables are
-- ours alone.
-- No index of request_logs leads with a key or a model: such an index touches another page for every row and costs nine
-- tenths of the write rate. Quotas are counter rows, views by key or model are roll-ups.
-- Comments stand inside CREATE TABLE because SQLite keeps them there: `.schema` is the documentation.

CREATE TABLE schema_migrations (
  version      INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,
  sha256       TEXT NOT NULL,      -- of the migration's text, 64 hex digits
  applied_at   INTEGER NOT NULL,   -- Unix seconds
  duration_ms  INTEGER NOT NULL,
  tool_version TEXT NOT NULL       -- of the program that applied it
);

CREATE TABLE request_logs (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT, -- order of commit, never reused: readers follow seq > last
  id              TEXT NOT NULL UNIQUE, -- UUIDv7, the answer's x-request-id
  timestamp       INTEGER NOT NULL,   -- Unix seconds of arrival
  client_type     TEXT NOT NULL,      -- openai | claude | gemini | unknown
  client_ip       TEXT NOT NULL,      -- as privacy.ip says
  user_agent      TEXT,               -- at most 256 bytes
  api_key_hash    TEXT NOT NULL,      -- keyed hash of the Gemini key that answered (else the first); '' = none came
  model           TEXT NOT NULL,      -- Gemini model called
  original_model  TEXT,               -- as the client sent it
  endpoint        TEXT NOT NULL,      -- route pattern, e.g. /v1/chat/completions
  response_time   INTEGER NOT NULL,   -- milliseconds, arrival to last byte
  status_code     INTEGER NOT NULL,   -- HTTP status; 499 = the client left
  input_tokens    INTEGER,            -- prompt + tool use
  output_tokens   INTEGER,            -- answer + thoughts
  total_tokens    INTEGER,
  is_stream       INTEGER DEFAULT 0,  -- 0 | 1
  has_error       INTEGER DEFAULT 0,  -- 0 | 1; also a 200 whose stream broke
  error_message   TEXT,               -- redacted, at most 1 KiB
  request_size    INTEGER,            -- body bytes in
  response_size   INTEGER,            -- body bytes out
  first_token_ms  INTEGER,            -- milliseconds, arrival to the first event (stream) or byte (unary)
  cached_tokens   INTEGER,            -- of input_tokens: read from Gemini's context cache
  thoughts_tokens INTEGER,            -- of output_tokens: thoughts
  finish_reason   TEXT,               -- as Gemini wrote it
  error_type      TEXT,               -- low cardinality, the same as in error_logs
  attempts        INTEGER             -- calls made to Gemini
);
CREATE INDEX idx_request_logs_timestamp ON request_logs(timestamp);

CREATE TABLE api_key_metrics (
  key_hash              TEXT PRIMARY KEY,
  total_requests        INTEGER DEFAULT 0,  -- requests that called Gemini with this key
  successful_requests   INTEGER DEFAULT 0,  -- all but the failed ones: a client's own error is no failure of the key
  failed_requests       INTEGER DEFAULT 0,  -- status 401, 403, 429 or 5xx
  average_response_time REAL DEFAULT 0,     -- milliseconds
  last_response_time    INTEGER,            -- milliseconds
  min_response_time     INTEGER,            -- milliseconds
  max_response_time     INTEGER,            -- milliseconds
  is_healthy            INTEGER DEFAULT 1,  -- 0 | 1; 0 = three failures in a row, or one refusal of the key
  last_health_check     INTEGER,            -- Unix seconds of the last request that told good from bad
  consecutive_failures  INTEGER DEFAULT 0,
  last_failure_time     INTEGER,            -- Unix seconds
  total_tokens          INTEGER DEFAULT 0,
  total_input_tokens    INTEGER DEFAULT 0,
  total_output_tokens   INTEGER DEFAULT 0,
  last_used             INTEGER,            -- Unix seconds, end of the last request
  first_seen            INTEGER,            -- Unix seconds, arrival of the first request
  created_at            INTEGER NOT NULL,   -- Unix seconds
  updated_at            INTEGER NOT NULL    -- Unix seconds
);

CREATE TABLE system_stats (
  date                  TEXT PRIMARY KEY,   -- YYYY-MM-DD, UTC
  total_requests        INTEGER DEFAULT 0,
  successful_requests   INTEGER DEFAULT 0,
  failed_requests       INTEGER DEFAULT 0,
  openai_requests       INTEGER DEFAULT 0,
  claude_requests       INTEGER DEFAULT 0,
  gemini_requests       INTEGER DEFAULT 0,
  unknown_requests      INTEGER DEFAULT 0,
  total_tokens_used     INTEGER DEFAULT 0,
  total_input_tokens    INTEGER DEFAULT 0,
  total_output_tokens   INTEGER DEFAULT 0,
  average_response_time REAL DEFAULT 0,     -- milliseconds
  min_response_time     INTEGER,            -- milliseconds
  max_response_time     INTEGER,            -- milliseconds
  error_rate            REAL DEFAULT 0,     -- 0..1
  timeout_count         INTEGER DEFAULT 0,
  rate_limit_count      INTEGER DEFAULT 0,
  auth_error_count      INTEGER DEFAULT 0,
  total_request_size    INTEGER DEFAULT 0,  -- bytes
  total_response_size   INTEGER DEFAULT 0,  -- bytes
  stream_request_count  INTEGER DEFAULT 0,
  unique_api_keys       INTEGER DEFAULT 0,
  active_api_keys       INTEGER DEFAULT 0,
  updated_at            INTEGER NOT NULL    -- Unix seconds
);

CREATE TABLE error_logs (
  seq           INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE, -- UUIDv7
  timestamp     INTEGER NOT NULL,   -- Unix seconds
  error_type    TEXT NOT NULL,      -- low cardinality
  error_message TEXT NOT NULL,      -- redacted
  error_stack   TEXT,               -- where it arose: component, operation
  request_id    TEXT,               -- request_logs.id
  client_type   TEXT,
  client_ip     TEXT,
  endpoint      TEXT,
  method        TEXT,
  api_key_hash  TEXT,
  status_code   INTEGER,
  user_agent    TEXT,
  referer       TEXT,
  context       TEXT,               -- JSON object: attempts, upstream_status, quota_id, ...
  created_at    INTEGER NOT NULL    -- Unix seconds
);
CREATE INDEX idx_error_logs_timestamp ON error_logs(timestamp);

CREATE TABLE totals (
  id            INTEGER PRIMARY KEY CHECK (id = 1), -- one row: lifetime counters, which no pruning lowers
  requests      INTEGER NOT NULL DEFAULT 0,
  errors        INTEGER NOT NULL DEFAULT 0,  -- has_error = 1
  input_tokens  INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  cache_hits    INTEGER NOT NULL DEFAULT 0,  -- answers from our own response cache
  cache_misses  INTEGER NOT NULL DEFAULT 0,
  since         INTEGER NOT NULL             -- Unix seconds, arrival of the first request counted
);

CREATE TABLE metrics_minute (
  minute             INTEGER NOT NULL,  -- Unix seconds of its start, by arrival; kept for two days
  model              TEXT NOT NULL,     -- '' where the name is only the client's word (refused with 4xx, but 429)
  endpoint           TEXT NOT NULL,
  status_class       INTEGER NOT NULL,  -- first digit of the status
  requests           INTEGER NOT NULL DEFAULT 0,
  errors             INTEGER NOT NULL DEFAULT 0,  -- has_error = 1
  response_time_ms_sum INTEGER NOT NULL DEFAULT 0,
  first_token_ms_sum INTEGER NOT NULL DEFAULT 0,
  first_token_count  INTEGER NOT NULL DEFAULT 0,  -- requests that have a first_token_ms
  input_tokens       INTEGER NOT NULL DEFAULT 0,
  output_tokens      INTEGER NOT NULL DEFAULT 0,
  request_bytes      INTEGER NOT NULL DEFAULT 0,
  response_bytes     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (minute, model, endpoint, status_class)
) WITHOUT ROWID;

CREATE TABLE job_runs (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  job         TEXT NOT NULL,      -- program name without gemini-code-
  host        TEXT NOT NULL,
  started_at  INTEGER NOT NULL,   -- Unix seconds
  finished_at INTEGER,            -- Unix seconds; NULL = running, or killed
  rc          INTEGER,            -- exit code
  rows        INTEGER,            -- rows it handled
  bytes       INTEGER,            -- bytes it wrote
  message     TEXT,               -- one line
  version     TEXT NOT NULL       -- of the program
);
CREATE INDEX idx_job_runs_job ON job_runs(job, started_at);

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
