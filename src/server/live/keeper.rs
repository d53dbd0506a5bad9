//! Maintains live delivery: finds lost changes in the store, and drops old frames.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::{Mutex, Semaphore},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    bus::Deliver,
    hub::{Holes, Hub, Topic},
    log::{End, Hole},
    publisher::Publisher,
};
use crate::{
    model::{Limit, UserId},
    server::{
        store::{Store, StoreError},
        tasks::Tasks,
    },
};

/// How long a change may be late before it is read from the store.
const LATE: Duration = Duration::from_millis(20);
/// How long to wait after an error of the store.
const PAUSE: Duration = Duration::from_millis(500);
/// How often followed inboxes are compared with a store that other servers also write to.
const COMPARE_INTERVAL: Duration = Duration::from_secs(2);
/// Old frames are dropped after this many comparisons: a listener has twice that long to read them.
const TRIM_EVERY: u32 = 4;
/// How many inboxes are compared in one query.
const COMPARED_AT_ONCE: usize = 500;
/// How many inboxes are repaired at once, so that requests still get their turn at the store.
const MENDED_AT_ONCE: usize = 8;

/// Starts the task, for as long as the hub lives.
pub(super) fn start(store: &Arc<dyn Store>, hub: &Arc<Hub>, publisher: &Arc<Publisher>, holes: Holes, tasks: &Tasks) {
    let (store, hub, publisher) = (Arc::downgrade(store), Arc::downgrade(hub), Arc::downgrade(publisher));
    // No other task uses this lock. It keeps the queue for the task when it is restarted.
    let (holes, turns) = (Arc::new(Mutex::new(holes)), Arc::new(Semaphore::new(MENDED_AT_ONCE)));
    let tasks_of_keeper = tasks.clone();
    tasks.spawn("keep up", move || {
        let keeper = CatchUp {
            store: Weak::clone(&store),
            hub: Weak::clone(&hub),
            publisher: Weak::clone(&publisher),
            turns: Arc::clone(&turns),
            lagging: HashMap::new(),
            tasks: tasks_of_keeper.clone(),
        };
        keeper.run(Arc::clone(&holes))
    });
}

struct CatchUp {
    store: Weak<dyn Store>,
    hub: Weak<Hub>,
    publisher: Weak<Publisher>,
    turns: Arc<Semaphore>,
    /// The inboxes that were behind the store at the last comparison, and their positions.
    lagging: HashMap<UserId, u64>,
    tasks: Tasks,
}

impl CatchUp {
    async fn run(mut self, holes: Arc<Mutex<Holes>>) {
        let mut holes = holes.lock().await;
        let mut ticks = interval(COMPARE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut until_trim = TRIM_EVERY;
        loop {
            tokio::select! {
                topic = holes.recv() => {
                    let Some(topic) = topic else { return };
                    self.mend_soon(topic);
                }
                _ = ticks.tick() => {
                    let (Some(store), Some(hub)) = (self.store.upgrade(), self.hub.upgrade()) else { return };
                    let has_lost = self.publisher.upgrade().is_some_and(|publisher| publisher.has_lost());
                    if has_lost {
                        hub.gap();
                    }
                    if store.is_shared() || has_lost || !self.lagging.is_empty() {
                        self.compare(&*store, &hub).await;
                    }
                    until_trim -= 1;
                    if until_trim == 0 {
                        until_trim = TRIM_EVERY;
                        hub.trim();
                    }
                }
            }
        }
    }

    /// Compares followed inboxes with the store, and repairs those that were already behind at the last comparison:
    /// changes on their way arrive in less time than that.
    async fn compare(&mut self, store: &dyn Store, hub: &Hub) {
        let known: Vec<(Arc<Topic>, u64)> = hub
            .topics()
            .into_iter()
            .filter(|topic| topic.is_followed())
            .filter_map(|topic| topic.modseq().map(|modseq| (topic, modseq)))
            .collect();
        let before = std::mem::take(&mut self.lagging);
        for some in known.chunks(COMPARED_AT_ONCE) {
            let users: Vec<UserId> = some.iter().map(|(topic, _)| topic.user_id.clone()).collect();
            let asked_at = Instant::now();
            let stored = match store.ends(&users).await {
                Ok(stored) => stored,
                Err(error) => {
                    tracing::debug!(%error, "inboxes could not be compared with the store; trying again");
                    // The comparison failed, so all of these count as behind.
                    self.lagging.extend(some.iter().map(|(topic, heard)| (topic.user_id.clone(), *heard)));
                    continue;
                }
            };
            for ((topic, heard), (modseq, unread_count)) in some.iter().zip(stored) {
                topic.note_stored(End { modseq, unread_count }, asked_at);
                if modseq <= *heard {
                    continue;
                }
                if before.get(&topic.user_id) == Some(heard) {
                    self.spawn_mend(Arc::clone(topic), Some(*heard), Duration::ZERO);
                }
                self.lagging.insert(topic.user_id.clone(), *heard);
            }
        }
    }

    fn mend_soon(&self, topic: Arc<Topic>) {
        self.spawn_mend(topic, None, LATE);
    }

    fn spawn_mend(&self, topic: Arc<Topic>, after: Option<u64>, delay: Duration) {
        let (store, hub, turns) = (Weak::clone(&self.store), Weak::clone(&self.hub), Arc::clone(&self.turns));
        self.tasks.spawn("mend", move || {
            let (store, hub) = (Weak::clone(&store), Weak::clone(&hub));
            let (turns, topic) = (Arc::clone(&turns), Arc::clone(&topic));
            async move {
                sleep(delay).await;
                let Ok(_turn) = turns.acquire().await else { return };
                let mut after = after;
                while let (Some(store), Some(hub)) = (store.upgrade(), hub.upgrade()) {
                    match mend(&*store, &hub, &topic, after.take()).await {
                        Ok(true) => return,
                        Ok(false) => sleep(LATE).await,
                        Err(error) => {
                            tracing::debug!(%error, "missed changes could not be read; trying again");
                            sleep(PAUSE).await;
                        }
                    }
                }
            }
        });
    }
}

/// Adds the changes after this number, or those missing in the hole; `false` when another attempt is needed.
async fn mend(store: &dyn Store, hub: &Hub, topic: &Topic, after: Option<u64>) -> Result<bool, StoreError> {
    let after = match (after, topic.hole()) {
        (Some(after), _) | (None, Some(Hole::After(after))) => after,
        (None, None) => return Ok(true),
        (None, Some(Hole::Unknown)) => {
            // Its follower is reading the position from the store.
            if !topic.is_followed() {
                hub.begin_with_first(topic);
            }
            return Ok(!topic.is_followed());
        }
    };
    let changes = store.changes(&topic.user_id, after, Limit::new(u64::MAX)).await?;
    hub.fill(topic, after, changes);
    Ok(topic.hole().is_none())
}
