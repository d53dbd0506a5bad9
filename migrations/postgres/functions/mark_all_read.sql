-- Marks a whole inbox read without touching its notifications, and returns how many were unread.
CREATE FUNCTION mark_all_read(owner text, OUT marked bigint, OUT change bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
BEGIN
    SELECT b.unread_count INTO marked FROM inboxes b WHERE b.user_id = owner FOR NO KEY UPDATE;
    IF marked > 0 THEN
        UPDATE inboxes b SET modseq = b.modseq + 1, all_read_modseq = b.modseq + 1, unread_count = 0
            WHERE b.user_id = owner RETURNING b.modseq INTO change;
    END IF;
    marked := coalesce(marked, 0);
END
$$;
