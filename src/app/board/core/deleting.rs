//! Deleting: shown at once, carried out when it can no longer be undone.

use super::{
    counting,
    item::Item,
    message::{Deletion, Effect, Now},
    undo::Doomed,
    view::View,
};
use crate::{
    app::live::Kind,
    model::{Code, NotificationId, Problem},
};

/// How many notifications a request names at most. A browser sends at most 64 KiB for a page that is gone, and an id takes
/// 39 bytes of a form.
pub(crate) const MOST_AT_ONCE: usize = 1_000;

impl View {
    /// Takes a row off the page, and deletes its notification once that can no longer be undone: when the message goes
    /// that offers it, for this one and all that were deleted shortly before.
    pub(super) fn delete(&mut self, key: i64, now: Now) {
        self.delete_rows(&|row| row.key == key, now);
    }

    /// As [`Self::delete`], for the rows that are meant. Where more would be pending than one request can name when the
    /// user leaves the page, those before them are deleted now.
    pub(super) fn delete_rows(&mut self, is_meant: &dyn Fn(&Item) -> bool, now: Now) {
        let taken = self.take_rows(&|row| is_meant(row) && !row.is_sending);
        if taken.is_empty() {
            return;
        }
        if self.doomed.len() + taken.len() > MOST_AT_ONCE {
            self.really_delete(now);
        }
        for (item, spot) in taken {
            counting::remove(&mut self.overview, &item.data);
            self.doomed.push(Doomed { item, spot, is_unsure: false });
        }
        self.offer_undelete();
    }

    /// Puts back whatever was about to be deleted. The focus goes to the first row that returns.
    pub(super) fn undelete(&mut self, now: Now) {
        let doomed = std::mem::take(&mut self.doomed);
        let is_unsure = doomed.iter().any(|doomed| doomed.is_unsure);
        // The last one first: what was beside a row is there again then.
        let returned: Vec<_> = doomed.into_iter().rev().filter_map(|doomed| self.restore(doomed)).collect();
        if let Some(first) = self.rows.iter().find(|row| returned.contains(&row.key)) {
            self.effects.push(Effect::Focus(first.element_id()));
        }
        if is_unsure {
            self.refresh(now);
        }
    }

    /// Deletes what was about to be deleted, and was not put back.
    pub(super) fn really_delete(&mut self, now: Now) {
        let doomed = std::mem::take(&mut self.doomed);
        // A mark that waits would come too late.
        for of in &doomed {
            let under_way = self.marks.iter_mut().find(|under_way| under_way.id == of.item.data.id);
            if let Some(next) = under_way.and_then(|under_way| under_way.next.take()) {
                self.changes.settle(next.change);
            }
        }
        // No message offers to take back that they were marked.
        self.dismiss_read(&doomed.iter().map(|doomed| doomed.item.data.id).collect::<Vec<_>>());
        for doomed in doomed {
            let change = self.changes.begin(now.ms);
            self.effects.push(Effect::Delete(Deletion { doomed, change }));
        }
    }

    /// The server deleted it, or did not.
    pub(super) fn deleted(&mut self, deletion: Deletion, answer: Result<(), Problem>, now: Now) {
        let is_known = answer.is_ok();
        match answer {
            Ok(()) => self.expect(Kind::Deleted, &deletion.doomed.item.data.user_id, deletion.id()),
            // Another client was faster.
            Err(problem) if problem.code == Code::NotFound => {}
            Err(problem) => {
                self.restore(deletion.doomed);
                self.toast_refusal(self.words.not_deleted, &problem);
            }
        }
        self.settle(deletion.change, is_known, now);
    }

    /// Takes every pending deletion, which cannot be undone from now on: the user leaves the page.
    pub(crate) fn take_doomed(&mut self) -> Vec<NotificationId> {
        let ids = self.doomed.drain(..).map(|doomed| doomed.item.data.id).collect();
        self.recount_undos();
        ids
    }

    /// Puts a row back, and says which it is if it belongs to what is shown.
    fn restore(&mut self, doomed: Doomed) -> Option<i64> {
        let Doomed { item, spot, .. } = doomed;
        // Another inbox may be shown by now.
        let is_in_scope = self.is_in_scope(&item.data.user_id);
        if is_in_scope {
            counting::add(&mut self.overview, &item.data);
        }
        if !self.filter().admits(&item.data) {
            if is_in_scope {
                counting::beside(&mut self.overview, &item.data.category, i64::from(!item.data.is_read));
            }
            return None;
        }
        let key = item.key;
        self.put_back(item, spot);
        Some(key)
    }
}
