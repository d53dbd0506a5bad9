//! The parts of a store that delivery needs.

use std::sync::Arc;

use crate::server::store::{Contacts, Deliveries, Forget, Outbox, Profiles, Secrets, Store, Webhooks, Wishes};

/// One store, as delivery sees it.
#[derive(Clone)]
pub struct DeliveryStores {
    /// Notifications, in the inboxes of their users.
    pub inboxes: Arc<dyn Store>,
    /// The webhooks of applications.
    pub webhooks: Arc<dyn Webhooks>,
    /// The outbox.
    pub outbox: Arc<dyn Outbox>,
    /// The deliveries.
    pub deliveries: Arc<dyn Deliveries>,
    /// The contacts of users.
    pub contacts: Arc<dyn Contacts>,
    /// The preferences of users.
    pub wishes: Arc<dyn Wishes>,
    /// All data that decides about a delivery to a user.
    pub profiles: Arc<dyn Profiles>,
    /// Keys that the server creates for itself.
    pub secrets: Arc<dyn Secrets>,
    /// Forgets users.
    pub forget: Arc<dyn Forget>,
}
