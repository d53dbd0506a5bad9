//! The topics: one for each inbox that a client follows.
//!
//! A topic has a short log, which all listeners of its inbox read. A change in an inbox without listeners costs one
//! look into a map. Changes arrive in any order and more than once, from the store of this server and from other
//! servers; a topic sorts them by number. A number that never arrives leaves a hole, which the keeper fills from the
//! store.

use std::{
    collections::HashMap,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    bus::{Bus, Deliver, Interest},
    frame::Frame,
    log::{End, Hole, Log, Next, Seat, Shared},
};
use crate::model::{Change, UserId};

/// The number of maps over which the topics are spread, so that listeners who come and go do not wait for each other.
const SHARDS: usize = 64;

impl Shared for Arc<Frame> {
    fn bytes(&self) -> usize {
        Frame::bytes(self)
    }

    fn is_creation(&self) -> bool {
        Frame::is_creation(self)
    }
}

/// An inbox with listeners.
pub(super) struct Topic {
    pub(super) user_id: UserId,
    log: Log<Arc<Frame>>,
    /// The end of the inbox according to the store, and when it was read.
    stored: Mutex<Option<(End, Instant)>>,
    /// Dropped with the topic.
    interest: Mutex<Option<Interest>>,
}

/// The topics and their listeners.
pub(super) struct Hub {
    shards: Box<[Shard]>,
    hasher: RandomState,
    /// For listeners to all inboxes. It has its own numbers.
    everything: Log<Arc<Frame>>,
    operators: AtomicUsize,
    /// Dropped when the last listener to all inboxes leaves.
    interest: Mutex<Option<Interest>>,
    bus: Arc<dyn Bus>,
    closed: AtomicBool,
    /// Topics with a hole.
    holes: mpsc::UnboundedSender<Arc<Topic>>,
    /// The receiver of `holes`, until it is taken.
    found_holes: Mutex<Option<Holes>>,
}

type Shard = Mutex<HashMap<UserId, Arc<Topic>>>;

/// Topics with a hole.
pub(super) type Holes = mpsc::UnboundedReceiver<Arc<Topic>>;

/// A listener to one inbox, until it is dropped.
pub(super) struct Listener {
    hub: Arc<Hub>,
    topic: Arc<Topic>,
    seat: Seat,
}

/// A listener to all inboxes, until it is dropped.
pub(super) struct AllInboxesListener {
    hub: Arc<Hub>,
    seat: Seat,
    position: u64,
}

/// An item for a listener.
pub(super) enum HubMessage {
    /// The next frame, and the position after it.
    Frame(Arc<Frame>, u64),
    /// The listener is too far behind: ask the store, or list again.
    Behind,
    /// The server is stopping.
    Closed,
}

