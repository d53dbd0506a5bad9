-- What proves who somebody is. Of every secret only the SHA-256 is here. Times are microseconds since 1970 in UTC.

CREATE TABLE service_keys (
    id           text   COLLATE "C" PRIMARY KEY, -- 16 hexadecimal digits
    name         text   NOT NULL,
    scopes       text   NOT NULL, -- with commas between them
    hash         bytea  NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint
) WITH (fillfactor = 70);

-- Sessions and tickets.
CREATE TABLE grants (
    hash       bytea  PRIMARY KEY,
    kind       text   NOT NULL, -- session or ticket
    holder     text   NOT NULL, -- operator, key:ID or user:ID
    expires_at bigint NOT NULL,
    until      bigint -- when a stream that it opened has to end
);
CREATE INDEX grants_by_expiry ON grants (expires_at);

-- Notes when keys were last used, never an earlier moment than is noted. Always in the same order, or two servers that
-- note the same keys could wait for each other.
CREATE FUNCTION campanile_note_uses(ids text[], times bigint[]) RETURNS void LANGUAGE plpgsql AS $$
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
