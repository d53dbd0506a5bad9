-- Counts of each category with one of them changed; what there is none of is left out.
CREATE FUNCTION counted(counts jsonb, category text, step bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE coalesce((counts ->> category)::bigint, 0) + step
        WHEN 0 THEN counts - category
        ELSE counts || jsonb_build_object(category, coalesce((counts ->> category)::bigint, 0) + step)
    END
$$;
