//! The connection pool, and the sending of statements.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool::{
    Runtime,
    managed::{self, Manager, Metrics, Pool, RecycleError, RecycleResult},
};
use deadpool_postgres::ClientWrapper;
use tokio::time::{error::Elapsed, timeout};
use tokio_postgres::{Client, Error, Row, RowStream, error::SqlState, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::of_write,
    hosts::{self, CONNECT_TIMEOUT},
    rights, tls,
    typed::typed,
    url::PostgresUrl,
};
use crate::server::store::StoreError;

/// A connection made this recently stays when others are given up, so that not every refused write makes all of them
/// anew.
const NEW: Duration = Duration::from_secs(1);

/// A connection whose server is silent for this long is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// A connection on which a statement was begun longer ago, whose caller did not wait for its end, is not used again.
const LONG: Duration = Duration::from_secs(3);

/// The least time between two trial writes.
const TRIED_EVERY: Duration = Duration::from_secs(1);

/// Some connections to one database.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<Maker>,
    /// Whether several clients share a connection to the database. Then a prepared statement may be missing for the
    /// client's next request, or belong to another client. If the start does not notice that, the first such statement
    /// does.
    is_pooled: Arc<AtomicBool>,
    /// Whether the database had no room for the last write.
    has_no_room: Arc<AtomicBool>,
    /// Time of the last trial write that succeeded.
    tried: Arc<Mutex<Option<Instant>>>,
}

/// A connection in use.
pub(super) type Object = managed::Object<Maker>;

/// A connection to the database.
pub(super) struct Link {
    pub(super) client: ClientWrapper,
    /// Time of a statement whose end its caller did not wait for.
    asked: Option<Instant>,
}

/// Makes connections to the first usable host of the URL.
pub(super) struct Maker {
    url: PostgresUrl,
    tls: Option<MakeRustlsConnect>,
}

impl Manager for Maker {
    type Type = Link;
    type Error = StoreError;

    async fn create(&self) -> Result<Link, StoreError> {
        let (client, driver) = hosts::connect(&self.url, self.tls.as_ref()).await?;
        Ok(Link { client: ClientWrapper::new(client, driver), asked: None })
    }

    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<StoreError> {
        if link.client.is_closed() {
            return Err(RecycleError::message("it is closed"));
        }
        if link.asked.is_some_and(|since| since.elapsed() > LONG) {
            return Err(RecycleError::message("its server may be silent"));
        }
        Ok(())
    }
}

impl Connections {
    pub(super) fn new(url: &PostgresUrl, most: usize, is_pooled: bool) -> Result<Self, StoreError> {
        let maker = Maker { url: url.clone(), tls: tls::connector(&url.encryption)? };
        let pool = Pool::builder(maker)
            .max_size(most.max(1))
            .runtime(Runtime::Tokio1)
            // Making a connection has a time limit for each host.
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .build();
        let pool = pool.map_err(|error| StoreError::failed("no connections can be made").because(error))?;
        Ok(Self {
            pool,
            is_pooled: Arc::new(AtomicBool::new(is_pooled)),
            has_no_room: Arc::default(),
            tried: Arc::default(),
        })
    }

    /// A connection, for a transaction of several statements.
    pub(super) async fn get(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// The rows of a statement that reads.
    pub(super) async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        Ok(self.ask(sql, values, false).await?.0)
    }

