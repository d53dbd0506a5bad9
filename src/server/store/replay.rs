//! How the changes since a position are told, from the present state.

use crate::model::{Changes, Event, Limit, Notification, NotificationId};

/// The numbers of an inbox at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Present {
    /// The number of the newest change.
    pub(super) modseq: u64,
    /// Deletions up to this change number are no longer remembered.
    pub(super) forgotten: u64,
    /// Everything that last changed at or before this number is read.
    pub(super) all_read_modseq: u64,
    /// How many notifications are unread.
    pub(super) unread_count: u64,
}

/// What a change number stands for.
pub(super) enum Told {
    /// A notification as it is now, and the number of its creation.
    Row(Notification, u64),
    /// The notification of this name was deleted.
    Deleted(NotificationId),
}

impl Present {
    /// Whether a client at this position can be told what it missed.
    pub(super) fn can_continue_from(&self, since: u64) -> bool {
        since == 0 || (self.forgotten..=self.modseq).contains(&since)
    }

    /// The answer to who has to list again.
    pub(super) fn reset(&self) -> Changes {
        let &Self { modseq, unread_count, .. } = self;
        Changes { modseq, unread_count, events: Vec::new(), more: false, reset: true }
    }

    /// What happened after `since`. `changed` are the newest changes of notifications and the
    /// remembered deletions after it, in the order of their numbers; of those, the first
    /// `limit + 1` are enough.
    pub(super) fn replay(&self, since: u64, limit: Limit, changed: impl IntoIterator<Item = (u64, Told)>) -> Changes {
        let &Self { modseq: present, all_read_modseq: all_read, unread_count, .. } = self;
        let mut all_read_event = (all_read > since).then_some(Event::AllRead { modseq: all_read, unread_count });
        let mut events = Vec::new();
        for (modseq, told) in changed {
            if modseq > all_read {
                events.extend(all_read_event.take());
            }
            events.push(match told {
                Told::Deleted(id) => Event::Deleted { modseq, unread_count, id },
                Told::Row(notification, created) if created > since => {
                    Event::Created { modseq, unread_count, notification }
                }
                Told::Row(notification, _) => Event::Updated { modseq, unread_count, notification },
            });
            if events.len() > limit.get() {
                break;
            }
        }
        events.extend(all_read_event);
        let more = events.len() > limit.get();
        events.truncate(limit.get());
        let modseq = if more { events.last().map_or(since, Event::modseq) } else { present };
        Changes { modseq, unread_count, events, more, reset: false }
    }
}
