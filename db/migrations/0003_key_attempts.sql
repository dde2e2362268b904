-- 0003_key_attempts: which keys a request considered, for those that took more than one call or passed a key over.
CREATE TABLE key_attempts (
  request_id  TEXT NOT NULL,     -- request_logs.id: a UUIDv7, so older ones sort first
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
