//! Marking an inbox as read, or a category of it, and taking that back: shown at once, taken back when refused.

use super::{
    counting,
    item::Item,
    marking::ids,
    message::{Effect, MarkingAll, Now, UnmarkingAll},
    place::At,
    undo::{ReadAll, Undo},
    view::{Loading, View},
};
use crate::{
    app::words::fill,
    model::{Marked, Problem, UserId},
};

impl View {
    /// Whether the inbox can be marked as read: one inbox is shown and has unread notifications. A search shows a
    /// selection that no marking can name.
    pub(crate) fn can_mark_all(&self) -> bool {
        // Until it is known up to which change the user has seen the inbox, nothing says what is meant.
        self.loading == Loading::Done
            && self.heard.seen.is_some()
            && self.filter().user_id.is_some()
            && counting::unread(&self.counted(), self.address.category.as_deref()) > 0
            && self.address.q.is_none()
    }

    /// Marks the inbox as read: the part that the user has seen, of the kind that is shown.
    pub(super) fn mark_all(&mut self, at: Option<At>, now: Now) {
        let filter = self.filter();
        let Some(user_id) = filter.user_id.filter(|_| self.can_mark_all()) else { return };
        let unread_count = self.overview.unread_count;
        let is_meant =
            |row: &Item| self.is_seen(row) && filter.category.as_ref().is_none_or(|kind| *kind == row.data.category);
        let (mut rows, later): (Vec<Item>, Vec<Item>) =
            self.rows.iter().filter(|row| !row.data.is_read).cloned().partition(is_meant);
        let left = match &filter.category {
            None => (later.len() + self.held) as u64,
            // Only the server knows how many others are unread.
            Some(_) => unread_count.saturating_sub(rows.len() as u64),
        };
        rows.iter_mut().for_each(|row| row.data.is_read = true);
        self.set_read(&ids(&rows), true);
        self.overview.unread_count = left;
        let marking = MarkingAll {
            user_id,
            up_to: self.seen(),
            category: self.address.category.clone(),
            rows,
            at,
            unread_count,
            change: self.changes.begin(now.ms),
        };
        self.effects.push(Effect::MarkAll(marking));
    }

    /// The server marked the inbox, or refused.
    pub(super) fn all_marked(&mut self, marking: MarkingAll, answer: Result<Marked, Problem>, now: Now) {
        let MarkingAll { user_id, category, rows, at, unread_count, change, .. } = marking;
        let words = self.words;
        let is_known = answer.as_ref().is_ok_and(|marked| marked.count > 0);
        match answer {
            Ok(Marked { count: 0, .. }) => self.toast(words.nothing_to_mark.to_owned(), None),
            Ok(marked) => {
                let count = words.number(marked.count);
                let text = match category {
                    Some(category) => fill(words.all_marked_of, &[&count, &category]),
                    None => fill(words.all_marked, &[&count]),
                };
                self.toast(text, Some(Undo::ReadAll(ReadAll { user_id, marked, rows, at })));
            }
            Err(problem) => {
                self.set_read(&ids(&rows), false);
                // Another inbox may be shown by now.
                if self.is_in_scope(&user_id) {
                    self.overview.unread_count = unread_count;
                }
                self.toast_refusal(words.not_marked_read, &problem);
            }
        }
        self.settle(change, is_known, now);
    }

    /// Marks as unread again what one click marked as read, including notifications that the page does not show. Where they
    /// had left the list, the user is again where they were in it.
    pub(super) fn unmark_all(&mut self, all: ReadAll, now: Now) {
        let beyond = all.marked.count.saturating_sub(all.rows.len() as u64);
        let filter = self.filter();
        let (mut unmarked, mut doomed, mut returned) = (Vec::new(), Vec::new(), Vec::new());
        for marked in &all.rows {
            let id = marked.data.id;
            let place = self.place_with(id);
            let mut row = place.map_or(marked, |place| &self.rows[place]).clone();
            // One may be unread again already.
            if !row.data.is_read {
                continue;
            }
            // Notifications about to be deleted are neither shown nor counted.
            if self.is_doomed(id) {
                doomed.push(id);
                continue;
            }
            row.data.is_read = false;
            self.set_read(&[id], false);
            self.count_read(&row.data.user_id, false);
            // Where only unread notifications are shown, they had left the list.
            if place.is_none() && filter.unread && filter.admits(&row.data) {
                returned.push(row.key);
                self.rows.insert(self.place_in_order(&row.data), Item { is_selected: false, ..row.clone() });
            }
            unmarked.push(row);
        }
        let at = all.at.filter(|at| !returned.is_empty() && self.place_of(at.0).is_some());
        let in_sight = at.and_then(|at| self.first_in_sight(at));
        let to = in_sight.or_else(|| self.rows.iter().position(|row| returned.contains(&row.key)));
        self.effects.extend(to.map(|place| Effect::Focus(self.rows[place].element_id())));
        self.effects.extend(at.map(Effect::Show));
        self.set_doomed_read(&doomed, false);
        self.count_beyond(&all.user_id, beyond, false);
        let change = self.changes.begin(now.ms);
        self.effects.push(Effect::UnmarkAll(UnmarkingAll { all, unmarked, doomed, returned, beyond, change }));
    }

    /// The server took the marking back, or refused: then the undo is offered again.
    pub(super) fn all_unmarked(&mut self, unmarking: UnmarkingAll, answer: Result<u64, Problem>, now: Now) {
        let UnmarkingAll { all, unmarked, doomed, returned, beyond, change } = unmarking;
        // The server leaves notifications that were changed since.
        let all_of_them = (unmarked.len() + doomed.len()) as u64 + beyond;
        let is_known = answer.as_ref().is_ok_and(|count| *count == all_of_them);
        if let Err(problem) = answer {
            self.set_read(&ids(&unmarked), true);
            for row in &unmarked {
                self.count_read(&row.data.user_id, true);
            }
            self.set_doomed_read(&doomed, true);
            drop(self.take_rows(&|row| returned.contains(&row.key)));
            self.count_beyond(&all.user_id, beyond, true);
            self.offer_again(self.words.not_marked_unread, &problem, Undo::ReadAll(all));
        }
        self.settle(change, is_known, now);
    }

    /// Counts `beyond` notifications that the page does not show as read, or as unread.
    fn count_beyond(&mut self, user_id: &UserId, beyond: u64, is_read: bool) {
        if self.is_in_scope(user_id) {
            let count = &mut self.overview.unread_count;
            *count = if is_read { count.saturating_sub(beyond) } else { *count + beyond };
        }
    }
}
