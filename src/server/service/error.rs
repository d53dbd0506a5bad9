//! The errors of the service, and the policy for every failure.
//!
//! | kind | meaning | the client receives | the log |
//! | --- | --- | --- | --- |
//! | [`ServiceError`] but `Store` | the caller is at fault; nothing changed | 4xx that says what would be right | nothing |
//! | [`StoreError::Unavailable`] | it passes by itself; nothing changed | 503: try again | a warning |
//! | [`StoreError::Unknown`] | the outcome of a write is unknown | 504 `unknown_outcome`: it may have happened | a warning |
//! | [`StoreError::Failed`] | the store or its data is damaged | 500, and nothing else | an error |
//!
//! - A failure that does not pass by itself is never `Unavailable`, or a damaged store would be 503 for ever; it also
//!   makes the server not ready. A full disk, and a right that an operator revoked from the role of the database, count
//!   as passing.
//! - A write is `Unavailable` only where it certainly did not happen.
//! - An error is made with its cause (`StoreError::because`), matched without `_`, passed on with `?`, and logged once:
//!   here, or by a task that nothing waits for.
//! - The log has the whole chain of causes; no error contains users' data or a secret.

use std::borrow::Cow;

use crate::{
    model::{Code, FieldError, NotificationId, Problem, UserId},
    server::{causes::with_causes, identity::Denied, live::FollowError, store::StoreError},
};

/// Why the service did not carry out a call. A refused call changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A value is not valid.
    #[error("a value is not legal")]
    Invalid(Vec<FieldError>),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller may not know of such an object, or there is none.
    #[error("{0}")]
    NotFound(String),
    /// The object is in a state that does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// The caller did too much lately.
    #[error("{why}")]
    TooMany {
        /// What to do about it.
        why: Cow<'static, str>,
        /// In how many seconds the caller may try again; `None` when it would be too much then too.
        retry_after: Option<u64>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServiceError {
    pub(in crate::server) fn no_notification(id: NotificationId) -> Self {
        Self::NotFound(format!(
            "There is no notification {id}. It may have been deleted or have expired, or newer ones may have taken its place."
        ))
    }

    pub(super) fn nothing_at(user_id: &UserId, index: u64) -> Self {
        Self::NotFound(format!("The inbox of {user_id} has no notification at index {index}."))
    }
}

impl From<FollowError> for ServiceError {
    fn from(FollowError(error): FollowError) -> Self {
        Self::Store(error)
    }
}

impl From<Vec<FieldError>> for ServiceError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<ServiceError> for Problem {
    /// The problem that the client receives. A failure of ours is logged here, once, with its cause, and the client
    /// learns only that it is ours.
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(errors) => Self::invalid(errors),
            ServiceError::Denied(Denied::Unauthenticated) => Self::unauthenticated(),
            ServiceError::Denied(Denied::Forbidden(why)) => Self::new(Code::Forbidden, why),
            ServiceError::TooMany { why, retry_after } => Self { retry_after, ..Self::new(Code::TooManyRequests, why) },
            ServiceError::Conflict(why) => Self::new(Code::Conflict, why),
            ServiceError::NotFound(what) => Self::new(Code::NotFound, what),
            ServiceError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = with_causes(&error);
        match error {
            StoreError::Unavailable { .. } => {
                tracing::warn!(cause, "the store is not available");
                Self::new(Code::Unavailable, "The service cannot do this now. Try again in a few seconds.")
            }
            StoreError::Unknown { .. } => {
                tracing::warn!(cause, "the outcome of a write is not known");
                Self::unknown_outcome()
            }
            StoreError::Failed { .. } => {
                tracing::error!(cause, "the store failed");
                Self::internal()
            }
        }
    }
}
