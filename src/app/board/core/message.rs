//! The events of the page, and the effects that follow from them.

use super::{
    changes::{PendingChange, RefreshTicket},
    item::Item,
    mark::Marking,
    place::At,
    typed::Typed,
    undo::{Doomed, ReadAll},
};
use crate::{
    app::{
        live,
        page::{Address, Snapshot},
    },
    model::{Marked, MarkedBy, Notification, NotificationId, Problem, UserId},
};

/// What [`super::reduce`] cannot know by itself when an event happens: the time, and the state of the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Milliseconds since 1970, by the browser's clock.
    pub(crate) ms: f64,
    /// Whether the list is scrolled to its top.
    pub(crate) is_at_top: bool,
    /// Whether the page is hidden.
    pub(crate) is_hidden: bool,
}

/// An event.
#[derive(Debug)]
pub(crate) enum Message {
    /// A browser shows the page.
    Begin,
    /// The user comes back from another page: the list as [`super::View::kept`] wrote it.
    Resume(String),
    /// The stream reported a change.
    Heard(live::Message),
    /// The waiting changes are due to be shown with the next frames.
    ShowSoon,
    /// The next waiting change is due to be shown.
    ShowNext,
    /// All waiting changes are due to be shown: there may be no frame for a while.
    ShowAll,
    /// The stream reports every change from now on, or no longer does.
    Live(bool),
    /// The user scrolled while new notifications wait above the list.
    Scrolled,
    /// The page is to ask the server for the current list.
    Refresh,
    /// As `Refresh`, a moment after a change left something open that only the server knows.
    RefreshAsSaid,
    /// A refresh was answered, or failed.
    Answered(RefreshTicket, Result<Snapshot, Problem>),
    /// The user goes to another address from here.
    Leave(Option<At>),
    /// The page is to show another address.
    Turn(Address),
    /// The page is to show an address that the user comes back to, as it was then.
    Return(Address),
    /// The list is to continue further down, from where the user is.
    Further(Address, Option<At>),
    /// The list of the new address takes long to load.
    IsSlow,
    /// The user asks for more older notifications.
    ShowOlder,
    /// Time went by.
    Tick,
    /// So much time went by, while the user could see the page, that the present may have to be asked for.
    Period,
    /// A second of those for which the server is left alone went by.
    CountDown,
    /// A screen reader is to announce the arrivals.
    Tell,
    /// The user opens a long text, or closes it.
    Toggle(i64),
    /// The user marks a row as read, or as unread.
    Mark(i64, bool),
    /// Several of these happened at once.
    Each(Vec<Message>),
    /// The server answered the marking.
    Marked(Marking, Result<Notification, Problem>),
    /// The user marks the inbox as read, from this place in the list.
    MarkAll(Option<At>),
    /// The server answered the marking of the inbox.
    AllMarked(MarkingAll, Result<Marked, Problem>),
    /// The server answered the undo of that marking.
    AllUnmarked(UnmarkingAll, Result<u64, Problem>),
    /// The user deletes a row.
    Delete(i64),
    /// The user selects a row, or does not any more.
    Select(i64),
    /// The user selects the rows from the first one of these to the second; without a first one, from where they began.
    SelectTo(Option<i64>, i64),
    /// The user selects nothing any more.
    Unselect,
    /// The user marks what is selected as read, or as unread; or as read unless all of it is, and then as unread.
    MarkSelected(Option<bool>),
    /// The user deletes what is selected.
    DeleteSelected,
    /// A deletion was answered.
    Deleted(Deletion, Result<(), Problem>),
    /// The user takes back what the toast with this key says was done.
    Undo(i64),
    /// The user takes back the last thing that can be.
    UndoLast,
    /// A toast is to be shown.
    Toast(String),
    /// The user points at the toasts, or has the focus there, or does not any more.
    Attend(bool),
    /// The time of the toast with this key is over, unless it began anew since this turn.
    Expire(i64, u32),
    /// The user has the toast with this key go.
    Dismiss(i64),
    /// The server accepted a submission.
    Sent(Submission, Notification),
    /// The server refused a submission, or its answer was lost.
    NotSent(Submission, Problem),
}

/// An action that the core asks for.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Ask for at most this many notifications of the address; answered with [`Message::Answered`].
    Ask(RefreshTicket, u16),
    /// Send this message in this many milliseconds.
    After(u32, Message),
    /// Send this message before the page is painted next.
    NextFrame(Message),
    /// Let the tower ring once.
    Ring,
    /// Have a screen reader announce this.
    Say(String),
    /// Scroll the list so that this row is where it was.
    Show(At),
    /// Go to this address, as a link does.
    Go(Address),
    /// Move the focus to the element with this id, once the changes are on the page.
    Focus(String),
    /// The element with the first id is about to go: if it has the focus, give that to the element with the second.
    HandOn(String, String),
    /// Mark it, which is then [`Message::Marked`].
    Mark(Marking),
    /// Mark the inbox; answered with [`Message::AllMarked`].
    MarkAll(MarkingAll),
    /// Take that back; answered with [`Message::AllUnmarked`].
    UnmarkAll(UnmarkingAll),
    /// Delete the notification; answered with [`Message::Deleted`].
    Delete(Deletion),
    /// The caller is known: the page may follow the server live.
    MayListen,
    /// The server answers again: the page may be able to follow it live at once.
    Hurry,
    /// The caller is not known any more.
    Cut,
}

/// A notification that is being sent.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// The input of the user.
    pub(crate) typed: Typed,
    /// Its idempotency key.
    pub(crate) key: String,
    /// Whether it was sent before and not confirmed.
    pub(super) is_repeat: bool,
    /// The key of the newest row at that time.
    pub(super) after: i64,
    /// Its row, counted in the numbers beside the list, and shown if it belongs there.
    pub(super) item: Option<Item>,
    pub(super) change: PendingChange,
}

/// An inbox that is being marked as read, or a part of it.
#[derive(Clone, Debug)]
pub(crate) struct MarkingAll {
    /// The owner of the inbox.
    pub(crate) user_id: UserId,
    /// Only notifications created by this change number or an earlier one.
    pub(crate) up_to: Option<u64>,
    /// Only this kind.
    pub(crate) category: Option<String>,
    /// The affected rows that the page showed.
    pub(super) rows: Vec<Item>,
    /// Where in the list the user was.
    pub(super) at: Option<At>,
    /// How many were unread before.
    pub(super) unread_count: u64,
    pub(super) change: PendingChange,
}

/// A marking that is being taken back.
#[derive(Clone, Debug)]
pub(crate) struct UnmarkingAll {
    pub(super) all: ReadAll,
    /// The rows that are shown as unread again.
    pub(super) unmarked: Vec<Item>,
    /// The notifications about to be deleted that are unread again.
    pub(super) doomed: Vec<NotificationId>,
    /// The keys of the rows that came back into the list.
    pub(super) returned: Vec<i64>,
    /// How many of them the page does not show.
    pub(super) beyond: u64,
    pub(super) change: PendingChange,
}

impl UnmarkingAll {
    /// The owner of the inbox.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.all.user_id
    }

    /// The name of the marking to take back.
    pub(crate) fn by(&self) -> MarkedBy {
        self.all.marked.by
    }
}

/// A notification that is being deleted.
#[derive(Clone, Debug)]
pub(crate) struct Deletion {
    /// The row to put back if the server refuses.
    pub(super) doomed: Doomed,
    pub(super) change: PendingChange,
}

impl Deletion {
    /// The notification's id.
    pub(crate) fn id(&self) -> NotificationId {
        self.doomed.item.data.id
    }
}
