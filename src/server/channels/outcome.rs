//! The outcome of an attempt.

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
    /// It may work after so long at the earliest; others of its lane may work now.
    RetryAlone {
        /// How long this one waits at least.
        after: Duration,
    },
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
    /// As [`Self::Misconfigured`] for what one user registered, while others are reached: those do not wait.
    RefusedAlone,
    /// It may have arrived or not.
    Ambiguous,
}

impl Outcome {
    /// Its name in the attempts of a delivery.
    pub(in crate::server) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retry { .. } | Self::RetryAlone { .. } => "retry",
            Self::ContactDead { .. } => "contact_dead",
            Self::MessageBad => "message_bad",
            Self::Misconfigured | Self::RefusedAlone => "misconfigured",
            Self::Ambiguous => "ambiguous",
        }
    }
}
