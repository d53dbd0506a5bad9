//! Marking as read and unread: shown at once, taken back when refused.

use super::{
    counting,
    item::{Item, Spot},
    mark::{MarkUnderWay, Marking},
    message::{Effect, MarkingAll, Now, UnmarkingAll},
    place::At,
    sending::may_be_sent,
    undo::{ReadAll, Undo, WasRead},
    view::{Loading, View},
};
use crate::{
    app::{live::Kind, words::fill},
    model::{Marked, Notification, NotificationId, Problem, UserId},
};

/// The element that the focus goes to where no row can have it.
const HEADING: &str = "inbox-name";

impl View {
    /// Takes a row out of the list and returns the place it had. The focus goes to its neighbour.
    pub(super) fn take(&mut self, key: i64) -> Option<(Item, Spot)> {
        self.take_rows(&|row| row.key == key).pop()
    }

    /// Takes rows out of the list and returns the place each had while those below it were there. The focus is handed
    /// on.
    pub(super) fn take_rows(&mut self, is_meant: &dyn Fn(&Item) -> bool) -> Vec<(Item, Spot)> {
        let mut kept = Vec::with_capacity(self.rows.len());
        let (mut all, mut taken) = (Vec::with_capacity(self.rows.len()), Vec::new());
        let mut rows = std::mem::take(&mut self.rows).into_iter().peekable();
        while let Some(row) = rows.next() {
            let leaves = is_meant(&row);
            all.push((row.key, !leaves));
            if leaves {
                let above = kept.last().map(|row: &Item| row.key);
                taken.push((row, Spot { above, below: rows.peek().map(|row| row.key) }));
            } else {
                kept.push(row);
            }
        }
        self.rows = kept;
        self.hand_on(&all);
        taken
    }

    /// Hands on the focus of rows that leave: to the next one below that stays, else to the nearest above, else to the
    /// heading. `rows` are the keys of the list as it was, each with whether it stays.
    pub(super) fn hand_on(&mut self, rows: &[(i64, bool)]) {
        let before = self.effects.len();
        // Below the last that stays, the nearest is that one.
        let mut nearest = rows.iter().rev().find(|(_, stays)| *stays).map(|(key, _)| *key);
        for &(key, stays) in rows.iter().rev() {
            if stays {
                nearest = Some(key);
                continue;
            }
            let (from, to) = (super::item::element_id(key), heir(nearest));
            // What was to get the focus may be what goes now.
            for effect in self.effects.iter_mut().take(before) {
                if let Effect::HandOn(_, heir) = effect
                    && *heir == from
                {
                    heir.clone_from(&to);
                }
            }
            self.effects.push(Effect::HandOn(from, to));
        }
    }

    /// Marks a row as read, or as unread.
    pub(super) fn mark(&mut self, key: i64, is_read: bool, now: Now) {
        self.mark_rows(&|row| row.key == key, is_read, now);
    }

    /// Marks rows as read, or as unread. Where several become read, or leave the list by that, it can be undone.
    pub(super) fn mark_rows(&mut self, is_meant: &dyn Fn(&Item) -> bool, is_read: bool, now: Now) {
        let changes = |row: &Item| is_meant(row) && row.data.is_read != is_read && !row.is_sending;
        let leave = is_read && self.filter().unread;
        let marked = if leave { self.take_rows(&changes) } else { self.with_spots(&changes) };
        let offers = is_read && (leave || marked.len() > 1);
        let mut undone = Vec::new();
        for (mut item, spot) in marked {
            item.data.is_read = is_read;
            let (id, user_id) = (item.data.id, item.data.user_id.clone());
            self.count_read(&user_id, is_read);
            undone.push(WasRead { id, user_id, spot });
            let change = self.changes.begin(now.ms);
            self.send_mark(Marking { id, is_read, item: Some(item), spot: leave.then_some(spot), change });
        }
        let ids: Vec<_> = undone.iter().map(|read| read.id).collect();
        self.set_read(&ids, is_read);
        if !offers {
            self.dismiss_read(&ids);
        } else if !undone.is_empty() {
            self.offer_unread(undone);
        }
    }

