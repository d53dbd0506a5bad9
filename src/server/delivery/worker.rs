//! Claims what is due and sends it, of each lane so much at once and no more, so that one lane that hangs delays no
//! other.

mod addressing;
mod bundling;
mod gate;
mod lanes;
mod settler;
#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by it"
)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::rand;
use futures_util::FutureExt;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout, timeout_at},
};
use uuid::Uuid;

use self::{
    gate::Gate,
    lanes::{Admission, Flight, Lanes, Past, Queued},
    settler::{Done, Found},
};
use super::{
    backoff::Schedule,
    channel::{Attempt, Job, Judged, Recipient},
    outcome::Outcome,
    plan::DISABLED,
    policy::Policy,
    stores::DeliveryStores,
    verdict::{Effort, MISCONFIGURED, Verdict},
};
use crate::{
    model::{self, Channel, DeliveryId, DeliveryState, Timestamp, Way, WebhookId},
    server::{
        causes::with_causes,
        clock::Clock,
        limiter::{Limiter, Rate},
        store::{
            StoreError,
            outbox::{Claim, Claimed, Delivery, Next, Settlement, Webhook},
        },
    },
};

/// How long a claim holds. A server that dies has what it claimed claimed by others after that.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// How long before the end of its lease an attempt has to be over, so that its result still counts.
const SPARE: Duration = Duration::from_secs(5);
/// How often the leases of attempts that may outlive them are renewed.
const RENEWS_EVERY: Duration = Duration::from_secs(15);
/// How often the log says how lanes do: the origins of browsers' push services are lanes, and users name these.
const LINES: &str = "30/m";
/// How often it looks, whether it was woken or not.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// What sends. A clone is the same.
#[derive(Clone)]
pub(super) struct Worker(Arc<Parts>);

struct Parts {
    stores: DeliveryStores,
    policy: Arc<Policy>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    lanes: Lanes,
    /// Holds back what is sent while results wait.
    gate: Gate,
    done: mpsc::UnboundedSender<Done>,
    settled: tokio::sync::Mutex<mpsc::UnboundedReceiver<Done>>,
    is_stopping: AtomicBool,
    /// Held while something is claimed, until it is queued.
    claiming: tokio::sync::Mutex<()>,
    /// How often the log says how a lane does.
    lines: Option<Limiter<()>>,
}

impl Worker {
    pub(super) fn new(stores: DeliveryStores, policy: Arc<Policy>, clock: Arc<dyn Clock>, wake: Arc<Notify>) -> Self {
        let (done, settled) = mpsc::unbounded_channel();
        Self(Arc::new(Parts {
            stores,
            policy,
            clock,
            wake,
            lanes: Lanes::default(),
            gate: Gate::default(),
            done,
            settled: settled.into(),
            is_stopping: AtomicBool::new(false),
            claiming: tokio::sync::Mutex::default(),
            lines: Rate::parse(LINES).ok().flatten().map(Limiter::new),
        }))
    }

    /// How many attempts of each lane are being made at this moment.
    pub(super) fn in_flight(&self) -> HashMap<String, usize> {
        self.0.lanes.in_flight()
    }

    /// Claims and sends for as long as it is polled.
    pub(super) async fn run(self) {
        self.try_anew().await;
        loop {
            match self.claim().await {
                Ok(()) => drop(timeout(LOOKS_EVERY, self.0.wake.notified()).await),
                Err(error) => {
                    tracing::warn!(cause = with_causes(&error), "what is due could not be claimed; trying again");
                    sleep(LOOKS_EVERY).await;
                }
            }
        }
    }

