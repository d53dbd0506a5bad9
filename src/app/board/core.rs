//! The decisions of the page, as functions of plain data: [`reduce`] takes a message, changes the [`View`] and returns
//! the effects to carry out. It has no clock, no timer and no browser: it reads them from [`Now`], and asks for their
//! actions with an [`Effect`].

mod announcing;
mod answers;
mod changes;
mod counting;
mod deleting;
mod hearing;
mod item;
mod mark;
mod marking;
mod marking_all;
mod merge;
mod message;
mod place;
mod places;
mod selecting;
mod sending;
#[cfg(test)]
mod tests;
mod toasts;
mod typed;
mod undo;
mod view;
mod waiting;

pub(crate) use self::{
    announcing::TOWER,
    counting::unread,
    deleting::MOST_AT_ONCE,
    item::{Item, element_id},
    mark::Marking,
    message::{Deletion, Effect, Message, Now, Submission},
    place::At,
    selecting::SELECTION,
    sending::may_be_sent,
    toasts::{explain, key_of_toast},
    typed::Typed,
    undo::Toast,
    view::{Loading, Status, View},
};

/// Applies one message to the view, and returns the effects to carry out.
pub(super) fn reduce(view: &mut View, message: Message, now: Now) -> Vec<Effect> {
    let selected = view.selected();
    let toasts: Vec<_> = view.toasts.iter().map(|toast| toast.key).collect();
    apply(view, message, now);
    view.say_once();
    view.tell_selected(selected);
    view.leave_toasts(&toasts);
    std::mem::take(&mut view.effects)
}

fn apply(view: &mut View, message: Message, now: Now) {
    match message {
        Message::Begin => view.begin(now),
        Message::Resume(kept) => view.resume(kept, now),
        Message::Heard(message) => view.hear(message, now),
        Message::ShowSoon => view.show_soon(now),
        Message::ShowNext => view.show_next(now),
        Message::ShowAll => view.show_all(now),
        Message::Live(is_live) => view.live(is_live, now),
        Message::Scrolled => view.scrolled(now),
        Message::Refresh => view.refresh(now),
        Message::RefreshAsSaid => view.refresh_as_said(now),
        Message::Answered(ticket, answer) => view.answered(ticket, answer, now),
        Message::Leave(at) => view.leave(at),
        Message::Turn(address) => view.turn_to(address, None, now),
        Message::Return(address) => view.go_back(address, now),
        Message::Further(address, at) => view.go_further(address, at, now),
        Message::IsSlow => view.is_slow(),
        Message::ShowOlder => view.show_older(now),
        Message::Tick => view.tick(now),
        Message::Period => view.period(now),
        Message::CountDown => view.count_down(now),
        Message::Tell => view.told(),
        Message::Toggle(key) => view.toggle(key),
        Message::Mark(key, is_read) => view.mark(key, is_read, now),
        Message::Each(messages) => messages.into_iter().for_each(|message| apply(view, message, now)),
        Message::Marked(marking, answer) => view.marked(marking, answer, now),
        Message::MarkAll(at) => view.mark_all(at, now),
        Message::AllMarked(marking, answer) => view.all_marked(marking, answer, now),
        Message::AllUnmarked(unmarking, answer) => view.all_unmarked(unmarking, answer, now),
        Message::Delete(key) => view.delete(key, now),
        Message::Select(_) | Message::SelectTo(..) | Message::Unselect => view.select(&message),
        Message::MarkSelected(is_read) => view.mark_selected(is_read, now),
        Message::DeleteSelected => view.delete_selected(now),
        Message::Deleted(deletion, answer) => view.deleted(deletion, answer, now),
        Message::Undo(key) => view.undo(key, now),
        Message::UndoLast => view.undo_last(now),
        Message::Toast(text) => view.toast(text, None),
        Message::Attend(is_attended) => view.attend(is_attended),
        Message::Expire(key, turn) => view.expire(key, turn, now),
        Message::Dismiss(key) => view.dismiss(key, now),
        Message::Sent(submission, notification) => view.sent(submission, notification, now),
        Message::NotSent(submission, problem) => view.not_sent(submission, &problem, now),
    }
}
