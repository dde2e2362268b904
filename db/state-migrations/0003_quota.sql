-- 0003_quota.sql: what Google said about keys, and how much of their quota is used.
-- A published migration is never edited: its checksum is in every database that ran it.

CREATE TABLE keys (
  key_hash       TEXT PRIMARY KEY,
  subject        TEXT NOT NULL,     -- whose quota it uses: its own hash, or project/NUMBER once Google has named that
  disabled_until INTEGER NOT NULL,  -- Unix seconds; 0 = Google has not refused it
  reason         TEXT NOT NULL,     -- why it is disabled: invalid_key, suspended_key; '' = it is not
  updated_at     INTEGER NOT NULL   -- Unix seconds
) WITHOUT ROWID;

CREATE TABLE quota (
  subject         TEXT NOT NULL,     -- keys.subject; the key's hash when it has no row there
  model           TEXT NOT NULL,
  cool_until      INTEGER NOT NULL DEFAULT 0,   -- Unix seconds until which it is not asked
  reason          TEXT NOT NULL DEFAULT '',     -- of the last time that it was cooled
  failures        INTEGER NOT NULL DEFAULT 0,   -- in a row that were the key's or the model's doing
  minute_requests_limit INTEGER,     -- as a refusal named it; NULL = unknown
  minute_tokens_limit   INTEGER,
  day_requests_limit    INTEGER,
  limits_at       INTEGER NOT NULL DEFAULT 0,   -- Unix seconds of the refusal that named one last
  minute          INTEGER NOT NULL DEFAULT 0,   -- Unix minute that the next two are about
  minute_requests INTEGER NOT NULL DEFAULT 0,
  minute_tokens   INTEGER NOT NULL DEFAULT 0,   -- input
  day             INTEGER NOT NULL DEFAULT 0,   -- day in California, since 1970, that the next two are about
  day_requests    INTEGER NOT NULL DEFAULT 0,
  day_tokens      INTEGER NOT NULL DEFAULT 0,   -- input
  updated_at      INTEGER NOT NULL,  -- Unix seconds
  PRIMARY KEY (subject, model)
) WITHOUT ROWID;
