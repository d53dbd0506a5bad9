//! Marking many at once, and undoing it.

use super::{Inbox, Newest, Seq, Shelf};
use crate::{
    model::{Change, Event, Marked, MarkedBy, Marking, UserId},
    server::store::Unmarked,
};

impl Shelf {
    /// Marks the unread notifications of an inbox that the marking selects, and returns their number, and the changes
    /// that did it.
    pub(in crate::server::store::memory) fn mark_all_read(&mut self, user_id: &UserId, marking: &Marking) -> Marked {
        let Some(inbox) = self.inboxes.get(user_id).filter(|inbox| inbox.present.unread_count > 0) else {
            return Marked::default();
        };
        let after = inbox.present.modseq;
        let Some(part) = self.part_of_unread(inbox, marking) else { return self.mark_inbox_read(user_id) };
        for seq in &part {
            self.mark(*seq, true);
        }
        if part.is_empty() {
            return Marked::default();
        }
        let count = part.len() as u64;
        Marked { count, by: MarkedBy { after, up_to: after + count, is_whole: false } }
    }

    /// Marks unread again up to `most` notifications that these changes marked.
    pub(in crate::server::store::memory) fn unmark(
        &mut self,
        user_id: &UserId,
        by: &MarkedBy,
        most: usize,
    ) -> Unmarked {
        let Some(inbox) = self.inboxes.get(user_id) else { return Unmarked::default() };
        let up_to = if by.is_whole { by.up_to.min(inbox.present.all_read_modseq) } else { by.up_to };
        let marked = |(modseq, newest): (&u64, &Newest)| {
            let Newest::Row(seq) = newest else { return None };
            // Notifications that the inbox marked as a whole still have their own mark.
            let is_meant = self.rows.get(seq).is_some_and(|row| row.notification.is_read != by.is_whole);
            is_meant.then_some((*seq, *modseq))
        };
        let changed = inbox.changed.range(by.after.saturating_add(1)..);
        let part: Vec<(Seq, u64)> =
            changed.take_while(|(modseq, _)| **modseq <= up_to).filter_map(marked).take(most).collect();
        for (seq, _) in &part {
            self.mark(*seq, false);
        }
        Unmarked::step(by, most, part.len(), part.last().map_or(0, |(_, modseq)| *modseq))
    }

    /// The unread notifications of an inbox that the marking selects, oldest first; `None` when it selects all unread
    /// ones.
    fn part_of_unread(&self, inbox: &Inbox, marking: &Marking) -> Option<Vec<Seq>> {
        let created = |seq: &Seq| self.rows.get(seq).map_or(0, |row| row.created);
        if marking.takes_all(inbox.seqs.back().map_or(0, created)) {
            return None;
        }
        if marking.category.as_ref().is_some_and(|category| !inbox.categories.contains_key(category)) {
            return Some(Vec::new());
        }
        let is_early = |seq: &&Seq| marking.up_to.is_none_or(|up_to| created(seq) <= up_to);
        let is_meant = |seq: &&Seq| {
            let row = self.rows.get(seq);
            row.is_some_and(|row| !row.is_read(inbox) && marking.admits(row.created, &row.notification.category))
        };
        let part: Vec<Seq> = inbox.seqs.iter().take_while(is_early).filter(is_meant).copied().collect();
        (part.len() as u64 != inbox.present.unread_count).then_some(part)
    }

    /// Marks everything in an inbox read without touching the notifications.
    fn mark_inbox_read(&mut self, user_id: &UserId) -> Marked {
        let Some(inbox) = self.inboxes.get_mut(user_id) else { return Marked::default() };
        let count = std::mem::take(&mut inbox.present.unread_count);
        let modseq = inbox.next_modseq();
        let after = std::mem::replace(&mut inbox.present.all_read_modseq, modseq);
        self.changes.push(Change { user_id: user_id.clone(), event: Event::AllRead { modseq, unread_count: 0 } });
        self.unread -= count;
        Marked { count, by: MarkedBy { after, up_to: modseq, is_whole: true } }
    }
}