impl From<Next<Arc<Frame>>> for HubMessage {
    fn from(next: Next<Arc<Frame>>) -> Self {
        match next {
            Next::Frame(frame, position) => Self::Frame(frame, position),
            Next::Behind => Self::Behind,
            Next::Closed => Self::Closed,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// A hub without listeners.
    pub(super) fn new(bus: Arc<dyn Bus>) -> Arc<Self> {
        let (holes, found_holes) = mpsc::unbounded_channel();
        let hub = Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            everything: Log::new(Some(End { modseq: 0, unread_count: 0 })),
            operators: AtomicUsize::new(0),
            interest: Mutex::new(None),
            bus,
            closed: AtomicBool::new(false),
            holes,
            found_holes: Mutex::new(Some(found_holes)),
        };
        Arc::new(hub)
    }

    /// The receiver of topics with holes; `None` after the first call.
    pub(super) fn take_holes(&self) -> Option<Holes> {
        locked(&self.found_holes).take()
    }

    /// Passes a change to the listeners of this process.
    pub(super) fn deliver(&self, change: &Change) {
        let Some(topic) = self.topic_to_tell(&change.user_id) else { return };
        let end = End::from(&change.event);
        let frame = Arc::new(Frame::of_one(change.clone()));
        if topic.log.publish(end, frame, |frame| self.deliver_to_followers_of_all(frame)) {
            self.report_hole(topic);
        }
    }

    /// The topic of an inbox, if a listener wants its changes.
    fn topic_to_tell(&self, user_id: &UserId) -> Option<Arc<Topic>> {
        let mut shard = locked(self.shard(user_id));
        if let Some(topic) = shard.get(user_id) {
            return Some(Arc::clone(topic));
        }
        // A listener to all inboxes also receives changes in order.
        let follows_all = self.operators.load(Ordering::Acquire) > 0;
        follows_all.then(|| Arc::clone(shard.entry(user_id.clone()).or_insert_with(|| Topic::new(user_id))))
    }

    fn deliver_to_followers_of_all(&self, frame: &Arc<Frame>) {
        if self.operators.load(Ordering::Acquire) > 0
            && let Some(named) = frame.named()
        {
            self.everything.append(Arc::new(named));
        }
    }

    /// The receiver of the bus.
    fn told(self: &Arc<Self>) -> Weak<dyn Deliver> {
        let told: Weak<Self> = Arc::downgrade(self);
        told
    }

    fn report_hole(&self, topic: Arc<Topic>) {
        // Nothing receives it once the service has been dropped.
        drop(self.holes.send(topic));
    }

    /// Listens to one inbox from now on.
    pub(super) fn listen(self: &Arc<Self>, user_id: &UserId) -> Listener {
        let (topic, seat) = {
            let mut shard = locked(self.shard(user_id));
            let topic = Arc::clone(shard.entry(user_id.clone()).or_insert_with(|| Topic::new(user_id)));
            let seat = topic.log.join();
            (topic, seat)
        };
        if self.closed.load(Ordering::Acquire) {
            topic.log.close();
        }
        // A topic that a listener to all inboxes created has no subscription of its own, and that listener may leave at
        // any moment.
        let mut interest = locked(&topic.interest);
        if interest.is_none() {
            *interest = self.bus.subscribe(Some(user_id), self.told());
        }
        drop(interest);
        Listener { hub: Arc::clone(self), topic, seat }
    }

    /// Listens to all inboxes from now on.
    pub(super) fn listen_to_all(self: &Arc<Self>) -> AllInboxesListener {
        self.operators.fetch_add(1, Ordering::AcqRel);
        let seat = self.everything.join();
        if self.closed.load(Ordering::Acquire) {
            self.everything.close();
        }
        let mut interest = locked(&self.interest);
        if interest.is_none() {
            *interest = self.bus.subscribe(None, self.told());
        }
        drop(interest);
        let position = self.everything.end().map_or(0, |end| end.modseq);
        AllInboxesListener { hub: Arc::clone(self), seat, position }
    }

    /// All topics.
    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        self.shards.iter().flat_map(|shard| locked(shard).values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Drops frames that all listeners have had the time to read, and topics without listeners.
    pub(super) fn trim(&self) {
        self.everything.trim();
        for shard in &self.shards {
            let mut shard = locked(shard);
            shard.retain(|_, topic| !(topic.log.trim() && topic.log.listeners() == 0));
            if shard.is_empty() {
                shard.shrink_to_fit();
            }
        }
    }

    /// Notifies all listeners that the server is stopping.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.everything.close();
        self.topics().iter().for_each(|topic| topic.log.close());
    }

    /// Whether other processes can be notified.
    pub(super) fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    /// Adds the changes after a position, as returned by the store.
    pub(super) fn fill(&self, topic: &Topic, after: u64, changes: crate::model::Changes) {
        let end = End { modseq: changes.modseq, unread_count: changes.unread_count };
        if changes.reset {
            return topic.log.skip_to(end, |frame| self.deliver_to_followers_of_all(frame));
        }
        let told = changes.events.into_iter().map(|event| {
            let end = End::from(&event);
            (end, Arc::new(Frame::of_one(Change { user_id: topic.user_id.clone(), event })))
        });
        topic.log.fill(after, told.collect(), end, |frame| self.deliver_to_followers_of_all(frame));
    }

    /// Lets the topic's log begin with the first change that arrived.
    pub(super) fn begin_with_first(&self, topic: &Topic) {
        topic.log.begin_with_first(|frame| self.deliver_to_followers_of_all(frame));
    }

    fn shard(&self, user_id: &UserId) -> &Shard {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let hash = self.hasher.hash_one(user_id) as usize;
        &self.shards[hash % SHARDS]
    }
}

impl Deliver for Hub {
    fn deliver(&self, change: &Change) {
        Self::deliver(self, change);
    }

