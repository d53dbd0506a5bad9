//! Claims due deliveries and sends them, a few of each lane at once, so that one lane that hangs delays no other.

mod addressing;
mod bundling;
mod claiming;
mod gate;
mod lanes;
mod results;
mod sending;
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
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout, timeout_at},
};

use self::{gate::Gate, lanes::Lanes, settler::Done};
use super::{policy::Policy, stores::DeliveryStores, verdict::MISCONFIGURED};
use crate::{
    model::Channel,
    server::{
        causes::with_causes,
        clock::Clock,
        limiter::{Limiter, Rate},
        store::StoreError,
    },
};

/// How long a claim holds. After that, other servers claim the deliveries of a dead one.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// How long before the end of its lease an attempt has to end, so that its result still counts.
const SPARE: Duration = Duration::from_secs(5);
/// How often the leases of attempts that may outlive them are renewed.
const RENEWS_EVERY: Duration = Duration::from_secs(15);
/// How many lines about lanes the log gets: the origins of browsers' push services are lanes, and users name these.
const LINES: &str = "30/m";
/// How often it checks even when it was not woken.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// The worker. A clone is the same.
#[derive(Clone)]
pub(super) struct Worker(Arc<Parts>);

struct Parts {
    stores: DeliveryStores,
    policy: Arc<Policy>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    lanes: Lanes,
    /// Pauses sending while results wait.
    gate: Gate,
    done: mpsc::UnboundedSender<Done>,
    settled: tokio::sync::Mutex<mpsc::UnboundedReceiver<Done>>,
    is_stopping: AtomicBool,
    /// Held during a claim, until its deliveries are queued.
    claiming: tokio::sync::Mutex<()>,
    /// The limit of log lines about lanes.
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

    /// How many attempts of each lane are running.
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
                    tracing::warn!(cause = with_causes(&error), "due deliveries could not be claimed; trying again");
                    sleep(LOOKS_EVERY).await;
                }
            }
        }
    }

    /// Ends the pauses of lanes whose other side refused this server: the mistake may be corrected by now.
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
            tracing::warn!(cause = with_causes(&error), "lanes that were paused before the start could not be resumed");
        }
    }

    /// Stores the results of attempts, for as long as it is polled.
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

    /// Begins no more attempts, returns claimed deliveries, and waits for the running attempts, but no longer than
    /// this.
    pub(super) async fn stop(&self, longest: Duration) {
        let until = Instant::now() + longest;
        self.0.is_stopping.store(true, Ordering::Relaxed);
        // Deliveries that are being claimed at this moment are returned too.
        drop(timeout_at(until, self.0.claiming.lock()).await);
        for queued in self.0.lanes.empty() {
            self.give_back(&queued.delivery, queued.lease, queued.before);
        }
        while self.0.lanes.are_busy() && Instant::now() < until {
            sleep(Duration::from_millis(10)).await;
        }
        // An attempt that is cut off now may have arrived. It is tried again at its time, and not when its lease ends.
        for flight in self.0.lanes.flights() {
            self.cut_off(&flight);
        }
        // Finished attempts are stored within a moment.
        let (told, written) = tokio::sync::oneshot::channel();
        if self.0.done.send(Done::Told(told)).is_ok() {
            drop(timeout(Duration::from_secs(2), written).await);
        }
    }

    /// Returns the claimed deliveries of a lane that were not sent yet, because their webhook has changed since.
    pub(super) fn look_anew(&self, lane: &str) {
        for queued in self.0.lanes.rest(lane) {
            self.give_back(&queued.delivery, queued.lease, queued.before);
        }
    }
}
