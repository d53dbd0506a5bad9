//! Makes the changes since a position from the present state.

use crate::model::{Changes, Event, Limit, Notification, NotificationId, Page};

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

/// The approximate size of an event without its notification, or of the list without its events, in bytes.
const AROUND: usize = 192;

/// The subject of a change number.
pub(super) enum Replayed {
    /// A notification as it is now, and the number of its creation.
    Row(Notification, u64),
    /// The notification with this id was deleted.
    Deleted(NotificationId),
}

impl Replayed {
    /// The approximate size of its event as JSON, in bytes; rather too large than too small.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Row(notification, _) => AROUND + notification.weight(),
            Self::Deleted(_) => AROUND,
        }
    }
}

impl Present {
    /// Whether a client at this position can be sent the changes that it missed.
    pub(super) fn can_continue_from(&self, since: u64) -> bool {
        since == 0 || (self.forgotten..=self.modseq).contains(&since)
    }

    /// The answer for a client that has to list again.
    pub(super) fn reset(&self) -> Changes {
        let &Self { modseq, unread_count, .. } = self;
        Changes { modseq, unread_count, events: Vec::new(), more: false, reset: true }
    }

    /// The changes after `since`. `changed` are the newest changes of notifications and the remembered deletions after
    /// it, in the order of their numbers; the first `limit + 1` of them are enough, and so are the first that together
    /// take more than [`Page::MAX_BYTES`].
    pub(super) fn replay(
        &self,
        since: u64,
        limit: Limit,
        changed: impl IntoIterator<Item = (u64, Replayed)>,
    ) -> Changes {
        let &Self { modseq: present, all_read_modseq: all_read, unread_count, .. } = self;
        let mut all_read_event = (all_read > since).then_some(Event::AllRead { modseq: all_read, unread_count });
        let mut events = Vec::new();
        let (mut bytes, mut is_full) = (AROUND, false);
        for (modseq, told) in changed {
            if modseq > all_read {
                events.extend(all_read_event.take());
            }
            bytes += told.weight();
            if bytes > Page::MAX_BYTES && !events.is_empty() {
                is_full = true;
                break;
            }
            events.push(match told {
                Replayed::Deleted(id) => Event::Deleted { modseq, unread_count, id },
                Replayed::Row(notification, created) if created > since => {
                    Event::Created { modseq, unread_count, notification }
                }
                Replayed::Row(notification, _) => Event::Updated { modseq, unread_count, notification },
            });
            if events.len() > limit.get() {
                break;
            }
        }
        if !is_full {
            events.extend(all_read_event);
        }
        let more = is_full || events.len() > limit.get();
        events.truncate(limit.get());
        let modseq = if more { events.last().map_or(since, Event::modseq) } else { present };
        Changes { modseq, unread_count, events, more, reset: false }
    }
}
