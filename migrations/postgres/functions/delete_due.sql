-- Removes what expired, what was accepted before a moment, and keys that are forgotten; at most `most` notifications.
-- One process does it at a time. Returns what it removed.
CREATE FUNCTION delete_due(moment bigint, accepted_before bigint, keys_until bigint, most bigint, keep bigint)
RETURNS TABLE (owner text, gone_id uuid, change bigint, unread bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    due record;
    is_told boolean := EXISTS (SELECT FROM webhooks);
BEGIN
    IF NOT pg_try_advisory_xact_lock(7218013) THEN
        RETURN;
    END IF;
    DELETE FROM once o WHERE o.at <= keys_until;
    DELETE FROM once_by_caller o WHERE o.at <= keys_until;
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
            FROM remove(due.user_id, due.created, keep, is_told) r;
        IF change IS NOT NULL THEN
            owner := due.user_id;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
