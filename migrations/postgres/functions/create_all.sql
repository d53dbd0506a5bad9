-- Creates notifications in the order given, all or none. `outcome` is 0 when that is done, 1 when the same was asked
-- for before and made `made_before`, and 2 when the key was used for something else. `times`, `changes` and `unreads`
-- have one value for each notification; the lists after them one for each that this pushed out of the window.
-- With `reaches_contacts`, those who have a contact are noted for the planner; those whose `asks` is true are anyhow,
-- and `routings` is what their senders say of the ways on which they are told.
CREATE FUNCTION create_all(
    users text[], ids uuid[], categories text[], contents text[], titles text[], links text[],
    data_texts text[], expiries bigint[], keep bigint,
    once_caller text, once_key text, once_fingerprint bytea, once_fingerprint_of_old bytea, once_at bigint,
    once_forgotten bigint, reaches_contacts boolean, routings text[], asks boolean[],
    OUT outcome integer, OUT made_before bytea, OUT times bigint[], OUT changes bigint[], OUT unreads bigint[],
    OUT gone_users text[], OUT gone_ids uuid[], OUT gone_changes bigint[], OUT gone_unreads bigint[]
)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    accepted bigint;
    change bigint;
    unread bigint;
    present bigint;
    oldest bigint;
    gone record;
    made notifications;
    is_told boolean;
    is_for_contacts boolean;
BEGIN
    IF once_key IS NOT NULL THEN
        -- Requests of releases that did not note who made them.
        SELECT CASE WHEN o.fingerprint IN (once_fingerprint, once_fingerprint_of_old) THEN 1 ELSE 2 END, o.made
            INTO outcome, made_before FROM once o WHERE o.key = once_key AND o.at > once_forgotten;
        IF FOUND THEN
            RETURN;
        END IF;
        -- Another request with this key that is under way is waited for.
        INSERT INTO once_by_caller AS o (caller, key, fingerprint, at, made)
            VALUES (once_caller, once_key, once_fingerprint, once_at, '')
            ON CONFLICT (caller, key) DO UPDATE
                SET fingerprint = excluded.fingerprint, at = excluded.at, made = excluded.made
                WHERE o.at <= once_forgotten;
        IF NOT FOUND THEN
            SELECT CASE WHEN o.fingerprint = once_fingerprint THEN 1 ELSE 2 END, o.made INTO outcome, made_before
                FROM once_by_caller o WHERE o.caller = once_caller AND o.key = once_key;
            RETURN;
        END IF;
    END IF;
    outcome := 0;
    IF cardinality(users) > 1 THEN
        -- Always in the same order, or two batches could wait for each other.
        INSERT INTO inboxes (user_id, newest) SELECT DISTINCT u COLLATE "C", 0 FROM unnest(users) u ORDER BY 1
            ON CONFLICT DO NOTHING;
        PERFORM 1 FROM inboxes b WHERE b.user_id = ANY (users) ORDER BY b.user_id FOR NO KEY UPDATE;
    END IF;
    is_told := EXISTS (SELECT FROM webhooks);
    FOR i IN 1 .. cardinality(users) LOOP
        INSERT INTO inboxes AS b (user_id, modseq, unread_count, total, categories, newest)
            VALUES (users[i], 1, 1, 1, jsonb_build_object(categories[i], 1), clock())
            ON CONFLICT (user_id) DO UPDATE SET
                modseq = b.modseq + 1,
                unread_count = b.unread_count + 1,
                total = b.total + 1,
                categories = counted(b.categories, create_all.categories[i], 1),
                -- Asked for when the lock is held, so that it never goes back; null stays null.
                newest = CASE WHEN b.newest IS NOT NULL THEN greatest(b.newest, clock()) END
            RETURNING b.newest, b.modseq, b.unread_count, b.total INTO accepted, change, unread, present;
        IF accepted IS NULL THEN
            -- Nothing was written here since there is a newest, so it is that of what is here.
            SELECT greatest(max(n."timestamp"), clock()) INTO accepted FROM notifications n WHERE n.user_id = users[i];
            UPDATE inboxes b SET newest = accepted WHERE b.user_id = users[i];
        END IF;
        INSERT INTO notifications (user_id, created, seq, id, "timestamp", category, content, title, link, data,
                expires_at, is_read, modseq)
            VALUES (users[i], change, nextval('notification_seq'), ids[i], accepted, categories[i], contents[i],
                titles[i], links[i], data_texts[i], expiries[i], false, change);
        is_for_contacts := asks[i]
            OR (reaches_contacts AND EXISTS (SELECT FROM contacts c WHERE c.user_id = users[i]));
        IF is_told OR is_for_contacts THEN
            SELECT n.* INTO made FROM notifications n WHERE n.user_id = users[i] AND n.created = change;
            PERFORM tell('notification.created', users[i], categories[i], change, unread, made, false, NULL, accepted,
                is_for_contacts, routings[i]);
        END IF;
        times := times || accepted;
        changes := changes || change;
        unreads := unreads || unread;
        WHILE present > keep LOOP
            SELECT n.created INTO oldest FROM notifications n WHERE n.user_id = users[i] ORDER BY n.created LIMIT 1;
            gone := remove(users[i], oldest, keep, is_told);
            gone_users := gone_users || users[i];
            gone_ids := gone_ids || gone.gone_id;
            gone_changes := gone_changes || gone.change;
            gone_unreads := gone_unreads || gone.unread;
            present := present - 1;
        END LOOP;
    END LOOP;
    IF once_key IS NOT NULL THEN
        UPDATE once_by_caller o SET made = (
            SELECT string_agg(uuid_send(u.id) || int8send(u.at), ''::bytea ORDER BY u.place)
                FROM unnest(ids, times) WITH ORDINALITY u (id, at, place)
        ) WHERE o.caller = once_caller AND o.key = once_key;
    END IF;
END
$$;
