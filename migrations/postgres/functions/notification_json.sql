-- A notification as its receivers read it, read or not: byte for byte what the server makes of one. What is null is
-- left out.
CREATE FUNCTION notification_json(n notifications, seen boolean) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT concat('{"id":"', n.id, '","user_id":', to_json(n.user_id), ',"content":', to_json(n.content),
        ',"timestamp":"', written(n."timestamp"), '","is_read":', CASE WHEN seen THEN 'true' ELSE 'false' END,
        ',"category":', to_json(n.category), ',"title":' || to_json(n.title)::text, ',"link":' || to_json(n.link)::text,
        ',"data":' || n.data, ',"expires_at":"' || written(n.expires_at) || '"', '}')
$$;
