//! The messages at the edge of the page.

use super::{
    item::Spot,
    marking::heir,
    message::{Effect, Message, Now},
    undo::{Toast, Undo, WasRead},
    view::View,
};
use crate::{
    app::{
        text::relative_time,
        words::{Words, fill},
    },
    model::{Code, NotificationId, Problem},
};

/// How long a message stays, in milliseconds, unless the user points at one or has the focus there. An undo can be
/// taken for as long.
const STAYS: u32 = 6_000;
/// How many messages are shown at a time.
const MOST: usize = 4;

impl Toast {
    /// The id of its element.
    pub(crate) fn element_id(&self) -> String {
        element_id(self.key)
    }

    /// Its time begins anew.
    fn stay(&mut self) -> Effect {
        self.turn += 1;
        Effect::After(STAYS, Message::Expire(self.key, self.turn))
    }
}

/// The key of the message whose element has this id.
pub(crate) fn key_of_toast(element_id: &str) -> Option<i64> {
    element_id.strip_prefix("toast-")?.parse().ok()
}

/// The id of the element of the message with this key.
fn element_id(key: i64) -> String {
    "toast-".to_owned() + &key.to_string()
}

impl Undo {
    /// What its message says, where it can be the undo of several things.
    fn text(&self, words: &Words, doomed: usize) -> Option<String> {
        let (word, count) = match self {
            Self::Delete => (words.deleted, doomed),
            Self::Read(read) => (words.marked_read, read.len()),
            Self::ReadAll(_) => return None,
        };
        Some(words.count(word, count as u64))
    }

    /// Whether it can take back nothing any more.
    fn is_void(&self, doomed: usize) -> bool {
        match self {
            Self::Delete => doomed == 0,
            Self::Read(read) => read.is_empty(),
            Self::ReadAll(_) => false,
        }
    }
}

impl View {
    /// Shows a message for six seconds.
    pub(super) fn toast(&mut self, text: String, undo: Option<Undo>) {
        self.put_toast(text, false, undo);
    }

    /// Reports a refusal, and its reason.
    pub(super) fn toast_refusal(&mut self, what: &str, problem: &Problem) {
        self.put_toast(refusal(self.words, what, problem), true, None);
    }

    /// Reports that an undo was refused, and why, and offers it once more.
    pub(super) fn offer_again(&mut self, what: &str, problem: &Problem, undo: Undo) {
        self.put_toast(refusal(self.words, what, problem), true, Some(undo));
    }

    /// The reason that the page gives for its list being old, no message gives too.
    pub(super) fn say_once(&mut self) {
        let Some(trouble) = &self.trouble else { return };
        let why = explain(self.words, trouble);
        for toast in &mut self.toasts {
            if let Some(what) = toast.text.strip_suffix(&why).filter(|_| toast.is_bad) {
                toast.text = what.trim_end().to_owned();
            }
        }
    }

    /// Offers to take back what was deleted, in one message with what can still be.
    pub(super) fn offer_undelete(&mut self) {
        self.toasts.retain(|toast| toast.undo != Some(Undo::Delete));
        self.offer(Undo::Delete);
    }

    /// Offers to take back that these were marked as read, in one message with others.
    pub(super) fn offer_unread(&mut self, mut read: Vec<WasRead>) {
        let before = self.toasts.iter().position(|toast| matches!(toast.undo, Some(Undo::Read(_))));
        let before = before.map(|place| self.toasts.remove(place).undo);
        let mut all = if let Some(Some(Undo::Read(all))) = before { all } else { Vec::new() };
        all.append(&mut read);
        self.offer(Undo::Read(all));
    }

    fn offer(&mut self, undo: Undo) {
        let text = undo.text(self.words, self.doomed.len()).unwrap_or_default();
        self.put_toast(text, false, Some(undo));
    }

    /// What can be taken back has become less: the messages that offer it say so, and those of nothing go.
    pub(super) fn recount_undos(&mut self) {
        let (words, doomed) = (self.words, self.doomed.len());
        self.toasts.retain(|toast| toast.undo.as_ref().is_none_or(|undo| !undo.is_void(doomed)));
        self.is_attended &= !self.toasts.is_empty();
        for toast in &mut self.toasts {
            // What was refused keeps its words.
            if let Some(text) = toast.undo.as_ref().filter(|_| !toast.is_bad).and_then(|undo| undo.text(words, doomed))
            {
                toast.text = text;
            }
        }
    }

    /// It cannot be taken back any more that these were marked as read.
    pub(super) fn dismiss_read(&mut self, ids: &[NotificationId]) {
        for toast in &mut self.toasts {
            if let Some(Undo::Read(all)) = &mut toast.undo {
                all.retain(|read| !ids.contains(&read.id));
            }
        }
        self.recount_undos();
    }

    /// The user points at the messages, or has the focus there, or does not any more: their time begins anew then.
    pub(super) fn attend(&mut self, is_attended: bool) {
        // A browser may tell of a pointer over a message that has just gone.
        let is_attended = is_attended && !self.toasts.is_empty();
        let ends = std::mem::replace(&mut self.is_attended, is_attended) && !is_attended;
        if ends {
            self.effects.extend(self.toasts.iter_mut().map(Toast::stay));
        }
    }

    /// The time of a message is over.
    pub(super) fn expire(&mut self, key: i64, turn: u32, now: Now) {
        let is_due = |toast: &Toast| (toast.key, toast.turn) == (key, turn);
        if !self.is_attended && self.toasts.iter().any(is_due) {
            self.dismiss(key, now);
        }
    }

