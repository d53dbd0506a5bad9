-- Adds an endpoint, unless there are so many already. One is added at a time, so that two are not the last one.
CREATE FUNCTION add_webhook(which uuid, made bigint, changed bigint, kinds text[], of_categories text[], only_user text,
    whole text, most bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7218014);
    IF (SELECT count(*) FROM webhooks) >= most THEN
        RETURN false;
    END IF;
    INSERT INTO webhooks (id, created, version, events, categories, user_id, record)
        VALUES (which, made, changed, kinds, of_categories, only_user, whole);
    RETURN true;
END
$$;
