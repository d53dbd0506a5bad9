-- Where channels reach users. Times are microseconds since 1970 in UTC.

CREATE TABLE contacts (
    place        INTEGER PRIMARY KEY AUTOINCREMENT, -- what was added later has a larger one
    id           BLOB    NOT NULL UNIQUE,
    user_id      TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    identity     BLOB    NOT NULL UNIQUE, -- a hash: of the address, of e-mail also of the user
    address      TEXT    NOT NULL, -- JSON; tokens and endpoints stand here as they are: the server sends with them
    label        TEXT,
    state        TEXT    NOT NULL,
    since        INTEGER NOT NULL, -- since when it is in that state
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contacts_by_user ON contacts (user_id);

-- What there is of one user, to be forgotten with them.
CREATE INDEX deliveries_by_user ON deliveries (user_id);
CREATE INDEX grants_by_holder ON grants (holder);
CREATE INDEX grants_by_inbox ON grants (inbox) WHERE inbox IS NOT NULL;
