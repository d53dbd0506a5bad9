//! Why a caller could not be authenticated.

use super::token::TokenError;
use crate::server::{
    causes::with_causes,
    limiter::TooOften,
    store::{KeyOver, StoreError},
};

/// Why a caller could not be authenticated.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The credential is invalid; the reason is for the log.
    #[error("it is not good")]
    Invalid(&'static str),
    /// The header `Authorization` is not the word `Bearer` and a text after it.
    #[error("it is not a bearer token")]
    NoBearer,
    /// There is no such ticket, or it has expired or was used.
    #[error("there is no such ticket")]
    NoTicket,
    /// The secret of a service key that is no longer valid.
    #[error("it has expired or was revoked")]
    Over(KeyOver),
    /// The credential was used too often.
    #[error("too many attempts")]
    TooOften(TooOften),
    /// This credential does not allow signing in.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The credential cannot be checked now.
    #[error("it cannot be found out now: {0}")]
    Unavailable(String),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(with_causes(&error))
    }
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(why) => Self::Invalid(why),
            TokenError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
