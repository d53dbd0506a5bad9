-- Makes deliveries, due at once, that repeat others, and returns how many. What is not over, was sent, or is repeated
-- already, is passed over, and so is a digest: its parts are not, and become one again. A new one does not expire: it
-- was asked for.
CREATE FUNCTION replay(olds uuid[], news uuid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    of_lanes text[];
    moment bigint;
    done bigint;
BEGIN
    SELECT array_agg(DISTINCT d.lane) INTO of_lanes FROM deliveries d
        WHERE d.id = ANY (olds) AND d.ended_at IS NOT NULL AND NOT d.is_replayed AND d.state <> 'sent'
            AND (d.notification_id IS NOT NULL OR d.channel = 'webhook');
    -- One in which everything was skipped is not there yet.
    INSERT INTO lanes (lane) SELECT o.lane FROM unnest(of_lanes) o (lane) ORDER BY o.lane COLLATE "C"
        ON CONFLICT DO NOTHING;
    PERFORM 1 FROM lanes l WHERE l.lane = ANY (of_lanes) ORDER BY l.lane FOR NO KEY UPDATE;
    moment := clock();
    WITH asked AS (
        SELECT DISTINCT ON (p.old) p.old, p.new, p.place FROM unnest(olds, news) WITH ORDINALITY p (old, new, place)
            ORDER BY p.old, p.place
    ), repeated AS (
        UPDATE deliveries d SET is_replayed = true FROM asked a
            WHERE d.id = a.old AND d.lane = ANY (of_lanes) AND d.ended_at IS NOT NULL AND NOT d.is_replayed
                AND d.state <> 'sent' AND (d.notification_id IS NOT NULL OR d.channel = 'webhook')
            RETURNING d.*, a.new, a.place
    ), made AS (
        INSERT INTO deliveries (id, notification_id, user_id, channel, target, lane, state, reason, due_at, payload,
                created_at, replay_of)
            SELECT r.new, r.notification_id, r.user_id, r.channel, r.target, r.lane,
                CASE WHEN r.via IS NULL THEN 'ready' ELSE 'held' END, CASE WHEN r.via IS NOT NULL THEN 'together' END,
                moment, r.payload, moment, r.id
            FROM repeated r ORDER BY r.place
            RETURNING deliveries.lane, octet_length(deliveries.payload) AS size
    ), counted AS (
        UPDATE lanes l SET waiting = l.waiting + n.waiting, bytes = l.bytes + n.bytes
            FROM (SELECT m.lane, count(*) AS waiting, sum(m.size) AS bytes FROM made m GROUP BY m.lane) n
            WHERE l.lane = n.lane
    )
    SELECT count(*) INTO done FROM made m;
    RETURN done;
END
$$;