    /// The first row of a statement that reads.
    pub(super) async fn query_opt(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// The only row of a statement that always returns one.
    pub(super) async fn query_one(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Row, StoreError> {
        let row = self.query_opt(sql, values).await?;
        row.ok_or_else(|| StoreError::failed("the database said nothing where it always says something"))
    }

    /// The rows of a statement that reads, as they come. The connection is in use until they are dropped.
    pub(super) async fn stream(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<(Object, RowStream), StoreError> {
        let mut link = self.get().await?;
        link.asked.get_or_insert_with(Instant::now);
        let begun = timeout(LONGEST_SILENCE, self.begin(&link.client, sql, values)).await;
        let (mut link, rows) = self.end(link, begun, false).await?;
        // Until all rows have arrived, it is not known whether the server still answers.
        link.asked.get_or_insert_with(Instant::now);
        Ok((link, rows))
    }

    /// The rows that a statement that writes returns, and how many it affected.
    pub(super) async fn write(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(Vec<Row>, u64), StoreError> {
        self.ask(sql, values, true).await
    }

    async fn ask(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
        is_write: bool,
    ) -> Result<(Vec<Row>, u64), StoreError> {
        let mut link = self.get().await?;
        link.asked.get_or_insert_with(Instant::now);
        let asked = async {
            match self.begin(&link.client, sql, values).await? {
                Ok(rows) => Ok(all(rows).await),
                Err(error) => Ok(Err(error)),
            }
        };
        // A write may take any time: its changes are announced when it is done, and could not be announced after a
        // time-out.
        let done = if is_write { Ok(asked.await) } else { timeout(LONGEST_SILENCE, asked).await };
        Ok(self.end(link, done, is_write).await?.1)
    }

    /// Whether a write was refused for lack of room, and no trial write has found room since.
    pub(super) fn has_no_room(&self) -> bool {
        self.has_no_room.load(Ordering::Relaxed)
    }

    /// Whether no write was tried out for a while. Any client may cause one, and a rolled-back write leaves dead rows.
    pub(super) fn is_trial_due(&self) -> bool {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.is_none_or(|at| at.elapsed() >= TRIED_EVERY)
    }

    /// Writes, and rolls back. `needs_room` says that the write shows whether there is room again.
    pub(super) async fn try_out(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
        needs_room: bool,
    ) -> Result<(), StoreError> {
        let values = typed(values)?;
        let mut link = self.get().await?;
        link.asked.get_or_insert_with(Instant::now);
        let tried = async {
            let transaction = link.client.transaction().await?;
            let done = transaction.query_typed(sql, &values).await;
            transaction.rollback().await?;
            Ok(done)
        };
        let tried = timeout(LONGEST_SILENCE, tried).await;
        drop(self.end(link, tried, false).await?);
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if needs_room {
            self.has_no_room.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends a statement: an error before that is the outer error.
    async fn begin(
        &self,
        client: &ClientWrapper,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Result<RowStream, Error>, StoreError> {
        if !self.is_pooled.load(Ordering::Relaxed) {
            let (done, is_prepared) = match client.prepare_cached(sql).await {
                Ok(statement) => (client.query_raw(&statement, values.iter().copied()).await, true),
                Err(error) => (Err(error), false),
            };
            match done {
                // Nothing was changed yet.
                Err(error) if is_of_a_pooler(&error) || is_of_another_statement(&error) => self.notice_a_pooler(&error),
                Err(error) if !is_prepared => return Err(meaning(client, error, StoreError::from).await),
                done => return Ok(done),
            }
        }
        Ok(client.query_typed_raw(sql, typed(values)?).await)
    }

    /// From now on no statement is prepared.
    fn notice_a_pooler(&self, error: &Error) {
        if !self.is_pooled.swap(true, Ordering::Relaxed) {
            let code = error.code().map(SqlState::code);
            tracing::warn!(
                code,
                "a connection pooler stands before the database and was not found at the start, so from now on statements \
                 are not prepared; set pgbouncer=true in the URL"
            );
        }
    }

    /// The result of a statement, whose connection leaves the pool where the next statement should not use it.
    async fn end<T>(
        &self,
        mut link: Object,
        done: Result<Result<Result<T, Error>, StoreError>, Elapsed>,
        is_write: bool,
    ) -> Result<(Object, T), StoreError> {
        let error = match done {
            Ok(Ok(Ok(done))) => {
                link.asked = None;
                return Ok((link, done));
            }
            Ok(Ok(Err(error))) => error,
            Ok(Err(unsent)) => {
                link.asked = None;
                return Err(unsent);
            }
            // Only reads have a time limit.
            Err(_) => {
                let why = format!("the database did not answer within {} s", LONGEST_SILENCE.as_secs());
                tracing::warn!("{why}: idle connections are replaced");
                self.give_up(link);
                return Err(StoreError::unavailable(why));
            }
        };
        if is_write && lacks_room(&error) {
            self.has_no_room.store(true, Ordering::Relaxed);
        }
        let is_read_only = error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION);
        let error = meaning(&link.client, error, if is_write { of_write } else { StoreError::from }).await;
        link.asked = None;
        if is_read_only {
            // The server became a standby, or always was one.
            self.give_up(link);
        } else if matches!(error, StoreError::Unknown { .. }) {
            // A connection that broke may not know it yet, and would break the next write too.
            drop(Object::take(link));
        }
        Err(error)
    }

    /// Drops a connection, and the others that lead to the same server.
    fn give_up(&self, link: Object) {
        drop(Object::take(link));
        self.pool.retain(|_, metrics| metrics.created.elapsed() < NEW);
    }
}

/// Translates an error; for a missing right, names that right.
async fn meaning(client: &Client, error: Error, means: fn(Error) -> StoreError) -> StoreError {
    /// Objects in a schema that the role may not use look missing.
    const OF_RIGHTS: [&SqlState; 2] = [&SqlState::INSUFFICIENT_PRIVILEGE, &SqlState::UNDEFINED_TABLE];
    if error.code().is_some_and(|code| OF_RIGHTS.contains(&code)) {
        // The database names the object, and not the right.
        if let Ok(Ok(Some(lacking))) = timeout(LONG, rights::lacking(client)).await {
            return StoreError::unavailable(lacking);
        }
    }
    means(error)
}

/// Whether a prepared statement is missing, or a new one exists already: the connection is another client's.
pub(super) fn is_of_a_pooler(error: &Error) -> bool {
    [Some(&SqlState::INVALID_SQL_STATEMENT_NAME), Some(&SqlState::DUPLICATE_PSTATEMENT)].contains(&error.code())
}

/// Whether the database has no room for more, on its disk or in memory.
fn lacks_room(error: &Error) -> bool {
    let code = error.code();
    code.is_some_and(|code| code.code().starts_with("53") && *code != SqlState::TOO_MANY_CONNECTIONS)
}

/// Whether the values sent are those of another statement: another client's connection has one with that name.
fn is_of_another_statement(error: &Error) -> bool {
    let does_not_fit = |message: &str| message.starts_with("bind message supplies");
    match error.as_db_error() {
        Some(refused) if *refused.code() == SqlState::PROTOCOL_VIOLATION => does_not_fit(refused.message()),
        Some(refused) => *refused.code() == SqlState::INVALID_BINARY_REPRESENTATION,
        None => false,
    }
}

async fn all(rows: RowStream) -> Result<(Vec<Row>, u64), Error> {
    use futures_util::TryStreamExt;
    let mut rows = std::pin::pin!(rows);
    let mut all = Vec::new();
    while let Some(row) = rows.try_next().await? {
        all.push(row);
    }
    let touched = rows.rows_affected().unwrap_or(0);
    Ok((all, touched))
}
