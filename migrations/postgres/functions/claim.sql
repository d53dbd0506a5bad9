-- Claims deliveries that are due, of each lane that is not paused those that are due first: `room` of a lane, or as
-- many as are said for it. What another server is claiming at this moment is passed over. Returns each as it is then,
-- and whether the claim before ended without a result. No plan but by the index is any good: statistics may be of an
-- hour in which the table was empty. What is a part of a digest is not claimed. What was cancelled meanwhile is taken from
-- the counts of its lane first.
CREATE FUNCTION claim(new_lease uuid, lease_for bigint, room bigint, room_lanes text[], rooms bigint[])
RETURNS TABLE (target deliveries, was_lost boolean, is_expired boolean)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s'
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    moment bigint := clock();
    in_debt text[] := ARRAY(SELECT DISTINCT b.lane FROM lane_debts b);
BEGIN
    IF cardinality(in_debt) > 0 THEN
        -- What others hold at this moment is left to the next claim: it would keep every lane waiting.
        in_debt := ARRAY(
            SELECT l.lane FROM lanes l WHERE l.lane = ANY (in_debt) ORDER BY l.lane FOR NO KEY UPDATE SKIP LOCKED
        );
        WITH paid AS (
            DELETE FROM lane_debts b WHERE b.lane = ANY (in_debt) RETURNING b.lane, b.waiting, b.bytes
        )
        UPDATE lanes l SET waiting = greatest(l.waiting - n.waiting, 0), bytes = greatest(l.bytes - n.bytes, 0)
            FROM (
                SELECT p.lane, sum(p.waiting) AS waiting, sum(p.bytes) AS bytes FROM paid p GROUP BY p.lane
            ) n WHERE l.lane = n.lane;
    END IF;
    RETURN QUERY
        WITH due AS MATERIALIZED (
            SELECT w.seq, w.due_at, w.state = 'leased' AS was_lost
                FROM lanes l LEFT JOIN unnest(room_lanes, rooms) r (lane, room) ON r.lane = l.lane,
                LATERAL (
                    SELECT d.seq, d.due_at, d.state FROM deliveries d
                        WHERE d.lane = l.lane AND d.ended_at IS NULL AND d.via IS NULL AND d.due_at <= moment
                        ORDER BY d.due_at, d.seq LIMIT coalesce(r.room, claim.room) FOR UPDATE SKIP LOCKED
                ) w
                WHERE l.waiting > 0 AND (l.paused_until IS NULL OR l.paused_until <= moment)
        ), done AS (
            UPDATE deliveries d
                SET state = 'leased', lease = new_lease, due_at = moment + lease_for, tries = d.tries + 1
                FROM due WHERE d.seq = due.seq
                RETURNING d AS claimed, due.due_at, d.seq, due.was_lost, d.expires_at <= moment AS is_expired
        )
        SELECT n.claimed, n.was_lost, coalesce(n.is_expired, false) FROM done n ORDER BY n.due_at, n.seq;
END
$$;
