-- Forgets what is about an inbox among the deliveries from a place to another, of which it looks at `most`, whatever
-- their state, and returns where to go on; null when those were the last.
CREATE FUNCTION forget_deliveries(owner text, first bigint, last bigint, most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    chosen bigint[];
    after bigint;
BEGIN
    SELECT array_agg(d.seq) FILTER (WHERE d.user_id = owner), CASE WHEN count(*) = most THEN max(d.seq) + 1 END
        INTO chosen, after
        FROM (SELECT d.seq, d.user_id FROM deliveries d WHERE d.seq BETWEEN first AND last ORDER BY d.seq LIMIT most) d;
    IF chosen IS NULL THEN
        RETURN after;
    END IF;
    PERFORM 1 FROM lanes l
        WHERE l.lane IN (SELECT d.lane FROM deliveries d WHERE d.seq = ANY (chosen) AND d.ended_at IS NULL)
        ORDER BY l.lane FOR NO KEY UPDATE;
    WITH gone AS (
        DELETE FROM deliveries d WHERE d.seq = ANY (chosen)
            RETURNING d.lane, octet_length(d.payload) AS size, d.ended_at
    )
    UPDATE lanes l SET waiting = l.waiting - n.waiting, bytes = l.bytes - n.bytes
        FROM (
            SELECT g.lane, count(*) AS waiting, sum(g.size) AS bytes FROM gone g
                WHERE g.ended_at IS NULL GROUP BY g.lane
        ) n WHERE l.lane = n.lane;
    RETURN after;
END
$$;
