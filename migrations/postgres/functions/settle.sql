-- Writes down what became of claimed deliveries: each list has one value for each. `attempts` are JSON arrays; where
-- there is no state, or it is held, it is due again after the wait. What ends a digest ends its parts. Returns the place
-- of each that was written, and how its lane does since. One that was claimed anew, or is over, is passed over.
CREATE FUNCTION settle(
    ids uuid[], leases uuid[], attempts text[], refunds boolean[], states text[], reasons text[], waits bigint[],
    worked boolean[], pauses bigint[], pause_reasons text[], most_attempts integer
) RETURNS TABLE (place bigint, failures bigint, failing_since bigint, worked_at bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    of_lanes text[];
    doing lanes;
    one record;
    tried text[];
    is_over boolean;
    is_digest boolean;
    size bigint;
    parts bigint;
    moment bigint;
BEGIN
    -- The lane of a delivery never changes.
    SELECT array_agg(d.lane ORDER BY s.place) INTO of_lanes
        FROM unnest(ids) WITH ORDINALITY s (id, place) LEFT JOIN deliveries d ON d.id = s.id;
    FOR doing IN SELECT l.* FROM lanes l WHERE l.lane = ANY (of_lanes) ORDER BY l.lane FOR NO KEY UPDATE LOOP
        moment := clock();
        FOR one IN
            SELECT s.* FROM unnest(of_lanes, ids, leases, settle.attempts, refunds, states, reasons, waits, worked,
                    pauses, pause_reasons) WITH ORDINALITY
                s (lane, id, lease, attempts, refund, state, reason, wait, worked, pause, pause_reason, place)
                WHERE s.lane = doing.lane ORDER BY s.place
        LOOP
            tried := ARRAY(SELECT a.value::text FROM json_array_elements(one.attempts::json) a);
            is_over := one.state <> 'held'; -- Null where there is none.
            UPDATE deliveries d SET
                state = coalesce(one.state, 'ready'),
                reason = one.reason,
                due_at = CASE WHEN is_over THEN least(d.due_at, moment) ELSE moment + one.wait END,
                lease = NULL,
                tries = CASE WHEN one.refund THEN greatest(d.tries - 1, 0) ELSE d.tries END,
                attempts = (d.attempts || tried)[
                    greatest(cardinality(d.attempts) + cardinality(tried) - most_attempts, 0) + 1 :
                ],
                ended_at = CASE WHEN is_over THEN moment END
                WHERE d.id = one.id AND d.lease = one.lease AND d.state = 'leased'
                RETURNING octet_length(d.payload), d.channel <> 'webhook' AND d.notification_id IS NULL
                INTO size, is_digest;
            CONTINUE WHEN NOT FOUND;
            IF is_over THEN
                doing.waiting := doing.waiting - 1;
                doing.bytes := doing.bytes - size;
                IF is_digest THEN
                    SELECT e.parts, e.size INTO parts, size FROM end_parts(one.id, one.state, one.reason, moment) e;
                    doing.waiting := doing.waiting - parts;
                    doing.bytes := doing.bytes - size;
                END IF;
            END IF;
            IF one.worked THEN
                doing.failures := 0;
                doing.failing_since := NULL;
                doing.worked_at := moment;
            ELSIF NOT one.worked THEN
                doing.failures := doing.failures + 1;
                doing.failing_since := coalesce(doing.failing_since, moment);
            END IF;
            -- The longest pause is the one in force, and its reason why.
            IF moment + one.pause >= coalesce(doing.paused_until, 0) THEN
                doing.paused_until := moment + one.pause;
                doing.reason := one.pause_reason;
            END IF;
            place := one.place;
            failures := doing.failures;
            failing_since := doing.failing_since;
            worked_at := doing.worked_at;
            RETURN NEXT;
        END LOOP;
        UPDATE lanes l SET waiting = doing.waiting, bytes = doing.bytes, paused_until = doing.paused_until,
            reason = doing.reason, failures = doing.failures, failing_since = doing.failing_since,
            worked_at = doing.worked_at
            WHERE l.lane = doing.lane;
    END LOOP;
END
$$;
