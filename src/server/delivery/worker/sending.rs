//! Makes the attempts of a lane, and draws conclusions about the lane.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use super::{
    LEASE, RENEWS_EVERY, SPARE, Worker,
    lanes::{Admission, Flight, Queued},
};
use crate::{
    model::{Channel, Way},
    server::{
        channels::{
            channel::{Attempt, Job, Judged},
            outcome::Outcome,
        },
        delivery::verdict::Effort,
        store::outbox::Delivery,
    },
};

impl Worker {
    /// Has the queued deliveries of a lane sent, by as many tasks as it may have.
    pub(super) fn begin_work(&self, lane: &str) {
        for _ in 0..self.0.lanes.free(lane, self.in_flight_of(lane)) {
            let (worker, lane) = (self.clone(), lane.to_owned());
            tokio::spawn(async move { worker.work(&lane).await });
        }
    }

    fn in_flight_of(&self, lane: &str) -> usize {
        let channel = lane.split(':').next().and_then(|name| Channel::parse(name).ok());
        channel.and_then(|channel| self.0.policy.channel(channel)).map_or(1, |channel| channel.in_flight())
    }

    /// Sends the queued deliveries of a lane, one after the other, until none is left.
    async fn work(&self, lane: &str) {
        while let Some(queued) = self.0.lanes.next(lane) {
            let Some(channel) = self.0.policy.channel(queued.delivery.channel).cloned() else { continue };
            self.0.gate.open().await;
            // A delivery that waited here so long that its result might not count is left to the next claim.
            let needed = channel.deadline().min(2 * RENEWS_EVERY);
            let is_too_late = || {
                let is_late = queued.claimed_at.elapsed() + needed + SPARE > LEASE;
                is_late || self.0.is_stopping.load(Ordering::Relaxed)
            };
            if is_too_late() {
                self.give_back(&queued.delivery, queued.lease, queued.before);
                continue;
            }
            let to = match self.recipient(&queued).await {
                Ok(to) => to,
                Err(next) => {
                    self.unsent(queued.delivery.id, queued.lease, queued.before, next);
                    continue;
                }
            };
            // The store may have taken long.
            if is_too_late() {
                self.give_back(&queued.delivery, queued.lease, queued.before);
                continue;
            }
            let began = Instant::now();
            let at = self.0.clock.now();
            let Queued { delivery, lease, since, before, past, .. } = queued;
            let (id, channel_of, tries) = (delivery.id, delivery.channel, delivery.tries);
            self.0.lanes.begin(Flight { id, lease, at, since, channel: channel_of, tries });
            let job = Job { delivery, to };
            let mut judged = self.attempt(&*channel, &job).await;
            let took = began.elapsed();
            self.0.lanes.end(id);
            judged.outcome = self.blamed(&job.delivery, judged.outcome);
            if self.0.lanes.took(lane, began, admission(&judged)) {
                self.begin_work(lane);
            }
            if channel_of != Channel::Webhook {
                self.tell_operator(lane, judged.outcome, judged.code);
            }
            let schedule = channel.schedule_after(judged.code);
            // The schedule for the other side's own failures begins with the first of them.
            let (tries, since) = if schedule == channel.schedule() {
                (tries, since)
            } else {
                (past.unwell.saturating_add(1), past.unwell_since.unwrap_or(at))
            };
            let effort = Effort { tries, age: self.age(since), took };
            if self.done(job, (lease, before), schedule, (at, effort), judged) {
                self.look_anew(lane);
            }
            if self.0.lanes.wants_more(lane) {
                self.0.wake.notify_one();
            }
        }
        // There may be more deliveries by now.
        self.0.wake.notify_one();
    }

    async fn attempt(&self, channel: &dyn Attempt, job: &Job) -> Judged {
        let clock = Arc::clone(&self.0.clock);
        let now = move || clock.now();
        let attempt = AssertUnwindSafe(channel.attempt(job, &now)).catch_unwind();
        let failed = |why: &str| {
            let detail = Some(why.to_owned());
            Judged { outcome: Outcome::Retry { after: None }, code: None, detail }
        };
        match timeout(channel.deadline() + Duration::from_secs(3), attempt).await {
            Ok(Ok(judged)) => judged,
            Ok(Err(_)) => failed("the attempt ended by a panic of this server"),
            Err(_) => failed("it took too long"),
        }
    }

    /// The outcome of an attempt, limited to the contact where the contact is the likely reason. Users register
    /// browsers and devices as they like: a refusal for one of them that looks like wrong settings of this server must
    /// not pause the pushes of all others.
    fn blamed(&self, Delivery { channel, lane, user_id, target, .. }: &Delivery, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Sent => self.0.lanes.reaches(lane, *target),
            Outcome::Misconfigured
                if Way::of(*channel) == Some(Way::Push) && self.0.lanes.is_of_user(lane, user_id, *target) =>
            {
                return Outcome::RefusedAlone;
            }
            _ => {}
        }
        outcome
    }

    /// Logs that a channel to users no longer works, and that it works again. Webhooks are left to those who run them.
    fn tell_operator(&self, lane: &str, outcome: Outcome, code: Option<u16>) {
        let is_broken = match outcome {
            Outcome::Misconfigured | Outcome::Retry { .. } => true,
            Outcome::Sent => false,
            _ => return,
        };
        let is_too_often = || self.0.lines.as_ref().is_some_and(|lines| lines.check(&()).is_err());
        if !self.0.lanes.turns(lane, is_broken) || is_too_often() {
            return;
        }
        match outcome {
            Outcome::Sent => tracing::info!(lane, "deliveries succeed again"),
            Outcome::Misconfigured => tracing::warn!(
                lane,
                code,
                "deliveries are paused: the receiver refuses the credentials of this server; run campanile check"
            ),
            _ => tracing::warn!(lane, code, "deliveries fail; retrying with growing pauses"),
        }
    }
}

/// Whether the other side accepts this server, as far as the attempt reveals it.
fn admission(judged: &Judged) -> Admission {
    match judged.outcome {
        Outcome::Sent => Admission::LetIn,
        // An answer about the one message or contact means that the other side accepted this server.
        Outcome::ContactDead { .. } | Outcome::MessageBad if judged.code.is_some() => Admission::LetIn,
        Outcome::Misconfigured => Admission::Refused,
        _ => Admission::Unknown,
    }
}
