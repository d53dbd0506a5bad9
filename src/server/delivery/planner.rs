//! Makes deliveries out of what happened, as soon as it is committed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::plan::plan;
use crate::{
    model::Change,
    server::{
        causes::with_causes,
        clock::Clock,
        live::Bus,
        store::{
            Announce, Outbox, StoreError, Webhooks,
            outbox::{Backlog, Entry, Planned},
        },
    },
};

/// How often it looks, whether it was woken or not: another server may have left something.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// How many entries are planned in one transaction.
const AT_ONCE: usize = 256;
/// How many bytes their deliveries may have, so that what many endpoints are told is not one heavy transaction.
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;
/// How long it stands back while more important writes wait.
const STANDS_BACK: Duration = Duration::from_millis(20);

/// Wakes the planner when something was written that endpoints may want to be told of.
#[derive(Default)]
pub(super) struct Alarm {
    wake: Notify,
    /// Whether there is any endpoint, as far as is known: without one, no write wakes anything.
    has_endpoints: AtomicBool,
}

impl Alarm {
    /// Has it look now.
    pub(super) fn ring(&self) {
        self.wake.notify_one();
    }

    /// There are endpoints, or there are none.
    pub(super) fn knows(&self, has_endpoints: bool) {
        self.has_endpoints.store(has_endpoints, Ordering::Relaxed);
    }
}

impl Announce for Alarm {
    fn announce(&self, _: Arc<[Change]>) {
        if self.has_endpoints.load(Ordering::Relaxed) {
            self.ring();
        }
    }
}

/// What plans.
pub(super) struct Planner {
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) webhooks: Arc<dyn Webhooks>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) alarm: Arc<Alarm>,
    pub(super) backlog: Backlog,
    /// Has the worker look for what is due.
    pub(super) worker: Arc<Notify>,
    /// Tells other servers of it.
    pub(super) bus: Arc<dyn Bus>,
}

impl Planner {
    /// Plans for as long as it is polled.
    pub(super) async fn run(&self) {
        loop {
            match self.plan_all().await {
                Ok(()) => drop(timeout(LOOKS_EVERY, self.alarm.wake.notified()).await),
                Err(error) => {
                    tracing::warn!(cause = with_causes(&error), "what happened could not be planned; trying again");
                    sleep(LOOKS_EVERY).await;
                }
            }
        }
    }

    /// Plans until nothing is left.
    async fn plan_all(&self) -> Result<(), StoreError> {
        loop {
            while self.outbox.is_pressed() {
                sleep(STANDS_BACK).await;
            }
            let entries = self.outbox.unplanned(AT_ONCE).await?;
            let webhooks = self.webhooks.webhooks().await?;
            self.alarm.knows(!webhooks.is_empty());
            if entries.is_empty() {
                return Ok(());
            }
            let mut rest = entries.into_iter();
            while rest.len() > 0 {
                let planned = planned(&mut rest, |entry| plan(entry, &webhooks, Uuid::now_v7));
                let made = self.outbox.plan(planned, self.backlog, self.clock.now()).await?;
                if made > 0 {
                    self.worker.notify_one();
                    self.bus.hint();
                }
            }
        }
    }
}

/// What becomes of the next entries: at least one, and as many as are not too large together.
fn planned(entries: &mut impl Iterator<Item = Entry>, plan: impl Fn(Entry) -> Planned) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let one = plan(entry);
        bytes += one.deliveries.iter().map(|delivery| delivery.payload.len()).sum::<usize>();
        planned.push(one);
        if bytes >= BYTES_AT_ONCE {
            break;
        }
    }
    planned
}
