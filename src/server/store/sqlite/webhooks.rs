//! The webhooks of applications.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};

use super::{
    SqliteStore,
    webhook_row::{all, insert_webhook, read_webhook, record},
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
