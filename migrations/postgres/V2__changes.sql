-- The functions that write now also return what they changed: the number of each change and the unread count after
-- it, so that it can be told to those who listen without reading it again.

DROP FUNCTION campanile_create(
    text[], uuid[], bigint[], text[], text[], text[], text[], text[], bigint[], bigint, text, bytea, bigint, bigint, bytea
);
DROP FUNCTION campanile_set_read(uuid, boolean);
DROP FUNCTION campanile_mark_read_at(text, bigint);
DROP FUNCTION campanile_mark(notifications, bigint, boolean);
DROP FUNCTION campanile_mark_all_read(text);
DROP FUNCTION campanile_delete(uuid, bigint);
DROP FUNCTION campanile_delete_due(bigint, bigint, bigint, bigint, bigint);
DROP FUNCTION campanile_remove(text, bigint, bigint);

-- Takes a notification away and remembers that; `change` is null when there was none. Whoever calls it holds the lock
-- of the inbox.
CREATE FUNCTION campanile_remove(owner text, place bigint, keep bigint,
    OUT gone_id uuid, OUT change bigint, OUT unread bigint
) LANGUAGE plpgsql AS $$
DECLARE
    gone record;
    remembered bigint;
    last bigint;
BEGIN
    DELETE FROM notifications n WHERE n.user_id = owner AND n.created = place
        RETURNING n.id, n.category, n.is_read, n.modseq INTO gone;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    gone_id := gone.id;
    UPDATE inboxes b SET
        modseq = b.modseq + 1,
        total = b.total - 1,
        unread_count = b.unread_count - CASE WHEN gone.is_read OR gone.modseq <= b.all_read_modseq THEN 0 ELSE 1 END,
        deletions = b.deletions + 1,
        categories = campanile_counted(b.categories, gone.category, -1)
        WHERE b.user_id = owner RETURNING b.modseq, b.unread_count, b.deletions INTO change, unread, remembered;
    INSERT INTO deletions (user_id, modseq, id) VALUES (owner, change, gone.id);
    -- A little more than the window is remembered, so that forgetting is seldom.
    IF remembered > keep + keep / 8 THEN
        SELECT d.modseq INTO last FROM deletions d WHERE d.user_id = owner
            ORDER BY d.modseq OFFSET remembered - keep - 1 LIMIT 1;
        DELETE FROM deletions d WHERE d.user_id = owner AND d.modseq <= last;
        UPDATE inboxes b SET forgotten = last, deletions = keep WHERE b.user_id = owner;
    END IF;
END
$$;

