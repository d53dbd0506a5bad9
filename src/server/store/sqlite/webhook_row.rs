//! The row of a webhook.

use rusqlite::{Connection, Row, types::Type};

use crate::server::store::outbox::Webhook;

/// All webhooks, oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Webhook>> {
    const ALL: &str = "SELECT record FROM webhooks ORDER BY created, id";
    connection.prepare_cached(ALL)?.query_map((), read_webhook)?.collect()
}

pub(super) fn insert_webhook(connection: &Connection, webhook: &Webhook) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT INTO webhooks (id, created, version, record) VALUES (?1, ?2, ?3, ?4)";
    let values = (webhook.id.as_uuid().into_bytes(), webhook.created_at.as_micros(), webhook.version, record(webhook)?);
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

pub(super) fn record(webhook: &Webhook) -> rusqlite::Result<String> {
    serde_json::to_string(webhook).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn read_webhook(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    serde_json::from_str(row.get_ref(0)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}
