//! The columns of an outbox entry.

use rusqlite::{Connection, Row};

use super::{
    delivery_row::uuid_or_null,
    row::{kept_text, moment, text, timestamp},
};
use crate::{
    model::{Category, EventKind, NotificationId, Timestamp, UserId},
    server::store::outbox::Entry,
};

/// Adds an entry.
pub(super) fn insert_entry(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    const INSERT: &str =
        "INSERT INTO outbox (kind, user_id, category, notification_id, expires_at, at, data, to_contacts, routing)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let routing = (!entry.routing.is_silent()).then(|| serde_json::to_string(&entry.routing)).transpose();
    let routing = routing.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection
        .prepare_cached(INSERT)?
        .execute((
            entry.kind.as_str(),
            entry.user_id.as_str(),
            entry.category.as_ref().map(Category::as_str),
            entry.notification_id.map(|id| id.as_uuid().into_bytes()),
            entry.expires_at.map(Timestamp::as_micros),
            entry.at.as_micros(),
            &entry.data,
            entry.to_contacts,
            routing,
        ))
        .map(drop)
}

/// Every entry, oldest first, even of tables that have no column for contacts or routing yet.
pub(super) const ALL: &str = "SELECT * FROM outbox ORDER BY seq";

pub(super) fn unplanned(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Entry>> {
    const OLDEST: &str =
        "SELECT seq, kind, user_id, category, notification_id, expires_at, at, data, to_contacts, routing FROM outbox
        ORDER BY seq LIMIT ?1";
    connection.prepare_cached(OLDEST)?.query_map([most], read_entry)?.collect()
}

pub(super) fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let has_category = row.get_ref(3)?.as_bytes_or_null()?.is_some();
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, Box::new(error));
    let routing = if row.as_ref().column_count() > 9 { row.get_ref(9)?.as_str_or_null()? } else { None };
    Ok(Entry {
        seq: row.get(0)?,
        kind: text(row, 1, EventKind::parse)?,
        user_id: kept_text(row, 2, UserId::stored)?,
        category: has_category.then(|| kept_text(row, 3, Category::stored)).transpose()?,
        notification_id: uuid_or_null(row, 4)?.map(NotificationId::new),
        expires_at: moment(row, 5)?,
        at: timestamp(6, row.get(6)?)?,
        data: row.get(7)?,
        to_contacts: row.as_ref().column_count() > 8 && row.get(8)?,
        routing: routing.map(serde_json::from_str).transpose().map_err(wrong)?.unwrap_or_default(),
    })
}
