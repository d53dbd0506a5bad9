//! Webhooks, as a store keeps them.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    model::{Timestamp, Wanted, WebhookId},
    server::store::StoreError,
};

/// The most webhooks that there may be: each write looks at all of them.
pub const MOST_WEBHOOKS: usize = 1_000;
/// A webhook as it is kept. `Debug` does not show its secrets, nor its URL, which may hold one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub id: WebhookId,
    /// URL that events are posted to.
    pub url: String,
    /// Events that it receives.
    pub wanted: Wanted,
    /// What it is signed with, as `whsec_…`.
    pub secret: String,
    /// The secret before that, and until when it signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret: Option<(String, Timestamp)>,
    /// Why nothing is sent there, if it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// When it was made, or enabled for the last time.
    pub enabled_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was changed.
    pub version: u64,
}

impl Webhook {
    /// Its lane: an endpoint fails by itself.
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

/// Keeps the endpoints of applications. What is written takes effect for the next write of a notification.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Adds one; `false`, and nothing is done, when there are [`MOST_WEBHOOKS`].
    async fn add_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// All of them, the oldest first.
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// One; `None` when there is none of that id.
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// Puts this in the place of what it was made of, with the next version; `false`, and nothing is done, when another
    /// caller changed it meanwhile, or it is gone.
    async fn change_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// Takes one away; `false` when there is none of that id. What is still to be sent there is left to the worker.
    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError>;
}
