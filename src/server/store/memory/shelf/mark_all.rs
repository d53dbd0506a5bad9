//! Marking many at once.

use super::{Inbox, Seq, Shelf};
use crate::model::{Change, Event, Marking, UserId};

impl Shelf {
    /// Marks what is unread in an inbox and what the marking takes in, and returns how many that were.
    pub(in crate::server::store::memory) fn mark_all_read(&mut self, user_id: &UserId, marking: &Marking) -> u64 {
        let Some(inbox) = self.inboxes.get(user_id).filter(|inbox| inbox.present.unread_count > 0) else { return 0 };
        let Some(part) = self.part_of_unread(inbox, marking) else { return self.mark_inbox_read(user_id) };
        for seq in &part {
            self.mark(*seq, true);
        }
        part.len() as u64
    }

    /// What of an inbox is unread and is to be marked, oldest first; `None` when that is all that is
    /// unread.
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
    fn mark_inbox_read(&mut self, user_id: &UserId) -> u64 {
        let Some(inbox) = self.inboxes.get_mut(user_id) else { return 0 };
        let marked = std::mem::take(&mut inbox.present.unread_count);
        let modseq = inbox.next_modseq();
        inbox.present.all_read_modseq = modseq;
        self.changes.push(Change { user_id: user_id.clone(), event: Event::AllRead { modseq, unread_count: 0 } });
        self.unread -= marked;
        marked
    }
}
