-- Marks the notification read that is at this place of an inbox, counted from 0 at the newest, and returns it as it
-- was before.
CREATE FUNCTION mark_read_at(owner text, place bigint)
RETURNS TABLE (target notifications, change bigint, unread bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    all_read bigint;
BEGIN
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.user_id = owner ORDER BY n.created DESC OFFSET place LIMIT 1;
    IF FOUND THEN
        SELECT m.change, m.unread INTO change, unread FROM mark(target, all_read, true) m;
        RETURN NEXT;
    END IF;
END
$$;
