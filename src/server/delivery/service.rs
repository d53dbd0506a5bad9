//! The calls for webhooks; those for deliveries and channels are in the folder.

mod deliveries;
mod push_key;

use std::{collections::HashMap, time::Duration};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{drain, plan::DISABLED, running::Delivery};
use crate::{
    model::{
        Category, Channel, DeliveryId, DeliveryState, EventKind, FieldError, Invalid, Timestamp, UserId, Wanted,
        WebhookId, WebhookState, WebhookView,
    },
    server::{
        channels::{
            channel::{Channel as _, Job, Recipient},
            outcome::Outcome,
            webhook::secret::SigningSecret,
        },
        clock::after,
        identity::{Principal, Scope},
        service::ServiceError,
        store::{
            StoreError,
            outbox::{Delivery as StoredDelivery, Lane, MOST_WEBHOOKS, Webhook, lane_of},
        },
    },
};

pub use deliveries::{ChannelView, LaneView};

/// How long the previous secret signs too.
const OLD_SECRET_SIGNS_FOR: Duration = Duration::from_secs(24 * 3_600);

/// A webhook to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDraft {
    /// Its id, where the caller chooses one, so that a repeat adds nothing more.
    pub id: Option<WebhookId>,
    /// URL that events are posted to, as the caller wrote it.
    pub url: String,
    /// Events that it receives.
    pub wanted: Wanted,
}

/// A change of a webhook; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    /// URL that events are posted to.
    pub url: Option<String>,
    /// Events that it receives.
    pub events: Option<Vec<EventKind>>,
    /// The categories; `Some(None)` is all.
    pub categories: Option<Option<Vec<Category>>>,
    /// The owner of the inbox; `Some(None)` is all inboxes.
    pub user_id: Option<Option<UserId>>,
    /// Whether it receives events at all.
    pub is_enabled: Option<bool>,
}

/// Result of a test event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TestResult {
    /// Whether the endpoint accepted it.
    pub ok: bool,
    /// Status code of the answer; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<u16>,
    /// Duration in milliseconds.
    pub ms: u64,
    /// The answer, or why there was none, at most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
}

impl Delivery {
    /// Adds a webhook, and returns it with its secret, which is shown once.
    ///
    /// # Errors
    /// When the caller may not, its URL is not permitted, or there are too many.
    pub async fn add_webhook(
        &self,
        principal: &Principal,
        draft: WebhookDraft,
    ) -> Result<(WebhookView, String), ServiceError> {
        principal.may(Scope::Admin)?;
        let url = self.reachable(&draft.url).await?;
        if let Some(id) = draft.id
            && self.0.stores.webhooks.webhook(id).await?.is_some()
        {
            let why = "This was done already: the webhook is there, and its secret was shown then. Make a new secret if \
                       you do not have it.";
            return Err(ServiceError::Conflict(why.to_owned()));
        }
        let (now, secret) = (self.0.clock.now(), new_secret()?);
        let webhook = Webhook {
            id: draft.id.unwrap_or_else(|| WebhookId::new(Uuid::now_v7())),
            url,
            wanted: draft.wanted,
            secret: secret.clone(),
            old_secret: None,
            disabled: None,
            enabled_at: now,
            created_at: now,
            version: 0,
        };
        if !self.0.stores.webhooks.add_webhook(&webhook).await? {
            let why = format!("There are {MOST_WEBHOOKS} webhooks, and no more fit. Delete one first.");
            return Err(ServiceError::Conflict(why));
        }
        self.0.alarm.hears_of(&webhook);
        Ok((view(webhook, None, now), secret))
    }

    /// All webhooks, oldest first.
    ///
    /// # Errors
    /// When the caller may not see them.
    pub async fn webhooks(&self, principal: &Principal) -> Result<Vec<WebhookView>, ServiceError> {
        principal.may(Scope::Admin)?;
        let now = self.0.clock.now();
        let mut lanes = self.lanes_by_name().await?;
        let webhooks = self.0.stores.webhooks.webhooks().await?.into_iter();
        Ok(webhooks
            .map(|webhook| {
                let lane = lanes.remove(&webhook.lane());
                view(webhook, lane.as_ref(), now)
            })
            .collect())
    }

    /// One webhook.
    ///
    /// # Errors
    /// When the caller may not see it, or none has this id.
    pub async fn webhook(&self, principal: &Principal, id: WebhookId) -> Result<WebhookView, ServiceError> {
        principal.may(Scope::Admin)?;
        let webhook = self.found(id).await?;
        self.seen(webhook).await
    }

