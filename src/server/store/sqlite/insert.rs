//! Writes a notification to a row.

use rusqlite::Connection;

use crate::model::{Notification, Timestamp};

/// Adds a row; if the notification has a body, its content and data are there and not in the row.
pub(super) fn insert(
    connection: &Connection,
    seq: i64,
    inbox: i64,
    notification: &Notification,
    body: Option<i64>,
    (modseq, created): (u64, u64),
) -> rusqlite::Result<()> {
    const INSERT: &str = "INSERT INTO notifications
        (seq, inbox, id, timestamp, category, content, title, link, data, expires_at, is_read, modseq, created, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let (content, data) = match body {
        Some(_) => ("", None),
        None => (notification.content.as_str(), notification.data.as_ref().map(|data| data.as_str())),
    };
    connection
        .prepare_cached(INSERT)?
        .execute((
            seq,
            inbox,
            notification.id.as_uuid().as_bytes(),
            notification.timestamp.as_micros(),
            notification.category.as_str(),
            content,
            notification.title.as_ref().map(|title| title.as_str()),
            notification.link.as_ref().map(|link| link.as_str()),
            data,
            notification.expires_at.map(Timestamp::as_micros),
            notification.is_read,
            modseq,
            created,
            body,
        ))
        .map(drop)
}
