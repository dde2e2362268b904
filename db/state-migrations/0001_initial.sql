-- 0001_initial.sql: what state.db starts with. It holds quota windows, key state and rate limits once they have a user;
-- a database that is lost is made anew, so nothing here may be worth a backup.
-- A published migration is never edited: its checksum is in every database that ran it.

CREATE TABLE schema_migrations (
  version      INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,
  sha256       TEXT NOT NULL,      -- of the migration's text, 64 hex digits
  applied_at   INTEGER NOT NULL,   -- Unix seconds
  duration_ms  INTEGER NOT NULL,
  tool_version TEXT NOT NULL       -- of the program that applied it
);
