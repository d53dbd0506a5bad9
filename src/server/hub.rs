//! Who is listening, and how a change reaches them.
//!
//! An inbox that somebody listens to has a topic with a short log, which all of its listeners read.
//! What nobody listens to costs one look into a map. Changes arrive in any order and more than
//! once, from the store of this process and from other ones; a topic puts them into their order by
//! their numbers. What never arrives is a hole, which the service fills from the store.

mod frame;
mod log;
mod sync;

use std::{
    collections::HashMap,
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::mpsc;

pub use frame::{Frame, Sign};
pub(in crate::server) use log::Hole;
use log::{End, Log, Next, Seat, Shared};

use super::{
    bus::{Bus, Interest},
    store::Announce,
};
use crate::model::{Change, UserId};

/// Over how many maps the topics are spread, so that listeners who come and go do not wait for each other.
const SHARDS: usize = 64;
/// How many batches of changes may wait to be published; what is beyond is filled from the store.
const QUEUE: usize = 65_536;

impl Shared for Arc<Frame> {
    fn bytes(&self) -> usize {
        Frame::bytes(self)
    }

    fn is_creation(&self) -> bool {
        Frame::is_creation(self)
    }
}

/// One inbox that somebody listens to.
pub(in crate::server) struct Topic {
    pub(in crate::server) user_id: UserId,
    log: Log<Arc<Frame>>,
    /// Ends with the topic.
    interest: Mutex<Option<Interest>>,
}

/// Who is listening to what.
pub(in crate::server) struct Hub {
    shards: Box<[Shard]>,
    hasher: RandomState,
    /// For those who follow all inboxes. Its numbers are its own.
    everything: Log<Arc<Frame>>,
    operators: AtomicUsize,
    /// Ends when the last one who follows all inboxes goes.
    interest: Mutex<Option<Interest>>,
    bus: Arc<dyn Bus>,
    closed: AtomicBool,
    announced: mpsc::Sender<Vec<Change>>,
    /// Whether somebody works through what is announced; before, nobody has to be told.
    is_at_work: AtomicBool,
    /// What is to be worked through, until somebody takes it.
    work: Mutex<Option<Work>>,
    /// Whether changes were dropped because too many waited.
    lost: AtomicBool,
    /// Topics where something is waited for.
    holes: mpsc::UnboundedSender<Arc<Topic>>,
}

type Shard = Mutex<HashMap<UserId, Arc<Topic>>>;

/// What the service has to work through for a hub.
pub(in crate::server) struct Work {
    /// What was announced and is to be published.
    pub(in crate::server) announced: mpsc::Receiver<Vec<Change>>,
    /// Where something is missing.
    pub(in crate::server) holes: mpsc::UnboundedReceiver<Arc<Topic>>,
}

/// Somebody who listens to one inbox. Dropping it ends that.
pub(in crate::server) struct Listener {
    hub: Arc<Hub>,
    topic: Arc<Topic>,
    seat: Seat,
}

/// Somebody who listens to all inboxes. Dropping it ends that.
pub(in crate::server) struct Operator {
    hub: Arc<Hub>,
    seat: Seat,
    position: u64,
}

/// What a listener hears.
pub(in crate::server) enum Heard {
    /// What happened next, and the position after it.
    Frame(Arc<Frame>, u64),
    /// Too much happened: ask the store, or list again.
    Behind,
    /// The server is stopping.
    Closed,
}

impl From<Next<Arc<Frame>>> for Heard {
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
    /// A hub to which nobody listens yet.
    pub(in crate::server) fn new(bus: Arc<dyn Bus>) -> Arc<Self> {
        let (announced, publish) = mpsc::channel(QUEUE);
        let (holes, missing) = mpsc::unbounded_channel();
        let hub = Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            everything: Log::new(Some(End { modseq: 0, unread_count: 0 })),
            operators: AtomicUsize::new(0),
            interest: Mutex::new(None),
            bus,
            closed: AtomicBool::new(false),
            announced,
            is_at_work: AtomicBool::new(false),
            work: Mutex::new(Some(Work { announced: publish, holes: missing })),
            lost: AtomicBool::new(false),
            holes,
        };
        Arc::new(hub)
    }

    /// What somebody has to work through from now on; only the first one who asks.
    pub(in crate::server) fn take_work(&self) -> Option<Work> {
        let work = locked(&self.work).take()?;
        self.is_at_work.store(true, Ordering::Release);
        Some(work)
    }

    /// Whether changes were lost since this was asked last.
    pub(in crate::server) fn has_lost(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }

    /// Changes were lost that had been announced.
    pub(in crate::server) fn note_loss(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Tells this process' listeners and the other processes of a change.
    pub(in crate::server) fn publish(&self, change: Change) {
        self.bus.publish(&change);
        self.deliver(change);
    }

    /// Tells this process' listeners of a change.
    pub(in crate::server) fn deliver(&self, change: Change) {
        let Some(topic) = self.topic_to_tell(&change.user_id) else { return };
        let end = End::from(&change.event);
        if topic.log.publish(end, Arc::new(Frame::of_one(change)), |frame| self.tell_operators(frame)) {
            self.report_hole(topic);
        }
    }

    /// The topic of an inbox, if somebody is to be told of its changes.
    fn topic_to_tell(&self, user_id: &UserId) -> Option<Arc<Topic>> {
        let mut shard = locked(self.shard(user_id));
        if let Some(topic) = shard.get(user_id) {
            return Some(Arc::clone(topic));
        }
        // Whoever follows all inboxes is told in order too.
        let follows_all = self.operators.load(Ordering::Acquire) > 0;
        follows_all.then(|| Arc::clone(shard.entry(user_id.clone()).or_insert_with(|| Topic::new(user_id))))
    }

    fn tell_operators(&self, frame: &Arc<Frame>) {
        if self.operators.load(Ordering::Acquire) > 0
            && let Some(named) = frame.named()
        {
            self.everything.append(Arc::new(named));
        }
    }

    fn report_hole(&self, topic: Arc<Topic>) {
        // Nobody takes it when the service is gone.
        drop(self.holes.send(topic));
    }

    /// Listens to one inbox from now on.
    pub(in crate::server) fn listen(self: &Arc<Self>, user_id: &UserId) -> Listener {
        let (topic, seat) = {
            let mut shard = locked(self.shard(user_id));
            let topic = Arc::clone(shard.entry(user_id.clone()).or_insert_with(|| Topic::new(user_id)));
            let seat = topic.log.join();
            (topic, seat)
        };
        if self.closed.load(Ordering::Acquire) {
            topic.log.close();
        }
        // Whoever follows all inboxes hears of this one too, but may go at any moment.
        let mut interest = locked(&topic.interest);
        if interest.is_none() {
            *interest = self.bus.subscribe(Some(user_id), self);
        }
        drop(interest);
        Listener { hub: Arc::clone(self), topic, seat }
    }

    /// Listens to all inboxes from now on.
    pub(in crate::server) fn listen_to_all(self: &Arc<Self>) -> Operator {
        self.operators.fetch_add(1, Ordering::AcqRel);
        let seat = self.everything.join();
        if self.closed.load(Ordering::Acquire) {
            self.everything.close();
        }
        let mut interest = locked(&self.interest);
        if interest.is_none() {
            *interest = self.bus.subscribe(None, self);
        }
        drop(interest);
        let position = self.everything.end().map_or(0, |end| end.modseq);
        Operator { hub: Arc::clone(self), seat, position }
    }

    /// Every topic there is.
    pub(in crate::server) fn topics(&self) -> Vec<Arc<Topic>> {
        self.shards.iter().flat_map(|shard| locked(shard).values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Lets go of what is old: frames that everybody has had the time to read, and topics to which
    /// nobody listens.
    pub(in crate::server) fn trim(&self) {
        self.everything.trim();
        for shard in &self.shards {
            let mut shard = locked(shard);
            shard.retain(|_, topic| !(topic.log.trim() && topic.log.listeners() == 0));
            if shard.is_empty() {
                shard.shrink_to_fit();
            }
        }
    }

    /// Tells everybody that the server is stopping.
    pub(in crate::server) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.everything.close();
        self.topics().iter().for_each(|topic| topic.log.close());
    }

    /// Whether other processes can be told.
    pub(in crate::server) fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    /// Adds what the store says happened after a position.
    pub(in crate::server) fn fill(&self, topic: &Topic, after: u64, changes: crate::model::Changes) {
        let end = End { modseq: changes.modseq, unread_count: changes.unread_count };
        if changes.reset {
            return topic.log.skip_to(end, |frame| self.tell_operators(frame));
        }
        let told = changes.events.into_iter().map(|event| {
            let end = End::from(&event);
            (end, Arc::new(Frame::of_one(Change { user_id: topic.user_id.clone(), event })))
        });
        topic.log.fill(after, told.collect(), end, |frame| self.tell_operators(frame));
    }

    /// The inbox of a topic begins with the first change that was heard of.
    pub(in crate::server) fn begin_with_first(&self, topic: &Topic) {
        topic.log.begin_with_first(|frame| self.tell_operators(frame));
    }

    fn shard(&self, user_id: &UserId) -> &Shard {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let hash = self.hasher.hash_one(user_id) as usize;
        &self.shards[hash % SHARDS]
    }
}

impl Announce for Hub {
    fn announce(&self, changes: Vec<Change>) {
        if self.is_at_work.load(Ordering::Acquire) && self.announced.try_send(changes).is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

impl Topic {
    fn new(user_id: &UserId) -> Arc<Self> {
        Arc::new(Self { user_id: user_id.clone(), log: Log::new(None), interest: Mutex::new(None) })
    }

    /// What is missing, if anything is.
    pub(in crate::server) fn hole(&self) -> Option<Hole> {
        self.log.hole()
    }

    /// The number of the last change that was heard of, if anybody knows.
    pub(in crate::server) fn modseq(&self) -> Option<u64> {
        self.log.end().map(|end| end.modseq)
    }

    /// Whether somebody follows this inbox, and not only all.
    pub(in crate::server) fn is_followed(&self) -> bool {
        self.log.listeners() > 0
    }
}

impl Listener {
    /// Whose inbox it is.
    pub(in crate::server) fn user_id(&self) -> &UserId {
        &self.topic.user_id
    }

    /// Where the inbox is, if whoever is at this position can go on without the store; without a
    /// position, they are at the present.
    pub(in crate::server) fn present(&self, position: Option<u64>) -> Option<(u64, u64)> {
        let End { modseq, unread_count } = self.topic.log.end()?;
        position.is_none_or(|position| self.topic.log.reaches(position)).then_some((modseq, unread_count))
    }

    /// The store says that the inbox is here.
    pub(in crate::server) fn begin(&self, modseq: u64, unread_count: u64) {
        self.topic.log.begin(End { modseq, unread_count }, |frame| self.hub.tell_operators(frame));
    }

    /// What comes after the position, as soon as there is something.
    pub(in crate::server) async fn next(&self, position: u64) -> Heard {
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

impl Operator {
    /// What happens next anywhere, as soon as something does.
    pub(in crate::server) async fn next(&mut self) -> Heard {
        let heard = poll_fn(|context| self.hub.everything.poll_next(&self.seat, self.position, context)).await.into();
        match heard {
            Heard::Frame(_, position) => self.position = position,
            Heard::Behind => self.position = self.hub.everything.end().map_or(0, |end| end.modseq),
            Heard::Closed => {}
        }
        heard
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.hub.everything.leave(&self.seat);
        if self.hub.operators.fetch_sub(1, Ordering::AcqRel) == 1 {
            locked(&self.hub.interest).take();
        }
    }
}
