//! One user's inbox: its counts, its order, and its changes.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    model::{Category, NotificationId, Timestamp},
    server::store::replay::Present,
};

/// The place of a notification among all that were ever accepted.
pub(super) type Seq = u64;

/// The subject of a change number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newest {
    /// The notification at this place was created or marked.
    Row(Seq),
    /// The notification with this id was deleted.
    Deleted(NotificationId),
}

/// One user's inbox.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Its change numbers and its unread count.
    pub(super) present: Present,
    /// Time of the newest notification that was ever accepted into it.
    pub(super) newest: Option<Timestamp>,
    /// The notifications, oldest first.
    pub(super) seqs: VecDeque<Seq>,
    /// How many notifications there are of each kind.
    pub(super) categories: BTreeMap<Category, u64>,
    /// The newest change of each notification that is present or whose deletion is remembered.
    pub(super) changed: BTreeMap<u64, Newest>,
}

impl Inbox {
    /// An empty inbox, whose change numbers continue from `floor`.
    pub(super) fn new(floor: u64) -> Self {
        Self {
            present: Present { modseq: floor, forgotten: floor, ..Present::default() },
            newest: None,
            seqs: VecDeque::new(),
            categories: BTreeMap::new(),
            changed: BTreeMap::new(),
        }
    }

    /// Takes the next change number.
    pub(super) fn next_modseq(&mut self) -> u64 {
        self.present.modseq += 1;
        self.present.modseq
    }

    /// The notification at this place, counted from 0 at the newest.
    pub(super) fn seq_at(&self, index: u64) -> Option<Seq> {
        let from_oldest = self.seqs.len().checked_sub(usize::try_from(index).ok()?.checked_add(1)?)?;
        self.seqs.get(from_oldest).copied()
    }

    /// Removes a notification from the order. This is free for the oldest one, which is the one that leaves the window.
    pub(super) fn remove(&mut self, seq: Seq) {
        if let Ok(place) = self.seqs.binary_search(&seq) {
            self.seqs.remove(place);
        }
    }

    /// Whether nothing is left that a caller could ask for.
    pub(super) fn is_forgettable(&self) -> bool {
        self.seqs.is_empty() && self.changed.is_empty()
    }
}
