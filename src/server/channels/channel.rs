//! The interface of a channel: all that a channel has to implement.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{backoff::Schedule, outcome::Outcome};
use crate::{
    model::{self, Category, ContactAddress, Notification, Timestamp},
    server::store::{
        contacts::KeptContact,
        outbox::{Delivery, Webhook},
    },
};

/// The recipient of a delivery, as it is known at the time of the attempt.
#[derive(Clone, Debug)]
pub(in crate::server) enum Recipient {
    /// A webhook of an application.
    Webhook(Arc<Webhook>),
    /// A contact of a user.
    Contact(Box<Addressed>),
}

/// A contact, and the content of its message.
#[derive(Clone, Debug)]
pub(in crate::server) struct Addressed {
    /// The contact itself.
    pub(in crate::server) contact: KeptContact,
    /// The unread notifications to deliver that have not expired: the newest first, and not all of very many. None for
    /// a device that silently gets the unread count.
    pub(in crate::server) notifications: Vec<Notification>,
    /// Their number, including those left out.
    pub(in crate::server) total: u64,
    /// Their category, if all of them have the same.
    pub(in crate::server) category: Option<Category>,
    /// The number of the newest change of the inbox.
    pub(in crate::server) modseq: u64,
    /// The unread count of the inbox after it.
    pub(in crate::server) unread_count: u64,
    /// The page on which its user can turn such messages off, if there is one.
    pub(in crate::server) unsubscribe: Option<String>,
}

/// One attempt to make.
#[derive(Clone, Debug)]
pub(in crate::server) struct Job {
    /// The delivery. Its tries include this attempt already.
    pub(in crate::server) delivery: Delivery,
    /// The recipient.
    pub(in crate::server) to: Recipient,
}

/// The outcome of an attempt, and its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Judged {
    /// The outcome.
    pub(in crate::server) outcome: Outcome,
    /// The status of the answer.
    pub(in crate::server) code: Option<u16>,
    /// The answer, or why there was none.
    pub(in crate::server) detail: Option<String>,
}

/// A channel of delivery. Its decisions are pure functions, each tested with a table of cases.
pub(in crate::server) trait Channel: Send + Sync + 'static {
    /// The lane of a contact: the name of the channel, alone or followed by a colon and a name; `None` for a channel
    /// that delivers to webhooks.
    fn lane(&self, _to: &ContactAddress) -> Option<String> {
        None
    }

    /// Whether deliveries that were held for a contact and come due together are sent as one message.
    fn bundles(&self) -> bool {
        false
    }

    /// The request.
    type Request: Send;
    /// The answer, or why there was none.
    type Answer: Send;

    /// Prepares the request; or the outcome, if no attempt can be made.
    ///
    /// # Errors
    /// The outcome of the attempt.
    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Self::Request, Judged>;

    /// Sends it, within [`Attempt::deadline`].
    fn send(&self, request: Self::Request) -> impl Future<Output = Self::Answer> + Send;

    /// Judges the answer.
    fn judge(&self, answer: Self::Answer, now: Timestamp) -> Judged;

    /// When a failed attempt is retried.
    fn schedule(&self) -> Schedule;

    /// The schedule after an answer with this status, where that makes a difference; `None` means no answer.
    fn schedule_after(&self, _code: Option<u16>) -> Schedule {
        self.schedule()
    }

    /// How many attempts of one lane are made at once.
    fn in_flight(&self) -> usize;

    /// How long an attempt may take.
    fn deadline(&self) -> Duration;
}

/// A channel, independent of its types of request and answer.
#[async_trait]
pub(in crate::server) trait Attempt: Send + Sync + 'static {
    /// As [`Channel::lane`].
    fn lane(&self, to: &ContactAddress) -> Option<String>;

    /// As [`Channel::bundles`].
    fn bundles(&self) -> bool;

    /// Makes one attempt, by the clock `now`.
    async fn attempt(&self, job: &Job, now: &(dyn Fn() -> Timestamp + Send + Sync)) -> Judged;

    /// As [`Channel::schedule`].
    fn schedule(&self) -> Schedule;

    /// As [`Channel::schedule_after`].
    fn schedule_after(&self, code: Option<u16>) -> Schedule;

    /// As [`Channel::in_flight`].
    fn in_flight(&self) -> usize;

    /// As [`Channel::deadline`].
    fn deadline(&self) -> Duration;
}

#[async_trait]
impl<C: Channel> Attempt for C {
    fn lane(&self, to: &ContactAddress) -> Option<String> {
        Channel::lane(self, to)
    }

    fn bundles(&self) -> bool {
        Channel::bundles(self)
    }

    async fn attempt(&self, job: &Job, now: &(dyn Fn() -> Timestamp + Send + Sync)) -> Judged {
        match self.prepare(job, now()) {
            Ok(request) => {
                let answer = self.send(request).await;
                self.judge(answer, now())
            }
            Err(judged) => judged,
        }
    }

    fn schedule(&self) -> Schedule {
        Channel::schedule(self)
    }

    fn schedule_after(&self, code: Option<u16>) -> Schedule {
        Channel::schedule_after(self, code)
    }

    fn in_flight(&self) -> usize {
        Channel::in_flight(self)
    }

    fn deadline(&self) -> Duration {
        Channel::deadline(self)
    }
}

/// The channels that are set up.
pub(in crate::server) type Channels = HashMap<model::Channel, Arc<dyn Attempt>>;
