-- Deletes the notification of this id, and returns it as it was seen last.
CREATE FUNCTION delete_one(which uuid, keep bigint)
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
        SELECT r.change, r.unread INTO change, unread
            FROM remove(owner, target.created, keep, EXISTS (SELECT FROM webhooks)) r;
        target.is_read := target.is_read OR target.modseq <= all_read;
        RETURN NEXT;
    END IF;
END
$$;