    /// Takes a message away: what it offered to take back is really done then.
    pub(super) fn dismiss(&mut self, key: i64, now: Now) {
        if let Some(Undo::Delete) = self.take_toast(key) {
            self.really_delete(now);
        }
    }

    /// Takes back what a message says was done.
    pub(super) fn undo(&mut self, key: i64, now: Now) {
        match self.take_toast(key) {
            Some(Undo::Delete) => self.undelete(now),
            Some(Undo::Read(all)) => {
                // The last one first: what was beside a row is there again then.
                all.into_iter().rev().for_each(|read| self.mark_again_unread(read, now));
            }
            Some(Undo::ReadAll(all)) => self.unmark_all(all, now),
            None => {}
        }
    }

    /// Takes back the last action that can be undone.
    pub(super) fn undo_last(&mut self, now: Now) {
        let last = self.toasts.iter().rev().find(|toast| toast.undo.is_some()).map(|toast| toast.key);
        last.into_iter().for_each(|key| self.undo(key, now));
    }

    /// Takes a message off the page, and returns its undo. Its focus goes to where in the list it was about.
    fn take_toast(&mut self, key: i64) -> Option<Undo> {
        let place = self.toasts.iter().position(|toast| toast.key == key)?;
        let toast = self.toasts.remove(place);
        // The pointer may be over nothing then, which no browser tells.
        self.is_attended &= !self.toasts.is_empty();
        let spot = match &toast.undo {
            Some(Undo::Delete) => self.doomed.last().map(|doomed| doomed.spot),
            Some(Undo::Read(all)) => all.last().map(|read| read.spot),
            _ => None,
        };
        let beside = |spot: Spot| [spot.below, spot.above].into_iter().flatten().find_map(|key| self.place_of(key));
        let in_sight = || match &toast.undo {
            Some(Undo::ReadAll(all)) => all.at.and_then(|at| self.first_in_sight(at)),
            _ => None,
        };
        let next = spot.and_then(beside).or_else(in_sight).and_then(|place| self.rows.get(place));
        self.effects.push(Effect::HandOn(toast.element_id(), heir(next.map(|row| row.key))));
        toast.undo
    }

    /// These were on the page before: the focus goes to the list from each that is not any more.
    pub(super) fn leave_toasts(&mut self, before: &[i64]) {
        for key in before.iter().filter(|key| self.toasts.iter().all(|toast| toast.key != **key)) {
            let id = element_id(*key);
            if !self.effects.iter().any(|effect| matches!(effect, Effect::HandOn(from, _) if *from == id)) {
                self.effects.push(Effect::HandOn(id, heir(self.rows.first().map(|row| row.key))));
            }
        }
    }

    fn put_toast(&mut self, text: String, is_bad: bool, undo: Option<Undo>) {
        // The same is not said twice.
        let is_same = |toast: &&mut Toast| toast.text == text && toast.undo.is_none() && undo.is_none();
        if let Some(same) = self.toasts.iter_mut().find(is_same) {
            return self.effects.push(same.stay());
        }
        if self.toasts.len() == MOST
            && let Some(place) = self.toasts.iter().position(|toast| toast.undo != Some(Undo::Delete))
        {
            self.toasts.remove(place);
        }
        let mut toast = Toast { key: self.take_key(), text, is_bad, undo, turn: 0 };
        self.effects.push(toast.stay());
        self.toasts.push(toast);
    }
}

/// What did not happen, and why.
fn refusal(words: &Words, what: &str, problem: &Problem) -> String {
    what.to_owned() + " " + &explain(words, problem)
}

/// A problem in a sentence for the user.
pub(crate) fn explain(words: &Words, problem: &Problem) -> String {
    match problem.code {
        Code::Unauthenticated => words.you_are_signed_out.to_owned(),
        Code::TooManyRequests => words.too_many.to_owned() + &wait(words, problem),
        Code::Unreachable => words.cannot_reach.to_owned(),
        Code::NotFound => words.no_longer_there.to_owned(),
        _ => words.detail(problem).to_owned(),
    }
}

/// How long the server wants to be left alone, as a sentence that follows another one.
fn wait(words: &Words, problem: &Problem) -> String {
    let seconds = problem.retry_after.and_then(|seconds| i64::try_from(seconds).ok());
    let span = seconds.map(|seconds| relative_time::span(words, seconds));
    span.map_or_else(String::new, |span| " ".to_owned() + &fill(words.try_again_in, &[&span]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_shown_in_words_for_people() {
        let out = Problem::new(Code::Unauthenticated, "Send a key with Authorization: Bearer.");
        assert_eq!(explain(Words::none(), &out), "You are signed out.");
        let not_yours = Problem::new(Code::Forbidden, "You may read your own inbox only.");
        assert_eq!(explain(Words::none(), &not_yours), "You may read your own inbox only.");
    }

    #[test]
    fn the_time_to_wait_is_shown_where_it_is_known() {
        let too_many = Problem::new(Code::TooManyRequests, "The limit is 10 a second.");
        assert_eq!(explain(Words::none(), &too_many), "Too many requests at once.");
        assert_eq!(explain(Words::none(), &Problem::too_many("", 12)), "Too many requests at once. Try again in 12 s.");
        assert_eq!(
            explain(Words::none(), &Problem::too_many("", 150)),
            "Too many requests at once. Try again in 2 min."
        );
    }
}
