-- Marks a notification, in an inbox whose lock is held, and tells of it where there are endpoints; what waits to be
-- sent to contacts about one that is read is cancelled; marking it as it is
-- takes no change number, and `change` is null.
CREATE FUNCTION mark(target notifications, all_read bigint, mark boolean, OUT change bigint, OUT unread bigint)
LANGUAGE plpgsql AS $$
BEGIN
    IF (target.is_read OR target.modseq <= all_read) = mark THEN
        RETURN;
    END IF;
    UPDATE inboxes b SET modseq = b.modseq + 1, unread_count = b.unread_count + CASE WHEN mark THEN -1 ELSE 1 END
        WHERE b.user_id = target.user_id RETURNING b.modseq, b.unread_count INTO change, unread;
    UPDATE notifications n SET is_read = mark, modseq = change
        WHERE n.user_id = target.user_id AND n.created = target.created;
    IF mark AND EXISTS (
        SELECT FROM deliveries d WHERE d.user_id = target.user_id AND d.notification_id = target.id AND d.ended_at IS NULL
            AND d.channel <> 'webhook'
    ) THEN
        PERFORM cancel_about(target.user_id, ARRAY[target.id], 'read');
    END IF;
    IF EXISTS (SELECT FROM webhooks) THEN
        PERFORM tell('notification.updated', target.user_id, target.category, change, unread, target, mark, NULL,
            clock(), false, NULL);
    END IF;
END
$$;
