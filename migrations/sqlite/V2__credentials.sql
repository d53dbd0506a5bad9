-- What proves who somebody is. Of every secret only the SHA-256 is here. Times are microseconds since 1970 in UTC.

CREATE TABLE service_keys (
    id           TEXT    PRIMARY KEY, -- 16 hexadecimal digits
    name         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL, -- with commas between them
    hash         BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;

-- Sessions and tickets.
CREATE TABLE grants (
    hash       BLOB    PRIMARY KEY,
    kind       TEXT    NOT NULL, -- session or ticket
    holder     TEXT    NOT NULL, -- operator, key:ID or user:ID
    expires_at INTEGER NOT NULL,
    until      INTEGER -- when a stream that it opened has to end
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_expiry ON grants (expires_at);
