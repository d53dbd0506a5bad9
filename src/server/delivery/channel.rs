//! The seam between the trunk and a channel: what a channel has to know, and nothing else.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{backoff::Schedule, outcome::Outcome};
use crate::{
    model::{self, ContactAddress, Notification, Timestamp},
    server::store::{
        contacts::KeptContact,
        outbox::{Delivery, Webhook},
    },
};

/// To whom a delivery goes, as it is known at the moment of the attempt.
#[derive(Clone, Debug)]
pub(super) enum Recipient {
    /// An endpoint of an application.
    Webhook(Arc<Webhook>),
    /// A contact of a user.
    Contact(Box<Addressed>),
}

/// A contact, and what it is told of.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    /// Where it is.
    pub(super) contact: KeptContact,
    /// What is unread in the inbox, and not expired.
    #[cfg_attr(not(test), expect(dead_code, reason = "no channel to contacts is set up yet"))]
    pub(super) notification: Notification,
    /// How many are unread in the inbox.
    #[cfg_attr(not(test), expect(dead_code, reason = "no channel to contacts is set up yet"))]
    pub(super) unread_count: u64,
}

/// One attempt that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The delivery. This attempt is among its tries.
    pub(super) delivery: Delivery,
    /// To whom it goes.
    pub(super) to: Recipient,
}

/// How an attempt ended, and what is noted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// How it ended.
    pub(super) outcome: Outcome,
    /// The status that was answered.
    pub(super) code: Option<u16>,
    /// What was answered, or why nothing was.
    pub(super) detail: Option<String>,
}

/// A way out of the server. What decides is pure: a table of cases is its test.
pub(super) trait Channel: Send + Sync + 'static {
    /// What fails together with what goes to a contact: the name of the channel, alone or followed by a colon and a name;
    /// `None` for a channel that reaches endpoints.
    fn lane(&self, _to: &ContactAddress) -> Option<String> {
        None
    }

    /// What is sent.
    type Request: Send;
    /// What came back, or why nothing did.
    type Answer: Send;

    /// What is sent at this moment; or how the attempt ended, where it cannot be made.
    ///
    /// # Errors
    /// How the attempt ended.
    fn prepare(&self, job: &Job, now: Timestamp) -> Result<Self::Request, Judged>;

    /// Sends it, within [`Attempt::deadline`].
    fn send(&self, request: Self::Request) -> impl Future<Output = Self::Answer> + Send;

    /// What the answer means.
    fn judge(&self, answer: Self::Answer, now: Timestamp) -> Judged;

    /// When an attempt is made again.
    fn schedule(&self) -> Schedule;

    /// How many attempts of one lane are made at once.
    fn in_flight(&self) -> usize;

    /// How long an attempt may take.
    fn deadline(&self) -> Duration;
}

/// A channel, whatever it sends.
#[async_trait]
pub(super) trait Attempt: Send + Sync + 'static {
    /// As [`Channel::lane`].
    fn lane(&self, to: &ContactAddress) -> Option<String>;

    /// Makes one attempt. `now` tells the time.
    async fn attempt(&self, job: &Job, now: &(dyn Fn() -> Timestamp + Send + Sync)) -> Judged;

    /// As [`Channel::schedule`].
    fn schedule(&self) -> Schedule;

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

    fn in_flight(&self) -> usize {
        Channel::in_flight(self)
    }

    fn deadline(&self) -> Duration {
        Channel::deadline(self)
    }
}

/// The channels that are set up.
pub(super) type Channels = HashMap<model::Channel, Arc<dyn Attempt>>;
