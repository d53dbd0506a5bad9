//! The endpoints of applications.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::{
    SqliteStore,
    writer::{Weight, Writer},
};
use crate::{
    model::WebhookId,
    server::store::{
        StoreError,
        outbox::{MOST_WEBHOOKS, Webhook, Webhooks},
    },
};

#[async_trait]
impl Webhooks for SqliteStore {
    async fn add_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        const COUNT: &str = "SELECT count(*) FROM webhooks";
        let webhook = webhook.clone();
        let add = move |connection: &Connection| {
            let count: usize = connection.prepare_cached(COUNT)?.query_row((), |row| row.get(0))?;
            let fits = count < MOST_WEBHOOKS;
            if fits {
                insert_webhook(connection, &webhook)?;
            }
            Ok(fits)
        };
        change(&self.writer, add).await
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.readers.read(true, all).await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        const ONE: &str = "SELECT record FROM webhooks WHERE id = ?1";
        let read = move |connection: &Connection| {
            connection.prepare_cached(ONE)?.query_row([id.as_uuid().into_bytes()], read_webhook).optional()
        };
        self.readers.read(true, read).await
    }

    async fn change_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        const CHANGE: &str = "UPDATE webhooks SET record = ?3, version = version + 1 WHERE id = ?1 AND version = ?2";
        let version = webhook.version;
        let webhook = Webhook { version: version + 1, ..webhook.clone() };
        let write = move |connection: &Connection| {
            let values = (webhook.id.as_uuid().into_bytes(), version, record(&webhook)?);
            Ok(connection.prepare_cached(CHANGE)?.execute(values)? > 0)
        };
        change(&self.writer, write).await
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM webhooks WHERE id = ?1";
        let write = move |connection: &Connection| {
            Ok(connection.prepare_cached(DELETE)?.execute([id.as_uuid().into_bytes()])? > 0)
        };
        change(&self.writer, write).await
    }
}

/// Changes webhooks, and has the writes after it know of it.
async fn change<T: Send + 'static>(
    writer: &Writer,
    mut change: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let write = move |batch: &mut super::write::Batch<'_>| {
        let changed = change(batch.connection())?;
        batch.webhooks_changed()?;
        Ok(changed)
    };
    writer.write(Weight::ONE, write).await
}

/// All of them, the oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Webhook>> {
    const ALL: &str = "SELECT record FROM webhooks ORDER BY created, id";
    connection.prepare_cached(ALL)?.query_map((), read_webhook)?.collect()
}

pub(super) fn insert_webhook(connection: &Connection, webhook: &Webhook) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT INTO webhooks (id, created, version, record) VALUES (?1, ?2, ?3, ?4)";
    let values = (webhook.id.as_uuid().into_bytes(), webhook.created_at.as_micros(), webhook.version, record(webhook)?);
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

fn record(webhook: &Webhook) -> rusqlite::Result<String> {
    serde_json::to_string(webhook).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn read_webhook(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    serde_json::from_str(row.get_ref(0)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}
