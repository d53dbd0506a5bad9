//! How the database is reached, and how its tables are brought up to date.

use std::{error::Error as _, time::Duration};

use refinery::{Migration, error::Kind};
use tokio::time::{sleep, timeout};
use tokio_postgres::{
    Client, Row,
    error::SqlState,
    types::{ToSql, Type},
};

use super::{connections::is_of_a_pooler, functions::Functions, hosts, rights, tls, url::PostgresUrl};
use crate::server::store::{Schema, StoreError, history::fault};

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// The lock under which the tables are changed; the number means nothing.
const MIGRATION_LOCK: i64 = 7_218_012;
/// How often it is tried for.
const TRIES_EVERY: Duration = Duration::from_millis(500);
/// How long a second connection may take to answer.
const SECOND_CONNECTION: Duration = Duration::from_secs(10);
/// How many names of statements that earlier clients of a pooler left are passed over while the tables are brought up to
/// date.
const NAMES_TAKEN: usize = 32;
/// Forgets the statements that earlier clients of a pooler prepared on the connection that a transaction is on.
pub(super) const FORGET_STATEMENTS: &str = "DEALLOCATE ALL";
/// Which process of the database serves a connection.
const BACKEND: &str = "SELECT pg_backend_pid()";

/// Reads the URL of a database.
pub(super) fn url(url: &str) -> Result<PostgresUrl, StoreError> {
    PostgresUrl::parse(url).map_err(StoreError::failed)
}

/// One connection of its own. It ends when the client is dropped.
pub(super) async fn connect(url: &PostgresUrl) -> Result<Client, StoreError> {
    let tls = tls::connector(&url.encryption)?;
    let (client, _driver) = hosts::connect(url, tls.as_ref()).await?;
    Ok(client)
}

/// A database whose tables are up to date.
pub(super) struct Migrated {
    pub(super) functions: Functions,
    /// Whether several clients share a connection to it.
    pub(super) is_pooled: bool,
}

/// Brings the tables up to date, and makes the functions of this release. A role that may not do that can use what
/// another one has made.
pub(super) async fn migrate(url: &PostgresUrl) -> Result<Migrated, StoreError> {
    let mut client = connect(url).await?;
    // Several servers may start together. The lock is of a transaction, because a pooler between here and the
    // database keeps a session when its client has gone; and of a connection of its own, because what is done
    // under it are transactions too.
    let lock = connect(url).await?;
    let before = backend(&client.query_typed(BACKEND, &[]).await?)?;
    lock.batch_execute("BEGIN").await?;
    let locking = backend(&lock.query_typed(BACKEND, &[]).await?)?;
    let now = timeout(SECOND_CONNECTION, client.query_typed(BACKEND, &[])).await.map_err(|_| {
        StoreError::unavailable(
            "the database, or the pooler before it, gives this server no second connection; it needs two to start",
        )
    })?;
    let now = backend(&now?)?;
    lock.batch_execute("ROLLBACK").await?;
    let is_pooled = url.is_pooled.unwrap_or(before == locking || before != now);
    if is_pooled && url.is_pooled.is_none() {
        tracing::info!(
            "between here and the database is a pooler whose clients share its connections, so statements are not \
             prepared; say so with pgbouncer=true in the URL"
        );
    }
    take(&lock).await?;
    if !is_current(&client).await? {
        assert_readable(&client).await?;
        let mut done = migrations::migrations::runner().run_async(&mut client).await;
        for _ in 0..NAMES_TAKEN {
            match &done {
                Err(error) if is_name_taken(error) => {
                    done = migrations::migrations::runner().run_async(&mut client).await;
                }
                _ => break,
            }
        }
        if let Err(error) = done {
            return Err(of_migration(&client, &error).await);
        }
    }
    let functions = Functions::make(&mut client).await?;
    lock.batch_execute("ROLLBACK").await?;
    Ok(Migrated { functions, is_pooled })
}

/// Whether a statement could not be prepared because an earlier client of a pooler left one of that name. Each further
/// try has a name of its own.
fn is_name_taken(error: &refinery::Error) -> bool {
    cause_of(error).is_some_and(is_of_a_pooler)
}

/// What the database said, which may lie behind several errors of the library.
fn cause_of(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    let mut cause = error.source();
    while let Some(of) = cause {
        if let Some(said) = of.downcast_ref() {
            return Some(said);
        }
        cause = of.source();
    }
    None
}

/// Which process of the database serves a connection at this moment.
fn backend(rows: &[Row]) -> Result<i32, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::failed("the database does not say who serves"))?;
    Ok(row.try_get(0)?)
}

