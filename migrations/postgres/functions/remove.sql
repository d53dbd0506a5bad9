-- Takes a notification away with what waits to be sent to contacts about it, remembers that, and tells of it where there are endpoints; `change` is null when there was
-- none. The caller holds the lock of the inbox.
CREATE FUNCTION remove(owner text, place bigint, keep bigint, is_told boolean,
    OUT gone_id uuid, OUT change bigint, OUT unread bigint
) LANGUAGE plpgsql AS $$
DECLARE
    gone record;
    remembered bigint;
    last bigint;
BEGIN
    DELETE FROM notifications n WHERE n.user_id = owner AND n.created = place
        RETURNING n.id, n.category, n.is_read, n.modseq INTO gone;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    gone_id := gone.id;
    UPDATE inboxes b SET
        modseq = b.modseq + 1,
        total = b.total - 1,
        unread_count = b.unread_count - CASE WHEN gone.is_read OR gone.modseq <= b.all_read_modseq THEN 0 ELSE 1 END,
        deletions = b.deletions + 1,
        categories = counted(b.categories, gone.category, -1)
        WHERE b.user_id = owner RETURNING b.modseq, b.unread_count, b.deletions INTO change, unread, remembered;
    INSERT INTO deletions (user_id, modseq, id) VALUES (owner, change, gone.id);
    IF EXISTS (
        SELECT FROM deliveries d WHERE d.user_id = owner AND d.notification_id = gone.id AND d.ended_at IS NULL
            AND d.channel <> 'webhook'
    ) THEN
        PERFORM cancel_about(owner, ARRAY[gone.id], 'deleted');
    END IF;
    IF is_told THEN
        PERFORM tell('notification.deleted', owner, gone.category, change, unread, NULL, NULL, gone.id, clock(),
            false, NULL);
    END IF;
    -- A little more than the window is remembered, so that forgetting is seldom.
    IF remembered > keep + keep / 8 THEN
        SELECT d.modseq INTO last FROM deletions d WHERE d.user_id = owner
            ORDER BY d.modseq OFFSET remembered - keep - 1 LIMIT 1;
        DELETE FROM deletions d WHERE d.user_id = owner AND d.modseq <= last;
        UPDATE inboxes b SET forgotten = last, deletions = keep WHERE b.user_id = owner;
    END IF;
END
$$;
