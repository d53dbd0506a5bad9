-- Notes an event for the planner, if an endpoint wants it or it is for contacts, with what its sender says of those:
-- `Wanted::takes` says the same of an endpoint. Its callers have asked before whether there is an endpoint at all. `about`
-- is the notification that it is about, and `seen` whether that is read since; what is gone has only its id left.
CREATE FUNCTION tell(kind text, owner text, of_category text, change bigint, unread bigint, about notifications,
    seen boolean, gone uuid, happened bigint, is_for_contacts boolean, routing text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    is_wanted boolean := EXISTS (
        SELECT FROM webhooks w WHERE kind = ANY (w.events) AND (w.user_id IS NULL OR w.user_id = owner)
            AND (w.categories IS NULL OR of_category IS NULL OR of_category = ANY (w.categories))
    );
BEGIN
    IF is_wanted OR is_for_contacts THEN
        INSERT INTO outbox (kind, user_id, category, notification_id, expires_at, at, to_contacts, routing, data) VALUES (
            kind, owner, of_category, coalesce(gone, about.id), about.expires_at, happened, is_for_contacts,
            CASE WHEN is_for_contacts THEN tell.routing END,
            CASE WHEN is_wanted THEN
                concat('{"user_id":', to_json(owner), ',"modseq":', change, ',"unread_count":', unread,
                    CASE WHEN about.id IS NOT NULL THEN ',"notification":' || notification_json(about, seen) END,
                    ',"id":"' || gone::text || '"', '}')
            ELSE '' END
        );
    END IF;
END
$$;
