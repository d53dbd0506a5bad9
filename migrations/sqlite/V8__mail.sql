-- What mail needs beside contacts.

-- What the sender says of the ways on which its user is told: JSON, null where nothing is said.
ALTER TABLE outbox ADD COLUMN routing TEXT;

-- What users want to be told of, which way, and when.
CREATE TABLE preferences (
    user_id TEXT    PRIMARY KEY,
    version INTEGER NOT NULL, -- how often it was changed
    record  TEXT    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

-- Keys that the server makes for itself and has to read again, such as that of unsubscribe links.
CREATE TABLE secrets (
    name   TEXT PRIMARY KEY,
    secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The digest that a delivery is a part of. Such a one is not claimed.
ALTER TABLE deliveries ADD COLUMN via BLOB;
DROP INDEX deliveries_by_lane;
CREATE INDEX deliveries_by_lane ON deliveries (lane, due_at) WHERE ended_at IS NULL AND via IS NULL;
CREATE INDEX deliveries_by_via ON deliveries (via) WHERE ended_at IS NULL AND via IS NOT NULL;