    /// The rows that are meant, each with its neighbours.
    fn with_spots(&self, is_meant: &dyn Fn(&Item) -> bool) -> Vec<(Item, Spot)> {
        let key = |place: Option<usize>| place.and_then(|place| self.rows.get(place)).map(|row| row.key);
        let meant = self.rows.iter().enumerate().filter(|(_, row)| is_meant(row));
        let spot = |place: usize| Spot { above: key(place.checked_sub(1)), below: key(Some(place + 1)) };
        meant.map(|(place, row)| (row.clone(), spot(place))).collect()
    }

    /// Marks a notification as unread again that has left the list.
    pub(super) fn mark_again_unread(&mut self, read: WasRead, now: Now) {
        let WasRead { id, user_id, spot } = read;
        if let Some(place) = self.place_with(id) {
            return self.mark(self.rows[place].key, false, now);
        }
        // A notification about to be deleted is neither shown nor counted.
        let is_doomed = self.is_doomed(id);
        if is_doomed {
            self.set_doomed_read(&[id], false);
        } else {
            self.count_read(&user_id, false);
        }
        let change = self.changes.begin(now.ms);
        let spot = (!is_doomed).then_some(spot);
        self.send_mark(Marking { id, is_read: false, item: None, spot, change });
    }

    /// Sends a marking, unless one of the same notification is not answered: it waits for that, in place of one that
    /// waited, so that the last one is the last for the server too.
    fn send_mark(&mut self, marking: Marking) {
        if let Some(before) = self.marks.iter_mut().find(|under_way| under_way.id == marking.id) {
            if let Some(replaced) = before.next.replace(marking) {
                self.changes.settle(replaced.change);
            }
            return;
        }
        self.marks.push(MarkUnderWay { id: marking.id, next: None });
        self.effects.push(Effect::Mark(marking));
    }

    /// The server marked the notification, or refused.
    pub(super) fn marked(&mut self, marking: Marking, answer: Result<Notification, Problem>, now: Now) {
        let place = self.marks.iter().position(|under_way| under_way.id == marking.id);
        match place.and_then(|place| self.marks.remove(place).next) {
            Some(next) => self.marked_before(marking, answer, next, now),
            None => self.marked_last(marking, answer, now),
        }
    }

    /// As that, where the user has marked it once more since.
    fn marked_before(&mut self, marking: Marking, answer: Result<Notification, Problem>, next: Marking, now: Now) {
        let has = match &answer {
            Ok(notification) => Some(notification.is_read),
            // Where the answer was lost, the server may have either.
            Err(problem) => (!may_be_sent(problem)).then_some(!marking.is_read),
        };
        if has != Some(next.is_read) {
            if let Ok(notification) = answer {
                self.expect(Kind::Updated, &notification.user_id, marking.id);
            }
            // Before the end of the other, so that nothing is asked for in between.
            self.send_mark(next);
            return self.changes.settle(marking.change);
        }
        // It ends as the server has it.
        self.changes.settle(next.change);
        match answer {
            Ok(notification) => self.marked_last(Marking { change: marking.change, ..next }, Ok(notification), now),
            Err(_) => {
                if let (None, Some(mut item), Some(spot)) = (next.item, marking.item, marking.spot) {
                    item.data.is_read = next.is_read;
                    self.put_back(item, spot);
                }
                self.settle(marking.change, false, now);
            }
        }
    }

