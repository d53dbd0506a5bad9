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
/// The maximum age of a position from the store in a heartbeat.
const FRESH: Duration = Duration::from_secs(5);

/// The store could not return the missed changes or the position of an inbox.
#[derive(Debug, thiserror::Error)]
#[error("what was missed cannot be read from the store")]
pub struct FollowError(#[from] pub(in crate::server) StoreError);

/// Follows one inbox, or all of them, until it is dropped.
///
/// It has a position and no queue: a client that reads slowly does not affect the others, and the changes that it
/// misses are read from the store.
pub struct Follower(Of);

enum Of {
    One(FollowOne),
    All(FollowAll),
}

impl Follower {
    /// Waits for the next frame. `None` when the server is stopping.
    ///
    /// # Errors
    /// When the store cannot return the missed changes. Follow again later, from the last position.
    pub async fn next(&mut self) -> Result<Option<Arc<Frame>>, FollowError> {
        match &mut self.0 {
            Of::One(one) => one.next().await,
            Of::All(all) => Ok(all.next().await),
        }
    }

    /// The frame after a silence: nothing changed, and the position that the store returned a moment ago. `None` when
    /// there is a change that was not received; [`Self::next`] returns it.
    ///
    /// # Errors
    /// When the store cannot return the position of the inbox.
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
        // Listening starts before the position is read, so that no change in between is missed.
        let listener = hub.listen(user_id);
        // Other processes may have written changes that have not arrived yet.
        let present = if store.is_shared() { None } else { listener.present(since) };
        let mut one =
            FollowOne { store, listener, position: 0, is_live: false, greets: true, waiting: VecDeque::new() };
        match (present, since) {
            (Some(end), _) => {
                // All changes up to the present are in the log, and come before the greeting.
                one.position = since.unwrap_or(end.0);
                one.catch_up_from_log(end).await;
            }
            (None, Some(since)) => {
                one.position = since;
                one.catch_up().await?;
            }
            (None, None) => {
                // No inbox has that many changes: the store only returns the end of the inbox.
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
    /// Whether the position is in the log, and not before its start.
    is_live: bool,
    /// Whether the greeting is still to be sent.
    greets: bool,
    /// Frames to send first, such as changes read from the store.
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
                // Boxed, so that an idle stream reserves no room for it.
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
        // No inbox has that many changes: the store only returns the end of the inbox.
        let present = self.store.changes(self.listener.user_id(), u64::MAX, Limit::new(1)).await?;
        let end = (present.modseq, present.unread_count);
        self.listener.note_stored(end, asked_at);
        Ok(end)
    }

    /// Reads one page of missed changes.
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

    /// Reads the log, up to the end that it had a moment ago.
    async fn catch_up_from_log(&mut self, end: (u64, u64)) {
        while self.position < end.0 {
            match self.listener.next(self.position).await {
                HubMessage::Frame(frame, position) => {
                    self.position = position;
                    self.waiting.push_back(frame);
                }
                // The rest is read from the store.
                HubMessage::Behind | HubMessage::Closed => return,
            }
        }
        self.is_live = true;
        self.greet(end);
    }

    /// Continues live from the position that the store returned.
    fn go_live(&mut self, present: &Changes) {
        let end = (present.modseq, present.unread_count);
        self.position = end.0;
        self.listener.begin(end.0, end.1);
        self.is_live = true;
        self.greet(end);
    }

    /// Sends the greeting once the present is reached for the first time.
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
