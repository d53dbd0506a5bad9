//! The bus: how servers that share a store tell each other about changes.
//!
//! A bus may lose, repeat and reorder messages: the change numbers show that, and the missing changes are read from the
//! store. So it gives no guarantees, and may be unavailable.

mod nats;
mod peers;

use std::sync::Weak;

use tokio::sync::watch;

pub use nats::NatsUrl;
pub(in crate::server) use nats::{Nats, is_reachable};

use crate::model::{Change, UserId};

/// Receives changes from other servers.
pub(in crate::server) trait Deliver: Send + Sync + 'static {
    /// Receives a change from another server; changes may arrive late, twice, and in any order.
    fn deliver(&self, change: &Change);

    /// Changes from other servers were lost, in unknown inboxes.
    fn gap(&self);
}

/// Carries changes to the processes that subscribe to them.
pub(in crate::server) trait Bus: Send + Sync + 'static {
    /// Sends the change to the other servers. It does not wait; a change that cannot be sent is lost.
    fn publish(&self, change: &Change);

    /// Delivers changes of other servers in one inbox, or in all, until the interest is dropped. A subscription to all
    /// inboxes also reports lost changes; for a single inbox, the store shows them.
    fn subscribe(&self, user_id: Option<&UserId>, to: Weak<dyn Deliver>) -> Option<Interest>;

    /// Records that changes of this server were not sent to the others.
    fn note_loss(&self);

    /// Notifies the other servers of due deliveries, so that they check at once. The hint may be lost: they also check
    /// every second.
    fn hint(&self) {}

    /// Changes whenever another server sends that hint; `None` when there is no other.
    fn hints(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Whether the other servers can be reached.
    fn is_connected(&self) -> bool;
}

/// Holds a subscription until it is dropped.
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
