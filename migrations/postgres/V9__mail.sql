-- What mail needs beside contacts.

-- What the sender says of the ways on which its user is told: JSON, null where nothing is said.
ALTER TABLE outbox ADD COLUMN routing text;

-- What users want to be told of, which way, and when.
CREATE TABLE preferences (
    user_id text   COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL, -- how often it was changed
    record  text   NOT NULL  -- JSON
);

-- Keys that the server makes for itself and has to read again, such as that of unsubscribe links.
CREATE TABLE secrets (
    name   text  COLLATE "C" PRIMARY KEY,
    secret bytea NOT NULL
);

-- The digest that a delivery is a part of. Such a one is not claimed.
ALTER TABLE deliveries ADD COLUMN via uuid;
DROP INDEX deliveries_by_due;
CREATE INDEX deliveries_by_due ON deliveries (lane, due_at, seq) WHERE ended_at IS NULL AND via IS NULL;
CREATE INDEX deliveries_by_via ON deliveries (via) WHERE ended_at IS NULL AND via IS NOT NULL;
