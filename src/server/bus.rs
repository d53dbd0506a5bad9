//! How processes that share a store tell each other what changed.
//!
//! A bus may lose, repeat and reorder: change numbers reveal that, and the store fills what is
//! missing. So it needs no guarantees, and may be away.

mod nats;

use std::sync::Arc;

pub(in crate::server) use nats::Nats;

use super::hub::Hub;
use crate::model::{Change, UserId};

/// Carries changes to the processes that want them.
pub(in crate::server) trait Bus: Send + Sync + 'static {
    /// Tells the others. It waits for nothing; what cannot be sent is lost.
    fn publish(&self, change: &Change);

    /// Delivers what others change in one inbox, or in all, to the hub until the interest is
    /// dropped.
    fn subscribe(&self, user_id: Option<&UserId>, hub: &Arc<Hub>) -> Option<Interest>;

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

/// The bus of a process that shares its store with nobody.
pub(in crate::server) struct Local;

impl Bus for Local {
    fn publish(&self, _: &Change) {}

    fn subscribe(&self, _: Option<&UserId>, _: &Arc<Hub>) -> Option<Interest> {
        None
    }

    fn is_connected(&self) -> bool {
        true
    }
}
