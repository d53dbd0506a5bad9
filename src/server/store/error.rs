//! The errors of a store. `service/error.rs` translates them for clients.

use std::error::Error;

/// The cause of an error.
type Cause = Box<dyn Error + Send + Sync>;

/// Why a store could not carry out an operation.
///
/// `why` is a sentence of ours, and `cause` the error of the driver or the system. Neither contains stored or sent
/// data, nor a password, because both reach the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or is overloaded at present, which passes by itself. Nothing was changed; the caller
    /// may try again.
    #[error("the store is not available: {why}")]
    Unavailable {
        /// The reason, in words.
        why: String,
        /// The underlying error.
        #[source]
        cause: Option<Cause>,
    },
    /// The store or its data is damaged; trying again does not help.
    #[error("the store failed: {why}")]
    Failed {
        /// What does not work, in words.
        why: String,
        /// The underlying error.
        #[source]
        cause: Option<Cause>,
    },
    /// A write began and its outcome is not known: it may have happened, or may still happen.
    #[error("it is not known whether the store did it: {why}")]
    Unknown {
        /// What was lost, in words.
        why: String,
        /// The underlying error.
        #[source]
        cause: Option<Cause>,
    },
}

impl StoreError {
    /// The store is not available at present.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into(), cause: None }
    }

    /// The store is damaged.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), cause: None }
    }

    /// A write may have happened.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into(), cause: None }
    }

    /// The same error, with its cause.
    #[must_use]
    pub fn because(self, error: impl Into<Cause>) -> Self {
        let because = Some(error.into());
        match self {
            Self::Unavailable { why, .. } => Self::Unavailable { why, cause: because },
            Self::Failed { why, .. } => Self::Failed { why, cause: because },
            Self::Unknown { why, .. } => Self::Unknown { why, cause: because },
        }
    }

    /// The same error, for a write that had been sent: whatever failed, the write may have happened.
    #[must_use]
    pub(super) fn after_sending(self) -> Self {
        match self {
            Self::Unavailable { why, cause } | Self::Failed { why, cause } | Self::Unknown { why, cause } => {
                Self::Unknown { why, cause }
            }
        }
    }
}
