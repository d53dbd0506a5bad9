//! Selecting rows, to mark or delete them together. A row that leaves the list is not selected any more.

use super::{
    marking::heir,
    message::{Effect, Message, Now},
    view::View,
};

/// The element with what can be done with the selected rows.
pub(crate) const SELECTION: &str = "selection";

impl View {
    /// How many rows are selected.
    pub(crate) fn selected(&self) -> usize {
        self.rows.iter().filter(|row| row.is_selected).count()
    }

    /// The user changes the selection.
    pub(super) fn select(&mut self, message: &Message) {
        match *message {
            Message::Select(key) => {
                if let Some(row) = self.rows.iter_mut().find(|row| row.key == key && !row.is_sending) {
                    row.is_selected = !row.is_selected;
                    self.range = Some((key, key));
                }
            }
            Message::SelectTo(from, to) => self.select_to(from, to),
            _ => self.unselect(),
        }
    }

    /// Selects the rows between `from` and `to`. Where the last range ends at `from`, or `from` is not given, that
    /// range is the one that now ends at `to`.
    fn select_to(&mut self, from: Option<i64>, to: i64) {
        let last = self.range.filter(|(_, end)| from.is_none_or(|from| from == *end));
        let first = from.unwrap_or(to);
        let places = |(begin, end)| self.place_of(begin).zip(self.place_of(end));
        let (begin, (left, right)) = match last.and_then(|range| Some((range.0, places(range)?))) {
            Some(known) => known,
            None => match places((first, first)) {
                Some(fresh) => (first, fresh),
                None => return,
            },
        };
        let Some(place) = self.place_of(to) else { return };
        let within = |one: usize, other: usize| one.min(other)..=one.max(other);
        for (range, is_selected) in [(within(left, right), false), (within(left, place), true)] {
            for row in self.rows.get_mut(range).into_iter().flatten() {
                row.is_selected = is_selected && !row.is_sending;
            }
        }
        self.range = Some((begin, to));
    }

    /// Selects nothing.
    pub(super) fn unselect(&mut self) {
        self.rows.iter_mut().for_each(|row| row.is_selected = false);
    }

    /// Marks what is selected; without a word for how, as read, or as unread if all of it is read. It stays selected.
    pub(super) fn mark_selected(&mut self, is_read: Option<bool>, now: Now) {
        let is_read = is_read.unwrap_or_else(|| self.rows.iter().any(|row| row.is_selected && !row.data.is_read));
        self.mark_rows(&|row| row.is_selected, is_read, now);
    }

    /// Deletes what is selected.
    pub(super) fn delete_selected(&mut self, now: Now) {
        self.delete_rows(&|row| row.is_selected, now);
    }

    /// So many rows were selected before. Has a screen reader announce how many are now; and where none is, the focus
    /// goes from what could be done with them to the list.
    pub(super) fn tell_selected(&mut self, before: usize) {
        let selected = self.selected();
        if selected == before {
            return;
        }
        self.effects.push(Effect::Say(self.words.count(self.words.selected, selected as u64)));
        if selected == 0 {
            let key = self.range.take().map(|(_, end)| end).filter(|end| self.place_of(*end).is_some());
            let beside = self.effects.iter().rev().find_map(|effect| match effect {
                Effect::HandOn(_, heir) => Some(heir.clone()),
                _ => None,
            });
            let to = key.map(|key| heir(Some(key))).or(beside).unwrap_or_else(|| heir(None));
            self.effects.push(Effect::HandOn(SELECTION.to_owned(), to));
        }
    }
}
