-- Puts deliveries in the place of entries, and returns how many that were. Of each list after the first there is one
-- value for a delivery. What has no room in its lane is skipped.
CREATE FUNCTION plan(
    entries bigint[], of_entries bigint[], ids uuid[], notification_ids uuid[], users text[], channels text[],
    targets uuid[], of_lanes text[], states text[], reasons text[], waits bigint[], payloads text[], expiries bigint[],
    most_waiting bigint, most_bytes bigint
) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    taken bigint[];
    open_lanes text[];
    open record;
    filling text;
    count_now bigint;
    bytes_now bigint;
    refused bigint[] := '{}';
    moment bigint;
    done bigint;
BEGIN
    -- What another server is planning at this moment is left to it.
    WITH mine AS MATERIALIZED (
        SELECT o.seq FROM outbox o WHERE o.seq = ANY (entries) FOR UPDATE SKIP LOCKED
    ), done AS (
        DELETE FROM outbox o USING mine m WHERE o.seq = m.seq RETURNING o.seq
    )
    SELECT array_agg(d.seq) INTO taken FROM done d;
    IF taken IS NULL OR NOT taken && of_entries THEN
        RETURN 0;
    END IF;
    SELECT array_agg(DISTINCT p.lane COLLATE "C") INTO open_lanes
        FROM unnest(of_entries, of_lanes, states) p (entry, lane, state)
        WHERE p.entry = ANY (taken) AND p.state IN ('held', 'ready');
    INSERT INTO lanes (lane) SELECT o.lane FROM unnest(open_lanes) o (lane) ORDER BY o.lane COLLATE "C"
        ON CONFLICT DO NOTHING;
    PERFORM 1 FROM lanes l WHERE l.lane = ANY (open_lanes) ORDER BY l.lane FOR NO KEY UPDATE;
    FOR open IN
        SELECT p.place, l.lane, octet_length(p.payload) AS size, l.waiting, l.bytes
            FROM unnest(of_entries, of_lanes, states, payloads) WITH ORDINALITY p (entry, lane, state, payload, place)
            JOIN lanes l ON l.lane = p.lane
            WHERE p.entry = ANY (taken) AND p.state IN ('held', 'ready') ORDER BY l.lane, p.place
    LOOP
        IF filling IS DISTINCT FROM open.lane THEN
            filling := open.lane;
            count_now := open.waiting;
            bytes_now := open.bytes;
        END IF;
        IF count_now >= most_waiting OR bytes_now + open.size > most_bytes THEN
            refused := refused || open.place;
        ELSE
            count_now := count_now + 1;
            bytes_now := bytes_now + open.size;
        END IF;
    END LOOP;
    moment := clock();
    WITH made AS (
        INSERT INTO deliveries (id, notification_id, user_id, channel, target, lane, state, reason, due_at, payload,
                expires_at, created_at, ended_at)
            SELECT p.id, p.notification_id, p.user_id, p.channel, p.target, p.lane,
                CASE WHEN f.is_refused THEN 'skipped' ELSE p.state END,
                CASE WHEN f.is_refused THEN 'backlog_full' ELSE p.reason END,
                moment + p.wait, p.payload, p.expires_at, moment,
                CASE WHEN f.is_refused OR p.state NOT IN ('held', 'ready') THEN moment END
            FROM unnest(of_entries, ids, notification_ids, users, channels, targets, of_lanes, states, reasons, waits,
                payloads, expiries) WITH ORDINALITY p (entry, id, notification_id, user_id, channel, target, lane,
                state, reason, wait, payload, expires_at, place),
            LATERAL (SELECT p.place = ANY (refused) AS is_refused) f
            WHERE p.entry = ANY (taken) ORDER BY p.place
            RETURNING deliveries.lane, octet_length(deliveries.payload) AS size, deliveries.ended_at
    ), counted AS (
        UPDATE lanes l SET waiting = l.waiting + n.waiting, bytes = l.bytes + n.bytes
            FROM (
                SELECT m.lane, count(*) AS waiting, sum(m.size) AS bytes FROM made m
                    WHERE m.ended_at IS NULL GROUP BY m.lane
            ) n WHERE l.lane = n.lane
    )
    SELECT count(*) INTO done FROM made m;
    RETURN done;
END
$$;
