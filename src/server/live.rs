//! Live delivery: how a change reaches the clients that follow an inbox.
//!
//! The store announces each change to the [`publisher`]. The publisher passes it to the other servers over the [`bus`],
//! and to the [`hub`], which has a [`log`] for each inbox that a client follows. A [`follower`] reads the log from its
//! position and returns [`frame`]s, which the encoders of `server/http` write to their clients. The [`keeper`] reads
//! lost changes from the store.

mod bus;
mod follower;
mod frame;
mod hub;
mod keeper;
mod log;
mod publisher;
mod sync;

use std::sync::Arc;

pub use bus::NatsUrl;
pub(in crate::server) use bus::{Bus, Local, Nats, is_reachable};
pub use follower::{FollowError, Follower};
pub use frame::{Frame, Sign};

use self::{hub::Hub, publisher::Publisher};
use super::{store::Store, tasks::Tasks};
use crate::model::UserId;

/// The parts of live delivery over one store.
pub(in crate::server) struct Live {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    publisher: Arc<Publisher>,
    tasks: Tasks,
}

impl Live {
    /// Receives the store's announcements, but passes none to clients yet. `bus` connects the servers that share the
    /// store. Background tasks are added to `tasks`.
    pub(in crate::server) fn new(store: Arc<dyn Store>, bus: Arc<dyn Bus>, tasks: Tasks) -> Self {
        let hub = Hub::new(Arc::clone(&bus));
        let publisher = Publisher::new(bus, Arc::clone(&hub));
        store.announce_to(Arc::<Publisher>::clone(&publisher));
        Self { store, hub, publisher, tasks }
    }

    /// On the first call, starts to publish announced changes and to look for missing ones. Until then, a change costs
    /// next to nothing.
    pub(in crate::server) fn keep_up(&self) {
        if self.publisher.start(&self.tasks)
            && let Some(holes) = self.hub.take_holes()
        {
            keeper::start(&self.store, &self.hub, &self.publisher, holes, &self.tasks);
        }
    }

    /// Follows one inbox, from after the change number `since`, or from the present.
    ///
    /// # Errors
    /// When the store cannot return the position of the inbox.
    pub(in crate::server) async fn follow(
        &self,
        user_id: &UserId,
        since: Option<u64>,
    ) -> Result<Follower, FollowError> {
        self.keep_up();
        Follower::of_one(Arc::clone(&self.store), &self.hub, user_id, since).await
    }

    /// Follows all inboxes, from the present.
    pub(in crate::server) fn follow_all(&self) -> Follower {
        self.keep_up();
        Follower::of_all(&self.hub)
    }

    /// Ends every [`Follower`], including later ones.
    pub(in crate::server) fn close(&self) {
        self.hub.close();
    }

    /// Whether servers that share the store can be notified of changes at once.
    pub(in crate::server) fn is_connected(&self) -> bool {
        self.hub.is_connected()
    }
}
