//! Deleting: one notification, those that are due, those beyond the window, and all of an inbox.

use rusqlite::{CachedStatement, Connection, Row};
use uuid::Uuid;

use super::Batch;
use crate::{
    model::{Category, Change, Event, Notification, NotificationId, UserId},
    server::store::{
        Due, Once,
        sqlite::{body, inbox::Inbox, row::kept_text},
    },
};

/// The data of a notification that is to be deleted. It is read beforehand: a `DELETE` that returns it makes a
/// temporary table, which takes more than twice as long.
struct Going {
    seq: i64,
    id: [u8; 16],
    category: Category,
    is_read: bool,
    modseq: u64,
    body: Option<i64>,
    created: u64,
}

impl Going {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            category: kept_text(row, 2, Category::stored)?,
            is_read: row.get(3)?,
            modseq: row.get(4)?,
            body: row.get(5)?,
            created: row.get(6)?,
        })
    }
}

/// The statements of deletions, prepared once for a transaction.
pub(super) struct Deletion<'c> {
    delete: CachedStatement<'c>,
    remember: CachedStatement<'c>,
}

impl<'c> Deletion<'c> {
    fn on(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            delete: connection.prepare_cached("DELETE FROM notifications WHERE seq = ?1")?,
            remember: connection.prepare_cached("INSERT INTO deletions (inbox, modseq, id) VALUES (?1, ?2, ?3)")?,
        })
    }
}

impl<'a> Batch<'a> {
    pub(in crate::server::store::sqlite) fn delete(
        &mut self,
        id: NotificationId,
        owner: Option<&UserId>,
    ) -> rusqlite::Result<Option<Notification>> {
        let Some(stored) = self.find(id, owner)? else { return Ok(None) };
        let all_read = self.inbox(stored.inbox)?.present.all_read_modseq;
        self.remove(stored.inbox, stored.seq)?;
        Ok(Some(stored.seen(all_read)))
    }

    pub(in crate::server::store::sqlite) fn delete_due(&mut self, due: &Due) -> rusqlite::Result<usize> {
        const EXPIRED: &str = "SELECT inbox, seq FROM notifications INDEXED BY notifications_by_expiry
            WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2";
        const OLDEST: &str = "SELECT inbox, seq, timestamp FROM notifications ORDER BY seq LIMIT ?1";
        let forgotten = Once::forgotten_at(due.now).as_micros();
        for forget in ["DELETE FROM once WHERE at <= ?1", "DELETE FROM once_by_caller WHERE at <= ?1"] {
            self.connection.prepare_cached(forget)?.execute([forgotten])?;
        }
        let limit = i64::try_from(due.limit).unwrap_or(i64::MAX);
        let mut gone: Vec<(i64, i64)> = {
            let mut query = self.connection.prepare_cached(EXPIRED)?;
            let rows = query.query_map((due.now.as_micros(), limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        if let Some(moment) = due.accepted_before {
            let mut query = self.connection.prepare_cached(OLDEST)?;
            for row in query.query_map([limit], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)?)))? {
                let (place, timestamp) = row?;
                if timestamp >= moment.as_micros() || gone.len() >= due.limit {
                    break;
                }
                if !gone.contains(&place) {
                    gone.push(place);
                }
            }
        }
        gone.iter().try_for_each(|&(inbox, seq)| self.remove(inbox, seq))?;
        Ok(gone.len())
    }

