//! The bus: how servers that share a store tell each other about changes.
//!
//! A bus may lose, repeat and reorder: change numbers reveal that, and the store fills what is
//! missing. So it needs no guarantees, and may be away.

mod nats;
mod peers;

use std::sync::Weak;

use tokio::sync::watch;

pub use nats::NatsUrl;
pub(in crate::server) use nats::{Nats, is_reachable};

use crate::model::{Change, UserId};

/// Takes what other servers changed.
pub(in crate::server) trait Deliver: Send + Sync + 'static {
    /// This is a change of another server; it may come late, twice, and in another order.
    fn deliver(&self, change: &Change);

    /// Changes of other servers got lost, of whatever inboxes.
    fn gap(&self);
}

/// Carries changes to the processes that want them.
pub(in crate::server) trait Bus: Send + Sync + 'static {
    /// Tells the others. It waits for nothing; what cannot be sent is lost.
    fn publish(&self, change: &Change);

    /// Delivers what others change in one inbox, or in all, until the interest is dropped. Of all inboxes it
    /// also says when changes got lost; of one, the store shows that.
    fn subscribe(&self, user_id: Option<&UserId>, to: Weak<dyn Deliver>) -> Option<Interest>;

    /// Changes were made here that the others are not told of.
    fn note_loss(&self);

    /// Tells the others that there is something to be delivered, so that they look at once. It may be lost: they look
    /// every second besides.
    fn hint(&self) {}

    /// Changes whenever another server gave that hint; `None` when there is no other.
    fn hints(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Whether the others can be told.
    fn is_connected(&self) -> bool;
}

/// Keeps a subscription for as long as it lives.
pub(in crate::server) struct Interest(tokio::task::AbortHandle);

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The bus of a process that shares its store with no other.
pub(in crate::server) struct Local;

impl Bus for Local {
    fn publish(&self, _: &Change) {}

    fn subscribe(&self, _: Option<&UserId>, _: Weak<dyn Deliver>) -> Option<Interest> {
        None
    }

    fn note_loss(&self) {}

    fn is_connected(&self) -> bool {
        true
    }
}
