-- Adds a contact, or renews the one that is the same; says nothing when the user has so many, and none that may go for
-- it. Locks are taken in this order, or two could wait for each other: what is the same, the user, one row. A row that
-- goes to make room is not waited for.
CREATE FUNCTION put_contact(which uuid, owner text, way text, same bytea, where_to text, called text, moment bigint,
    most bigint) RETURNS TABLE (is_new boolean, target contacts)
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
DECLARE
    present bigint;
    pushes bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7218015, hashtext(encode(same, 'hex')));
    is_new := false;
    UPDATE contacts c SET address = where_to, label = called, last_seen_at = greatest(c.last_seen_at, moment),
            state = 'active', since = CASE WHEN c.state = 'active' THEN c.since ELSE moment END
        WHERE c.identity = same AND c.user_id = owner RETURNING c.* INTO target;
    IF FOUND THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7218016, hashtext(owner));
    SELECT count(*), count(*) FILTER (WHERE c.channel <> 'email') INTO present, pushes
        FROM contacts c WHERE c.user_id = owner;
    IF present >= most AND (way = 'email' OR pushes = 0) THEN
        RETURN;
    END IF;
    DELETE FROM contacts c WHERE c.identity = same;
    IF present >= most THEN
        -- One that is being renewed, or moves, is passed over.
        DELETE FROM contacts c WHERE c.id = (
            SELECT v.id FROM contacts v WHERE v.user_id = owner AND v.channel <> 'email'
                ORDER BY v.last_seen_at, v.place LIMIT 1 FOR UPDATE SKIP LOCKED
        );
        IF NOT FOUND THEN
            RAISE lock_not_available USING MESSAGE = 'each contact that could go is being written to';
        END IF;
    END IF;
    is_new := true;
    INSERT INTO contacts AS c (id, user_id, channel, identity, address, label, state, since, created_at, last_seen_at)
        VALUES (which, owner, way, same, where_to, called, 'active', moment, moment, moment) RETURNING c.* INTO target;
    RETURN NEXT;
END
$$;
