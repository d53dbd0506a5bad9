//! Why the service did not do what it was asked, and the policy for every failure.
//!
//! | kind | what it means | the client is told | the log |
//! | --- | --- | --- | --- |
//! | [`ServiceError`] but `Store` | the caller is at fault; nothing changed | 4xx that says what would be right | nothing |
//! | [`StoreError::Unavailable`] | it passes by itself; nothing was done | 503: try again | a warning |
//! | [`StoreError::Unknown`] | a write was begun and its end not heard of | 504 `unknown_outcome`: it may have happened | a warning |
//! | [`StoreError::Failed`] | the store, or what is in it, is broken | 500, and nothing else | an error |
//!
//! - What does not pass by itself is never `Unavailable`, or a broken store would be 503 for ever; it
//!   also makes the server not ready.
//!   A full disk, and a right that an operator took from the role of the database, count as what passes.
//! - A write is `Unavailable` only where it certainly did not happen.
//! - An error is made with its cause (`StoreError::because`), matched without `_`, passed on with `?`, and logged
//!   once: here, or by the task that nothing waits for.
//! - The log has the whole chain of causes; no error holds what users sent or stored, or a secret.

use std::borrow::Cow;

use crate::{
    model::{Code, FieldError, NotificationId, Problem, UserId},
    server::{causes::with_causes, identity::Denied, live::FollowError, store::StoreError},
};

/// Why the service did not do what it was asked. What is refused changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A value is not legal.
    #[error("a value is not legal")]
    Invalid(Vec<FieldError>),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such thing that the caller may know of.
    #[error("{0}")]
    NotFound(String),
    /// What it concerns does not stand where that could be done.
    #[error("{0}")]
    Conflict(String),
    /// Too much was done lately.
    #[error("{why}")]
    TooMany {
        /// What to do about it.
        why: Cow<'static, str>,
        /// In how many seconds it may be tried again; `None` when it would be too much then too.
        retry_after: Option<u64>,
    },
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServiceError {
    pub(in crate::server) fn no_notification(id: NotificationId) -> Self {
        Self::NotFound(format!("There is no notification {id}; it may have been deleted or left the window."))
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
    /// What a client is told. A failure of ours is logged here, once, with its cause, and the
    /// client learns only that it is ours.
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