    /// Changes a webhook, and returns it in its new state. Waiting deliveries go to the new URL.
    ///
    /// # Errors
    /// When the caller may not, none has this id, or its new URL is not permitted.
    pub async fn change_webhook(
        &self,
        principal: &Principal,
        id: WebhookId,
        patch: &WebhookPatch,
    ) -> Result<WebhookView, ServiceError> {
        principal.may(Scope::Admin)?;
        let url = match &patch.url {
            Some(url) => Some(self.reachable(url).await?),
            None => None,
        };
        let now = self.0.clock.now();
        let changed = self
            .change(id, |webhook| {
                let WebhookPatch { url: _, events, categories, user_id, is_enabled } = patch.clone();
                webhook.url = url.clone().unwrap_or(std::mem::take(&mut webhook.url));
                webhook.wanted.events = events.unwrap_or(std::mem::take(&mut webhook.wanted.events));
                webhook.wanted.categories = categories.unwrap_or(webhook.wanted.categories.take());
                webhook.wanted.user_id = user_id.unwrap_or(webhook.wanted.user_id.take());
                match is_enabled {
                    Some(true) if webhook.disabled.is_some() => (webhook.disabled, webhook.enabled_at) = (None, now),
                    Some(false) if webhook.disabled.is_none() => webhook.disabled = Some("by_hand".to_owned()),
                    _ => {}
                }
            })
            .await?;
        if patch.is_enabled == Some(false) {
            self.end_lane(id, DeliveryState::Skipped, DISABLED);
        }
        if patch.url.is_some() || patch.is_enabled == Some(true) {
            self.begin_anew(id).await?;
        }
        self.seen(changed).await
    }

    /// Removes a webhook. Its waiting deliveries are cancelled.
    ///
    /// # Errors
    /// When the caller may not, or none has this id.
    pub async fn delete_webhook(&self, principal: &Principal, id: WebhookId) -> Result<(), ServiceError> {
        principal.may(Scope::Admin)?;
        if !self.0.stores.webhooks.delete_webhook(id).await? {
            return Err(no_webhook(id));
        }
        self.0.worker.look_anew(&lane_of(id));
        self.end_lane(id, DeliveryState::Cancelled, "webhook_deleted");
        Ok(())
    }

    /// Gives a webhook a new secret, and returns it, which is the only time that it is shown. The previous one signs
    /// too for 24 hours. With `seen`, only a webhook in that version.
    ///
    /// # Errors
    /// When the caller may not, none has this id, or its version is not `seen`.
    pub async fn rotate_secret(
        &self,
        principal: &Principal,
        id: WebhookId,
        seen: Option<u64>,
    ) -> Result<(WebhookView, String), ServiceError> {
        principal.may(Scope::Admin)?;
        let version = self.found(id).await?.version;
        if seen.is_some_and(|seen| seen != version) {
            let why = "This was done already, or the webhook was changed meanwhile. Look at it as it is now, and do it \
                       again if it is still to be done.";
            return Err(ServiceError::Conflict(why.to_owned()));
        }
        let (secret, until) = (new_secret()?, after(self.0.clock.now(), OLD_SECRET_SIGNS_FOR));
        let changed = self
            .change(id, |webhook| {
                let old = std::mem::replace(&mut webhook.secret, secret.clone());
                webhook.old_secret = Some((old, until));
            })
            .await?;
        Ok((self.seen(changed).await?, secret))
    }

    /// Enables a webhook. Events that it missed are not sent by themselves: retry them.
    ///
    /// # Errors
    /// When the caller may not, or none has this id.
    pub async fn enable_webhook(&self, principal: &Principal, id: WebhookId) -> Result<WebhookView, ServiceError> {
        let patch = WebhookPatch { is_enabled: Some(true), ..WebhookPatch::default() };
        self.change_webhook(principal, id, &patch).await
    }