    /// As that, where it is how the user marked it last.
    fn marked_last(&mut self, marking: Marking, answer: Result<Notification, Problem>, now: Now) {
        let Marking { id, is_read, item, spot, change } = marking;
        let is_known = answer.is_ok();
        match (answer, item) {
            (Ok(notification), item) => {
                self.expect(Kind::Updated, &notification.user_id, id);
                self.show_marked(notification, spot.filter(|_| item.is_none()));
            }
            (Err(problem), None) => self.toast_refusal(self.words.not_undone, &problem),
            (Err(problem), Some(mut item)) => {
                item.data.is_read = !is_read;
                // Notifications about to be deleted are not counted.
                if !self.is_doomed(id) {
                    self.count_read(&item.data.user_id, !is_read);
                }
                self.set_read(&[id], !is_read);
                self.set_doomed_read(&[id], !is_read);
                if let Some(spot) = spot {
                    self.put_back(item, spot);
                }
                self.dismiss_read(&[id]);
                let what = if is_read { self.words.not_marked_read } else { self.words.not_marked_unread };
                self.toast_refusal(what, &problem);
            }
        }
        self.settle(change, is_known, now);
    }

    /// Shows the server's answer for a notification; if that left the list and belongs there, it returns to this spot.
    fn show_marked(&mut self, notification: Notification, spot: Option<Spot>) {
        if let Some(place) = self.place_with(notification.id) {
            let row = &mut self.rows[place];
            // The user may have marked it differently since.
            if row.data.is_read == notification.is_read {
                row.data = notification;
            }
        } else if let Some(spot) =
            spot.filter(|_| !self.is_doomed(notification.id) && self.filter().admits(&notification))
        {
            let place = self.place_at(spot, &notification).or_else(|| {
                let place = self.place_in_order(&notification);
                // If it is newer or older than the whole list, others may belong between.
                let is_within = (place > 0 || (self.address.before.is_none() && self.held == 0))
                    && (place < self.rows.len() || self.next.is_none());
                is_within.then_some(place)
            });
            if let Some(place) = place {
                let item = self.item(notification, false);
                self.rows.insert(place, item);
            }
        }
    }

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
        let seen = all.at.filter(|_| !returned.is_empty()).and_then(|at| Some((self.place_of(at.0)?, at)));
        // The focus goes to the first row that begins in sight.
        let place = match seen {
            Some((place, (_, below))) => Some((place + usize::from(below < 0.0)).min(self.rows.len() - 1)),
            None => self.rows.iter().position(|row| returned.contains(&row.key)),
        };
        if let Some(row) = place.map(|place| &self.rows[place]) {
            self.effects.push(Effect::Focus(row.element_id()));
        }
        self.effects.extend(seen.map(|(_, at)| Effect::Show(at)));
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

    /// Shows these notifications as read, or as unread, without counting.
    fn set_read(&mut self, ids: &[NotificationId], is_read: bool) {
        for row in self.rows.iter_mut().filter(|row| ids.contains(&row.data.id)) {
            row.data.is_read = is_read;
        }
    }

    fn set_doomed_read(&mut self, ids: &[NotificationId], is_read: bool) {
        for doomed in self.doomed.iter_mut().filter(|doomed| ids.contains(&doomed.item.data.id)) {
            doomed.item.data.is_read = is_read;
        }
    }

    /// Counts one notification of this user as read, or as unread: another inbox may be shown by now.
    fn count_read(&mut self, user_id: &UserId, is_read: bool) {
        if self.is_in_scope(user_id) {
            counting::set_read(&mut self.overview, is_read);
            counting::set_read_in(&mut self.overview, user_id, is_read);
        }
    }

    /// Counts `beyond` notifications that the page does not show as read, or as unread.
    fn count_beyond(&mut self, user_id: &UserId, beyond: u64, is_read: bool) {
        if self.is_in_scope(user_id) {
            let count = &mut self.overview.unread_count;
            *count = if is_read { count.saturating_sub(beyond) } else { *count + beyond };
        }
    }
}

/// The element of the row with this key; the heading where there is none.
pub(super) fn heir(key: Option<i64>) -> String {
    key.map_or_else(|| HEADING.to_owned(), super::item::element_id)
}

fn ids(rows: &[Item]) -> Vec<NotificationId> {
    rows.iter().map(|row| row.data.id).collect()
}
