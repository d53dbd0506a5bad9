//! Follows an inbox: the changes since a position, then new changes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    frame::{Frame, Sign},
    hub::{AllInboxesListener, Hub, HubMessage, Listener},
};
use crate::{
    model::{Change, Changes, Limit, UserId},
    server::store::{Store, StoreError},
};

/// How many events are read from the store at once, so that a long absence costs little memory.
const PAGE: u64 = 100;
/// How old what the store said of an inbox may be when a heartbeat tells it.
const FRESH: Duration = Duration::from_secs(5);

/// The store could not tell what a follower missed, or where its inbox is.
#[derive(Debug, thiserror::Error)]
#[error("what was missed cannot be read from the store")]
pub struct FollowError(#[from] pub(in crate::server) StoreError);

/// Follows one inbox, or all of them. Dropping it ends that.
///
/// It holds a position and no queue: however slowly a client reads from it, no other client notices, and
/// what it misses meanwhile is read from the store.
pub struct Follower(Of);

enum Of {
    One(FollowOne),
    All(FollowAll),
}

impl Follower {
    /// The next thing that happened; waits for it. `None` when the server is stopping.
    ///
    /// # Errors
    /// When the store cannot tell what was missed. Follow again later, from the last position.
    pub async fn next(&mut self) -> Result<Option<Arc<Frame>>, FollowError> {
        match &mut self.0 {
            Of::One(one) => one.next().await,
            Of::All(all) => Ok(all.next().await),
        }
    }

    /// What to say after a silence: that nothing is new, and where the inbox is by what the store said a moment
    /// ago. `None` when something is new that was not heard of: [`Self::next`] tells it.
    ///
    /// # Errors
    /// When the store cannot say where the inbox is.
    pub async fn heartbeat(&mut self) -> Result<Option<Arc<Frame>>, FollowError> {
        match &mut self.0 {
            Of::One(one) => one.heartbeat().await,
            Of::All(_) => Ok(Some(Arc::new(Frame::sign(Sign::heartbeat(None))))),
        }
    }

    pub(super) async fn of_one(
        store: Arc<dyn Store>,
        hub: &Arc<Hub>,
        user_id: &UserId,
        since: Option<u64>,
    ) -> Result<Self, FollowError> {
        // First listen, then look where the inbox is: what happens in between is heard.
        let listener = hub.listen(user_id);
        // Other processes may have written what was not heard of here yet.
        let present = if store.is_shared() { None } else { listener.present(since) };
        let mut one =
            FollowOne { store, listener, position: 0, is_live: false, greets: true, waiting: VecDeque::new() };
        match (present, since) {
            (Some(end), _) => {
                // All up to the present is in the log, and comes before the greeting.
                one.position = since.unwrap_or(end.0);
                one.catch_up_from_log(end).await;
            }
            (None, Some(since)) => {
                one.position = since;
                one.catch_up().await?;
            }
            (None, None) => {
                // No inbox was ever that far: the store says where it is.
                let present = one.store.changes(one.listener.user_id(), u64::MAX, Limit::new(1)).await?;
                one.go_live(&present);
            }
        }
        Ok(Self(Of::One(one)))
    }

    pub(super) fn of_all(hub: &Arc<Hub>) -> Self {
        Self(Of::All(FollowAll { operator: hub.listen_to_all(), greets: true }))
    }
}

struct FollowOne {
    store: Arc<dyn Store>,
    listener: Listener,
    position: u64,
    /// Whether the position is where the log is, and not behind it.
    is_live: bool,
    /// Whether the greeting is still to come.
    greets: bool,
    /// Changes read from the store, which are sent first.
    waiting: VecDeque<Arc<Frame>>,
}

impl FollowOne {
    async fn next(&mut self) -> Result<Option<Arc<Frame>>, FollowError> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                if self.waiting.is_empty() {
                    self.waiting = VecDeque::new();
                }
                return Ok(Some(frame));
            }
            if !self.is_live {
                // In a box, so that an idle stream keeps no room for it.
                Box::pin(self.catch_up()).await?;
                continue;
            }
            match self.listener.next(self.position).await {
                HubMessage::Frame(frame, position) => {
                    self.position = position;
                    return Ok(Some(frame));
                }
                HubMessage::Behind => self.is_live = false,
                HubMessage::Closed => return Ok(None),
            }
        }
    }

    async fn heartbeat(&mut self) -> Result<Option<Arc<Frame>>, FollowError> {
        if !self.is_live {
            return Ok(None);
        }
        let known = self.listener.stored_lately(FRESH).filter(|(modseq, _)| *modseq >= self.position);
        let end = match known {
            Some(end) => end,
            None => self.ask_where_it_is().await?,
        };
        if end.0 > self.position {
            self.is_live = false;
            return Ok(None);
        }
        Ok(Some(Arc::new(Frame::sign(Sign::heartbeat(Some(end))))))
    }

    async fn ask_where_it_is(&self) -> Result<(u64, u64), StoreError> {
        let asked_at = Instant::now();
        // No client was ever that far: the store says where the inbox is.
        let present = self.store.changes(self.listener.user_id(), u64::MAX, Limit::new(1)).await?;
        let end = (present.modseq, present.unread_count);
        self.listener.note_stored(end, asked_at);
        Ok(end)
    }

    /// Reads one page of what was missed.
    async fn catch_up(&mut self) -> Result<(), FollowError> {
        let user_id = self.listener.user_id();
        let mut changes = self.store.changes(user_id, self.position, Limit::new(PAGE)).await?;
        if changes.reset {
            self.greets = false;
            let end = (changes.modseq, changes.unread_count);
            self.waiting.push_back(Arc::new(Frame::sign(Sign::reset(Some(end)))));
            self.go_live(&changes);
            return Ok(());
        }
        let events = std::mem::take(&mut changes.events);
        let frame = |event| Arc::new(Frame::of_one(Change { user_id: user_id.clone(), event }));
        self.waiting.extend(events.into_iter().map(frame));
        self.position = changes.modseq;
        if !changes.more {
            self.go_live(&changes);
        }
        Ok(())
    }

    /// Takes what the log has, up to where it ended a moment ago.
    async fn catch_up_from_log(&mut self, end: (u64, u64)) {
        while self.position < end.0 {
            match self.listener.next(self.position).await {
                HubMessage::Frame(frame, position) => {
                    self.position = position;
                    self.waiting.push_back(frame);
                }
                // The store has the rest.
                HubMessage::Behind | HubMessage::Closed => return,
            }
        }
        self.is_live = true;
        self.greet(end);
    }

    /// Goes on from what the store just said.
    fn go_live(&mut self, present: &Changes) {
        let end = (present.modseq, present.unread_count);
        self.position = end.0;
        self.listener.begin(end.0, end.1);
        self.is_live = true;
        self.greet(end);
    }

    /// Says that the present is reached, the first time.
    fn greet(&mut self, end: (u64, u64)) {
        if std::mem::take(&mut self.greets) {
            self.waiting.push_back(Arc::new(Frame::sign(Sign::hello(Some(end)))));
        }
    }
}

struct FollowAll {
    operator: AllInboxesListener,
    greets: bool,
}

impl FollowAll {
    async fn next(&mut self) -> Option<Arc<Frame>> {
        if std::mem::take(&mut self.greets) {
            return Some(Arc::new(Frame::sign(Sign::hello(None))));
        }
        match self.operator.next().await {
            HubMessage::Frame(frame, _) => Some(frame),
            HubMessage::Behind => Some(Arc::new(Frame::sign(Sign::reset(None)))),
            HubMessage::Closed => None,
        }
    }
}
