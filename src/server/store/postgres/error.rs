//! What PostgreSQL's failures mean to whoever asked.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::server::store::StoreError;

impl From<tokio_postgres::Error> for StoreError {
    /// Only the code and the message: the detail that the server adds can hold what was stored.
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refused) = error.as_db_error() else {
            // It never reached the server, or the connection broke.
            return Self::Unavailable(match std::error::Error::source(&error) {
                Some(cause) => format!("the connection to the database failed: {cause}"),
                None => format!("the connection to the database failed: {error}"),
            });
        };
        let code = refused.code();
        let why = format!("{} ({})", refused.message(), code.code());
        // Classes of SQLSTATE: connection, resources, operator intervention; and what may go well when it is tried again.
        let is_passing = ["08", "53", "57"].iter().any(|class| code.code().starts_with(class))
            || [
                &SqlState::T_R_SERIALIZATION_FAILURE,
                &SqlState::T_R_DEADLOCK_DETECTED,
                &SqlState::LOCK_NOT_AVAILABLE,
                &SqlState::READ_ONLY_SQL_TRANSACTION,
            ]
            .contains(&code);
        if is_passing { Self::Unavailable(why) } else { Self::Failed(why) }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => Self::Unavailable("no connection to the database was free in time".to_owned()),
            other => Self::Unavailable(format!("there is no connection to the database: {other}")),
        }
    }
}
