//! The functions that write, in the database: every write is one call of one of them.
//!
//! They are in a schema of their own that has their version in its name, so servers of one release go on with theirs
//! while a newer one creates its own beside it. `migrations/README.md` explains how to change them.

use aws_lc_rs::digest::{Context, SHA256};
use tokio_postgres::{Client, types::Type};

use crate::server::{hex, store::StoreError};

/// The version of these functions. A server of another release may be using another version, so a function that changes
/// takes the next number.
const VERSION: u32 = 9;

/// The functions, in the order in which they are made.
const FUNCTIONS: [&str; 29] = [
    include_str!("../../../../migrations/postgres/functions/clock.sql"),
    include_str!("../../../../migrations/postgres/functions/counted.sql"),
    include_str!("../../../../migrations/postgres/functions/written.sql"),
    include_str!("../../../../migrations/postgres/functions/notification_json.sql"),
    include_str!("../../../../migrations/postgres/functions/tell.sql"),
    include_str!("../../../../migrations/postgres/functions/cancel_about.sql"),
    include_str!("../../../../migrations/postgres/functions/awaited.sql"),
    include_str!("../../../../migrations/postgres/functions/remove.sql"),
    include_str!("../../../../migrations/postgres/functions/create_all.sql"),
    include_str!("../../../../migrations/postgres/functions/mark.sql"),
    include_str!("../../../../migrations/postgres/functions/set_read.sql"),
    include_str!("../../../../migrations/postgres/functions/mark_read_at.sql"),
    include_str!("../../../../migrations/postgres/functions/mark_all_read.sql"),
    include_str!("../../../../migrations/postgres/functions/unmark.sql"),
    include_str!("../../../../migrations/postgres/functions/delete_one.sql"),
    include_str!("../../../../migrations/postgres/functions/delete_due.sql"),
    include_str!("../../../../migrations/postgres/functions/note_uses.sql"),
    include_str!("../../../../migrations/postgres/functions/add_webhook.sql"),
    include_str!("../../../../migrations/postgres/functions/plan.sql"),
    include_str!("../../../../migrations/postgres/functions/claim.sql"),
    include_str!("../../../../migrations/postgres/functions/end_parts.sql"),
    include_str!("../../../../migrations/postgres/functions/settle.sql"),
    include_str!("../../../../migrations/postgres/functions/cancel.sql"),
    include_str!("../../../../migrations/postgres/functions/replay.sql"),
    include_str!("../../../../migrations/postgres/functions/bundle.sql"),
    include_str!("../../../../migrations/postgres/functions/judge_anew.sql"),
    include_str!("../../../../migrations/postgres/functions/put_contact.sql"),
    include_str!("../../../../migrations/postgres/functions/forget_notifications.sql"),
    include_str!("../../../../migrations/postgres/functions/forget_deliveries.sql"),
];

/// The functions of this release in a database.
#[derive(Clone, Debug)]
pub(super) struct Functions {
    /// The name of their schema, quoted.
    schema: String,
}

impl Functions {
    /// Creates the functions of this release where they are missing, all or none. The caller holds the lock of the
    /// migrations, the tables are up to date, and the role has the rights.
    pub(super) async fn make(client: &mut Client) -> Result<Self, StoreError> {
        // A database may have the tables of several Campaniles, each in a schema of its own.
        const TABLES: &str = "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = to_regclass('inboxes')";
        const KNOWN: &str = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1";
        let transaction = client.transaction().await?;
        let tables: String = transaction.query_typed_one(TABLES, &[]).await?.try_get(0)?;
        let name = schema_beside(&tables);
        let (schema, comment) = (quoted(&name), comment());
        match transaction.query_typed_opt(KNOWN, &[(&name, Type::TEXT)]).await? {
            None => transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?,
            Some(row) => match row.try_get::<_, Option<String>>(0)? {
                Some(known) if known == comment => return Ok(Self { schema }),
                Some(_) => {
                    return Err(StoreError::failed(format!(
                        "the functions in the schema {name} are those of another build of this version. Use that one, \
                         or stop every server and drop the schema."
                    )));
                }
                // Created by hand, for a role that may not create one.
                None => {}
            },
        }
        // The functions keep this path, whatever the caller's path is.
        let path = format!("SET LOCAL search_path = {schema}, {}, pg_temp", quoted(&tables));
        transaction.batch_execute(&path).await?;
        for function in FUNCTIONS {
            transaction.batch_execute(function).await?;
        }
        // They run with the rights of their caller.
        let end = format!("GRANT USAGE ON SCHEMA {schema} TO PUBLIC; COMMENT ON SCHEMA {schema} IS '{comment}'");
        transaction.batch_execute(&end).await?;
        transaction.commit().await?;
        Ok(Self { schema })
    }

    /// A statement that calls one of them, under the name `functions.…`.
    pub(super) fn call(&self, sql: &str) -> String {
        sql.replace("functions.", &format!("{}.", self.schema))
    }
}

/// The schema of the functions for tables in the schema `tables`.
pub(super) fn schema_beside(tables: &str) -> String {
    if tables == "public" { format!("campanile_v{VERSION}") } else { format!("{tables}_campanile_v{VERSION}") }
}

/// The comment in the database that identifies the functions, so that different ones with the same number are noticed.
fn comment() -> String {
    let mut context = Context::new(&SHA256);
    FUNCTIONS.iter().for_each(|function| context.update(function.as_bytes()));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    format!("Functions of Campanile {}", hex::encode(&hash))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Existing databases have these functions: another text takes another version, and another line here.
    #[test]
    fn the_functions_of_a_version_are_never_edited() {
        let landed = ("campanile_v9", "96d257ae997ec0bb0facdfe1ee7b9be5d656260d1b8eb45c10e45b20693eed93");
        assert_eq!((schema_beside("public").as_str(), comment().rsplit(' ').next().unwrap_or_default()), landed);
    }

    #[test]
    fn each_schema_of_tables_has_functions_of_its_own() {
        assert_eq!(schema_beside("tenant"), "tenant_campanile_v9");
        let functions = Functions { schema: quoted("odd\"name") };
        assert_eq!(functions.call("SELECT functions.mark($1)"), "SELECT \"odd\"\"name\".mark($1)");
    }
}
