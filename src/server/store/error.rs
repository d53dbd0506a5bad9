//! The errors of a store. `service/error.rs` says what each means to a client.

use std::error::Error;

/// What made something fail.
type Cause = Box<dyn Error + Send + Sync>;

/// Why a store could not do what it was asked.
///
/// `why` is a sentence of ours and `cause` what the driver or the system said. Neither holds what was
/// stored or sent, nor a password, because both reach the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or is overloaded at present, and that passes by itself. Nothing was done;
    /// what was asked may be tried again.
    #[error("the store is not available: {why}")]
    Unavailable {
        /// The reason, in words.
        why: String,
        /// What it comes from.
        #[source]
        cause: Option<Cause>,
    },
    /// It is broken, or what is in it is; trying again does not help.
    #[error("the store failed: {why}")]
    Failed {
        /// What does not work.
        why: String,
        /// What it comes from.
        #[source]
        cause: Option<Cause>,
    },
    /// A write was begun and its end was not heard of: it may have happened, or happen yet.
    #[error("it is not known whether the store did it: {why}")]
    Unknown {
        /// What was lost.
        why: String,
        /// What it comes from.
        #[source]
        cause: Option<Cause>,
    },
}

impl StoreError {
    /// It cannot be done at present.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into(), cause: None }
    }

    /// It is broken.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), cause: None }
    }

    /// A write may have happened.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into(), cause: None }
    }

    /// The same, with what it comes from.
    #[must_use]
    pub fn because(self, error: impl Into<Cause>) -> Self {
        let because = Some(error.into());
        match self {
            Self::Unavailable { why, .. } => Self::Unavailable { why, cause: because },
            Self::Failed { why, .. } => Self::Failed { why, cause: because },
            Self::Unknown { why, .. } => Self::Unknown { why, cause: because },
        }
    }

    /// The same, of a write that had been sent: whatever broke, it may have happened.
    #[must_use]
    pub(super) fn after_sending(self) -> Self {
        match self {
            Self::Unavailable { why, cause } | Self::Failed { why, cause } | Self::Unknown { why, cause } => {
                Self::Unknown { why, cause }
            }
        }
    }
}