/// Takes the lock of the migrations, until the transaction ends that is begun here, and says when that has to be waited for.
/// While it waits it holds no transaction: behind a pooler it would keep a connection from the one who has the lock.
async fn take(lock: &Client) -> Result<(), StoreError> {
    /// However long it takes: what limits that is meant for requests.
    const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
    const TRY: &str = "SELECT pg_try_advisory_xact_lock($1)";
    const HOLDER: &str = "SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.state, 'unknown')
        FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND (l.classid::bigint << 32) | l.objid::bigint = $1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let number: [(&(dyn ToSql + Sync), Type); 1] = [(&MIGRATION_LOCK, Type::INT8)];
    let is_taken = async || {
        lock.batch_execute(BEGIN).await?;
        Ok::<bool, StoreError>(lock.query_typed_one(TRY, &number).await?.try_get(0)?)
    };
    if is_taken().await? {
        return Ok(());
    }
    let holder = match lock.query_typed_opt(HOLDER, &number).await? {
        Some(row) => {
            let (pid, name, state): (i32, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            format!("process {pid} of the database, {name:?}, {state}")
        }
        None => "a process of the database that has just ended".to_owned(),
    };
    tracing::warn!(
        holder,
        "waiting until another server has brought the tables up to date. If none does, the lock was left behind: end \
         its holder with SELECT pg_terminate_backend(PROCESS)"
    );
    loop {
        lock.batch_execute("ROLLBACK").await?;
        sleep(TRIES_EVERY).await;
        if is_taken().await? {
            break;
        }
    }
    tracing::info!("it is this server's turn to bring the tables up to date");
    Ok(())
}

/// Whether the tables are those of this release, so that nothing has to be changed.
async fn is_current(client: &Client) -> Result<bool, StoreError> {
    if !has_history(client).await? {
        return Ok(false);
    }
    rights::check(client).await?;
    Ok(applied(client).await? == known())
}

/// The migrations that made the tables, each with its checksum, the first one first.
pub(super) async fn applied(client: &Client) -> Result<Vec<String>, StoreError> {
    const APPLIED: &str = "SELECT version::text || ' ' || name || ' ' || checksum FROM refinery_schema_history
        ORDER BY version";
    let applied = client.query_typed(APPLIED, &[]).await?;
    Ok(applied.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Refuses a history that refinery would panic at.
pub(super) async fn assert_readable(client: &Client) -> Result<(), StoreError> {
    const NOTED: &str = "SELECT version, coalesce(applied_on, ''), coalesce(checksum, '') FROM refinery_schema_history";
    if !has_history(client).await? {
        return Ok(());
    }
    for row in client.query_typed(NOTED, &[]).await? {
        if let Some(fault) = fault(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?) {
            return Err(StoreError::failed(fault));
        }
    }
    Ok(())
}

/// Those that this release knows, in the same form.
pub(super) fn known() -> Vec<String> {
    let runner = migrations::migrations::runner();
    let mut known: Vec<&Migration> = runner.get_migrations().iter().collect();
    known.sort_by_key(|migration| migration.version());
    known.iter().map(|one| format!("{} {} {}", one.version(), one.name(), one.checksum())).collect()
}

/// The tables are not those of this release, nor of an older one.
pub(super) fn of_others() -> StoreError {
    StoreError::failed("the database has other tables than this version made. Is it Campanile's?")
}

pub(super) async fn has_history(client: &Client) -> Result<bool, StoreError> {
    let sql = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    Ok(client.query_typed_one(sql, &[]).await?.try_get(0)?)
}

/// Why the tables could not be brought up to date.
async fn of_migration(client: &Client, error: &refinery::Error) -> StoreError {
    match error.kind() {
        Kind::MissingVersion(_) => {
            StoreError::failed("the database was made by a newer Campanile. Use that one, or another database.")
        }
        Kind::DivergentVersion(_, _) => of_others(),
        Kind::Connection(_, cause) => match cause_of(error).map(|of| (of, of.as_db_error())) {
            Some((of, Some(refused))) if of.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                rights::lacking(client, refused.message()).await
            }
            Some((_, Some(refused))) => StoreError::failed(format!(
                "the tables cannot be brought up to date: {} ({})",
                refused.message(),
                refused.code().code()
            )),
            _ => StoreError::failed(format!("the tables cannot be brought up to date: {error}: {cause}")),
        },
        _ => StoreError::failed(format!("the tables cannot be brought up to date: {error}")),
    }
}

pub(super) async fn schema(url: &PostgresUrl) -> Result<Schema, StoreError> {
    let known = migrations::migrations::runner().get_migrations().iter().map(Migration::version).max();
    let client = connect(url).await?;
    let applied = if has_history(&client).await? {
        let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
        client.query_typed_one(sql, &[]).await?.try_get(0)?
    } else {
        0
    };
    Ok(Schema { applied, known: known.unwrap_or(0) })
}
