//! The meaning of PostgreSQL's errors.

use std::{error::Error as _, io};

use deadpool::managed::PoolError;
use tokio_postgres::{Error, error::SqlState};

use crate::server::{store::StoreError, trust::in_words};

impl From<Error> for StoreError {
    /// Uses only the code and the message of the server's error: its detail can contain stored data.
    fn from(error: Error) -> Self {
        if let Some(refused) = error.as_db_error() {
            let why = format!("{} ({})", refused.message(), refused.code().code());
            return if is_passing(refused.code()) { Self::unavailable(why) } else { Self::failed(why) };
        }
        if is_lost(&error) {
            return Self::unavailable("the connection to the database failed").because(error);
        }
        // An unreadable answer, or an untrusted certificate: the next attempt would fail in the same way.
        if let Some(why) = error.source().and_then(|cause| in_words(&cause.to_string())) {
            return Self::failed(format!("cannot talk to the database: {why}."));
        }
        Self::failed("cannot talk to the database").because(error)
    }
}

/// Whether the same statement may succeed a little later.
fn is_passing(code: &SqlState) -> bool {
    // Classes of SQLSTATE: connection, resources, operator intervention.
    let is_of_passing_class = ["08", "53", "57"].iter().any(|class| code.code().starts_with(class));
    (is_of_passing_class && *code != SqlState::DATABASE_DROPPED)
        || [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::LOCK_NOT_AVAILABLE,
            &SqlState::READ_ONLY_SQL_TRANSACTION,
            // An operator revoked the right while the server ran, and can grant it again, as they can make room on a
            // full disk.
            &SqlState::INSUFFICIENT_PRIVILEGE,
        ]
        .contains(&code)
}

/// Whether there was no connection to the server, or it broke or took too long.
pub(super) fn is_lost(error: &Error) -> bool {
    let Some(cause) = error.source() else {
        // These errors have no cause: the connection was closed, or connecting took too long.
        return error.is_closed() || error.to_string() == "timeout waiting for server";
    };
    let cause = cause.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| !matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
}

/// The meaning of a write's failure after its statement was sent: the outcome is known only if the server lived to
/// report that it failed.
pub(super) fn of_write(error: Error) -> StoreError {
    /// The server ends this connection, or all of them, even if it has just committed.
    const ENDED: [SqlState; 2] = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
    /// The messages of PgBouncer when it had no connection to the server on which to pass the statement on. It uses one
    /// code for all its own errors.
    const NOT_PASSED_ON: [&str; 3] = ["server login has been failing", "server login failed", "query_wait_timeout"];
    let is_certain = error.as_db_error().is_some_and(|refused| {
        let is_lost = if refused.code().code().starts_with("08") {
            // A pooler also uses this class when its connection to the server broke.
            !NOT_PASSED_ON.iter().any(|said| refused.message().starts_with(said))
        } else {
            ENDED.contains(refused.code())
        };
        !is_lost
    });
    let error = StoreError::from(error);
    if is_certain { error } else { error.after_sending() }
}

impl From<PoolError<Self>> for StoreError {
    fn from(error: PoolError<Self>) -> Self {
        match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(_) => Self::unavailable("no connection to the database was free in time"),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Self::failed("connections to the database cannot be made").because(error)
            }
        }
    }
}
