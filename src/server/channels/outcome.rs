//! The outcome of an attempt.

use std::time::Duration;

use crate::model::{ContactState, Timestamp};

/// The outcome of an attempt to deliver, the same for every channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Outcome {
    /// The next hop has accepted it.
    Sent,
    /// A later attempt may succeed. `after` is how long the other side asked to be left alone, which holds for its
    /// whole lane; without it, the channel's schedule decides.
    Retry {
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
    /// An attempt after this time may succeed; other deliveries of its lane may succeed now.
    RetryAlone {
        /// The shortest wait of this delivery.
        after: Duration,
    },
    /// The contact or webhook is gone for good, as the other side knew at the time `as_of`.
    ContactDead {
        /// When the other side noticed; `None` is the time of the attempt.
        as_of: Option<Timestamp>,
        /// The state of the contact.
        state: ContactState,
    },
    /// This message will never be accepted; others may be.
    MessageBad,
    /// Nothing of this lane will be accepted until an operator acts.
    Misconfigured,
    /// As [`Self::Misconfigured`] for a contact that one user registered, while others are reached: those do not wait.
    RefusedAlone,
    /// The message may have arrived.
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
