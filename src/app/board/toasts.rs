//! The messages at the edge of the page.

use leptos::prelude::*;

use super::{Board, ReadAll};
use crate::{
    app::{browser, text::relative_time},
    model::{Code, NotificationId, Problem},
};

/// How long a message stays, in milliseconds. An undo can be taken for as long.
const STAYS: u32 = 6_000;
/// How many messages are shown at a time.
const MOST: usize = 4;

/// What is said of a user, or of a page, that asks too often.
pub(crate) const TOO_MANY: &str = "Too many requests at once.";

/// What a toast can take back.
#[derive(Clone, PartialEq)]
pub(crate) enum Undo {
    /// The deletion of this notification.
    Delete(NotificationId),
    /// That this notification was marked as read.
    Read(NotificationId),
    /// That an inbox was marked as read, or a part of it.
    ReadAll(ReadAll),
}

/// A message at the edge of the page.
#[derive(Clone, PartialEq)]
pub(crate) struct Toast {
    /// Names it while it is shown.
    pub(crate) key: i64,
    /// What it says.
    pub(crate) text: String,
    /// Whether something failed.
    pub(crate) is_bad: bool,
    /// What it can take back.
    pub(crate) undo: Option<Undo>,
}

impl Board {
    /// Shows a message for six seconds.
    pub(crate) fn toast(self, text: impl Into<String>, undo: Option<Undo>) {
        self.put_toast(text.into(), false, undo);
    }

    /// Says that something was refused, and why.
    pub(crate) fn toast_refusal(self, what: &str, problem: &Problem) {
        self.put_toast(format!("{what} {}", explain(problem)), true, None);
    }

    /// Says that taking something back was refused, and why, and offers it once more.
    pub(super) fn offer_again(self, what: &str, problem: &Problem, undo: Undo) {
        self.put_toast(format!("{what} {}", explain(problem)), true, Some(undo));
    }

    /// Takes a message away.
    pub(crate) fn dismiss(self, key: i64) {
        self.toasts.update(|toasts| toasts.retain(|toast| toast.key != key));
    }

    /// Takes away the message that offers to take this back.
    pub(crate) fn dismiss_undo(self, undo: Undo) {
        let undo = Some(undo);
        self.toasts.update(|toasts| toasts.retain(|toast| toast.undo != undo));
    }

    /// Takes back what a message says was done.
    pub(crate) fn undo(self, undo: Undo) {
        self.dismiss_undo(undo.clone());
        match undo {
            Undo::Delete(id) => self.undelete(id),
            Undo::Read(id) => self.mark_by_id(id, false),
            Undo::ReadAll(all) => self.unmark_all(all),
        }
    }

    /// Takes back the last thing that can be.
    pub(crate) fn undo_last(self) {
        let last = self.toasts.read_untracked().iter().rev().find_map(|toast| toast.undo.clone());
        if let Some(undo) = last {
            self.undo(undo);
        }
    }

    fn put_toast(self, text: String, is_bad: bool, undo: Option<Undo>) {
        let key = self.next_key();
        self.toasts.update(|toasts| {
            toasts.push(Toast { key, text, is_bad, undo });
            let surplus = toasts.len().saturating_sub(MOST);
            toasts.drain(..surplus);
        });
        browser::after(STAYS, move || self.dismiss(key));
    }
}

/// A problem in a sentence for the user.
pub(crate) fn explain(problem: &Problem) -> String {
    match problem.code {
        Code::Unauthenticated => "You are signed out.".to_owned(),
        Code::TooManyRequests => TOO_MANY.to_owned() + &wait(problem),
        Code::Unreachable => "Campanile does not answer.".to_owned(),
        Code::NotFound => "It is no longer there.".to_owned(),
        _ => problem.detail.clone(),
    }
}

/// How long the server wants to be left alone, as a sentence that follows another one.
fn wait(problem: &Problem) -> String {
    let seconds = problem.retry_after.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.map_or_else(String::new, |seconds| format!(" Try again in {}.", relative_time::span(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_said_in_words_for_people() {
        let out = Problem::new(Code::Unauthenticated, "Send a key with Authorization: Bearer.");
        assert_eq!(explain(&out), "You are signed out.");
        let not_yours = Problem::new(Code::Forbidden, "You may read your own inbox only.");
        assert_eq!(explain(&not_yours), "You may read your own inbox only.");
    }

    #[test]
    fn how_long_to_wait_is_told_where_it_is_known() {
        let too_many = Problem::new(Code::TooManyRequests, "The limit is 10 a second.");
        assert_eq!(explain(&too_many), "Too many requests at once.");
        assert_eq!(explain(&Problem::too_many("", 12)), "Too many requests at once. Try again in 12 s.");
        assert_eq!(explain(&Problem::too_many("", 150)), "Too many requests at once. Try again in 2 min.");
    }
}