    /// Ends the pauses of lanes that did not let us in: what was wrong may be put right by now.
    async fn try_anew(&self) {
        let deliveries = &self.0.stores.deliveries;
        let resumed = async {
            for lane in deliveries.lanes().await? {
                if lane.reason.as_deref() == Some(MISCONFIGURED) {
                    deliveries.resume(&lane.lane).await?;
                }
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = resumed.await {
            tracing::warn!(cause = with_causes(&error), "what was paused before the start may wait on");
        }
    }

    /// Writes down what became of what was sent, for as long as it is polled.
    pub(super) async fn settle(self) {
        let mut settled = self.0.settled.lock().await;
        settler::run(&self.0.stores, &self.0.clock, &self.0.gate, &mut settled).await;
    }

    /// Renews the leases of attempts that may outlive them, for as long as it is polled.
    pub(super) async fn renew(self) {
        loop {
            sleep(RENEWS_EVERY).await;
            let is_long = |channel: Channel| {
                self.0.policy.channel(channel).is_some_and(|channel| channel.deadline() + SPARE > LEASE)
            };
            let leased = self.0.lanes.leased(is_long);
            if leased.is_empty() {
                continue;
            }
            if let Err(error) = self.0.stores.outbox.renew(leased, LEASE, self.0.clock.now()).await {
                tracing::warn!(cause = with_causes(&error), "leases could not be renewed; trying again");
            }
        }
    }

    /// Begins no more attempts, gives back what was claimed, and waits for those that are being made, but not for
    /// longer than this.
    pub(super) async fn stop(&self, longest: Duration) {
        let until = Instant::now() + longest;
        self.0.is_stopping.store(true, Ordering::Relaxed);
        // What is being claimed at this moment is given back too.
        drop(timeout_at(until, self.0.claiming.lock()).await);
        for queued in self.0.lanes.empty() {
            self.give_back(&queued.delivery, queued.lease, queued.before);
        }
        while self.0.lanes.are_busy() && Instant::now() < until {
            sleep(Duration::from_millis(10)).await;
        }
        // What is cut off now may have arrived. It is tried again when its time has come, and not when its lease ends.
        for flight in self.0.lanes.flights() {
            self.cut_off(&flight);
        }
        // What is done is written down within a moment.
        let (told, written) = tokio::sync::oneshot::channel();
        if self.0.done.send(Done::Told(told)).is_ok() {
            drop(timeout(Duration::from_secs(2), written).await);
        }
    }

    /// Has it written down that an attempt was cut off.
    fn cut_off(&self, flight: &Flight) {
        let Some(channel) = self.0.policy.channel(flight.channel) else { return };
        // A user is not told twice of one thing sooner than they have to be.
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

    /// Gives back what of a lane was claimed and not sent yet: something about it has changed since.
    pub(super) fn look_anew(&self, lane: &str) {
        for queued in self.0.lanes.rest(lane) {
            self.give_back(&queued.delivery, queued.lease, queued.before);
        }
    }

    /// Claims as much as there is room for, and has it sent.
    async fn claim(&self) -> Result<(), StoreError> {
        let parts = &self.0;
        let _claiming = parts.claiming.lock().await;
        if parts.is_stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        let claimed_at = Instant::now();
        let lease = random_uuid()?;
        let (room, rooms) = (Lanes::AT_FIRST, parts.lanes.rooms());
        let claim = Claim { lease, lease_for: LEASE, room, rooms };
        let claimed = parts.stores.outbox.claim(&claim, parts.clock.now()).await?;
        let as_before = |claimed: &Claimed| (claimed.delivery.id, as_before(&claimed.delivery, Duration::ZERO));
        let all: Vec<_> = claimed.iter().map(as_before).collect();
        let ready = async {
            let webhooks = self.endpoints_of(&claimed).await?;
            Ok::<_, StoreError>((webhooks, self.bundled(claimed, lease).await?))
        };
        let (webhooks, claimed) = match ready.await {
            Ok(ready) => ready,
            // Of what was settled by now, this is nothing.
            Err(error) => {
                all.into_iter().for_each(|(id, next)| self.unsent(id, lease, Vec::new(), next));
                return Err(error);
            }
        };
        let mut lanes = HashSet::new();
        for claimed in claimed {
            let webhook = webhooks.get(&claimed.delivery.target);
            let lane = claimed.delivery.lane.clone();
            let Some(queued) = self.look_again(claimed, webhook, lease, claimed_at) else {
                parts.lanes.drain(&lane);
                // There may be many more like it.
                parts.wake.notify_one();
                continue;
            };
            lanes.insert(lane);
            if let Some(Queued { delivery, lease, before, .. }) = parts.lanes.put(queued) {
                self.give_back(&delivery, lease, before);
            }
        }
        lanes.iter().for_each(|lane| self.begin_work(lane));
        Ok(())
    }

    /// Has what is queued in a lane sent, by as many tasks as it may have.
    fn begin_work(&self, lane: &str) {
        for _ in 0..self.0.lanes.free(lane, self.in_flight_of(lane)) {
            let (worker, lane) = (self.clone(), lane.to_owned());
            tokio::spawn(async move { worker.work(&lane).await });
        }
    }

    /// The endpoints that these go to, by their ids, as far as they are there.
    async fn endpoints_of(&self, claimed: &[Claimed]) -> Result<HashMap<Uuid, Arc<Webhook>>, StoreError> {
        let mut webhooks = HashMap::new();
        let to_webhooks = claimed.iter().filter(|claimed| claimed.delivery.channel == Channel::Webhook);
        let ids: HashSet<_> = to_webhooks.map(|claimed| claimed.delivery.target).collect();
        for id in ids {
            if let Some(webhook) = self.0.stores.webhooks.webhook(WebhookId::new(id)).await? {
                webhooks.insert(id, Arc::new(webhook));
            }
        }
        Ok(webhooks)
    }

    fn in_flight_of(&self, lane: &str) -> usize {
        let channel = lane.split(':').next().and_then(|name| Channel::parse(name).ok());
        channel.and_then(|channel| self.0.policy.channel(channel)).map_or(1, |channel| channel.in_flight())
    }

    /// Looks once more whether a delivery is wanted; what is not is settled at once.
    fn look_again(
        &self,
        claimed: Claimed,
        webhook: Option<&Arc<Webhook>>,
        lease: Uuid,
        claimed_at: Instant,
    ) -> Option<Queued> {
        let Claimed { mut delivery, was_lost, is_expired } = claimed;
        let lost = was_lost.then(|| model::Attempt {
            at: self.0.clock.now(),
            result: Outcome::Ambiguous.as_str().to_owned(),
            code: None,
            ms: 0,
            counted: true,
            detail: Some("the server that made this attempt did not say how it ended".to_owned()),
        });
        let over = |state, reason: &str| {
            let next = Next::Over { state, reason: Some(reason.to_owned()) };
            let attempts = lost.clone().into_iter().collect();
            let settlement =
                Settlement { id: delivery.id, lease, attempts, refund: true, next, worked: None, pause: None };
            self.settled(Done::settled(settlement));
            None
        };
        let is_to_webhook = delivery.channel == Channel::Webhook;
        match webhook {
            None if is_to_webhook => return over(DeliveryState::Cancelled, "webhook_deleted"),
            Some(webhook) if webhook.disabled.is_some() => return over(DeliveryState::Skipped, DISABLED),
            _ => {}
        }
        // An endpoint that was told something of it is told all, and a user only what is of use.
        if is_expired && (delivery.tries == 1 || !is_to_webhook) {
            let why = if delivery.is_count() { "count_expired" } else { "notification_expired" };
            return over(DeliveryState::Expired, why);
        }
        let Some(channel) = self.0.policy.channel(delivery.channel) else {
            return over(DeliveryState::Skipped, "not_set_up");
        };
        // What was due from the beginning is as old as it is; what was held, as its first attempt.
        let first = delivery.attempts.first().map(|attempt| attempt.at);
        let since = first.unwrap_or(if delivery.reason.is_none() { delivery.created_at } else { self.0.clock.now() });
        let (schedule, age) = (channel.schedule(), self.age(since));
        // Attempts whose servers died count, so that one that kills its server is given up.
        let was_last = delivery.tries > 1 && schedule.wait(delivery.tries - 1, Duration::ZERO, 0, None).is_none();
        if was_last || schedule.is_over(age) {
            return over(DeliveryState::Dead, "gave_up");
        }
        let before: Vec<_> = lost.into_iter().collect();
        let past = Past::of(&delivery.attempts);
        delivery.attempts.clear();
        Some(Queued { delivery, webhook: webhook.cloned(), lease, claimed_at, since, before, past })
    }

    /// Sends what is queued in a lane, one after the other, until nothing is left.
    async fn work(&self, lane: &str) {
        while let Some(queued) = self.0.lanes.next(lane) {
            let Some(channel) = self.0.policy.channel(queued.delivery.channel).cloned() else { continue };
            self.0.gate.open().await;
            // What waited here for so long that its result might not count any more is left to the next claim.
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
            // A schedule for when the other side is not well begins when it said so first.
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
        // There may be more by now.
        self.0.wake.notify_one();
    }

    /// Has the log say that a channel to users does not work any more, and that it works again. Endpoints are for those who
    /// run them to look after.
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
            Outcome::Sent => tracing::info!(lane, "it is delivered again"),
            Outcome::Misconfigured => tracing::warn!(
                lane,
                code,
                "nothing is delivered: the other side does not let this server in. campanile check says why"
            ),
            _ => tracing::warn!(lane, code, "delivering fails; it is tried again with growing pauses"),
        }
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

    /// Has it written down how an attempt ended, and returns whether its lane is to be left alone from now on.
    fn done(
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
                (Found::OfWebhook { id, enabled_at, is_gone: dead.is_some() }, dead.is_some())
            }
            Recipient::Contact(addressed) => {
                let dead = dead.map(|(state, as_of)| Found::DeadContact { id: addressed.contact.id, state, as_of });
                (dead.unwrap_or(Found::Nothing), false)
            }
        };
        let is_left_alone = is_gone || settlement.pause.is_some();
        self.settled(Done::Settled { settlement, found });
        is_left_alone
    }

    /// The outcome of an attempt, where it is known whether it says something of the lane. Users register browsers and
    /// devices as they like: what is refused for one of them, as if this server was not set up right, must not pause the
    /// pushes of all others.
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

    /// Has it written down what became of a delivery.
    fn settled(&self, done: Done) {
        self.0.gate.add();
        drop(self.0.done.send(done));
    }

    /// How long ago this was.
    fn age(&self, since: Timestamp) -> Duration {
        (self.0.clock.now().to_utc() - since.to_utc()).to_std().unwrap_or_default()
    }

    /// Lets others claim what was not attempted.
    fn give_back(&self, delivery: &Delivery, lease: Uuid, attempts: Vec<model::Attempt>) {
        self.unsent(delivery.id, lease, attempts, as_before(delivery, Duration::ZERO));
    }

    /// Has it written down what becomes of what was not attempted.
    fn unsent(&self, id: DeliveryId, lease: Uuid, attempts: Vec<model::Attempt>, next: Next) {
        let settlement = Settlement { id, lease, attempts, refund: true, next, worked: None, pause: None };
        self.settled(Done::settled(settlement));
    }
}

/// What becomes of a delivery that was claimed and not attempted: after this time it waits as it did before. What was held
/// is as old as its first attempt, and so is held on.
fn as_before(delivery: &Delivery, wait: Duration) -> Next {
    match &delivery.reason {
        Some(reason) => Next::Held { wait, reason: reason.clone() },
        None => Next::Again { wait },
    }
}

/// What an attempt says of how its lane is set up.
fn admission(judged: &Judged) -> Admission {
    match judged.outcome {
        Outcome::Sent => Admission::LetIn,
        // What answers about the one message or contact has let this server in.
        Outcome::ContactDead { .. } | Outcome::MessageBad if judged.code.is_some() => Admission::LetIn,
        Outcome::Misconfigured => Admission::Refused,
        _ => Admission::Unknown,
    }
}

fn random_uuid() -> Result<Uuid, StoreError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| StoreError::unavailable("the system gives no random bytes"))?;
    Ok(Uuid::from_bytes(bytes))
}

fn random_jitter() -> u16 {
    let mut bytes = [0; 2];
    // Without random bytes there is no jitter.
    let _ = rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
