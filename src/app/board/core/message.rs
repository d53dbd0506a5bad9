//! What can happen to the page, and what is to be done about it.

use super::{
    changes::{PendingChange, RefreshTicket},
    view::{Doomed, Item, ReadAll, Spot, Typed},
};
use crate::{
    app::{
        live,
        page::{Address, Snapshot},
    },
    model::{Marked, MarkedBy, Notification, NotificationId, Problem, UserId},
};

/// What the page cannot know by itself at the moment when something happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Milliseconds since 1970, by the browser's clock.
    pub(crate) ms: f64,
    /// Whether the list is scrolled to its top.
    pub(crate) is_at_top: bool,
    /// Whether the page is hidden.
    pub(crate) is_hidden: bool,
}

/// What can happen.
#[derive(Debug)]
pub(crate) enum Message {
    /// A browser shows the page.
    Begin,
    /// A change was heard of.
    Heard(live::Message),
    /// What was heard is to be shown with the next frames.
    ShowSoon,
    /// The next thing that was heard is to be shown.
    ShowNext,
    /// Whatever was heard is to be shown: there may be no frame for a while.
    ShowAll,
    /// The page is told of every change from now on, or is not any more.
    Live(bool),
    /// The user scrolled while new ones wait above the list.
    Scrolled,
    /// The present is to be asked for.
    Refresh,
    /// As that, a while after it turned out that only the server knows something.
    RefreshAsSaid,
    /// An answer came, or none.
    Answered(RefreshTicket, Result<Snapshot, Problem>),
    /// Something else is to be shown.
    Turn(Address),
    /// What is to be shown is not there yet.
    IsSlow,
    /// More of what is older is to be shown.
    ShowOlder,
    /// Time went by.
    Tick,
    /// So much time went by, while the user could see the page, that the present may have to be asked for.
    Period,
    /// A second of those for which the server is left alone went by.
    CountDown,
    /// A screen reader is to be told what arrived.
    Tell,
    /// A long text is to be opened, or closed.
    Toggle(i64),
    /// The user marks a row as read, or as unread.
    Mark(i64, bool),
    /// That was answered.
    Marked(Marking, Result<Notification, Problem>),
    /// The user marks the inbox as read.
    MarkAll,
    /// That was answered.
    AllMarked(MarkingAll, Result<Marked, Problem>),
    /// That it was taken back was answered.
    AllUnmarked(UnmarkingAll, Result<u64, Problem>),
    /// The user deletes a row.
    Delete(i64),
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
    /// The server took what was sent.
    Sent(Submission, Notification),
    /// It did not, or its answer was lost.
    NotSent(Submission, Problem),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Read so many of what the address asks for, which is then [`Message::Answered`].
    Ask(RefreshTicket, u16),
    /// Let this happen in so many milliseconds.
    After(u32, Message),
    /// Let this happen before the page is painted next.
    NextFrame(Message),
    /// Tell a screen reader.
    Say(String),
    /// Move the focus to the element with this id, once what changed is on the page.
    Focus(String),
    /// The element with the first id is about to go: if it has the focus, give that to the element with the second.
    HandOn(String, String),
    /// Mark it, which is then [`Message::Marked`].
    Mark(Marking),
    /// Mark the inbox, which is then [`Message::AllMarked`].
    MarkAll(MarkingAll),
    /// Take that back, which is then [`Message::AllUnmarked`].
    UnmarkAll(UnmarkingAll),
    /// Delete it, which is then [`Message::Deleted`].
    Delete(Deletion),
    /// The caller is known: the page may follow the server live.
    MayListen,
    /// The server answers again: the page may be able to follow it live at once.
    Hurry,
    /// The caller is not known any more.
    Cut,
}

/// What is being sent.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// What was typed.
    pub(crate) typed: Typed,
    /// Its idempotency key.
    pub(crate) key: String,
    /// Whether it was sent before and not confirmed.
    pub(super) is_repeat: bool,
    /// The key of the last row that was made before.
    pub(super) after: i64,
    /// What the numbers beside the list count, and the list shows if it belongs there.
    pub(super) item: Option<Item>,
    pub(super) change: PendingChange,
}

/// One notification that is being marked.
#[derive(Clone, Debug)]
pub(crate) struct Marking {
    /// Which one.
    pub(crate) id: NotificationId,
    /// As what.
    pub(crate) is_read: bool,
    /// What the page showed of it.
    pub(super) item: Option<Item>,
    /// Where it was, if it left the list by this, or comes back to it.
    pub(super) spot: Option<Spot>,
    pub(super) change: PendingChange,
}

/// An inbox that is being marked as read, or a part of it.
#[derive(Clone, Debug)]
pub(crate) struct MarkingAll {
    /// Whose inbox.
    pub(crate) user_id: UserId,
    /// Only what was created by this change number or an earlier one.
    pub(crate) up_to: Option<u64>,
    /// Only this kind.
    pub(crate) category: Option<String>,
    /// What of it the page showed.
    pub(super) rows: Vec<Item>,
    /// How many were unread before.
    pub(super) unread_count: u64,
    /// The kind, to follow "all".
    pub(super) of_kind: String,
    pub(super) change: PendingChange,
}

/// A marking that is being taken back.
#[derive(Clone, Debug)]
pub(crate) struct UnmarkingAll {
    pub(super) all: ReadAll,
    /// What is shown as unread again.
    pub(super) unmarked: Vec<Item>,
    /// What is about to be deleted, and is unread again.
    pub(super) doomed: Vec<NotificationId>,
    /// What came back into the list.
    pub(super) returned: Vec<i64>,
    /// How many the page does not show.
    pub(super) beyond: u64,
    pub(super) change: PendingChange,
}

impl UnmarkingAll {
    /// Whose inbox.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.all.user_id
    }

    /// What names the marking.
    pub(crate) fn by(&self) -> MarkedBy {
        self.all.marked.by
    }
}

/// A notification that is being deleted.
#[derive(Clone, Debug)]
pub(crate) struct Deletion {
    /// What is put back where it is refused.
    pub(super) doomed: Doomed,
    pub(super) change: PendingChange,
}

impl Deletion {
    /// Which notification.
    pub(crate) fn id(&self) -> NotificationId {
        self.doomed.item.data.id
    }
}