-- Creates notifications in the order given, all or none. `outcome` is 0 when that is done, 1 when the same was asked
-- for before and made `made_before`, and 2 when the key was used for something else. `changes` and `unreads` have one
-- value for each notification; the lists after them one for each that this pushed out of the window.
CREATE FUNCTION campanile_create(
    users text[], ids uuid[], times bigint[], categories text[], contents text[], titles text[], links text[],
    data_texts text[], expiries bigint[], keep bigint,
    once_key text, once_fingerprint bytea, once_at bigint, once_forgotten bigint, once_made bytea,
    OUT outcome integer, OUT made_before bytea, OUT changes bigint[], OUT unreads bigint[],
    OUT gone_users text[], OUT gone_ids uuid[], OUT gone_changes bigint[], OUT gone_unreads bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    change bigint;
    unread bigint;
    present bigint;
    oldest bigint;
    gone record;
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
            RETURNING b.modseq, b.unread_count, b.total INTO change, unread, present;
        INSERT INTO notifications (user_id, created, seq, id, "timestamp", category, content, title, link, data,
                expires_at, is_read, modseq)
            VALUES (users[i], change, nextval('notification_seq'), ids[i], times[i], categories[i], contents[i],
                titles[i], links[i], data_texts[i], expiries[i], false, change);
        changes := changes || change;
        unreads := unreads || unread;
        WHILE present > keep LOOP
            SELECT n.created INTO oldest FROM notifications n WHERE n.user_id = users[i] ORDER BY n.created LIMIT 1;
            gone := campanile_remove(users[i], oldest, keep);
            gone_users := gone_users || users[i];
            gone_ids := gone_ids || gone.gone_id;
            gone_changes := gone_changes || gone.change;
            gone_unreads := gone_unreads || gone.unread;
            present := present - 1;
        END LOOP;
    END LOOP;
END
$$;

-- Marks a notification, in an inbox whose lock is held; marking it as it is takes no change number, and `change` is
-- null.
CREATE FUNCTION campanile_mark(target notifications, all_read bigint, mark boolean, OUT change bigint, OUT unread bigint)
LANGUAGE plpgsql AS $$
BEGIN
    IF (target.is_read OR target.modseq <= all_read) = mark THEN
        RETURN;
    END IF;
    UPDATE inboxes b SET modseq = b.modseq + 1, unread_count = b.unread_count + CASE WHEN mark THEN -1 ELSE 1 END
        WHERE b.user_id = target.user_id RETURNING b.modseq, b.unread_count INTO change, unread;
    UPDATE notifications n SET is_read = mark, modseq = change
        WHERE n.user_id = target.user_id AND n.created = target.created;
END
$$;

-- Marks the notification of this id, and returns it as it was before.
CREATE FUNCTION campanile_set_read(which uuid, mark boolean)
RETURNS TABLE (target notifications, change bigint, unread bigint) LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    all_read bigint;
BEGIN
    SELECT n.user_id INTO owner FROM notifications n WHERE n.id = which;
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.id = which AND n.user_id = owner;
    IF FOUND THEN
        SELECT m.change, m.unread INTO change, unread FROM campanile_mark(target, all_read, mark) m;
        RETURN NEXT;
    END IF;
END
$$;

-- Marks the notification read that is at this place of an inbox, counted from 0 at the newest, and returns it as it
-- was before.
CREATE FUNCTION campanile_mark_read_at(owner text, place bigint)
RETURNS TABLE (target notifications, change bigint, unread bigint) LANGUAGE plpgsql AS $$
DECLARE
    all_read bigint;
BEGIN
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.user_id = owner ORDER BY n.created DESC OFFSET place LIMIT 1;
    IF FOUND THEN
        SELECT m.change, m.unread INTO change, unread FROM campanile_mark(target, all_read, true) m;
        RETURN NEXT;
    END IF;
END
$$;

-- Marks a whole inbox read without touching its notifications, and returns how many were unread.
CREATE FUNCTION campanile_mark_all_read(owner text, OUT marked bigint, OUT change bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT b.unread_count INTO marked FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    IF marked > 0 THEN
        UPDATE inboxes b SET modseq = b.modseq + 1, all_read_modseq = b.modseq + 1, unread_count = 0
            WHERE b.user_id = owner RETURNING b.modseq INTO change;
    END IF;
    marked := coalesce(marked, 0);
END
$$;

-- Deletes the notification of this id, and returns it as it was seen last.
CREATE FUNCTION campanile_delete(which uuid, keep bigint)
RETURNS TABLE (target notifications, change bigint, unread bigint) LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    all_read bigint;
BEGIN
    SELECT n.user_id INTO owner FROM notifications n WHERE n.id = which;
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.id = which AND n.user_id = owner;
    IF FOUND THEN
        SELECT r.change, r.unread INTO change, unread FROM campanile_remove(owner, target.created, keep) r;
        target.is_read := target.is_read OR target.modseq <= all_read;
        RETURN NEXT;
    END IF;
END
$$;

-- Removes what expired, what was accepted before a moment, and keys that are forgotten; at most `most` notifications.
-- One process does it at a time. Returns what it removed.
CREATE FUNCTION campanile_delete_due(moment bigint, accepted_before bigint, keys_until bigint, most bigint, keep bigint)
RETURNS TABLE (owner text, gone_id uuid, change bigint, unread bigint) LANGUAGE plpgsql AS $$
DECLARE
    due record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7218013) THEN
        RETURN;
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
        SELECT r.gone_id, r.change, r.unread INTO gone_id, change, unread
            FROM campanile_remove(due.user_id, due.created, keep) r;
        IF change IS NOT NULL THEN
            owner := due.user_id;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
