//! Webhooks, as a store keeps them.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    model::{Timestamp, Wanted, WebhookId},
    server::store::StoreError,
};

/// The most webhooks that may exist: each write examines all of them.
pub const MOST_WEBHOOKS: usize = 1_000;
/// A webhook as it is stored. `Debug` shows neither its secrets nor its URL, which may contain one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// URL that events are posted to.
    pub url: String,
    /// Events that it receives.
    pub wanted: Wanted,
    /// The secret that signs its requests, as `whsec_…`.
    pub secret: String,
    /// The previous secret, and the time until which it signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret: Option<(String, Timestamp)>,
    /// Why nothing is sent to it, if it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// Time at which it was created, or enabled last.
    pub enabled_at: Timestamp,
    /// Time at which it was created.
    pub created_at: Timestamp,
    /// How often it was changed.
    pub version: u64,
}

impl Webhook {
    /// Its lane: each webhook fails by itself.
    #[must_use]
    pub fn lane(&self) -> String {
        lane_of(self.id)
    }
}

/// The lane of a webhook.
#[must_use]
pub fn lane_of(id: WebhookId) -> String {
    format!("webhook:{id}")
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// Stores the webhooks of applications. A change takes effect with the next write of a notification.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Adds a webhook; `false`, and nothing is changed, when there are [`MOST_WEBHOOKS`].
    async fn add_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// All webhooks, oldest first.
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// One webhook; `None` when none has this id.
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// Replaces the version that this one was made from, and increments the version; `false`, and nothing is changed,
    /// when another caller changed it meanwhile, or it is gone.
    async fn change_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// Removes a webhook; `false` when none has this id. Its remaining deliveries are left to the worker.
    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError>;
}
