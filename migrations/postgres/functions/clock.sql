-- What time it is, in microseconds since 1970; not when the transaction began. A double is exact to less than one.
CREATE FUNCTION clock() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint
$$;
