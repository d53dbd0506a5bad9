//! Decides which answers may be shown: none that was requested before the last change made here.

/// How long an unanswered change keeps refreshes from being shown, in milliseconds.
const PATIENCE: f64 = 15_000.0;

/// Counts the changes made on this page, so that an older answer never overwrites a newer change.
///
/// A refresh notes [`Self::ticket`] when it begins, and is shown only if [`Self::admits`] it when it ends. While a
/// change is under way, an answer may be from before or after it; once the change is settled, answers requested before
/// are old.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    ticket: u64,
    shown: u64,
    epoch: u64,
    under_way: Vec<(u64, f64)>,
}

/// The state of [`Changes`] that a refresh notes when it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshTicket {
    number: u64,
    epoch: u64,
}

/// A change that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PendingChange(u64);

impl Changes {
    /// A refresh begins.
    pub(crate) fn ticket(&mut self) -> RefreshTicket {
        self.ticket += 1;
        RefreshTicket { number: self.ticket, epoch: self.epoch }
    }

    /// Whether the answer of a refresh may be shown; answers requested earlier may not follow it.
    pub(crate) fn admits(&mut self, ticket: RefreshTicket, now: f64) -> bool {
        let fresh = ticket.epoch == self.epoch && ticket.number > self.shown && !self.is_under_way(now);
        if fresh {
            self.shown = ticket.number;
        }
        fresh
    }

    /// Whether a refresh concerns the list that is shown now; only then is its failure worth reporting.
    pub(crate) fn is_current(&self, ticket: RefreshTicket) -> bool {
        ticket.epoch == self.epoch && ticket.number > self.shown
    }

    /// Whether a change began or ended since this refresh began, and no later refresh was shown.
    pub(crate) fn is_outdated(&self, ticket: RefreshTicket) -> bool {
        ticket.epoch != self.epoch && ticket.number > self.shown
    }

    /// A change begins, at this time in milliseconds.
    pub(crate) fn begin(&mut self, now: f64) -> PendingChange {
        self.epoch += 1;
        self.under_way.push((self.epoch, now + PATIENCE));
        PendingChange(self.epoch)
    }

    /// A change was answered, with success or not.
    pub(crate) fn settle(&mut self, change: PendingChange) {
        self.epoch += 1;
        self.under_way.retain(|(number, _)| *number != change.0);
    }

    /// The page turns to another address.
    pub(crate) fn turn(&mut self) {
        self.epoch += 1;
    }

    /// Whether a change is under way.
    pub(crate) fn is_under_way(&mut self, now: f64) -> bool {
        self.under_way.retain(|(_, until)| now < *until);
        !self.under_way.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_alone_is_shown() {
        let mut changes = Changes::default();
        let ticket = changes.ticket();
        assert!(changes.admits(ticket, 0.0));
    }

    #[test]
    fn answers_that_overtook_each_other_are_not_shown_backwards() {
        let mut changes = Changes::default();
        let (first, second) = (changes.ticket(), changes.ticket());
        assert!(changes.admits(second, 0.0));
        assert!(!changes.admits(first, 0.0));
    }

    #[test]
    fn a_refresh_from_before_a_change_is_not_shown() {
        let mut changes = Changes::default();
        let before = changes.ticket();
        let change = changes.begin(0.0);
        let during = changes.ticket();
        assert!(!changes.admits(before, 1.0));
        assert!(!changes.admits(during, 1.0));
        changes.settle(change);
        assert!(!changes.admits(before, 2.0));
        assert!(!changes.admits(during, 2.0));
        let after = changes.ticket();
        assert!(changes.admits(after, 3.0));
    }

    #[test]
    fn a_change_that_is_never_answered_does_not_hold_for_ever() {
        let mut changes = Changes::default();
        let _ = changes.begin(0.0);
        let ticket = changes.ticket();
        assert!(!changes.admits(ticket, PATIENCE - 1.0));
        assert!(changes.admits(ticket, PATIENCE));
    }

    #[test]
    fn another_filter_makes_all_answers_old() {
        let mut changes = Changes::default();
        let ticket = changes.ticket();
        changes.turn();
        assert!(!changes.admits(ticket, 0.0));
    }
}
