//! What the role may do in the database, and what it lacks, by name.

use tokio_postgres::Client;

use crate::server::store::StoreError;

/// Why the role may not make or change the tables: the right that it lacks, and who gives it.
pub(super) async fn lacking(client: &Client, said: &str) -> StoreError {
    const ROLE: &str = "SELECT quote_ident(current_user::text), quote_ident(current_schema()::text),
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
    let found = match client.query_typed_one(ROLE, &[]).await {
        Ok(row) => row.try_get(0).and_then(|role| Ok((role, row.try_get(1)?, row.try_get(2)?))),
        Err(error) => Err(error),
    };
    let (role, schema, may_create): (String, Option<String>, bool) = match found {
        Ok(found) => found,
        Err(error) => return error.into(),
    };
    let do_this = match schema {
        None => {
            "The role has no schema for them: CREATE SCHEMA … AUTHORIZATION …, and put it on the search_path".to_owned()
        }
        Some(schema) if !may_create => format!("Let it: GRANT CREATE ON SCHEMA {schema} TO {role}"),
        Some(_) => format!("What is there belongs to another role than {role}"),
    };
    StoreError::failed(format!(
        "the tables cannot be brought up to date: {said} (42501). {do_this}; or run campanile migrate as a role that may."
    ))
}

/// Checks that the role may make tables.
pub(super) async fn check_making(client: &Client) -> Result<(), StoreError> {
    const MAY: &str = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
    if client.query_typed_one(MAY, &[]).await?.try_get(0)? {
        return Ok(());
    }
    Err(lacking(client, "the role may make none").await)
}

/// Checks that the role may read and write every table that is there, and read which migrations made them.
pub(super) async fn check(client: &Client) -> Result<(), StoreError> {
    const LACKING: &str = "WITH here AS (
            SELECT relnamespace AS id FROM pg_class WHERE oid = to_regclass('inboxes')
        ), lacking AS (
            SELECT r.name AS \"right\", c.relname AS object FROM here h
                JOIN pg_class c ON c.relnamespace = h.id AND c.relkind = 'r' AND c.relname IN ('inboxes', 'notifications',
                    'deletions', 'once', 'once_by_caller', 'service_keys', 'grants', 'webhooks', 'outbox', 'deliveries',
                    'lanes', 'contacts', 'lane_debts', 'preferences', 'secrets', 'refinery_schema_history'),
                unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r (name)
                WHERE NOT has_table_privilege(c.oid, r.name)
                    AND (c.relname <> 'refinery_schema_history' OR r.name = 'SELECT')
            UNION ALL SELECT 'USAGE', c.relname FROM here h
                JOIN pg_class c ON c.relnamespace = h.id AND c.relkind = 'S' AND c.relname = 'notification_seq'
                WHERE NOT has_sequence_privilege(c.oid, 'USAGE')
        )
        SELECT string_agg(\"right\" || ' on ' || object, ', ' ORDER BY object, \"right\"),
            quote_ident(current_user::text),
            (SELECT quote_ident(nspname::text) FROM pg_namespace n JOIN here h ON n.oid = h.id)
        FROM lacking";
    let row = client.query_typed_one(LACKING, &[]).await?;
    let Some(lacking) = row.try_get::<_, Option<&str>>(0)? else { return Ok(()) };
    let (role, schema): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
    Err(StoreError::failed(format!(
        "the role {role} lacks {lacking}. Let it: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} \
         TO {role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}."
    )))
}
