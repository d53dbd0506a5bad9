-- Cancels what waits to be sent to contacts about these notifications of an inbox, and returns how many deliveries that
-- were. Its callers may hold the inbox, and others hold a lane while they wait for rows: so neither a lane nor a row is
-- waited for here. A row that another one holds is being claimed, written down or taken away, and the worker looks at the
-- inbox before it sends. What is to be taken from the counts of lanes is noted. No plan but by the index is any good:
-- statistics may be of an hour in which the table was empty.
CREATE FUNCTION cancel_about(owner text, which uuid[], why text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    moment bigint := clock();
    done bigint;
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT d.seq FROM deliveries d
            WHERE d.user_id = owner AND d.notification_id = ANY (which) AND d.ended_at IS NULL
                AND d.channel <> 'webhook' AND d.state IN ('held', 'ready')
            FOR UPDATE SKIP LOCKED
    ), gone AS (
        UPDATE deliveries d SET
            state = CASE WHEN d.expires_at <= moment THEN 'expired' ELSE 'cancelled' END,
            reason = CASE WHEN d.expires_at <= moment THEN 'notification_expired' ELSE why END,
            ended_at = moment
            FROM mine m WHERE d.seq = m.seq
            RETURNING d.lane, octet_length(d.payload) AS size
    ), noted AS (
        INSERT INTO lane_debts (lane, waiting, bytes)
            SELECT g.lane, count(*), sum(g.size) FROM gone g GROUP BY g.lane
    )
    SELECT count(*) INTO done FROM gone g;
    RETURN done;
END
$$;
