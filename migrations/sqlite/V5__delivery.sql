-- What leaves the server. Times are microseconds since 1970 in UTC.

-- Endpoints of applications. Their secrets stand here as they are: the server signs with them.
CREATE TABLE webhooks (
    id      BLOB    PRIMARY KEY,
    created INTEGER NOT NULL,
    version INTEGER NOT NULL, -- how often it was changed
    record  TEXT    NOT NULL  -- JSON
) STRICT;

-- What happened that an endpoint wants to be told of, until it is planned.
CREATE TABLE outbox (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    category        TEXT,
    notification_id BLOB,
    expires_at      INTEGER, -- when that notification expires
    at              INTEGER NOT NULL,
    data            TEXT    NOT NULL -- JSON, as it is sent
) STRICT;

CREATE TABLE deliveries (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB    NOT NULL,
    notification_id BLOB,
    user_id         TEXT    NOT NULL,
    channel         TEXT    NOT NULL,
    target          BLOB    NOT NULL, -- the contact or webhook
    lane            TEXT    NOT NULL, -- what it fails together with
    state           TEXT    NOT NULL,
    reason          TEXT,
    due_at          INTEGER NOT NULL, -- while it is leased, when the lease ends
    lease           BLOB,
    tries           INTEGER NOT NULL DEFAULT 0,
    attempts        TEXT    NOT NULL DEFAULT '[]', -- JSON
    payload         TEXT    NOT NULL,
    expires_at      INTEGER,
    created_at      INTEGER NOT NULL,
    ended_at        INTEGER, -- null for as long as something is to become of it
    replay_of       BLOB,
    is_replayed     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id);
CREATE INDEX deliveries_by_lane ON deliveries (lane, due_at) WHERE ended_at IS NULL;
CREATE INDEX deliveries_by_notification ON deliveries (notification_id) WHERE notification_id IS NOT NULL;
CREATE INDEX deliveries_by_end ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- What fails together.
CREATE TABLE lanes (
    lane          TEXT    PRIMARY KEY,
    waiting       INTEGER NOT NULL DEFAULT 0, -- how many deliveries are not over
    bytes         INTEGER NOT NULL DEFAULT 0, -- how many they have
    paused_until  INTEGER,
    reason        TEXT, -- of the pause
    failures      INTEGER NOT NULL DEFAULT 0, -- since the last attempt that worked
    failing_since INTEGER,
    worked_at     INTEGER
) STRICT, WITHOUT ROWID;
