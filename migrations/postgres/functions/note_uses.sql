-- Notes when keys were last used, never an earlier moment than is noted. Always in the same order, or two servers that
-- note the same keys could wait for each other.
CREATE FUNCTION note_uses(ids text[], times bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    use record;
BEGIN
    FOR use IN
        SELECT u.id COLLATE "C" AS id, max(u.at) AS at FROM unnest(ids, times) AS u (id, at) GROUP BY 1 ORDER BY 1
    LOOP
        UPDATE service_keys k SET last_used_at = use.at
            WHERE k.id = use.id AND (k.last_used_at IS NULL OR k.last_used_at < use.at);
    END LOOP;
END
$$;
