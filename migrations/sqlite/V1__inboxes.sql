-- Inboxes and what is in them. Times are microseconds since 1970 in UTC.

CREATE TABLE inboxes (
    inbox           INTEGER PRIMARY KEY,
    user_id         TEXT    NOT NULL UNIQUE,
    modseq          INTEGER NOT NULL DEFAULT 0, -- the number of its newest change
    forgotten       INTEGER NOT NULL DEFAULT 0, -- deletions up to this number are no longer remembered
    all_read_modseq INTEGER NOT NULL DEFAULT 0, -- everything that last changed at or before it is read
    unread_count    INTEGER NOT NULL DEFAULT 0,
    total           INTEGER NOT NULL DEFAULT 0,
    deletions       INTEGER NOT NULL DEFAULT 0  -- how many deletions are remembered
) STRICT;

CREATE TABLE notifications (
    seq        INTEGER PRIMARY KEY, -- its place among all that were ever accepted
    inbox      INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    timestamp  INTEGER NOT NULL,
    category   TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    title      TEXT,
    link       TEXT,
    data       TEXT, -- JSON
    expires_at INTEGER,
    is_read    INTEGER NOT NULL, -- its own mark; the inbox may have been marked as a whole since
    modseq     INTEGER NOT NULL, -- the number of its newest change
    created    INTEGER NOT NULL  -- the number of its creation; in an inbox, its order is that of seq
) STRICT;

CREATE UNIQUE INDEX notifications_by_id ON notifications (id);
CREATE INDEX notifications_by_inbox ON notifications (inbox, created);
-- What was marked since it was created. What was not is found by `created`, so that a creation does
-- not pay for this index.
CREATE INDEX notifications_by_change ON notifications (inbox, modseq) WHERE modseq <> created;
CREATE INDEX notifications_by_expiry ON notifications (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE deletions (
    inbox  INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    id     BLOB    NOT NULL,
    PRIMARY KEY (inbox, modseq)
) STRICT, WITHOUT ROWID;

-- Requests that happen once.
CREATE TABLE once (
    key         TEXT    PRIMARY KEY,
    fingerprint BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    made        BLOB    NOT NULL -- for each notification 16 bytes of id and 8 of time, big-endian
) STRICT, WITHOUT ROWID;
CREATE INDEX once_by_time ON once (at);

-- What is in all inboxes together: how many of each category, and under the empty name how many are unread.
CREATE TABLE totals (
    name  TEXT    PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