    /// Deletes up to `most` of the oldest notifications of an inbox, and returns their number.
    pub(in crate::server::store::sqlite) fn forget(
        &mut self,
        user_id: &UserId,
        most: usize,
    ) -> rusqlite::Result<usize> {
        const OLDEST: &str = "SELECT seq FROM notifications INDEXED BY notifications_by_inbox
            WHERE inbox = ?1 ORDER BY created LIMIT ?2";
        let Some(inbox) = self.known(user_id)? else { return Ok(0) };
        let oldest: Vec<i64> = {
            let mut query = self.connection.prepare_cached(OLDEST)?;
            query.query_map((inbox, most), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        oldest.iter().try_for_each(|seq| self.remove(inbox, *seq))?;
        Ok(oldest.len())
    }

    /// Deletes the oldest notifications of the inboxes that grew beyond the window. At the end of a transaction this takes
    /// two statements for an inbox, however often it grew; what looks at an inbox as a whole does it before.
    pub(super) fn delete_surplus(&mut self) -> rusqlite::Result<()> {
        const OLDEST: &str = "SELECT seq, id, category, is_read, modseq, body, created
            FROM notifications INDEXED BY notifications_by_inbox WHERE inbox = ?1 ORDER BY created LIMIT ?2";
        const DELETE: &str = "DELETE FROM notifications INDEXED BY notifications_by_inbox
            WHERE inbox = ?1 AND created <= ?2";
        for number in std::mem::take(&mut self.overfull) {
            let surplus = self.inbox(number)?.total.saturating_sub(self.window);
            let oldest: Vec<Going> = {
                let mut query = self.connection.prepare_cached(OLDEST)?;
                query.query_map((number, surplus), Going::read)?.collect::<rusqlite::Result<_>>()?
            };
            let Some(last) = oldest.last() else { continue };
            self.connection.prepare_cached(DELETE)?.execute((number, last.created))?;
            oldest.into_iter().try_for_each(|gone| self.note_deletion(number, gone))?;
        }
        Ok(())
    }

    fn deletion(&mut self) -> rusqlite::Result<&mut Deletion<'a>> {
        match &mut self.deletion {
            Some(deletion) => Ok(deletion),
            none => Ok(none.insert(Deletion::on(self.connection)?)),
        }
    }

    fn remove(&mut self, inbox: i64, seq: i64) -> rusqlite::Result<()> {
        const AT: &str = "SELECT seq, id, category, is_read, modseq, body, created FROM notifications WHERE seq = ?1";
        let going = self.connection.prepare_cached(AT)?.query_row([seq], Going::read)?;
        self.deletion()?.delete.execute([going.seq])?;
        self.note_deletion(inbox, going)
    }

    /// Remembers the deletion of a notification, whose row is gone, and deletes its body if it was the last with it.
    fn note_deletion(&mut self, number: i64, gone: Going) -> rusqlite::Result<()> {
        let Going { id, category, is_read, modseq, body, .. } = gone;
        let connection = self.connection;
        if let Some(body) = body {
            body::let_go(connection, body)?;
        }
        let change = self.inbox(number)?.next_modseq();
        self.deletion()?.remember.execute((number, change, id))?;
        let keep = self.window;
        let inbox = self.inbox(number)?;
        let is_read = is_read || modseq <= inbox.present.all_read_modseq;
        inbox.total -= 1;
        inbox.present.unread_count -= u64::from(!is_read);
        inbox.deletions += 1;
        // A little more than the window is remembered, so that forgetting is rare.
        if inbox.deletions > keep + keep / 8 {
            forget_deletions(connection, inbox, keep)?;
        }
        let (user_id, unread_count) = (inbox.user_id.clone(), inbox.present.unread_count);
        let id = NotificationId::new(Uuid::from_bytes(id));
        if !self.told.is_empty() {
            self.gone.insert(id, category.clone());
        }
        self.changes.push(Change { user_id, event: Event::Deleted { modseq: change, unread_count, id } });
        self.unread -= i64::from(!is_read);
        *self.kinds.entry(category).or_default() -= 1;
        Ok(())
    }
}

/// Forgets the oldest remembered deletions, and keeps the newest `keep`.
fn forget_deletions(connection: &Connection, inbox: &mut Inbox, keep: u64) -> rusqlite::Result<()> {
    const LAST_TO_GO: &str = "SELECT modseq FROM deletions WHERE inbox = ?1 ORDER BY modseq LIMIT 1 OFFSET ?2";
    let last = (inbox.inbox, inbox.deletions - keep - 1);
    inbox.present.forgotten = connection.prepare_cached(LAST_TO_GO)?.query_row(last, |row| row.get(0))?;
    connection
        .prepare_cached("DELETE FROM deletions WHERE inbox = ?1 AND modseq <= ?2")?
        .execute((inbox.inbox, inbox.present.forgotten))?;
    inbox.deletions = keep;
    Ok(())
}
