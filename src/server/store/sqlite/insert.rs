//! Writes notifications to rows.

use rusqlite::{CachedStatement, Connection};

use crate::model::{Notification, Timestamp};

/// The statement that adds a row, prepared for all rows of a transaction.
pub(super) struct Insert<'c>(CachedStatement<'c>);

impl<'c> Insert<'c> {
    pub(super) fn into_table_of(connection: &'c Connection) -> rusqlite::Result<Self> {
        const INSERT: &str = "INSERT INTO notifications
            (seq, inbox, id, timestamp, category, content, title, link, data, expires_at, is_read, modseq, created, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        connection.prepare_cached(INSERT).map(Self)
    }

    /// Adds a row; if the notification has a body, its content and data are there and not in the row.
    pub(super) fn add(
        &mut self,
        seq: i64,
        inbox: i64,
        notification: &Notification,
        body: Option<i64>,
        (modseq, created): (u64, u64),
    ) -> rusqlite::Result<()> {
        let (content, data) = match body {
            Some(_) => ("", None),
            None => (notification.content.as_str(), notification.data.as_ref().map(|data| data.as_str())),
        };
        let id = notification.id.as_uuid();
        let values = (
            seq,
            inbox,
            id.as_bytes(),
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
        );
        self.0.execute(values).map(drop)
    }
}
