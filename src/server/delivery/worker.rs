//! Claims what is due and sends it, of each lane so much at once and no more, so that one lane that hangs delays no
//! other.

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
    lanes::{Flight, Lanes, Queued},
    settler::{Done, Found},
};
use super::{
    channel::{Addressed, Attempt, Channels, Job, Judged, Recipient},
    outcome::Outcome,
    plan::{DISABLED, out_of_reach},
    relevance::{DELETED, of_no_use},
    stores::DeliveryStores,
    verdict::Verdict,
};
use crate::{
    model::{self, Channel, ContactId, DeliveryId, DeliveryState, Timestamp, WebhookId},
    server::{
        causes::with_causes,
        clock::Clock,
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
/// How often it looks, whether it was woken or not.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// What sends. A clone is the same.
#[derive(Clone)]
pub(super) struct Worker(Arc<Parts>);

struct Parts {
    stores: DeliveryStores,
    channels: Channels,
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
}

impl Worker {
    pub(super) fn new(stores: DeliveryStores, channels: Channels, clock: Arc<dyn Clock>, wake: Arc<Notify>) -> Self {
        let (done, settled) = mpsc::unbounded_channel();
        Self(Arc::new(Parts {
            stores,
            channels,
            clock,
            wake,
            lanes: Lanes::default(),
            gate: Gate::default(),
            done,
            settled: settled.into(),
            is_stopping: AtomicBool::new(false),
            claiming: tokio::sync::Mutex::default(),
        }))
    }

    /// The channels that are set up.
    pub(super) fn channels(&self) -> &Channels {
        &self.0.channels
    }

    /// How many attempts of each lane are being made at this moment.
    pub(super) fn in_flight(&self) -> HashMap<String, usize> {
        self.0.lanes.in_flight()
    }

    /// Claims and sends for as long as it is polled.
    pub(super) async fn run(self) {
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

    /// Writes down what became of what was sent, for as long as it is polled.
    pub(super) async fn settle(self) {
        let mut settled = self.0.settled.lock().await;
        settler::run(&self.0.stores, &self.0.clock, &self.0.gate, &mut settled).await;
    }

    /// Begins no more attempts, gives back what was claimed, and waits for those that are being made, but not for
    /// longer than this.
    pub(super) async fn stop(&self, longest: Duration) {
        let until = Instant::now() + longest;
        self.0.is_stopping.store(true, Ordering::Relaxed);
        // What is being claimed at this moment is given back too.
        drop(timeout_at(until, self.0.claiming.lock()).await);
        for queued in self.0.lanes.empty() {
            self.give_back(queued.delivery.id, queued.lease, queued.before);
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
        let Some(channel) = self.0.channels.get(&flight.channel) else { return };
        let outcome = Outcome::Retry { after: None };
        let verdict = Verdict::of(outcome, channel.schedule(), flight.tries, 0, random_jitter());
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
            self.give_back(queued.delivery.id, queued.lease, queued.before);
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
        let webhooks = match self.endpoints_of(&claimed).await {
            Ok(webhooks) => webhooks,
            Err(error) => {
                claimed.iter().for_each(|claimed| self.give_back(claimed.delivery.id, lease, Vec::new()));
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
                self.give_back(delivery.id, lease, before);
            }
        }
        for lane in lanes {
            for _ in 0..parts.lanes.free(&lane, self.in_flight_of(&lane)) {
                let (worker, lane) = (self.clone(), lane.clone());
                tokio::spawn(async move { worker.work(&lane).await });
            }
        }
        Ok(())
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
        channel.and_then(|channel| self.0.channels.get(&channel)).map_or(1, |channel| channel.in_flight())
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
            return over(DeliveryState::Expired, "notification_expired");
        }
        let Some(channel) = self.0.channels.get(&delivery.channel) else {
            return over(DeliveryState::Skipped, "not_set_up");
        };
        // Attempts whose servers died count, so that one that kills its server is given up.
        if delivery.tries > 1 && channel.schedule().wait(delivery.tries - 1, 0, None).is_none() {
            return over(DeliveryState::Dead, "gave_up");
        }
        let before: Vec<_> = lost.into_iter().collect();
        delivery.attempts.clear();
        Some(Queued { delivery, webhook: webhook.cloned(), lease, claimed_at, before })
    }

    /// To whom a delivery goes, as things stand now; or what becomes of it, where it is not to be sent.
    async fn recipient(&self, queued: &Queued) -> Result<Recipient, Next> {
        if let Some(webhook) = &queued.webhook {
            return Ok(Recipient::Webhook(Arc::clone(webhook)));
        }
        match self.addressed(&queued.delivery).await {
            Ok(Ok(addressed)) => Ok(Recipient::Contact(Box::new(addressed))),
            Ok(Err((state, reason))) => Err(Next::Over { state, reason: Some(reason.to_owned()) }),
            Err(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(cause = with_causes(&error), "what is to be sent could not be read; trying again");
                Err(Next::Again { wait: LOOKS_EVERY })
            }
            Err(error) => {
                tracing::error!(cause = with_causes(&error), "what is to be sent cannot be read; it is given up");
                Err(Next::Over { state: DeliveryState::Dead, reason: Some("unreadable".to_owned()) })
            }
        }
    }

    /// The contact that a delivery goes to, and what it is told of; or how the delivery ends where that is of no use any
    /// more.
    async fn addressed(
        &self,
        delivery: &Delivery,
    ) -> Result<Result<Addressed, (DeliveryState, &'static str)>, StoreError> {
        let Some(id) = delivery.notification_id else { return Ok(Err(DELETED)) };
        let DeliveryStores { inboxes, contacts, .. } = &self.0.stores;
        let Some(contact) = contacts.contact(ContactId::new(delivery.target)).await? else {
            return Ok(Err((DeliveryState::Cancelled, "contact_deleted")));
        };
        if let Some(reason) = out_of_reach(contact.state) {
            return Ok(Err((DeliveryState::Skipped, reason)));
        }
        // The last thing before it is sent: what is read after this may still arrive, once.
        let (unread_count, notification) = (inboxes.unread_count(&delivery.user_id).await?, inboxes.get(id).await?);
        Ok(match (of_no_use(notification.as_ref(), self.0.clock.now()), notification) {
            (None, Some(notification)) => Ok(Addressed { contact, notification, unread_count }),
            (end, _) => Err(end.unwrap_or(DELETED)),
        })
    }

    /// Sends what is queued in a lane, one after the other, until nothing is left.
    async fn work(&self, lane: &str) {
        while let Some(queued) = self.0.lanes.next(lane) {
            let Some(channel) = self.0.channels.get(&queued.delivery.channel).cloned() else { continue };
            self.0.gate.open().await;
            let to = match self.recipient(&queued).await {
                Ok(to) => to,
                Err(next) => {
                    self.unsent(queued.delivery.id, queued.lease, queued.before, next);
                    continue;
                }
            };
            // What waited here for so long that its result might not count any more is left to the next claim.
            let is_late = queued.claimed_at.elapsed() + channel.deadline() + SPARE > LEASE;
            if is_late || self.0.is_stopping.load(Ordering::Relaxed) {
                self.give_back(queued.delivery.id, queued.lease, queued.before);
                continue;
            }
            let began = Instant::now();
            let at = self.0.clock.now();
            let Queued { delivery, lease, before, .. } = queued;
            let (id, channel_of, tries) = (delivery.id, delivery.channel, delivery.tries);
            self.0.lanes.begin(Flight { id, lease, at, channel: channel_of, tries });
            let job = Job { delivery, to };
            let judged = self.attempt(&*channel, &job).await;
            let took = began.elapsed();
            self.0.lanes.end(id);
            self.0.lanes.took(lane, took, judged.outcome == Outcome::Misconfigured);
            if self.done(job, (lease, before), &*channel, (at, took), judged) {
                self.look_anew(lane);
            }
            if self.0.lanes.wants_more(lane) {
                self.0.wake.notify_one();
            }
        }
        // There may be more by now.
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

    /// Has it written down how an attempt ended, and returns whether its lane is to be left alone from now on.
    fn done(
        &self,
        Job { delivery, to }: Job,
        (lease, before): (Uuid, Vec<model::Attempt>),
        channel: &dyn Attempt,
        (at, took): (Timestamp, Duration),
        Judged { outcome, code, detail }: Judged,
    ) -> bool {
        let failures = self.0.lanes.misconfigured(&delivery.lane).saturating_sub(1);
        let verdict = Verdict::of(outcome, channel.schedule(), delivery.tries, failures, random_jitter());
        let attempt = model::Attempt {
            at,
            result: outcome.as_str().to_owned(),
            code,
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
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
                let dead = dead.map(|(state, since)| Found::DeadContact { id: addressed.contact.id, state, since });
                (dead.unwrap_or(Found::Nothing), false)
            }
        };
        let is_left_alone = is_gone || settlement.pause.is_some();
        self.settled(Done::Settled { settlement, found });
        is_left_alone
    }

    /// Has it written down what became of a delivery.
    fn settled(&self, done: Done) {
        self.0.gate.add();
        drop(self.0.done.send(done));
    }

    /// Lets others claim what was not attempted.
    fn give_back(&self, id: DeliveryId, lease: Uuid, attempts: Vec<model::Attempt>) {
        self.unsent(id, lease, attempts, Next::Again { wait: Duration::ZERO });
    }

    /// Has it written down what becomes of what was not attempted.
    fn unsent(&self, id: DeliveryId, lease: Uuid, attempts: Vec<model::Attempt>, next: Next) {
        let settlement = Settlement { id, lease, attempts, refund: true, next, worked: None, pause: None };
        self.settled(Done::settled(settlement));
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
