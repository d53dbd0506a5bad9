//! Marking many at once.

use super::{Batch, Stored, columns};
use crate::{
    model::{Category, Change, Event, Marking, UserId},
    server::store::replay::Present,
};

impl Batch<'_> {
    /// Marks what is unread in an inbox and what the marking takes in, and returns how many that were.
    pub(in crate::server::store::sqlite) fn mark_all_read(
        &mut self,
        user_id: &UserId,
        marking: &Marking,
    ) -> rusqlite::Result<u64> {
        let Some(number) = self.known(user_id)? else { return Ok(0) };
        let present = self.inbox(number)?.present;
        if present.unread_count == 0 {
            return Ok(0);
        }
        let Some(part) = self.part_of_unread(number, &present, marking)? else { return self.mark_inbox_read(number) };
        for seq in &part {
            let stored = self.at(*seq, user_id)?;
            self.mark(stored, true)?;
        }
        Ok(part.len() as u64)
    }

    /// What of an inbox is unread and is to be marked, oldest first; `None` when that is all that is
    /// unread.
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
    fn mark_inbox_read(&mut self, number: i64) -> rusqlite::Result<u64> {
        let inbox = self.inbox(number)?;
        let marked = std::mem::take(&mut inbox.present.unread_count);
        let modseq = inbox.next_modseq();
        inbox.present.all_read_modseq = modseq;
        let (user_id, event) = (inbox.user_id.clone(), Event::AllRead { modseq, unread_count: 0 });
        self.changes.push(Change { user_id, event });
        self.unread = self.unread.saturating_sub_unsigned(marked);
        Ok(marked)
    }
}
