//! The columns of a notification.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    model::{
        Category, Content, Data, Invalid, Link, NewNotification, Notification, NotificationId, Routing, Timestamp,
        Title, UserId,
    },
    server::store::StoreError,
};

/// The columns of [`Stored`], of the table under the name `n`.
macro_rules! columns {
    () => {
        r#"n.user_id, n.created, n.seq, n.id, n."timestamp", n.category, n.content, n.title, n.link, n.data,
           n.expires_at, n.is_read, n.modseq"#
    };
}
pub(super) use columns;

/// The number of these columns: further columns of a query begin there.
pub(super) const COLUMNS: usize = 13;

/// A notification as it is stored. Its `is_read` is its own mark.
pub(super) struct Stored {
    pub(super) seq: u64,
    pub(super) modseq: u64,
    pub(super) created: u64,
    pub(super) notification: Notification,
}

impl Stored {
    /// Reads the columns of a row.
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let text = |column: usize| Ok::<_, StoreError>(row.try_get::<_, Option<&str>>(column)?);
        let new = NewNotification {
            user_id: UserId::stored(row.try_get(0)?),
            category: Category::stored(row.try_get(5)?),
            content: Content::stored(row.try_get(6)?),
            title: text(7)?.map(Title::stored),
            link: text(8)?.map(Link::stored),
            data: text(9)?.map(Data::stored),
            routing: Routing::default(),
            expires_at: row.try_get::<_, Option<i64>>(10)?.map(Timestamp::stored),
        };
        let id = NotificationId::new(row.try_get::<_, Uuid>(3)?);
        let notification = Notification::new(id, Timestamp::stored(row.try_get(4)?), new);
        Ok(Self {
            seq: number(row, 2)?,
            modseq: number(row, 12)?,
            created: number(row, 1)?,
            notification: notification.with_read(row.try_get(11)?),
        })
    }

    /// The notification as seen in an inbox where everything up to this number is read.
    pub(super) fn seen(self, all_read_modseq: u64) -> Notification {
        let is_read = self.notification.is_read || self.modseq <= all_read_modseq;
        self.notification.with_read(is_read)
    }
}

/// A count or a change number.
pub(super) fn number(row: &Row, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<_, i64>(column)?).map_err(damaged)
}

pub(super) fn timestamp(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_micros(micros).ok_or_else(|| damaged(Invalid::new("this is no time")))
}

/// The number, or PostgreSQL's largest one if it is larger: that is beyond every row anyhow.
pub(super) fn sql_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A value that this program did not write.
pub(super) fn damaged(why: impl std::fmt::Display) -> StoreError {
    StoreError::failed(format!("a stored value cannot be read: {why}"))
}
