//! Content that many users received at once, which is stored once.
//!
//! 80 KB sent to a thousand users would be 80 MB in one transaction, and all other writes would wait for it.

use rusqlite::Connection;

use crate::model::Notification;

/// A body that is shorter than this, in bytes, is not worth a row of its own.
const LEAST: usize = 512;

/// The content and data that these notifications share, when there are several and it is long.
pub(super) fn in_common(notifications: &[Notification]) -> Option<&Notification> {
    let (first, others) = notifications.split_first()?;
    let is_same = |other: &Notification| other.content == first.content && other.data == first.data;
    let is_long = first.content.as_str().len() + first.data.as_ref().map_or(0, |data| data.as_str().len()) >= LEAST;
    (is_long && !others.is_empty() && others.iter().all(is_same)).then_some(first)
}

/// Stores the content and data of a notification for this many notifications, and returns the number of the body.
pub(super) fn keep(connection: &Connection, of: &Notification, uses: usize) -> rusqlite::Result<i64> {
    const KEEP: &str = "INSERT INTO bodies (content, data, uses) VALUES (?1, ?2, ?3)";
    let values = (of.content.as_str(), of.data.as_ref().map(|data| data.as_str()), uses);
    connection.prepare_cached(KEEP)?.execute(values)?;
    Ok(connection.last_insert_rowid())
}

/// Releases a body from one notification.
pub(super) fn let_go(connection: &Connection, body: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE bodies SET uses = uses - 1 WHERE body = ?1")?.execute([body])?;
    connection.prepare_cached("DELETE FROM bodies WHERE body = ?1 AND uses <= 0")?.execute([body]).map(drop)
}
