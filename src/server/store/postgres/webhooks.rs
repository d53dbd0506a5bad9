//! Webhooks. Each is a record; its filters are also columns, for the functions that write notifications.

use async_trait::async_trait;
use tokio_postgres::{Row, types::ToSql};

use super::{
    PostgresStore,
    credentials::execute,
    row::{damaged, sql_number},
};
use crate::{
    model::{Category, EventKind, UserId, WebhookId},
    server::store::{
        StoreError, Webhooks,
        outbox::{MOST_WEBHOOKS, Webhook},
    },
};

#[async_trait]
impl Webhooks for PostgresStore {
    async fn add_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        const ADD: &str = "SELECT functions.add_webhook($1, $2, $3, $4, $5, $6, $7, $8)";
        let Columns { events, categories, user_id, record } = Columns::of(webhook)?;
        let (id, created) = (webhook.id.as_uuid(), webhook.created_at.as_micros());
        let (version, most) = (sql_number(webhook.version), sql_number(MOST_WEBHOOKS as u64));
        let values: [&(dyn ToSql + Sync); 8] =
            [&id, &created, &version, &events, &categories, &user_id, &record, &most];
        Ok(self.database.call_one(ADD, &values).await?.try_get(0)?)
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.database.pool.query(ALL, &[]).await?.iter().map(read).collect()
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        const ONE: &str = "SELECT record FROM webhooks WHERE id = $1";
        self.database.pool.query_opt(ONE, &[&id.as_uuid()]).await?.map(|row| read(&row)).transpose()
    }

    async fn change_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        const CHANGE: &str = "UPDATE webhooks SET version = $3, events = $4, categories = $5, user_id = $6, record = $7
            WHERE id = $1 AND version = $2";
        let next = Webhook { version: webhook.version.saturating_add(1), ..webhook.clone() };
        let Columns { events, categories, user_id, record } = Columns::of(&next)?;
        let (id, before, version) = (next.id.as_uuid(), sql_number(webhook.version), sql_number(next.version));
        let values: [&(dyn ToSql + Sync); 7] = [&id, &before, &version, &events, &categories, &user_id, &record];
        Ok(execute(&self.database.pool, CHANGE, &values).await? > 0)
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM webhooks WHERE id = $1";
        Ok(execute(&self.database.pool, DELETE, &[&id.as_uuid()]).await? > 0)
    }
}

/// All webhooks, oldest first.
pub(super) const ALL: &str = "SELECT record FROM webhooks ORDER BY created, place";

/// The columns of a webhook that may change, beside its version.
pub(super) struct Columns<'a> {
    pub(super) events: Vec<&'static str>,
    pub(super) categories: Option<Vec<&'a str>>,
    pub(super) user_id: Option<&'a str>,
    pub(super) record: String,
}

impl<'a> Columns<'a> {
    pub(super) fn of(webhook: &'a Webhook) -> Result<Self, StoreError> {
        let wanted = &webhook.wanted;
        let unwritable = |error: serde_json::Error| StoreError::failed("a webhook cannot be written").because(error);
        Ok(Self {
            events: wanted.events.iter().copied().map(EventKind::as_str).collect(),
            categories: wanted.categories.as_ref().map(|only| only.iter().map(Category::as_str).collect()),
            user_id: wanted.user_id.as_ref().map(UserId::as_str),
            record: serde_json::to_string(webhook).map_err(unwritable)?,
        })
    }
}

/// Reads a row of a record.
pub(super) fn read(row: &Row) -> Result<Webhook, StoreError> {
    // The parser's message may repeat a part of the record, and so a secret.
    serde_json::from_str(row.try_get(0)?).map_err(|_| damaged("this is no webhook"))
}
