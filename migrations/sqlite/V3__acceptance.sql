-- When the newest notification was accepted that was ever in an inbox: timestamps never go back. Null where nothing was
-- accepted since this was added; it is then that of its newest notification.
ALTER TABLE inboxes ADD COLUMN newest INTEGER;

-- Requests that happen once, by who made them. Those of "once" were made before this, answer any caller, and are
-- forgotten within a day.
CREATE TABLE once_by_caller (
    caller      TEXT    NOT NULL, -- operator, key:ID or user:ID
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    made        BLOB    NOT NULL, -- for each notification 16 bytes of id and 8 of time, big-endian
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_by_caller_by_time ON once_by_caller (at);

-- What many were told at once is kept once: a notification with a body has its content and data there, and none of its
-- own.
CREATE TABLE bodies (
    body    INTEGER PRIMARY KEY,
    content TEXT    NOT NULL,
    data    TEXT, -- JSON
    uses    INTEGER NOT NULL -- how many notifications have it; with the last one it goes
) STRICT;
ALTER TABLE notifications ADD COLUMN body INTEGER;
