-- Inboxes and what is in them. Times are microseconds since 1970 in UTC.
--
-- Everything is keyed by user_id, so that the tables can be spread over several machines. What is written is
-- written by the functions below, each in one call: in a function every statement sees what was committed before it
-- began, so the first one takes the lock of the inbox's row, and those after it see everything that came before.

CREATE TABLE inboxes (
    user_id         text   COLLATE "C" PRIMARY KEY,
    modseq          bigint NOT NULL DEFAULT 0, -- the number of its newest change
    forgotten       bigint NOT NULL DEFAULT 0, -- deletions up to this number are no longer remembered
    all_read_modseq bigint NOT NULL DEFAULT 0, -- everything that last changed at or before it is read
    unread_count    bigint NOT NULL DEFAULT 0,
    total           bigint NOT NULL DEFAULT 0,
    deletions       bigint NOT NULL DEFAULT 0, -- how many deletions are remembered
    categories      jsonb  NOT NULL DEFAULT '{}' -- how many there are of each category
) WITH (fillfactor = 70);

-- One number at a time: within an inbox its order must be the order of creation.
CREATE SEQUENCE notification_seq CACHE 1;

CREATE TABLE notifications (
    user_id    text    COLLATE "C" NOT NULL,
    created    bigint  NOT NULL, -- the number of its creation; in an inbox, its order is that of seq
    seq        bigint  NOT NULL, -- its place among all that were ever accepted
    id         uuid    NOT NULL,
    "timestamp" bigint NOT NULL,
    category   text    NOT NULL,
    content    text    NOT NULL,
    title      text,
    link       text,
    data       text, -- JSON, as text so that it comes out as it went in
    expires_at bigint,
    is_read    boolean NOT NULL, -- its own mark; the inbox may have been marked as a whole since
    modseq     bigint  NOT NULL, -- the number of its newest change
    PRIMARY KEY (user_id, created)
);

