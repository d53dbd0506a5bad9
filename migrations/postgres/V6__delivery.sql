-- What leaves the server: what happened and is not planned yet, who wants to be told, and what became of each delivery.
-- Times are microseconds since 1970 in UTC.

-- The endpoints of applications. What is filtered by stands in columns, for those who write notifications.
CREATE TABLE webhooks (
    id         uuid   PRIMARY KEY,
    place      bigint GENERATED ALWAYS AS IDENTITY, -- what was added later has a larger one
    created    bigint NOT NULL,
    version    bigint NOT NULL, -- how often it was changed
    events     text[] NOT NULL,
    categories text[], -- null: every category
    user_id    text   COLLATE "C", -- null: every inbox
    record     text   NOT NULL -- all of it, as JSON
);

-- What happened and an endpoint wants to be told of. A row is gone once it is planned.
CREATE TABLE outbox (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text   NOT NULL,
    user_id         text   COLLATE "C" NOT NULL,
    category        text, -- of the notification that it is about, as the next two
    notification_id uuid,
    expires_at      bigint,
    at              bigint NOT NULL,
    data            text   NOT NULL -- the event as its receivers read it, in JSON
);

CREATE TABLE deliveries (
    seq             bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid    NOT NULL UNIQUE,
    notification_id uuid,
    user_id         text    COLLATE "C" NOT NULL,
    channel         text    NOT NULL,
    target          uuid    NOT NULL, -- the contact or webhook that it goes to
    lane            text    COLLATE "C" NOT NULL, -- what it fails together with
    state           text    NOT NULL,
    reason          text,
    due_at          bigint  NOT NULL, -- while it is leased, when the lease ends
    lease           uuid, -- null unless it is leased
    tries           integer NOT NULL DEFAULT 0,
    attempts        text[]  NOT NULL DEFAULT '{}', -- each as JSON, which may hold what jsonb refuses
    payload         text    NOT NULL,
    expires_at      bigint,
    created_at      bigint  NOT NULL,
    ended_at        bigint, -- null while it is held, ready or leased
    replay_of       uuid,
    is_replayed     boolean NOT NULL DEFAULT false
);

-- What is due first is found without looking at what waits longer; of what is due together, what was decided first.
CREATE INDEX deliveries_by_due ON deliveries (lane, due_at, seq) WHERE ended_at IS NULL;
CREATE INDEX deliveries_by_notification ON deliveries (notification_id) WHERE notification_id IS NOT NULL;
CREATE INDEX deliveries_by_end ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- What fails together, and how it does. A transaction that changes several takes their locks in the order of their
-- names, and that of a lane before those of its deliveries, or two could wait for each other.
CREATE TABLE lanes (
    lane          text   COLLATE "C" PRIMARY KEY,
    waiting       bigint NOT NULL DEFAULT 0, -- how many deliveries have not ended
    bytes         bigint NOT NULL DEFAULT 0, -- how many their payloads have
    paused_until  bigint, -- nothing of it is claimed before
    reason        text, -- why it is paused
    failures      bigint NOT NULL DEFAULT 0, -- since the last attempt that worked
    failing_since bigint,
    worked_at     bigint
) WITH (fillfactor = 70);
