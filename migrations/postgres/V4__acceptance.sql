-- When the newest notification was accepted that was ever in an inbox: timestamps never go back. Null where nothing was
-- accepted since this was added; it is then that of its newest notification.
ALTER TABLE inboxes ADD COLUMN newest bigint;

-- Requests that happen once, by who made them. Those of "once" were made before this, answer any caller, and are
-- forgotten within a day.
CREATE TABLE once_by_caller (
    caller      text   COLLATE "C" NOT NULL, -- operator, key:ID or user:ID
    key         text   COLLATE "C" NOT NULL,
    fingerprint bytea  NOT NULL,
    at          bigint NOT NULL,
    made        bytea  NOT NULL, -- for each notification 16 bytes of id and 8 of time, big-endian
    PRIMARY KEY (caller, key)
);
CREATE INDEX once_by_caller_by_time ON once_by_caller (at);
