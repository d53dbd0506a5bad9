-- A time as it is written: 2025-11-05T10:30:00.123456Z. An interval is multiplied as a double is, in which whole
-- seconds up to the year 9999 are exact and microseconds would not be. The year 0 is 1 BC here.
CREATE FUNCTION written(micros bigint) RETURNS text
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    utc text := to_char(
        timestamp '1970-01-01' + micros / 1000000 * interval '1 second' + micros % 1000000 * interval '1 microsecond',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
BEGIN
    RETURN CASE WHEN micros < -62135596800000000 THEN overlay(utc PLACING '0000' FROM 1) ELSE utc END;
END
$$;
