-- Has what is held for an inbox judged anew, at most `most`: it is due at once, and no part of a digest any more, but for
-- one that is leased or was attempted. Returns how many those were. What another transaction holds at this moment is passed over: it is
-- claimed, and judged, or over.
CREATE FUNCTION judge_anew(owner text, most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    moment bigint := clock();
    done bigint;
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT d.seq FROM deliveries d
            WHERE d.user_id = owner AND d.notification_id IS NOT NULL AND d.ended_at IS NULL
                AND d.channel <> 'webhook' AND d.state = 'held' AND (d.due_at > moment OR d.via IS NOT NULL)
                AND NOT EXISTS (SELECT FROM deliveries v WHERE v.id = d.via AND (v.state = 'leased' OR v.tries > 0))
            LIMIT most FOR UPDATE OF d SKIP LOCKED
    ), judged AS (
        UPDATE deliveries d SET reason = 'judged_anew', due_at = moment, via = NULL FROM mine m WHERE d.seq = m.seq RETURNING d.seq
    )
    SELECT count(*) INTO done FROM judged j;
    RETURN done;
END
$$;
