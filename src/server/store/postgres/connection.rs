//! Connects to the database, and migrates its tables.

use std::{
    error::Error as _,
    time::{Duration, Instant},
};

use refinery::{Migration, error::Kind};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, types::Type};

use super::{connections::is_of_a_pooler, functions::Functions, hosts, rights, tls, url::PostgresUrl};
use crate::server::store::{Schema, StoreError, history::fault};

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// The lock under which the tables are changed; the number means nothing.
const MIGRATION_LOCK: i64 = 7_218_012;
/// The time between two attempts to take it.
const TRIES_EVERY: Duration = Duration::from_millis(500);
/// The wait after which the log mentions it. Servers that start together wait for each other.
const SAID_AFTER: Duration = Duration::from_secs(1);
/// The wait after which the log warns of it.
const WARNED_AFTER: Duration = Duration::from_secs(10);
/// How long a second connection may take to answer.
const SECOND_CONNECTION: Duration = Duration::from_secs(10);
/// How many taken names of prepared statements are skipped while the tables are brought up to date: earlier clients of
/// a pooler may have left them.
const NAMES_TAKEN: usize = 32;
/// Forgets the statements that earlier clients of a pooler prepared on the connection of a transaction.
pub(super) const FORGET_STATEMENTS: &str = "DEALLOCATE ALL";
/// The database process that serves a connection.
const BACKEND: &str = "SELECT pg_backend_pid()";

/// Reads the URL of a database.
pub(super) fn url(url: &str) -> Result<PostgresUrl, StoreError> {
    PostgresUrl::parse(url).map_err(StoreError::failed)
}

/// A connection outside the pool. It ends when the client is dropped.
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
    /// The version of the tables before.
    pub(super) before: i32,
}

/// Brings the tables up to date, and creates the functions of this release. A role without the rights for that can use
/// those that another role created.
pub(super) async fn migrate(url: &PostgresUrl) -> Result<Migrated, StoreError> {
    // Several servers may start together. The lock belongs to a transaction, because a pooler in between keeps a
    // session when its client has gone; and to a connection of its own, because the work under it uses transactions
    // too.
    let lock = take(url).await?;
    let locking = backend(&lock).await?;
    let second = async {
        let client = connect(url).await?;
        let process = backend(&client).await?;
        Ok::<_, StoreError>((client, process))
    };
    let (mut client, process) = timeout(SECOND_CONNECTION, second).await.map_err(|_| {
        StoreError::unavailable(
            "the database, or the pooler before it, gives this server no second connection; it needs two to start",
        )
    })??;
    let before = version(&client).await?;
    // Nothing has to be changed where the tables are those of this release.
    if before > 0 && applied(&client).await? == known() {
        rights::check_making_functions(&client).await?;
    } else {
        rights::check_making(&client).await?;
        bring_up_to_date(&mut client).await?;
    }
    let functions = Functions::make(&mut client).await?;
    lock.batch_execute("ROLLBACK").await?;
    let is_pooled = match url.is_pooled {
        Some(is_pooled) => is_pooled,
        None => {
            // A connection whose process has changed is shared.
            let now = (backend(&lock).await?, backend(&client).await?);
            let is_pooled = now != (locking, process);
            if is_pooled {
                tracing::info!(
                    "a connection pooler stands before the database, so statements are not prepared; set pgbouncer=true \
                     in the URL"
                );
            }
            is_pooled
        }
    };
    Ok(Migrated { functions, is_pooled, before })
}

async fn bring_up_to_date(client: &mut Client) -> Result<(), StoreError> {
    assert_readable(client).await?;
    let mut done = migrations::migrations::runner().run_async(client).await;
    for _ in 0..NAMES_TAKEN {
        match &done {
            Err(error) if is_name_taken(error) => done = migrations::migrations::runner().run_async(client).await,
            _ => break,
        }
    }
    done.map(drop).map_err(|error| of_migration(&error))
}

/// Whether a statement could not be prepared because an earlier client of a pooler left one with that name. Each
/// further attempt uses another name.
fn is_name_taken(error: &refinery::Error) -> bool {
    cause_of(error).is_some_and(is_of_a_pooler)
}

/// The error of the database, which may lie behind several errors of the library.
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

/// The database process that serves a connection at this moment.
async fn backend(client: &Client) -> Result<i32, StoreError> {
    Ok(client.query_typed_one(BACKEND, &[]).await?.try_get(0)?)
}

