//! Marking many at once, and undoing it.

use super::{Batch, Stored, columns};
use crate::{
    model::{Category, Change, Event, Marked, MarkedBy, Marking, UserId},
    server::store::{Unmarked, replay::Present},
};

impl Batch<'_> {
    /// Marks the unread notifications of an inbox that the marking selects, and returns their number, and the changes
    /// that did it.
    pub(in crate::server::store::sqlite) fn mark_all_read(
        &mut self,
        user_id: &UserId,
        marking: &Marking,
    ) -> rusqlite::Result<Marked> {
        self.delete_surplus()?;
        let Some(number) = self.known(user_id)? else { return Ok(Marked::default()) };
        let present = self.inbox(number)?.present;
        if present.unread_count == 0 {
            return Ok(Marked::default());
        }
        let Some(part) = self.part_of_unread(number, &present, marking)? else { return self.mark_inbox_read(number) };
        if part.is_empty() {
            return Ok(Marked::default());
        }
        for seq in &part {
            let stored = self.at(*seq, user_id)?;
            self.mark(stored, true)?;
        }
        let (after, count) = (present.modseq, part.len() as u64);
        Ok(Marked { count, by: MarkedBy { after, up_to: after + count, is_whole: false } })
    }

    /// Marks unread again up to `most` notifications that these changes marked.
    pub(in crate::server::store::sqlite) fn unmark(
        &mut self,
        user_id: &UserId,
        by: &MarkedBy,
        most: usize,
    ) -> rusqlite::Result<Unmarked> {
        // Notifications that the inbox marked as a whole still have their own mark. A creation is found by its number,
        // and later markings by an index of their own.
        const MARKED: &str = "SELECT seq, modseq FROM (
                SELECT seq, modseq FROM notifications INDEXED BY notifications_by_inbox
                WHERE inbox = ?1 AND created > ?2 AND created <= ?3 AND modseq = created AND is_read <> ?4
                ORDER BY created LIMIT ?5
            ) UNION ALL SELECT seq, modseq FROM (
                SELECT seq, modseq FROM notifications INDEXED BY notifications_by_change
                WHERE inbox = ?1 AND modseq > ?2 AND modseq <= ?3 AND modseq <> created AND is_read <> ?4
                ORDER BY modseq LIMIT ?5
            ) ORDER BY modseq LIMIT ?5";
        let Some(number) = self.known(user_id)? else { return Ok(Unmarked::default()) };
        let all_read = self.inbox(number)?.present.all_read_modseq;
        let up_to = if by.is_whole { by.up_to.min(all_read) } else { by.up_to };
        let [after, up_to] = [by.after, up_to].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let part: Vec<(i64, u64)> = {
            let mut query = self.connection.prepare_cached(MARKED)?;
            let rows =
                query.query_map((number, after, up_to, by.is_whole, most), |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for (seq, _) in &part {
            let stored = self.at(*seq, user_id)?;
            self.mark(stored, false)?;
        }
        Ok(Unmarked::step(by, most, part.len(), part.last().map_or(0, |(_, modseq)| *modseq)))
    }

    /// The unread notifications of an inbox that the marking selects, oldest first; `None` when it selects all unread
    /// ones.
    fn part_of_unread(&self, inbox: i64, present: &Present, marking: &Marking) -> rusqlite::Result<Option<Vec<i64>>> {
        const NEWEST: &str = "SELECT coalesce(max(created), 0) FROM notifications INDEXED BY notifications_by_inbox
            WHERE inbox = ?1";
        const UNREAD: &str = "SELECT seq FROM notifications INDEXED BY notifications_by_inbox
            WHERE inbox = ?1 AND created <= ?2 AND (?3 IS NULL OR category = ?3) AND is_read = 0 AND modseq > ?4
            ORDER BY created";
        if marking.takes_all(self.connection.prepare_cached(NEWEST)?.query_row([inbox], |row| row.get(0))?) {
            return Ok(None);
        }
        let up_to = marking.up_to.map_or(i64::MAX, |up_to| i64::try_from(up_to).unwrap_or(i64::MAX));
        let category = marking.category.as_ref().map(Category::as_str);
        let mut query = self.connection.prepare_cached(UNREAD)?;
        let rows = query.query_map((inbox, up_to, category, present.all_read_modseq), |row| row.get(0))?;
        let part: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
        Ok((part.len() as u64 != present.unread_count).then_some(part))
    }

    fn at(&self, seq: i64, user_id: &UserId) -> rusqlite::Result<Stored> {
        const AT: &str = concat!("SELECT ", columns!(), " FROM notifications n WHERE n.seq = ?1");
        self.connection.prepare_cached(AT)?.query_row([seq], |row| Stored::read(row, user_id.clone()))
    }

    /// Marks everything in an inbox read without touching the notifications.
    fn mark_inbox_read(&mut self, number: i64) -> rusqlite::Result<Marked> {
        let inbox = self.inbox(number)?;
        let count = std::mem::take(&mut inbox.present.unread_count);
        let modseq = inbox.next_modseq();
        let after = std::mem::replace(&mut inbox.present.all_read_modseq, modseq);
        let (user_id, event) = (inbox.user_id.clone(), Event::AllRead { modseq, unread_count: 0 });
        self.changes.push(Change { user_id, event });
        self.unread = self.unread.saturating_sub_unsigned(count);
        Ok(Marked { count, by: MarkedBy { after, up_to: modseq, is_whole: true } })
    }
}
