//! How an attempt to deliver ended.

use std::time::Duration;

use crate::model::{ContactState, Timestamp};

/// How an attempt to deliver ended, in the words of every channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Outcome {
    /// The next hop has accepted it.
    Sent,
    /// It may work later. `after` is how long the other side asked to be left alone, which holds for everything of its
    /// lane; without it, the channel's schedule says when.
    Retry {
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
    /// It may work much later, in an hour at the earliest; others of its lane may work now.
    RetryLate,
    /// Nothing will ever reach this contact or endpoint again, as the other side knew it at this moment, if it said.
    ContactDead {
        /// When the other side found out; `None` is the moment of the attempt.
        as_of: Option<Timestamp>,
        /// How it stands with the contact.
        state: ContactState,
    },
    /// This one will never be accepted, and others may be.
    MessageBad,
    /// Nothing of this lane will be accepted until an operator does something about it.
    Misconfigured,
    /// It may have arrived or not.
    Ambiguous,
}

impl Outcome {
    /// Its name in the attempts of a delivery.
    pub(in crate::server) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retry { .. } | Self::RetryLate => "retry",
            Self::ContactDead { .. } => "contact_dead",
            Self::MessageBad => "message_bad",
            Self::Misconfigured => "misconfigured",
            Self::Ambiguous => "ambiguous",
        }
    }
}