/// A connection with the lock of the migrations, until its transaction ends. The log mentions a wait. While it waits it
/// holds no connection: the holder of the lock may need just that one from a pooler.
async fn take(url: &PostgresUrl) -> Result<Client, StoreError> {
    /// This may take any time: the database's time limits are meant for requests.
    const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
        SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout'";
    const TRY: &str = "SELECT pg_try_advisory_xact_lock($1)";
    let started = Instant::now();
    let (mut is_said, mut is_warned) = (false, false);
    loop {
        let lock = connect(url).await?;
        lock.batch_execute(BEGIN).await?;
        if lock.query_typed_one(TRY, &[(&MIGRATION_LOCK, Type::INT8)]).await?.try_get(0)? {
            if is_said {
                tracing::info!("it is this server's turn to bring the tables up to date");
            }
            return Ok(lock);
        }
        let waited = started.elapsed();
        let is_to_warn = waited >= WARNED_AFTER && !is_warned;
        if (is_to_warn || (waited >= SAID_AFTER && !is_said))
            && let Some((process, holder)) = holder(&lock).await?
        {
            is_said = true;
            if is_to_warn {
                is_warned = true;
                tracing::warn!(
                    holder,
                    "still waiting until another server has brought the tables up to date. If none does, the lock was left \
                     behind: end its holder with SELECT pg_terminate_backend({process})"
                );
            } else {
                tracing::info!(holder, "waiting until another server has brought the tables up to date");
            }
        }
        lock.batch_execute("ROLLBACK").await?;
        drop(lock);
        sleep(TRIES_EVERY).await;
    }
}

/// The database process that has the lock of the migrations, and a description of it.
async fn holder(client: &Client) -> Result<Option<(i32, String)>, StoreError> {
    const HOLDER: &str = "SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.state, 'unknown')
        FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND (l.classid::bigint << 32) | l.objid::bigint = $1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let Some(row) = client.query_typed_opt(HOLDER, &[(&MIGRATION_LOCK, Type::INT8)]).await? else { return Ok(None) };
    let (process, name, state): (i32, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(Some((process, format!("process {process} of the database, {name:?}, {state}"))))
}

/// The migrations that made the tables, each with its checksum, in their order.
pub(super) async fn applied(client: &Client) -> Result<Vec<String>, StoreError> {
    const APPLIED: &str = "SELECT version::text || ' ' || coalesce(name, '') || ' ' || coalesce(checksum, '')
        FROM refinery_schema_history
        ORDER BY version";
    let applied = client.query_typed(APPLIED, &[]).await?;
    Ok(applied.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Refuses a history at which refinery would panic.
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

/// The migrations that this release knows, in the same form.
pub(super) fn known() -> Vec<String> {
    let runner = migrations::migrations::runner();
    let mut known: Vec<&Migration> = runner.get_migrations().iter().collect();
    known.sort_by_key(|migration| migration.version());
    known.iter().map(|one| format!("{} {} {}", one.version(), one.name(), one.checksum())).collect()
}

/// The error for tables that are neither those of this release nor of an older one.
pub(super) fn of_others() -> StoreError {
    StoreError::failed("the database has other tables than this version made. Is it Campanile's?")
}

pub(super) async fn has_history(client: &Client) -> Result<bool, StoreError> {
    let sql = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    Ok(client.query_typed_one(sql, &[]).await?.try_get(0)?)
}

/// Why the tables could not be brought up to date.
fn of_migration(error: &refinery::Error) -> StoreError {
    match error.kind() {
        Kind::MissingVersion(_) => {
            StoreError::failed("the database was made by a newer Campanile. Use that one, or another database.")
        }
        Kind::DivergentVersion(_, _) => of_others(),
        Kind::Connection(_, cause) => match cause_of(error).and_then(tokio_postgres::Error::as_db_error) {
            Some(refused) => StoreError::failed(format!(
                "the tables cannot be brought up to date: {} ({})",
                refused.message(),
                refused.code().code()
            )),
            None => StoreError::failed(format!("the tables cannot be brought up to date: {error}: {cause}")),
        },
        _ => StoreError::failed(format!("the tables cannot be brought up to date: {error}")),
    }
}

/// The version of the newest migration that this release knows.
pub(super) fn known_version() -> i32 {
    migrations::migrations::runner().get_migrations().iter().map(Migration::version).max().unwrap_or(0)
}

/// The version of the tables, which the role may use; 0 where there are none.
async fn version(client: &Client) -> Result<i32, StoreError> {
    rights::check_schema(client).await?;
    if !has_history(client).await? {
        return Ok(0);
    }
    rights::check(client).await?;
    let sql = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(client.query_typed_one(sql, &[]).await?.try_get(0)?)
}

pub(super) async fn schema(url: &PostgresUrl) -> Result<Schema, StoreError> {
    let client = connect(url).await?;
    Ok(Schema { applied: version(&client).await?, known: known_version() })
}