    /// Sends a test event to a webhook now, and returns the result. It is not a delivery, and is not stored.
    ///
    /// # Errors
    /// When the caller may not, none has this id, or too many tests are running.
    pub async fn test_webhook(&self, principal: &Principal, id: WebhookId) -> Result<TestResult, ServiceError> {
        principal.may(Scope::Admin)?;
        let Ok(_place) = self.0.tests.try_acquire() else {
            let why = "Other webhooks are being tested at this moment. Try again in a few seconds.".into();
            return Err(ServiceError::TooMany { why, retry_after: Some(2) });
        };
        let webhook = self.found(id).await?;
        let now = self.0.clock.now();
        let payload = format!(r#"{{"type":"webhook.test","timestamp":"{now}","data":{{"webhook_id":"{id}"}}}}"#);
        let began = tokio::time::Instant::now();
        let judged = match self.0.channel.prepare(&test_job(webhook, payload, now), now) {
            Ok(post) => {
                let answer = self.0.channel.send(post).await;
                self.0.channel.judge(answer, now)
            }
            Err(judged) => judged,
        };
        Ok(TestResult {
            ok: judged.outcome == Outcome::Sent,
            status: judged.code,
            ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            detail: judged.detail,
        })
    }

    /// A permitted URL, in its plain form.
    async fn reachable(&self, url: &str) -> Result<String, ServiceError> {
        let parsed = self.0.channel.reach().look_up(url).await.map_err(|why| vec![FieldError::new("url", why)])?;
        if parsed.fragment().is_some() {
            let why = Invalid::new("This must be a URL without a fragment (#…), which is never sent.");
            return Err(vec![FieldError::new("url", why)].into());
        }
        Ok(parsed.to_string())
    }

    async fn found(&self, id: WebhookId) -> Result<Webhook, ServiceError> {
        self.0.stores.webhooks.webhook(id).await?.ok_or_else(|| no_webhook(id))
    }

    /// Changes a webhook in its present state, even while other callers change it.
    async fn change(&self, id: WebhookId, change: impl Fn(&mut Webhook)) -> Result<Webhook, ServiceError> {
        loop {
            let mut webhook = self.found(id).await?;
            change(&mut webhook);
            if self.0.stores.webhooks.change_webhook(&webhook).await? {
                self.0.alarm.hears_of(&webhook);
                self.0.worker.look_anew(&webhook.lane());
                return Ok(webhook);
            }
        }
    }

    fn end_lane(&self, id: WebhookId, state: DeliveryState, reason: &'static str) {
        drain::end_lane(&self.0.stores, &self.0.clock, id, state, reason);
    }

    /// Resets the health of a webhook's lane.
    async fn begin_anew(&self, id: WebhookId) -> Result<(), ServiceError> {
        self.0.stores.deliveries.resume(&lane_of(id)).await?;
        self.0.wake.notify_one();
        Ok(())
    }

    async fn seen(&self, webhook: Webhook) -> Result<WebhookView, ServiceError> {
        let lane = self.lanes_by_name().await?.remove(&webhook.lane());
        Ok(view(webhook, lane.as_ref(), self.0.clock.now()))
    }

    async fn lanes_by_name(&self) -> Result<HashMap<String, Lane>, ServiceError> {
        let lanes = self.0.stores.deliveries.lanes().await?.into_iter();
        Ok(lanes.map(|lane| (lane.lane.clone(), lane)).collect())
    }
}

/// A webhook as callers see it, with its lane if that has a recorded state.
fn view(webhook: Webhook, lane: Option<&Lane>, now: Timestamp) -> WebhookView {
    let is_paused = lane.is_some_and(|lane| lane.paused_until.is_some_and(|until| now < until));
    let (state, reason) = match (&webhook.disabled, lane) {
        (Some(why), _) => (WebhookState::Disabled, Some(why.clone())),
        (None, Some(lane)) if is_paused => (WebhookState::Paused, lane.reason.clone()),
        _ => (WebhookState::Active, None),
    };
    let old_secret_until = webhook.old_secret.as_ref().map(|(_, until)| *until).filter(|until| now < *until);
    let Webhook { id, url, wanted, created_at, version, .. } = webhook;
    let failing_since = lane.and_then(|lane| lane.health.failing_since);
    WebhookView { id, url, wanted, state, reason, failing_since, old_secret_until, created_at, version }
}

/// The job of a test event.
fn test_job(webhook: Webhook, payload: String, now: Timestamp) -> Job {
    let delivery = StoredDelivery {
        id: DeliveryId::new(Uuid::now_v7()),
        notification_id: None,
        user_id: webhook.wanted.user_id.clone().unwrap_or_else(|| UserId::stored("test")),
        channel: Channel::Webhook,
        target: webhook.id.as_uuid(),
        lane: webhook.lane(),
        state: DeliveryState::Leased,
        reason: None,
        due_at: now,
        tries: 1,
        attempts: Vec::new(),
        payload,
        expires_at: None,
        created_at: now,
        ended_at: None,
        replay_of: None,
        is_replayed: false,
        via: None,
    };
    Job { delivery, to: Recipient::Webhook(webhook.into()) }
}

fn new_secret() -> Result<String, StoreError> {
    let secret = SigningSecret::generate();
    let secret = secret.map_err(|_| StoreError::unavailable("the system gives no random bytes"))?;
    Ok(secret.expose())
}

fn no_webhook(id: WebhookId) -> ServiceError {
    ServiceError::NotFound(format!("There is no webhook {id}; it may have been deleted."))
}
