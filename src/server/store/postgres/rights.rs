//! The rights of the role in the database, and those that it lacks.

use tokio_postgres::{Client, Row, types::Type};

use super::functions::schema_beside;
use crate::server::store::StoreError;

/// The rights that the role lacks on the existing tables and the functions of this release, and the statements that
/// grant them; `$1` is the schema of the functions for tables in `public`. Both are null where it lacks none.
pub(super) const LACKING: &str = "WITH here AS (
        SELECT n.oid AS id, n.nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = to_regclass('inboxes')
    ), functions AS (
        SELECT n.oid AS id, n.nspname AS name FROM here h JOIN pg_namespace n
            ON n.nspname = CASE h.name WHEN 'public' THEN $1::text ELSE h.name || '_' || $1::text END
    ), lacking AS (
        SELECT r.name || ' on ' || c.relname AS what,
            'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ' || quote_ident(h.name) AS cure, 1 AS place
            FROM here h
            JOIN pg_class c ON c.relnamespace = h.id AND c.relkind = 'r' AND c.relname IN ('inboxes', 'notifications',
                'deletions', 'once', 'once_by_caller', 'service_keys', 'grants', 'webhooks', 'outbox', 'deliveries',
                'lanes', 'contacts', 'lane_debts', 'preferences', 'secrets', 'refinery_schema_history'),
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r (name)
            WHERE NOT has_table_privilege(c.oid, r.name)
                AND (c.relname <> 'refinery_schema_history' OR r.name = 'SELECT')
        UNION ALL SELECT 'USAGE on ' || c.relname, 'GRANT USAGE ON ALL SEQUENCES IN SCHEMA ' || quote_ident(h.name), 2
            FROM here h JOIN pg_class c ON c.relnamespace = h.id AND c.relkind = 'S' AND c.relname = 'notification_seq'
            WHERE NOT has_sequence_privilege(c.oid, 'USAGE')
        UNION ALL SELECT 'USAGE on the schema ' || quote_ident(f.name), 'GRANT USAGE ON SCHEMA ' || quote_ident(f.name), 3
            FROM functions f WHERE NOT has_schema_privilege(f.id, 'USAGE')
        UNION ALL SELECT 'EXECUTE on the functions in ' || quote_ident(f.name),
            'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ' || quote_ident(f.name), 4
            FROM functions f WHERE EXISTS (
                SELECT FROM pg_proc p WHERE p.pronamespace = f.id AND NOT has_function_privilege(p.oid, 'EXECUTE')
            )
    ), cures AS (
        SELECT cure || ' TO ' || quote_ident(current_user::text) AS cure, min(place) AS place FROM lacking GROUP BY cure
    )
    SELECT quote_ident(current_user::text), (SELECT string_agg(what, ', ' ORDER BY place, what) FROM lacking),
        (SELECT string_agg(cure, '; ' ORDER BY place) FROM cures), EXISTS (SELECT FROM here)";

/// The rights that the role lacks, and the statements that grant them, in a sentence or two; `None` when it lacks none.
///
/// # Errors
/// When the database cannot be asked.
pub(super) async fn lacking(client: &Client) -> Result<Option<String>, StoreError> {
    let row = client.query_typed_one(LACKING, &[(&functions(), Type::TEXT)]).await?;
    if let Some(lacking) = read(&row)? {
        return Ok(Some(lacking));
    }
    // A schema that the role may not use looks missing.
    if row.try_get(3)? { Ok(None) } else { Ok(Place::ask(client).await?.hidden()) }
}

/// The value of [`LACKING`].
pub(super) fn functions() -> String {
    schema_beside("public")
}

/// The result of [`LACKING`], in a sentence or two.
pub(super) fn read(row: &Row) -> Result<Option<String>, StoreError> {
    let (role, what, cures): (&str, Option<&str>, Option<&str>) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let lacking = what.zip(cures).map(|(what, cures)| format!("the role {role} lacks {what}. Let it: {cures}."));
    Ok(lacking)
}

/// Checks that the role may read and write every existing table, read the history of migrations, and call the functions
/// of this release, if they exist.
pub(super) async fn check(client: &Client) -> Result<(), StoreError> {
    lacking(client).await?.map_or(Ok(()), |lacking| Err(StoreError::failed(lacking)))
}

/// Checks that the role may use the schema of the tables, or the one in which they would be created: to a role that may
/// not, it looks missing.
pub(super) async fn check_schema(client: &Client) -> Result<(), StoreError> {
    Place::ask(client).await?.hidden().map_or(Ok(()), |hidden| Err(StoreError::failed(hidden)))
}

/// Checks that the role may create or change tables, and the functions beside them.
pub(super) async fn check_making(client: &Client) -> Result<(), StoreError> {
    let place = Place::ask(client).await?;
    if place.may_create && place.has_functions && !place.is_of_others {
        return Ok(());
    }
    Err(StoreError::failed(place.of_making(place.is_of_others || !place.may_create)))
}

/// Checks that the functions of this release exist, or that the role may create them.
pub(super) async fn check_making_functions(client: &Client) -> Result<(), StoreError> {
    let place = Place::ask(client).await?;
    if place.has_functions { Ok(()) } else { Err(StoreError::failed(place.of_making(false))) }
}

/// The schema in which the tables are, or would be created, and the role's rights there. Names are quoted where
/// necessary.
struct Place {
    role: String,
    database: String,
    /// The schema of the tables, or else the first one on the search path that the role may use, or else the first one.
    schema: Option<String>,
    may_use: bool,
    may_create: bool,
    has_tables: bool,
    /// Whether its tables belong to a role of which this one is no member.
    is_of_others: bool,
    /// The schema of the functions of this release.
    functions: String,
    /// Whether they exist, or the role may create them.
    has_functions: bool,
    /// Whether their schema exists.
    has_schema_of_functions: bool,
}

