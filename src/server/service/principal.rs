//! Who is calling, and what they may do.

use super::ServiceError;
use crate::model::UserId;

/// Who is calling. Every call of the service names one, and the service alone decides what it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The one who runs the server, or a program that embeds it: may do everything.
    Operator,
    /// A person: may read, mark and delete in the own inbox, and never sends.
    User(UserId),
}

impl Principal {
    /// Whether this inbox is theirs to see.
    #[must_use]
    pub fn owns(&self, user_id: &UserId) -> bool {
        match self {
            Self::Operator => true,
            Self::User(own) => own == user_id,
        }
    }

    /// Refuses who may not send.
    pub(super) fn may_send(&self) -> Result<(), ServiceError> {
        match self {
            Self::Operator => Ok(()),
            Self::User(_) => Err(ServiceError::Forbidden("Only an application may send notifications.")),
        }
    }

    /// Refuses who may not read this inbox, or all of them when none is named.
    pub(super) fn may_read(&self, inbox: Option<&UserId>) -> Result<(), ServiceError> {
        match inbox {
            Some(user_id) if self.owns(user_id) => Ok(()),
            None if *self == Self::Operator => Ok(()),
            Some(_) | None => Err(ServiceError::Forbidden("You may read your own inbox only.")),
        }
    }
}