    /// Compares the followed inboxes with the store. Followers of all inboxes are asked to list again.
    fn gap(&self) {
        self.everything.skip();
    }
}

impl Topic {
    fn new(user_id: &UserId) -> Arc<Self> {
        Arc::new(Self {
            user_id: user_id.clone(),
            log: Log::new(None),
            stored: Mutex::default(),
            interest: Mutex::new(None),
        })
    }

    /// Records the position of the inbox that the store returned, and when it was asked.
    pub(super) fn note_stored(&self, end: End, asked_at: Instant) {
        *locked(&self.stored) = Some((end, asked_at));
    }

    /// The hole, if there is one.
    pub(super) fn hole(&self) -> Option<Hole> {
        self.log.hole()
    }

    /// The number of the last change that arrived, if it is known.
    pub(super) fn modseq(&self) -> Option<u64> {
        self.log.end().map(|end| end.modseq)
    }

    /// Whether this inbox has its own listeners, besides those to all inboxes.
    pub(super) fn is_followed(&self) -> bool {
        self.log.listeners() > 0
    }
}

impl Listener {
    /// The id of the user who owns the inbox.
    pub(super) fn user_id(&self) -> &UserId {
        &self.topic.user_id
    }

    /// The end of the inbox, if a follower at this position can continue without the store; without a position, at the
    /// present.
    pub(super) fn present(&self, position: Option<u64>) -> Option<(u64, u64)> {
        let End { modseq, unread_count } = self.topic.log.end()?;
        position.is_none_or(|position| self.topic.log.reaches(position)).then_some((modseq, unread_count))
    }

    /// Starts the log at the position that the store returned.
    pub(super) fn begin(&self, modseq: u64, unread_count: u64) {
        self.topic.log.begin(End { modseq, unread_count }, |frame| self.hub.deliver_to_followers_of_all(frame));
    }

    /// The end of the inbox according to the store, if it was read this recently.
    pub(super) fn stored_lately(&self, age: Duration) -> Option<(u64, u64)> {
        let (End { modseq, unread_count }, asked_at) = (*locked(&self.topic.stored))?;
        (asked_at.elapsed() <= age).then_some((modseq, unread_count))
    }

    /// Records the position of the inbox that the store returned, and when it was asked.
    pub(super) fn note_stored(&self, (modseq, unread_count): (u64, u64), asked_at: Instant) {
        self.topic.note_stored(End { modseq, unread_count }, asked_at);
    }

    /// Waits for the frame after the position.
    pub(super) async fn next(&self, position: u64) -> HubMessage {
        poll_fn(|context| self.topic.log.poll_next(&self.seat, position, context)).await.into()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut shard = locked(self.hub.shard(&self.topic.user_id));
        if self.topic.log.leave(&self.seat) == 0 && self.hub.operators.load(Ordering::Acquire) == 0 {
            shard.remove(&self.topic.user_id);
        }
    }
}

impl AllInboxesListener {
    /// Waits for the next frame of any inbox.
    pub(super) async fn next(&mut self) -> HubMessage {
        let heard = poll_fn(|context| self.hub.everything.poll_next(&self.seat, self.position, context)).await.into();
        match heard {
            HubMessage::Frame(_, position) => self.position = position,
            HubMessage::Behind => self.position = self.hub.everything.end().map_or(0, |end| end.modseq),
            HubMessage::Closed => {}
        }
        heard
    }
}

impl Drop for AllInboxesListener {
    fn drop(&mut self) {
        self.hub.everything.leave(&self.seat);
        if self.hub.operators.fetch_sub(1, Ordering::AcqRel) == 1 {
            locked(&self.hub.interest).take();
        }
    }
}
