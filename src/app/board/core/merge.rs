//! Merges a fresh list into the one that is shown.

use std::cell::Cell;

use crate::model::NotificationId;

/// The origin of one place of the list to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The row that was shown at `old`, with the data that the fresh list has at `fresh`.
    Known {
        /// Its place in the list that was shown.
        old: usize,
        /// Its place in the fresh list.
        fresh: usize,
    },
    /// A row that was shown and that the fresh list, which ends before it, leaves out.
    Beyond(usize),
    /// A notification that was not shown, at this place of the fresh list.
    New(usize),
}

/// The next list to show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The list to show, from the top.
    pub(crate) slots: Vec<Slot>,
    /// How many notifications at the head of the fresh list are not shown yet.
    pub(crate) held: usize,
    /// How many of `slots`, from the top, arrived at the head.
    pub(crate) arrived: usize,
}

/// Plans the list to show, from the one that was shown and a fresh one.
///
/// With `hold`, no shown row may move, because the user is reading further down: arrivals at the head wait, and rows
/// that the fresh list no longer reaches stay. `more` says that older notifications follow the fresh list.
pub(crate) fn merge(shown: &[NotificationId], fresh: &[NotificationId], more: bool, hold: bool) -> Plan {
    // Both lists are in the same order, so the search goes on from the last find and seldom has to
    // begin anew. (Sorting or hashing would cost the browser five kilobytes.)
    let last = Cell::new(0);
    let place_of = |id: &NotificationId| {
        let (before, after) = shown.split_at(last.get());
        let found = after.iter().position(|known| known == id).map(|at| at + before.len());
        let found = found.or_else(|| before.iter().position(|known| known == id));
        last.set(found.unwrap_or(last.get()));
        found
    };
    let head = match fresh.iter().position(|id| place_of(id).is_some()) {
        Some(first_known) => first_known,
        None => fresh.len(),
    };
    // In an empty list, nothing can move.
    let held = if hold && !shown.is_empty() { head } else { 0 };
    let mut slots: Vec<Slot> = (held..)
        .zip(fresh.iter().skip(held))
        .map(|(fresh, id)| place_of(id).map_or(Slot::New(fresh), |old| Slot::Known { old, fresh }))
        .collect();
    if hold && more {
        let beyond = fresh.iter().rev().find_map(place_of).map_or(0, |last_known| last_known + 1);
        slots.extend((beyond..shown.len()).map(Slot::Beyond));
    }
    Plan { slots, held, arrived: head - held }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::{Slot::*, *};

    fn ids(numbers: &[u128]) -> Vec<NotificationId> {
        numbers.iter().map(|number| NotificationId::new(Uuid::from_u128(*number))).collect()
    }

    fn plan(shown: &[u128], fresh: &[u128], more: bool, hold: bool) -> Plan {
        merge(&ids(shown), &ids(fresh), more, hold)
    }

    #[test]
    fn the_same_list_stays_as_it_is() {
        let known = |at| Known { old: at, fresh: at };
        let want = Plan { slots: vec![known(0), known(1)], held: 0, arrived: 0 };
        assert_eq!(plan(&[2, 1], &[2, 1], false, false), want);
        assert_eq!(plan(&[2, 1], &[2, 1], false, true), want);
    }

    #[test]
    fn new_rows_are_shown_at_once_when_the_user_is_at_the_top() {
        let want = Plan { slots: vec![New(0), Known { old: 0, fresh: 1 }], held: 0, arrived: 1 };
        assert_eq!(plan(&[1], &[2, 1], false, false), want);
    }

    #[test]
    fn new_rows_wait_and_no_row_is_dropped_when_the_user_is_further_down() {
        let want = Plan {
            slots: vec![Known { old: 0, fresh: 1 }, Known { old: 1, fresh: 2 }, Beyond(2)],
            held: 1,
            arrived: 0,
        };
        assert_eq!(plan(&[3, 2, 1], &[4, 3, 2], true, true), want);
    }

    #[test]
    fn a_deleted_row_is_removed_even_when_the_user_is_further_down() {
        let want = Plan { slots: vec![Known { old: 0, fresh: 0 }], held: 0, arrived: 0 };
        assert_eq!(plan(&[2, 1], &[2], false, true), want);
    }

    #[test]
    fn when_more_arrive_than_fit_a_page_all_of_them_wait() {
        let want = Plan { slots: vec![Beyond(0), Beyond(1)], held: 2, arrived: 0 };
        assert_eq!(plan(&[2, 1], &[9, 8], true, true), want);
    }

    #[test]
    fn older_rows_are_appended_and_do_not_count_as_new() {
        let want = Plan { slots: vec![Known { old: 0, fresh: 0 }, New(1)], held: 0, arrived: 0 };
        assert_eq!(plan(&[2], &[2, 1], false, true), want);
    }

    proptest! {
        #[test]
        fn a_list_shows_each_row_once(
            shown in proptest::collection::hash_set(0_u128..20, 0..12),
            fresh in proptest::collection::hash_set(0_u128..20, 0..12),
            more: bool, hold: bool,
        ) {
            let descending = |set: std::collections::HashSet<u128>| {
                let mut list: Vec<_> = set.into_iter().collect();
                list.sort_unstable_by(|a, b| b.cmp(a));
                list
            };
            let (shown, fresh) = (descending(shown), descending(fresh));
            let plan = plan(&shown, &fresh, more, hold);
            let result: Vec<_> = plan.slots.iter().map(|slot| match *slot {
                Known { old, .. } | Beyond(old) => shown[old],
                New(at) => fresh[at],
            }).collect();
            let mut once = result.clone();
            once.dedup();
            prop_assert_eq!(&once, &result);
            let all_fresh_shown = fresh.iter().skip(plan.held).all(|id| result.contains(id));
            prop_assert!(all_fresh_shown);
        }
    }
}
