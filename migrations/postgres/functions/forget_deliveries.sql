-- Forgets the oldest deliveries about an inbox, at most `most`, whatever their state, and returns how many those were.
CREATE FUNCTION forget_deliveries(owner text, most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    chosen bigint[];
    done bigint;
BEGIN
    SELECT array_agg(d.seq) INTO chosen
        FROM (SELECT d.seq FROM deliveries d WHERE d.user_id = owner ORDER BY d.seq LIMIT most) d;
    IF chosen IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM lanes l
        WHERE l.lane IN (SELECT d.lane FROM deliveries d WHERE d.seq = ANY (chosen) AND d.ended_at IS NULL)
        ORDER BY l.lane FOR NO KEY UPDATE;
    WITH gone AS (
        DELETE FROM deliveries d WHERE d.seq = ANY (chosen)
            RETURNING d.lane, octet_length(d.payload) AS size, d.ended_at
    ), counted AS (
        UPDATE lanes l SET waiting = l.waiting - n.waiting, bytes = l.bytes - n.bytes
            FROM (
                SELECT g.lane, count(*) AS waiting, sum(g.size) AS bytes FROM gone g
                    WHERE g.ended_at IS NULL GROUP BY g.lane
            ) n WHERE l.lane = n.lane
    )
    SELECT count(*) INTO done FROM gone g;
    RETURN done;
END
$$;
