//! What delivery needs of a store.

use std::sync::Arc;

use crate::server::store::{Contacts, Deliveries, Forget, Outbox, Profiles, Secrets, Store, Webhooks, Wishes};

/// One store, as delivery sees it.
#[derive(Clone)]
pub struct DeliveryStores {
    /// Notifications, in the inboxes of their users.
    pub inboxes: Arc<dyn Store>,
    /// The endpoints of applications.
    pub webhooks: Arc<dyn Webhooks>,
    /// What is to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// What became of it.
    pub deliveries: Arc<dyn Deliveries>,
    /// Where users are reached.
    pub contacts: Arc<dyn Contacts>,
    /// What users want to be told of.
    pub wishes: Arc<dyn Wishes>,
    /// All that decides what one of them is told.
    pub profiles: Arc<dyn Profiles>,
    /// Keys that the server makes for itself.
    pub secrets: Arc<dyn Secrets>,
    /// What takes away all that is kept of a user.
    pub forget: Arc<dyn Forget>,
}
