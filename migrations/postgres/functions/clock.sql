-- What time it is, in microseconds since 1970; not when the transaction began.
CREATE FUNCTION clock() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$$;
