-- Where channels reach users. Times are microseconds since 1970 in UTC.

CREATE TABLE contacts (
    place        bigint GENERATED ALWAYS AS IDENTITY, -- what was added later has a larger one
    id           uuid   PRIMARY KEY,
    user_id      text   COLLATE "C" NOT NULL,
    channel      text   NOT NULL,
    identity     bytea  NOT NULL UNIQUE, -- a hash: of the address, of e-mail also of the user
    address      text   NOT NULL, -- JSON; tokens and endpoints stand here as they are: the server sends with them
    label        text,
    state        text   NOT NULL,
    since        bigint NOT NULL, -- since when it is in that state
    created_at   bigint NOT NULL,
    last_seen_at bigint NOT NULL
);
CREATE INDEX contacts_by_user ON contacts (user_id, place);

-- What there is of one user, to be forgotten with them.
CREATE INDEX deliveries_by_user ON deliveries (user_id, seq);
CREATE INDEX grants_by_holder ON grants (holder);
CREATE INDEX grants_by_inbox ON grants (inbox) WHERE inbox IS NOT NULL;
