//! The row of an inbox.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{ends::End, row::kept_text};
use crate::{model::UserId, server::store::replay::Present};

/// An inbox in one state.
#[derive(Clone)]
pub(super) struct Inbox {
    /// Its number in the other tables.
    pub(super) inbox: i64,
    pub(super) user_id: UserId,
    pub(super) present: Present,
    /// How many notifications there are.
    pub(super) total: u64,
    /// How many deletions are remembered.
    pub(super) deletions: u64,
    /// Time of the newest notification that was ever accepted into it, in microseconds; `None` while it was not looked
    /// up, see [`Self::accept`].
    newest: Option<i64>,
}

const BY_USER: &str =
    "SELECT inbox, modseq, forgotten, all_read_modseq, unread_count, total, deletions, user_id, newest
    FROM inboxes WHERE user_id = ?1";
const BY_NUMBER: &str =
    "SELECT inbox, modseq, forgotten, all_read_modseq, unread_count, total, deletions, user_id, newest
    FROM inboxes WHERE inbox = ?1";

impl Inbox {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let present = Present {
            modseq: row.get(1)?,
            forgotten: row.get(2)?,
            all_read_modseq: row.get(3)?,
            unread_count: row.get(4)?,
        };
        Ok(Self {
            inbox: row.get(0)?,
            user_id: kept_text(row, 7, UserId::stored)?,
            present,
            total: row.get(5)?,
            deletions: row.get(6)?,
            newest: row.get(8)?,
        })
    }

    /// The inbox of a user, if there is one.
    pub(super) fn of(connection: &Connection, user_id: &UserId) -> rusqlite::Result<Option<Self>> {
        connection.prepare_cached(BY_USER)?.query_row([user_id.as_str()], Self::read).optional()
    }

    /// The inbox with this number.
    pub(super) fn load(connection: &Connection, inbox: i64) -> rusqlite::Result<Self> {
        connection.prepare_cached(BY_NUMBER)?.query_row([inbox], Self::read)
    }

    /// Adds an empty inbox.
    pub(super) fn insert(connection: &Connection, user_id: &UserId) -> rusqlite::Result<Self> {
        connection
            .prepare_cached("INSERT INTO inboxes (user_id, newest) VALUES (?1, 0)")?
            .execute([user_id.as_str()])?;
        Ok(Self::empty(connection.last_insert_rowid(), user_id.clone()))
    }

    /// An inbox without notifications, which has this number in the other tables.
    pub(super) fn empty(inbox: i64, user_id: UserId) -> Self {
        Self { inbox, user_id, present: Present::default(), total: 0, deletions: 0, newest: Some(0) }
    }

    /// Writes the present state of these.
    pub(super) fn update<'i>(
        connection: &Connection,
        inboxes: impl IntoIterator<Item = &'i Self>,
    ) -> rusqlite::Result<()> {
        const UPDATE: &str = "UPDATE inboxes SET modseq = ?2, forgotten = ?3, all_read_modseq = ?4, unread_count = ?5,
            total = ?6, deletions = ?7, newest = ?8 WHERE inbox = ?1";
        let mut update = connection.prepare_cached(UPDATE)?;
        for Self { inbox, present, total, deletions, newest, .. } in inboxes {
            let Present { modseq, forgotten, all_read_modseq, unread_count } = present;
            update.execute((inbox, modseq, forgotten, all_read_modseq, unread_count, total, deletions, newest))?;
        }
        Ok(())
    }

    /// The number of its newest change, and its unread count.
    pub(super) fn end(&self) -> End {
        End { modseq: self.present.modseq, unread_count: self.present.unread_count }
    }

    /// The time of acceptance of a notification, in microseconds, when the clock has this time: never before the
    /// previous notification. Notifications that an earlier release stored, or that were imported, are looked up once.
    pub(super) fn accept(&mut self, connection: &Connection, clock: i64) -> rusqlite::Result<i64> {
        const NEWEST: &str = "SELECT coalesce(max(timestamp), 0) FROM notifications INDEXED BY notifications_by_inbox
            WHERE inbox = ?1";
        let newest = match self.newest {
            Some(newest) => newest,
            None => connection.prepare_cached(NEWEST)?.query_row([self.inbox], |row| row.get(0))?,
        };
        let accepted = clock.max(newest);
        self.newest = Some(accepted);
        Ok(accepted)
    }

    /// Takes the next change number.
    pub(super) fn next_modseq(&mut self) -> u64 {
        self.present.modseq += 1;
        self.present.modseq
    }
}
