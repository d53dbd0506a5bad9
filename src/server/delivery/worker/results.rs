//! The results of claimed deliveries, on their way to the settler.

use std::time::Duration;

use aws_lc_rs::rand;
use uuid::Uuid;

use super::{
    Worker,
    lanes::Flight,
    settler::{Done, Finding},
};
use crate::{
    model::{self, Channel, DeliveryId, Timestamp},
    server::{
        channels::{
            backoff::Schedule,
            channel::{Job, Judged, Recipient},
            outcome::Outcome,
        },
        delivery::verdict::{Effort, Verdict},
        store::outbox::{Delivery, Next, Settlement, Webhook},
    },
};

impl Worker {
    /// Has the outcome of an attempt stored, and returns whether its lane is to rest from now on.
    pub(super) fn done(
        &self,
        Job { delivery, to }: Job,
        (lease, before): (Uuid, Vec<model::Attempt>),
        schedule: Schedule,
        (at, effort): (Timestamp, Effort),
        Judged { outcome, code, detail }: Judged,
    ) -> bool {
        let failures = self.0.lanes.misconfigured(&delivery.lane).saturating_sub(1);
        let verdict = Verdict::of(outcome, schedule, effort, failures, random_jitter());
        let attempt = model::Attempt {
            at,
            result: outcome.as_str().to_owned(),
            code,
            ms: u64::try_from(effort.took.as_millis()).unwrap_or(u64::MAX),
            counted: !verdict.refund,
            detail,
        };
        let Verdict { next, refund, worked, pause } = verdict;
        let attempts = before.into_iter().chain([attempt]).collect();
        let pause = pause.map(|(pause, why)| (pause, why.to_owned()));
        let settlement = Settlement { id: delivery.id, lease, attempts, refund, next, worked, pause };
        let dead = match outcome {
            Outcome::ContactDead { as_of, state } => Some((state, as_of.unwrap_or(at))),
            _ => None,
        };
        let (found, is_gone) = match to {
            Recipient::Webhook(webhook) => {
                let Webhook { id, enabled_at, .. } = *webhook;
                (Finding::OfWebhook { id, enabled_at, is_gone: dead.is_some() }, dead.is_some())
            }
            Recipient::Contact(addressed) => {
                let dead = dead.map(|(state, as_of)| Finding::DeadContact { id: addressed.contact.id, state, as_of });
                (dead.unwrap_or(Finding::Nothing), false)
            }
        };
        let is_left_alone = is_gone || settlement.pause.is_some();
        self.settled(Done::Settled { settlement, found });
        is_left_alone
    }

    /// Has it stored that an attempt was cut off.
    pub(super) fn cut_off(&self, flight: &Flight) {
        let Some(channel) = self.0.policy.channel(flight.channel) else { return };
        // Users should not get the same message twice sooner than necessary.
        let is_to_user = flight.channel != Channel::Webhook;
        let outcome = if is_to_user { Outcome::Ambiguous } else { Outcome::Retry { after: None } };
        let effort = Effort { tries: flight.tries, age: self.age(flight.since), took: Duration::ZERO };
        let verdict = Verdict::of(outcome, channel.schedule(), effort, 0, random_jitter());
        let attempt = model::Attempt {
            at: flight.at,
            result: Outcome::Ambiguous.as_str().to_owned(),
            code: None,
            ms: 0,
            counted: true,
            detail: Some("the server was stopped before it was answered".to_owned()),
        };
        let Flight { id, lease, .. } = *flight;
        let attempts = vec![attempt];
        let settlement =
            Settlement { id, lease, attempts, refund: false, next: verdict.next, worked: None, pause: None };
        self.settled(Done::settled(settlement));
    }

    /// Returns a delivery without an attempt, for others to claim.
    pub(super) fn give_back(&self, delivery: &Delivery, lease: Uuid, attempts: Vec<model::Attempt>) {
        self.unsent(delivery.id, lease, attempts, as_before(delivery, Duration::ZERO));
    }

    /// Has the next step of a delivery without an attempt stored.
    pub(super) fn unsent(&self, id: DeliveryId, lease: Uuid, attempts: Vec<model::Attempt>, next: Next) {
        let settlement = Settlement { id, lease, attempts, refund: true, next, worked: None, pause: None };
        self.settled(Done::settled(settlement));
    }

    /// Has the result of a delivery stored.
    pub(super) fn settled(&self, done: Done) {
        self.0.gate.add();
        drop(self.0.done.send(done));
    }

    /// The time since then.
    pub(super) fn age(&self, since: Timestamp) -> Duration {
        (self.0.clock.now().to_utc() - since.to_utc()).to_std().unwrap_or_default()
    }
}

/// The next step of a claimed delivery without an attempt: after this time it waits as before. A held delivery is as
/// old as its first attempt, and so stays held.
pub(super) fn as_before(delivery: &Delivery, wait: Duration) -> Next {
    match &delivery.reason {
        Some(reason) => Next::Held { wait, reason: reason.clone() },
        None => Next::Again { wait },
    }
}

fn random_jitter() -> u16 {
    let mut bytes = [0; 2];
    // Without random bytes there is no jitter.
    let _ = rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
