//! The columns of a notification.

use std::borrow::Cow;

use rusqlite::{Row, types::Type};
use uuid::Uuid;

use crate::model::{
    Category, Content, Data, Invalid, Link, NewNotification, Notification, NotificationId, Routing, Timestamp, Title,
    UserId,
};

/// The columns of [`Stored`], of the table under the name `n`.
macro_rules! columns {
    () => {
        "n.seq, n.inbox, n.id, n.timestamp, n.category, \
         CASE WHEN n.body IS NULL THEN n.content ELSE (SELECT o.content FROM bodies o WHERE o.body = n.body) END, n.title, n.link, \
         CASE WHEN n.body IS NULL THEN n.data ELSE (SELECT o.data FROM bodies o WHERE o.body = n.body) END, n.expires_at, \
         n.is_read, n.modseq, n.created"
    };
}
pub(super) use columns;

/// The number of these columns: further columns of a query begin there.
pub(super) const COLUMNS: usize = 13;

/// A notification as it is stored. Its `is_read` is its own mark.
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) inbox: i64,
    pub(super) modseq: u64,
    pub(super) created: u64,
    pub(super) notification: Notification,
}

impl Stored {
    /// Reads a row of [`columns`], which does not name the user.
    pub(super) fn read(row: &Row<'_>, user_id: UserId) -> rusqlite::Result<Self> {
        let new = NewNotification {
            user_id,
            category: kept_text(row, 4, Category::stored)?,
            content: kept_text(row, 5, Content::stored)?,
            title: optional(row, 6, Title::stored)?,
            link: optional(row, 7, Link::stored)?,
            data: optional(row, 8, Data::stored)?,
            routing: Routing::default(),
            expires_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::stored),
        };
        let notification = Notification::new(NotificationId::new(uuid(row, 2)?), Timestamp::stored(row.get(3)?), new);
        Ok(Self {
            seq: row.get(0)?,
            inbox: row.get(1)?,
            modseq: row.get(11)?,
            created: row.get(12)?,
            notification: notification.with_read(row.get(10)?),
        })
    }

    /// Whether it is read, in an inbox where everything up to this number is read.
    pub(super) fn is_read(&self, all_read_modseq: u64) -> bool {
        self.notification.is_read || self.modseq <= all_read_modseq
    }

    /// The notification as seen in such an inbox.
    pub(super) fn seen(self, all_read_modseq: u64) -> Notification {
        let is_read = self.is_read(all_read_modseq);
        self.notification.with_read(is_read)
    }
}

/// A text that was valid when it was stored, and is not validated again.
pub(super) fn kept_text<T>(row: &Row<'_>, column: usize, stored: impl Fn(&str) -> T) -> rusqlite::Result<T> {
    Ok(stored(&lossy(row.get_ref(column)?.as_bytes()?)))
}

/// A text to parse.
pub(super) fn text<T>(row: &Row<'_>, column: usize, parse: impl Fn(&str) -> Result<T, Invalid>) -> rusqlite::Result<T> {
    parse(row.get_ref(column)?.as_str()?).map_err(|invalid| damaged(column, invalid))
}

fn optional<T>(row: &Row<'_>, column: usize, stored: impl Fn(&str) -> T) -> rusqlite::Result<Option<T>> {
    Ok(row.get_ref(column)?.as_bytes_or_null()?.map(|text| stored(&lossy(text))))
}

/// SQLite stores any bytes. Bytes that are not text are shown as such, and spoil nothing around them.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text)
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Uuid::from_slice(row.get_ref(column)?.as_blob()?).map_err(|error| damaged(column, error))
}

pub(super) fn timestamp(column: usize, micros: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_micros(micros).ok_or_else(|| damaged(column, Invalid::new("this is no time")))
}

/// A time that may be absent.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|micros| timestamp(column, micros)).transpose()
}

/// A value that this program did not write.
fn damaged(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(why))
}