CREATE INDEX notifications_by_id ON notifications (id);
CREATE INDEX notifications_by_seq ON notifications (seq);
-- What was marked since it was created. What was not is found by `created`, so that a creation does not pay for this.
CREATE INDEX notifications_by_change ON notifications (user_id, modseq) WHERE modseq <> created;
CREATE INDEX notifications_by_expiry ON notifications (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE deletions (
    user_id text   COLLATE "C" NOT NULL,
    modseq  bigint NOT NULL,
    id      uuid   NOT NULL,
    PRIMARY KEY (user_id, modseq)
);

-- Requests that happen once.
CREATE TABLE once (
    key         text   COLLATE "C" PRIMARY KEY,
    fingerprint bytea  NOT NULL,
    at          bigint NOT NULL,
    made        bytea  NOT NULL -- for each notification 16 bytes of id and 8 of time, big-endian
);
CREATE INDEX once_by_time ON once (at);

-- Counts of each category with one of them changed; what there is none of is left out.
CREATE FUNCTION campanile_counted(counts jsonb, category text, step bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE coalesce((counts ->> category)::bigint, 0) + step
        WHEN 0 THEN counts - category
        ELSE counts || jsonb_build_object(category, coalesce((counts ->> category)::bigint, 0) + step)
    END
$$;

-- Takes a notification away and remembers that. Whoever calls it holds the lock of the inbox.
CREATE FUNCTION campanile_remove(owner text, place bigint, keep bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    gone record;
    change bigint;
    remembered bigint;
    last bigint;
BEGIN
    DELETE FROM notifications n WHERE n.user_id = owner AND n.created = place
        RETURNING n.id, n.category, n.is_read, n.modseq INTO gone;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE inboxes b SET
        modseq = b.modseq + 1,
        total = b.total - 1,
        unread_count = b.unread_count - CASE WHEN gone.is_read OR gone.modseq <= b.all_read_modseq THEN 0 ELSE 1 END,
        deletions = b.deletions + 1,
        categories = campanile_counted(b.categories, gone.category, -1)
        WHERE b.user_id = owner RETURNING b.modseq, b.deletions INTO change, remembered;
    INSERT INTO deletions (user_id, modseq, id) VALUES (owner, change, gone.id);
    -- A little more than the window is remembered, so that forgetting is seldom.
    IF remembered > keep + keep / 8 THEN
        SELECT d.modseq INTO last FROM deletions d WHERE d.user_id = owner
            ORDER BY d.modseq OFFSET remembered - keep - 1 LIMIT 1;
        DELETE FROM deletions d WHERE d.user_id = owner AND d.modseq <= last;
        UPDATE inboxes b SET forgotten = last, deletions = keep WHERE b.user_id = owner;
    END IF;
    RETURN true;
END
$$;

-- Creates notifications in the order given, all or none. `outcome` is 0 when that is done, 1 when the same was asked
-- for before and made `made_before`, and 2 when the key was used for something else.
CREATE FUNCTION campanile_create(
    users text[], ids uuid[], times bigint[], categories text[], contents text[], titles text[], links text[],
    data_texts text[], expiries bigint[], keep bigint,
    once_key text, once_fingerprint bytea, once_at bigint, once_forgotten bigint, once_made bytea,
    OUT outcome integer, OUT made_before bytea
) LANGUAGE plpgsql AS $$
DECLARE
    change bigint;
    present bigint;
    oldest bigint;
BEGIN
    outcome := 0;
    IF once_key IS NOT NULL THEN
        -- Another request with this key that is under way is waited for.
        INSERT INTO once AS o (key, fingerprint, at, made) VALUES (once_key, once_fingerprint, once_at, once_made)
            ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at, made = excluded.made
            WHERE o.at <= once_forgotten;
        IF NOT FOUND THEN
            SELECT CASE WHEN o.fingerprint = once_fingerprint THEN 1 ELSE 2 END, o.made INTO outcome, made_before
                FROM once o WHERE o.key = once_key;
            RETURN;
        END IF;
    END IF;
    IF cardinality(users) > 1 THEN
        -- Always in the same order, or two batches could wait for each other.
        INSERT INTO inboxes (user_id) SELECT DISTINCT u COLLATE "C" FROM unnest(users) u ORDER BY 1
            ON CONFLICT DO NOTHING;
        PERFORM 1 FROM inboxes b WHERE b.user_id = ANY (users) ORDER BY b.user_id FOR NO KEY UPDATE;
    END IF;
    FOR i IN 1 .. cardinality(users) LOOP
        INSERT INTO inboxes AS b (user_id, modseq, unread_count, total, categories)
            VALUES (users[i], 1, 1, 1, jsonb_build_object(categories[i], 1))
            ON CONFLICT (user_id) DO UPDATE SET
                modseq = b.modseq + 1,
                unread_count = b.unread_count + 1,
                total = b.total + 1,
                categories = campanile_counted(b.categories, campanile_create.categories[i], 1)
            RETURNING b.modseq, b.total INTO change, present;
        INSERT INTO notifications (user_id, created, seq, id, "timestamp", category, content, title, link, data,
                expires_at, is_read, modseq)
            VALUES (users[i], change, nextval('notification_seq'), ids[i], times[i], categories[i], contents[i],
                titles[i], links[i], data_texts[i], expiries[i], false, change);
        WHILE present > keep LOOP
            SELECT n.created INTO oldest FROM notifications n WHERE n.user_id = users[i] ORDER BY n.created LIMIT 1;
            PERFORM campanile_remove(users[i], oldest, keep);
            present := present - 1;
        END LOOP;
    END LOOP;
END
$$;

-- Marks a notification, in an inbox whose lock is held; marking it as it is takes no change number.
CREATE FUNCTION campanile_mark(target notifications, all_read bigint, mark boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    change bigint;
BEGIN
    IF (target.is_read OR target.modseq <= all_read) = mark THEN
        RETURN;
    END IF;
    UPDATE inboxes b SET modseq = b.modseq + 1, unread_count = b.unread_count + CASE WHEN mark THEN -1 ELSE 1 END
        WHERE b.user_id = target.user_id RETURNING b.modseq INTO change;
    UPDATE notifications n SET is_read = mark, modseq = change
        WHERE n.user_id = target.user_id AND n.created = target.created;
END
$$;

-- Marks the notification of this id, and returns it.
CREATE FUNCTION campanile_set_read(which uuid, mark boolean) RETURNS SETOF notifications
LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    all_read bigint;
    target notifications;
BEGIN
    SELECT n.user_id INTO owner FROM notifications n WHERE n.id = which;
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.id = which AND n.user_id = owner;
    IF FOUND THEN
        PERFORM campanile_mark(target, all_read, mark);
        RETURN NEXT target;
    END IF;
END
$$;

-- Marks the notification read that is at this place of an inbox, counted from 0 at the newest, and returns it.
CREATE FUNCTION campanile_mark_read_at(owner text, place bigint) RETURNS SETOF notifications
LANGUAGE plpgsql AS $$
DECLARE
    all_read bigint;
    target notifications;
BEGIN
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.user_id = owner ORDER BY n.created DESC OFFSET place LIMIT 1;
    IF FOUND THEN
        PERFORM campanile_mark(target, all_read, true);
        RETURN NEXT target;
    END IF;
END
$$;

-- Marks a whole inbox read without touching its notifications, and returns how many were unread.
CREATE FUNCTION campanile_mark_all_read(owner text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    marked bigint;
BEGIN
    SELECT b.unread_count INTO marked FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    IF marked > 0 THEN
        UPDATE inboxes b SET modseq = b.modseq + 1, all_read_modseq = b.modseq + 1, unread_count = 0
            WHERE b.user_id = owner;
    END IF;
    RETURN coalesce(marked, 0);
END
$$;

-- Deletes the notification of this id, and returns it as it was seen last.
CREATE FUNCTION campanile_delete(which uuid, keep bigint) RETURNS SETOF notifications
LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    all_read bigint;
    target notifications;
BEGIN
    SELECT n.user_id INTO owner FROM notifications n WHERE n.id = which;
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.id = which AND n.user_id = owner;
    IF FOUND THEN
        PERFORM campanile_remove(owner, target.created, keep);
        target.is_read := target.is_read OR target.modseq <= all_read;
        RETURN NEXT target;
    END IF;
END
$$;

-- Removes what expired, what was accepted before a moment, and keys that are forgotten; at most `most` notifications.
-- One process does it at a time.
CREATE FUNCTION campanile_delete_due(moment bigint, accepted_before bigint, keys_until bigint, most bigint, keep bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    due record;
    deleted bigint := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7218013) THEN
        RETURN 0;
    END IF;
    DELETE FROM once o WHERE o.at <= keys_until;
    FOR due IN
        SELECT d.user_id, d.created FROM (
            (SELECT n.user_id, n.created FROM notifications n WHERE n.expires_at <= moment
                ORDER BY n.expires_at LIMIT most)
            UNION
            (SELECT o.user_id, o.created FROM (
                SELECT n.user_id, n.created, n."timestamp" FROM notifications n ORDER BY n.seq LIMIT
                    CASE WHEN accepted_before IS NULL THEN 0 ELSE most END
            ) o WHERE o."timestamp" < accepted_before)
            LIMIT most
        ) d ORDER BY d.user_id, d.created
    LOOP
        PERFORM 1 FROM inboxes b WHERE b.user_id = due.user_id FOR NO KEY UPDATE;
        IF campanile_remove(due.user_id, due.created, keep) THEN
            deleted := deleted + 1;
        END IF;
    END LOOP;
    RETURN deleted;
END
$$;
