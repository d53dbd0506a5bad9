//! The decisions of the page, as functions of plain data: [`reduce`] takes a message, changes the [`View`] and returns
//! the effects to carry out. It has no clock, no timer and no browser: it reads them from [`Now`], and asks for their
//! actions with an [`Effect`].

mod answers;
mod changes;
mod counting;
mod deleting;
mod hearing;
mod item;
mod mark;
mod marking;
mod merge;
mod message;
mod place;
mod places;
mod sending;
#[cfg(test)]
mod tests;
mod toasts;
mod view;
mod waiting;

pub(crate) use self::{
    item::Item,
    message::{Effect, Message, Now, Submission},
    place::At,
    sending::may_be_sent,
    toasts::{TOO_MANY, explain},
    view::{Loading, Toast, Typed, View},
};

/// Applies one message to the view, and returns the effects to carry out.
pub(super) fn reduce(view: &mut View, message: Message, now: Now) -> Vec<Effect> {
    match message {
        Message::Begin => return view.begin(now),
        Message::Heard(message) => return view.hear(message, now),
        Message::ShowSoon => return view.show_soon(now),
        Message::ShowNext => return view.show_next(now),
        Message::ShowAll => return view.show_all(now),
        Message::Live(is_live) => return view.live(is_live, now),
        Message::Scrolled => return view.scrolled(now),
        Message::Refresh => return view.refresh(now),
        Message::RefreshAsSaid => return view.refresh_as_said(now),
        Message::Answered(ticket, answer) => return view.answered(ticket, answer, now),
        Message::Leave(at) => view.leave(at),
        Message::Turn(address) => return view.turn_to(address, None, now),
        Message::Return(address) => return view.go_back(address, now),
        Message::Further(address, at) => return view.go_further(address, at, now),
        Message::IsSlow => view.is_slow(),
        Message::ShowOlder => return view.show_older(now),
        Message::Tick => view.tick(now),
        Message::Period => return view.period(now),
        Message::CountDown => return view.count_down(now),
        Message::Tell => return view.told(),
        Message::Toggle(key) => view.toggle(key),
        Message::Mark(key, is_read) => return view.mark(key, is_read, now),
        Message::Marked(marking, answer) => return view.marked(marking, answer, now),
        Message::MarkAll => return view.mark_all(now),
        Message::AllMarked(marking, answer) => return view.all_marked(marking, answer, now),
        Message::AllUnmarked(unmarking, answer) => return view.all_unmarked(unmarking, answer, now),
        Message::Delete(key) => return view.delete(key),
        Message::Deleted(deletion, answer) => return view.deleted(deletion, answer, now),
        Message::Undo(key) => return view.undo(key, now),
        Message::UndoLast => return view.undo_last(now),
        Message::Toast(text) => return vec![view.toast(text, None)],
        Message::Attend(is_attended) => return view.attend(is_attended),
        Message::Expire(key, turn) => return view.expire(key, turn, now),
        Message::Dismiss(key) => return view.dismiss(key, now),
        Message::Sent(submission, notification) => return view.sent(submission, notification, now),
        Message::NotSent(submission, problem) => return view.not_sent(submission, &problem, now),
    }
    Vec::new()
}
