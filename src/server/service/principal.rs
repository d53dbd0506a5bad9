//! Who is calling, and what they may do.

use super::ServiceError;
use crate::{
    model::UserId,
    server::store::{Scope, Scopes},
};

/// Who is calling. Every call of the service names one, and the service alone decides what it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The one who runs the server, or a program that embeds it: may do everything.
    Operator,
    /// An application with a service key: may do what its scopes say, for every user.
    Key(Scopes),
    /// A person: may read, mark and delete in the own inbox, and never sends.
    User(UserId),
    /// Somebody who has proved nothing: may do nothing.
    Nobody,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Create notifications.
    Send,
    /// List, count and follow.
    Read,
    /// Mark and delete.
    Change,
}

impl Right {
    /// The scope that a key needs for it.
    fn scope(self) -> Scope {
        match self {
            Self::Send => Scope::Send,
            Self::Read => Scope::Read,
            Self::Change => Scope::Admin,
        }
    }
}

impl Principal {
    /// Whether this inbox is theirs to see.
    #[must_use]
    pub fn owns(&self, user_id: &UserId) -> bool {
        match self {
            Self::Operator | Self::Key(_) => true,
            Self::User(own) => own == user_id,
            Self::Nobody => false,
        }
    }

    /// The only inbox that they may see, if there is one.
    #[must_use]
    pub fn own_inbox(&self) -> Option<&UserId> {
        match self {
            Self::User(own) => Some(own),
            Self::Operator | Self::Key(_) | Self::Nobody => None,
        }
    }

    /// Whether they may create notifications.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.may(Right::Send).is_ok()
    }

    /// Refuses who may do this in no inbox at all.
    pub(super) fn may(&self, right: Right) -> Result<(), ServiceError> {
        match self {
            Self::Operator => Ok(()),
            Self::Key(scopes) if scopes.allow(right.scope()) => Ok(()),
            Self::Key(_) => Err(ServiceError::Forbidden(match right {
                Right::Send => "This key may not send: it has not the scope send.",
                Right::Read => "This key may not read: it has not the scope read.",
                Right::Change => "This key may not mark or delete: it has not the scope admin.",
            })),
            Self::User(_) if right == Right::Send => {
                Err(ServiceError::Forbidden("Only an application may send notifications."))
            }
            Self::User(_) => Ok(()),
            Self::Nobody => Err(ServiceError::Unauthenticated),
        }
    }

    /// Refuses who may not do this in this inbox, or in all of them when none is named.
    pub(super) fn may_in(&self, right: Right, inbox: Option<&UserId>) -> Result<(), ServiceError> {
        self.may(right)?;
        match (self.own_inbox(), inbox) {
            (None, _) => Ok(()),
            (Some(own), Some(inbox)) if own == inbox => Ok(()),
            (Some(_), _) => Err(ServiceError::Forbidden("You may use your own inbox only.")),
        }
    }
}
