//! The change numbers of one notification.

/// The numbers of the changes that made a notification what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeNumbers {
    /// The number of its creation.
    pub created: u64,
    /// The number of the newest change of it, or of the newest marking of the whole inbox that covers it.
    pub newest: u64,
}

impl ChangeNumbers {
    /// The numbers of a notification that has this mark of its own, in an inbox where everything up to `all_read` is
    /// read.
    pub(super) fn of(created: u64, modseq: u64, is_read: bool, all_read: u64) -> Self {
        Self { created, newest: if is_read { modseq } else { modseq.max(all_read) } }
    }
}
