-- Makes a digest, ready and due at once, of claimed deliveries of one lane to one contact, and of all else of these that
-- is held and due, but for what is to be judged anew; where one of the claimed waits for a digest, of all that does.
-- Returns whether it did: not where that would be a single one. What is not leased under that lease any more is passed
-- over, and what another transaction holds at this moment.
CREATE FUNCTION bundle(digest uuid, of_lease uuid, claimed uuid[], why text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s'
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    in_lane text;
    first deliveries;
    takes_digests boolean;
    leased bigint[];
    too bigint[];
    moment bigint;
BEGIN
    SELECT d.lane INTO in_lane FROM deliveries d WHERE d.id = ANY (claimed) LIMIT 1;
    PERFORM 1 FROM lanes l WHERE l.lane = in_lane FOR NO KEY UPDATE;
    moment := clock();
    WITH mine AS MATERIALIZED (
        SELECT d.seq, d.reason FROM deliveries d
            WHERE d.id = ANY (claimed) AND d.lane = in_lane AND d.lease = of_lease AND d.state = 'leased' FOR UPDATE
    )
    SELECT array_agg(m.seq), bool_or(m.reason = why) INTO leased, takes_digests FROM mine m;
    IF leased IS NULL THEN
        RETURN false;
    END IF;
    SELECT d.* INTO first FROM deliveries d WHERE d.seq = leased[1];
    too := ARRAY(
        SELECT d.seq FROM deliveries d
            WHERE d.user_id = first.user_id AND d.notification_id IS NOT NULL AND d.ended_at IS NULL
                AND d.channel <> 'webhook' AND d.target = first.target AND d.lane = in_lane AND d.state = 'held'
                AND d.via IS NULL
                AND ((d.due_at <= moment AND d.reason IS DISTINCT FROM 'judged_anew')
                    OR (takes_digests AND d.reason = why))
            FOR UPDATE SKIP LOCKED
    );
    IF cardinality(leased || too) < 2 THEN
        RETURN false;
    END IF;
    UPDATE deliveries d SET state = 'held', lease = NULL, due_at = moment, via = digest,
        tries = CASE WHEN d.state = 'leased' THEN greatest(d.tries - 1, 0) ELSE d.tries END
        WHERE d.seq = ANY (leased || too);
    INSERT INTO deliveries (id, user_id, channel, target, lane, state, due_at, payload, created_at)
        VALUES (digest, first.user_id, first.channel, first.target, first.lane, 'ready', moment, '', moment);
    UPDATE lanes l SET waiting = l.waiting + 1 WHERE l.lane = in_lane;
    RETURN true;
END
$$;
