-- Marks unread again what a marking marked by the changes after one and up to another, and what did not change since: in
-- the order in which it last changed, at most so many. What was marked with the whole inbox has its own mark still. Each
-- takes a change of its own and is returned as it is then; `reached` is the number of the last of them before.
CREATE FUNCTION unmark(owner text, after bigint, up_to bigint, is_whole boolean, most bigint)
RETURNS TABLE (target notifications, change bigint, unread bigint, reached bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    inbox record;
    part bigint[];
BEGIN
    SELECT b.modseq, b.all_read_modseq, b.unread_count INTO inbox
        FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    IF is_whole THEN
        up_to := least(up_to, inbox.all_read_modseq);
    END IF;
    -- A creation is found by its number, and what was marked since by an index of its own.
    SELECT array_agg(f.created ORDER BY f.modseq), max(f.modseq) INTO part, reached FROM (
        (
            SELECT n.created, n.modseq FROM notifications n
                WHERE n.user_id = owner AND n.created > after AND n.created <= up_to AND n.modseq = n.created
                    AND n.is_read <> is_whole
                ORDER BY n.created LIMIT most
        ) UNION ALL (
            SELECT n.created, n.modseq FROM notifications n
                WHERE n.user_id = owner AND n.modseq > after AND n.modseq <= up_to AND n.modseq <> n.created
                    AND n.is_read <> is_whole
                ORDER BY n.modseq LIMIT most
        ) ORDER BY modseq LIMIT most
    ) f;
    IF part IS NULL THEN
        RETURN;
    END IF;
    UPDATE inboxes b SET modseq = b.modseq + cardinality(part), unread_count = b.unread_count + cardinality(part)
        WHERE b.user_id = owner;
    RETURN QUERY
        WITH done AS (
            UPDATE notifications n SET is_read = false, modseq = inbox.modseq + p.place
                FROM unnest(part) WITH ORDINALITY p (created, place)
                WHERE n.user_id = owner AND n.created = p.created
                RETURNING n AS seen, p.place
        )
        SELECT d.seen, inbox.modseq + d.place, inbox.unread_count + d.place, unmark.reached FROM done d ORDER BY d.place;
    IF EXISTS (SELECT FROM webhooks) THEN
        -- By the index of what was marked: these are the newest changes of the inbox.
        PERFORM tell('notification.updated', owner, n.category, n.modseq,
                inbox.unread_count + (n.modseq - inbox.modseq), n, false, NULL, clock(), false, NULL)
            FROM notifications n WHERE n.user_id = owner AND n.modseq > inbox.modseq AND n.modseq <> n.created
            ORDER BY n.modseq;
    END IF;
END
$$;
