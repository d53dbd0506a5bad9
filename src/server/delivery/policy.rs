//! The policy for all deliveries: the channels that are set up, the operator's rules, and the rate for one contact.

use std::{sync::Arc, time::Duration};

use super::{rules::Rules, unsubscribe::Unsubscribe};
use crate::{
    model::{Category, Channel, ContactAddress, ContactId, Way},
    server::{
        channels::channel::{Attempt, Channels},
        limiter::{Limiter, Rate},
    },
};

/// The category of urgent messages, which come first.
const FIRST: &str = "alert";

/// The policy for all deliveries.
pub(super) struct Policy {
    /// The channels that are set up.
    channels: Channels,
    /// The rules of the operator.
    rules: Rules,
    /// Counts the messages to each contact.
    per_contact: Option<Limiter<ContactId>>,
    /// How users unsubscribe from mails.
    unsubscribe: Unsubscribe,
}

impl Policy {
    pub(super) fn new(channels: Channels, rules: Rules, per_contact: Option<Rate>, unsubscribe: Unsubscribe) -> Self {
        Self { channels, rules, per_contact: per_contact.map(Limiter::new), unsubscribe }
    }

    /// A channel, if it is set up.
    pub(super) fn channel(&self, channel: Channel) -> Option<&Arc<dyn Attempt>> {
        self.channels.get(&channel)
    }

    /// The lane of a contact, if its channel is set up.
    pub(super) fn lane(&self, to: &ContactAddress) -> Option<String> {
        self.channels.get(&to.channel())?.lane(to)
    }

    /// Whether a channel for this way is set up.
    pub(super) fn goes(&self, way: Way) -> bool {
        self.channels.keys().any(|channel| Way::of(*channel) == Some(way))
    }

    /// Whether a channel is set up that reaches users.
    pub(super) fn reaches_contacts(&self) -> bool {
        self.channels.keys().any(|channel| Way::of(*channel).is_some())
    }

    /// Whether a channel to devices, which show the unread count, is set up.
    pub(super) fn reaches_devices(&self) -> bool {
        [Channel::Fcm, Channel::Apns].iter().any(|channel| self.channels.contains_key(channel))
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn unsubscribe(&self) -> &Unsubscribe {
        &self.unsubscribe
    }

    /// Counts one message to a contact.
    ///
    /// # Errors
    /// When there were too many: how long it has to wait. Urgent messages wait half as long as the rest, and so come
    /// first.
    pub(super) fn count(&self, contact: ContactId, category: Option<&Category>) -> Result<(), Duration> {
        let Some(limiter) = &self.per_contact else { return Ok(()) };
        limiter.check(&contact).map(drop).map_err(|too_often| {
            let wait = Duration::from_secs(too_often.again_in.unwrap_or(too_often.window));
            if category.is_some_and(|category| category.as_str() == FIRST) { wait } else { 2 * wait }
        })
    }

    /// Forgets the contacts that got few messages lately.
    pub(super) fn forget_idle(&self) {
        if let Some(limiter) = &self.per_contact {
            limiter.forget_idle();
        }
    }
}
