-- Notes an event for the planner, if an endpoint wants it: `Wanted::takes` says the same of one. Its callers have
-- asked before whether there is an endpoint at all. `about` is the notification that it is about, and `seen` whether
-- that is read since; what is gone has only its id left.
CREATE FUNCTION tell(kind text, owner text, of_category text, change bigint, unread bigint, about notifications,
    seen boolean, gone uuid, happened bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM webhooks w WHERE kind = ANY (w.events) AND (w.user_id IS NULL OR w.user_id = owner)
            AND (w.categories IS NULL OR of_category IS NULL OR of_category = ANY (w.categories))
    ) THEN
        INSERT INTO outbox (kind, user_id, category, notification_id, expires_at, at, data) VALUES (
            kind, owner, of_category, coalesce(gone, about.id), about.expires_at, happened,
            concat('{"user_id":', to_json(owner), ',"modseq":', change, ',"unread_count":', unread,
                CASE WHEN about.id IS NOT NULL THEN ',"notification":' || notification_json(about, seen) END,
                ',"id":"' || gone::text || '"', '}')
        );
    END IF;
END
$$;
