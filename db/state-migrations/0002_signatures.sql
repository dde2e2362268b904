-- 0002_signatures.sql: what Gemini signed its function calls with, for clients that do not send it back.
-- A published migration is never edited: its checksum is in every database that ran it.

CREATE TABLE signatures (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival: the lowest go first
  key_hash  TEXT NOT NULL,      -- keyed hash of the caller's first key: nobody is given what another one's call left
  call_id   TEXT NOT NULL,      -- as the client got it
  signature TEXT NOT NULL,      -- Gemini's thoughtSignature: opaque to all but Gemini
  created   INTEGER NOT NULL,   -- Unix seconds
  UNIQUE (key_hash, call_id)
);

CREATE TABLE signature_totals (
  id    INTEGER PRIMARY KEY CHECK (id = 1), -- one row, so that no write has to count the table
  rows  INTEGER NOT NULL,
  bytes INTEGER NOT NULL                    -- of the three texts
);
INSERT INTO signature_totals VALUES (1, 0, 0);

CREATE TRIGGER signature_comes AFTER INSERT ON signatures BEGIN
  UPDATE signature_totals SET rows = rows + 1, bytes = bytes + length(CAST(new.key_hash AS BLOB))
    + length(CAST(new.call_id AS BLOB)) + length(CAST(new.signature AS BLOB));
END;
CREATE TRIGGER signature_goes AFTER DELETE ON signatures BEGIN
  UPDATE signature_totals SET rows = rows - 1, bytes = bytes - length(CAST(old.key_hash AS BLOB))
    - length(CAST(old.call_id AS BLOB)) - length(CAST(old.signature AS BLOB));
END;
