-- Of which notifications of an inbox something waits to be sent to contacts, by id, after one, at most `most`. No plan
-- but by the index is any good: statistics may be of an hour in which the table was empty.
CREATE FUNCTION awaited(owner text, after uuid, most bigint) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    RETURN QUERY
        SELECT DISTINCT d.notification_id FROM deliveries d
            WHERE d.user_id = owner AND d.notification_id > after AND d.ended_at IS NULL AND d.channel <> 'webhook'
                AND d.state IN ('held', 'ready')
            ORDER BY d.notification_id LIMIT most;
END
$$;
