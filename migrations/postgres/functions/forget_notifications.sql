-- Deletes the oldest notifications of an inbox, at most `most`, and returns what it removed.
CREATE FUNCTION forget_notifications(owner text, most bigint, keep bigint)
RETURNS TABLE (gone_id uuid, change bigint, unread bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    place bigint;
    is_told boolean := EXISTS (SELECT FROM webhooks);
BEGIN
    PERFORM 1 FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    FOR place IN
        SELECT n.created FROM notifications n WHERE n.user_id = owner ORDER BY n.created LIMIT most
    LOOP
        SELECT r.gone_id, r.change, r.unread INTO gone_id, change, unread FROM remove(owner, place, keep, is_told) r;
        IF change IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
