-- Marks what is unread in an inbox: what was created up to a change, and is of a category, if one is given. Where that
-- is everything that is unread, it is one change, which touches no notification and has none; else each takes a change
-- of its own, oldest first, and is returned as it is then. `marked` is how many a change marked, and `since` the number
-- after which all that was marked last changed: before it was marked as a whole, or else by that.
CREATE FUNCTION mark_all_read(owner text, up_to bigint, only_category text)
RETURNS TABLE (target notifications, change bigint, unread bigint, marked bigint, since bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    inbox record;
    part bigint[];
    is_told boolean := EXISTS (SELECT FROM webhooks);
BEGIN
    SELECT b.modseq, b.all_read_modseq, b.unread_count, b.categories INTO inbox
        FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    IF NOT FOUND OR inbox.unread_count = 0 OR (only_category IS NOT NULL AND NOT inbox.categories ? only_category) THEN
        RETURN;
    END IF;
    IF only_category IS NULL
        AND NOT EXISTS (SELECT FROM notifications n WHERE n.user_id = owner AND n.created > up_to) THEN
        marked := inbox.unread_count;
    ELSE
        SELECT coalesce(array_agg(n.created ORDER BY n.created), '{}') INTO part FROM notifications n
            WHERE n.user_id = owner AND n.created <= up_to AND (only_category IS NULL OR n.category = only_category)
                AND NOT n.is_read AND n.modseq > inbox.all_read_modseq;
        marked := cardinality(part);
    END IF;
    IF marked = inbox.unread_count THEN
        UPDATE inboxes b SET modseq = b.modseq + 1, all_read_modseq = b.modseq + 1, unread_count = 0
            WHERE b.user_id = owner RETURNING b.modseq, b.unread_count INTO change, unread;
        IF is_told THEN
            PERFORM tell('inbox.all_read', owner, NULL, change, unread, NULL, NULL, NULL, clock(), false, NULL);
        END IF;
        since := inbox.all_read_modseq;
        RETURN NEXT;
    ELSIF marked > 0 THEN
        UPDATE inboxes b SET modseq = b.modseq + marked, unread_count = b.unread_count - marked
            WHERE b.user_id = owner;
        RETURN QUERY
            WITH done AS (
                UPDATE notifications n SET is_read = true, modseq = inbox.modseq + p.place
                    FROM unnest(part) WITH ORDINALITY p (created, place)
                    WHERE n.user_id = owner AND n.created = p.created
                    RETURNING n AS seen, p.place
            )
            SELECT d.seen, inbox.modseq + d.place, inbox.unread_count - d.place, 1::bigint, inbox.modseq
                FROM done d ORDER BY d.place;
        IF EXISTS (SELECT FROM awaited(owner, '00000000-0000-0000-0000-000000000000', 1)) THEN
            PERFORM cancel_about(owner, ARRAY(
                SELECT n.id FROM notifications n WHERE n.user_id = owner AND n.created = ANY (part)
            ), 'read');
        END IF;
        IF is_told THEN
            -- By the index of what was marked: these are the newest changes of the inbox.
            PERFORM tell('notification.updated', owner, n.category, n.modseq,
                    inbox.unread_count - (n.modseq - inbox.modseq), n, true, NULL, clock(), false, NULL)
                FROM notifications n WHERE n.user_id = owner AND n.modseq > inbox.modseq AND n.modseq <> n.created
                ORDER BY n.modseq;
        END IF;
    END IF;
END
$$;
