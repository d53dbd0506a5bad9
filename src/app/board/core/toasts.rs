//! The messages at the edge of the page.

use super::{
    message::{Effect, Message, Now},
    view::{Toast, Undo, View},
};
use crate::{
    app::text::relative_time,
    model::{Code, NotificationId, Problem},
};

/// How long a message stays, in milliseconds. An undo can be taken for as long.
const STAYS: u32 = 6_000;
/// How many messages are shown at a time.
const MOST: usize = 4;

/// What is said of a user, or of a page, that asks too often.
pub(crate) const TOO_MANY: &str = "Too many requests at once.";

impl View {
    /// Shows a message for six seconds.
    pub(super) fn toast(&mut self, text: String, undo: Option<Undo>) -> Effect {
        self.put_toast(text, false, undo)
    }

    /// Says that something was refused, and why.
    pub(super) fn toast_refusal(&mut self, what: &str, problem: &Problem) -> Effect {
        self.put_toast(format!("{what} {}", explain(problem)), true, None)
    }

    /// Says that taking something back was refused, and why, and offers it once more.
    pub(super) fn offer_again(&mut self, what: &str, problem: &Problem, undo: Undo) -> Effect {
        self.put_toast(format!("{what} {}", explain(problem)), true, Some(undo))
    }

    /// Takes a message away.
    pub(super) fn dismiss(&mut self, key: i64) {
        self.toasts.retain(|toast| toast.key != key);
    }

    /// Takes away the message that offers to take this back.
    pub(super) fn dismiss_undo(&mut self, undo: &Undo) {
        self.toasts.retain(|toast| toast.undo.as_ref() != Some(undo));
    }

    /// Takes away the message that offers to take back that this was marked as read.
    pub(super) fn dismiss_read(&mut self, id: NotificationId) {
        self.toasts.retain(|toast| !matches!(toast.undo, Some(Undo::Read(of, ..)) if of == id));
    }

    /// Takes back what a message says was done.
    pub(super) fn undo(&mut self, undo: Undo, now: Now) -> Vec<Effect> {
        self.dismiss_undo(&undo);
        match undo {
            Undo::Delete(id) => self.undelete(id, now),
            Undo::Read(id, user_id, spot) => self.mark_again_unread(id, &user_id, spot, now),
            Undo::ReadAll(all) => self.unmark_all(all, now),
        }
    }

    /// Takes back the last thing that can be.
    pub(super) fn undo_last(&mut self, now: Now) -> Vec<Effect> {
        let last = self.toasts.iter().rev().find_map(|toast| toast.undo.clone());
        last.map(|undo| self.undo(undo, now)).unwrap_or_default()
    }

    fn put_toast(&mut self, text: String, is_bad: bool, undo: Option<Undo>) -> Effect {
        let key = self.take_key();
        self.toasts.push(Toast { key, text, is_bad, undo });
        let surplus = self.toasts.len().saturating_sub(MOST);
        self.toasts.drain(..surplus);
        Effect::After(STAYS, Message::Dismiss(key))
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
