-- Ends the parts of a digest as that ends, and returns how many those were and how many bytes they have. Its callers hold
-- the lane. A part that is being cancelled or judged at this moment is waited for, and who does that waits for no delivery.
CREATE FUNCTION end_parts(digest uuid, new_state text, why text, moment bigint, OUT parts bigint, OUT size bigint)
LANGUAGE plpgsql AS $$
BEGIN
    WITH gone AS (
        UPDATE deliveries d SET state = new_state, reason = why, ended_at = moment
            WHERE d.via = digest AND d.ended_at IS NULL
            RETURNING octet_length(d.payload) AS size
    )
    SELECT count(*), coalesce(sum(g.size), 0) INTO parts, size FROM gone g;
END
$$;
