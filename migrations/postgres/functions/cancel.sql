-- Cancels a delivery that is not over, with what is a part of it, and returns whether it was not. What comes of one that
-- is leased does not count.
CREATE FUNCTION cancel(which uuid, why text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    in_lane text;
    size bigint;
    parts bigint;
    of_parts bigint;
    moment bigint;
BEGIN
    SELECT d.lane INTO in_lane FROM deliveries d WHERE d.id = which AND d.ended_at IS NULL;
    PERFORM 1 FROM lanes l WHERE l.lane = in_lane FOR NO KEY UPDATE;
    moment := clock();
    UPDATE deliveries d SET state = 'cancelled', reason = why, lease = NULL, ended_at = moment,
        due_at = CASE WHEN d.state = 'leased' THEN least(d.due_at, moment) ELSE d.due_at END
        WHERE d.id = which AND d.ended_at IS NULL
        RETURNING octet_length(d.payload) INTO size;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT e.parts, e.size INTO parts, of_parts FROM end_parts(which, 'cancelled', why, moment) e;
    UPDATE lanes l SET waiting = l.waiting - 1 - parts, bytes = l.bytes - size - of_parts WHERE l.lane = in_lane;
    RETURN true;
END
$$;
