//! The weight of a write, and how much one transaction takes.

use crate::{model::Notification, server::store::sqlite::body};

/// The most that the writes of one transaction weigh, in bytes as [`Weight`] counts them, unless it is a single write.
const HEAVIEST: usize = 4 * 1024 * 1024;

/// The weight of a write, in bytes: about what it stores, and the further cost of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server::store::sqlite) struct Weight(usize);

impl Weight {
    /// A write that touches a few rows.
    pub(in crate::server::store::sqlite) const ONE: Self = Self(Self::ROW);
    /// The cost of one row, however small: 4096 of them are as much as a transaction takes.
    const ROW: usize = 1024;

    /// A write that touches this many rows.
    pub(in crate::server::store::sqlite) fn rows(rows: usize) -> Self {
        Self(rows.saturating_mul(Self::ROW))
    }

    /// A write that touches this many rows and stores this many bytes.
    pub(in crate::server::store::sqlite) fn rows_of(rows: usize, bytes: usize) -> Self {
        Self(Self::rows(rows).0.saturating_add(bytes))
    }

    /// Whether it takes a transaction for itself.
    pub(super) fn is_too_much(self) -> bool {
        self.0 > HEAVIEST
    }

    /// The creation of these notifications. Content that they share is written once.
    pub(in crate::server::store::sqlite) fn of(notifications: &[Notification]) -> Self {
        let bytes = match body::in_common(notifications) {
            Some(common) => bytes_of(common),
            None => notifications.iter().map(bytes_of).sum(),
        };
        Self(Self::rows(notifications.len()).0.saturating_add(bytes))
    }
}

/// The number of stored bytes of text.
fn bytes_of(notification: &Notification) -> usize {
    let title = notification.title.as_ref().map_or(0, |title| title.as_str().len());
    let link = notification.link.as_ref().map_or(0, |link| link.as_str().len());
    let data = notification.data.as_ref().map_or(0, |data| data.as_str().len());
    notification.content.as_str().len() + title + link + data
}

/// How many of these writes, at least one, fit into one transaction.
pub(super) fn fitting(weights: impl IntoIterator<Item = Weight>) -> usize {
    let mut together = 0;
    let fitting = weights.into_iter().take_while(|weight| {
        together += weight.0;
        together <= HEAVIEST
    });
    fitting.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_writes_share_a_transaction_and_a_heavy_one_has_its_own() {
        let fits = |weights: &[usize]| fitting(weights.iter().map(|weight| Weight(*weight)));
        assert_eq!(fits(&[Weight::ROW; 5_000]), 4_096);
        assert_eq!(fits(&[100 * HEAVIEST, 1]), 1);
        assert_eq!(fits(&[1, 100 * HEAVIEST]), 1);
        assert_eq!(fits(&[HEAVIEST / 2, HEAVIEST / 2, 1]), 2);
    }
}
