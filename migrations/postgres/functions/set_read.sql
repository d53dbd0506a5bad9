-- Marks the notification of this id, and returns it as it was before.
CREATE FUNCTION set_read(which uuid, mark boolean)
RETURNS TABLE (target notifications, change bigint, unread bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    owner text;
    all_read bigint;
BEGIN
    SELECT n.user_id INTO owner FROM notifications n WHERE n.id = which;
    SELECT b.all_read_modseq INTO all_read FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    SELECT n.* INTO target FROM notifications n WHERE n.id = which AND n.user_id = owner;
    IF FOUND THEN
        SELECT m.change, m.unread INTO change, unread FROM mark(target, all_read, mark) m;
        RETURN NEXT;
    END IF;
END
$$;