impl Place {
    async fn ask(client: &Client) -> Result<Self, StoreError> {
        const PLACE: &str = r#"WITH path AS (
                SELECT btrim(name) AS name, place
                    FROM unnest(string_to_array(current_setting('search_path'), ',')) WITH ORDINALITY p (name, place)
            ), here AS (
                SELECT n.oid AS id, n.nspname AS name FROM path p JOIN pg_namespace n ON n.nspname = CASE
                        WHEN p.name IN ('"$user"', '$user') THEN current_user::text
                        WHEN p.name LIKE '"%"' THEN replace(substr(p.name, 2, length(p.name) - 2), '""', '"')
                        ELSE lower(p.name)
                    END
                    ORDER BY n.oid IS NOT DISTINCT FROM (
                            SELECT c.relnamespace FROM pg_class c WHERE c.oid = to_regclass('inboxes')
                        ) DESC, has_schema_privilege(n.oid, 'USAGE') DESC, p.place LIMIT 1
            ), functions AS (
                SELECT CASE h.name WHEN 'public' THEN $1::text ELSE h.name || '_' || $1::text END AS name FROM here h
            )
            SELECT quote_ident(current_user::text), quote_ident(current_database()::text), quote_ident(h.name::text),
                coalesce(has_schema_privilege(h.id, 'USAGE'), false),
                coalesce(has_schema_privilege(h.id, 'CREATE'), false),
                EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = h.id AND c.relname = 'refinery_schema_history'),
                EXISTS (
                    SELECT FROM pg_class c WHERE c.relnamespace = h.id AND NOT pg_has_role(c.relowner, 'USAGE')
                        AND c.relname IN ('inboxes', 'notifications', 'refinery_schema_history')
                ),
                quote_ident(coalesce(f.name, $1::text)),
                CASE
                    WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                    WHEN obj_description(n.oid, 'pg_namespace') IS NULL THEN has_schema_privilege(n.oid, 'CREATE')
                    ELSE true
                END,
                n.oid IS NOT NULL
            FROM (VALUES (1)) one LEFT JOIN here h ON true LEFT JOIN functions f ON true
                LEFT JOIN pg_namespace n ON n.nspname = f.name"#;
        let row = client.query_typed_one(PLACE, &[(&functions(), Type::TEXT)]).await?;
        Ok(Self {
            role: row.try_get(0)?,
            database: row.try_get(1)?,
            schema: row.try_get(2)?,
            may_use: row.try_get(3)?,
            may_create: row.try_get(4)?,
            has_tables: row.try_get(5)?,
            is_of_others: row.try_get(6)?,
            functions: row.try_get(7)?,
            has_functions: row.try_get(8)?,
            has_schema_of_functions: row.try_get(9)?,
        })
    }

    /// Why the role sees nothing here; `None` where it would see the tables.
    fn hidden(&self) -> Option<String> {
        let Self { role, schema, .. } = self;
        let Some(schema) = schema else {
            return Some(format!(
                "the role {role} has no schema for the tables: CREATE SCHEMA … AUTHORIZATION {role}, and put it on its \
                 search_path."
            ));
        };
        match (self.may_use, self.has_tables) {
            (true, _) => None,
            (false, true) => Some(format!(
                "the role {role} lacks USAGE on the schema {schema}. Let it: GRANT USAGE ON SCHEMA {schema} TO {role}."
            )),
            (false, false) => Some(self.of_making(true)),
        }
    }

    /// The rights that the role lacks to create the functions, and with `of_tables` the tables, and the statements that
    /// grant them.
    fn of_making(&self, of_tables: bool) -> String {
        let Self { role, database, functions, .. } = self;
        let (mut lacks, mut cures) = (Vec::new(), Vec::new());
        if let Some(schema) = self.schema.as_ref().filter(|_| of_tables) {
            let rights = [("USAGE", self.may_use), ("CREATE", self.may_create)];
            let rights: Vec<_> = rights.iter().filter(|(_, has)| !has).map(|(right, _)| *right).collect();
            let rights = rights.join(", ");
            if !rights.is_empty() {
                lacks.push(format!("{rights} on the schema {schema}"));
                cures.push(format!("GRANT {rights} ON SCHEMA {schema} TO {role}"));
            }
        }
        if !self.has_functions && self.has_schema_of_functions {
            lacks.push(format!("CREATE on the schema {functions}"));
            cures.push(format!("ALTER SCHEMA {functions} OWNER TO {role}"));
        } else if !self.has_functions {
            lacks.push(format!("CREATE on the database {database}, for the schema {functions} of its functions"));
            cures.push(format!("GRANT CREATE ON DATABASE {database} TO {role}"));
        }
        if lacks.is_empty() {
            return format!(
                "the tables belong to a role that {role} is no member of. Run campanile migrate as that one, or as a \
                 superuser."
            );
        }
        format!(
            "the role {role} lacks {}. Let it: {}; or run campanile migrate as a role that may.",
            lacks.join(", and "),
            cures.join("; ")
        )
    }
}

/// A name as SQL has it: quoted only where necessary.
pub(super) fn in_sql(name: &str) -> String {
    let is_plain =
        |(place, byte): (usize, u8)| byte.is_ascii_lowercase() || byte == b'_' || (place > 0 && byte.is_ascii_digit());
    if !name.is_empty() && name.bytes().enumerate().all(is_plain) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}
