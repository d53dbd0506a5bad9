//! The rows of the list, as signals.
//!
//! A row listens to signals of its own only, even for values that all rows share: reactive_graph keeps with each signal
//! whatever ever listened to it (0.2.16), so a signal that outlives the rows would grow with each row that comes and
//! goes.

use std::sync::Arc;

use leptos::prelude::*;

use super::core::{Item, View, element_id};
use crate::{app::page::Address, model::Timestamp};

/// One notification on the page. A clone is the same row.
#[derive(Clone)]
pub(crate) struct Row {
    /// As [`Item::key`].
    pub(crate) key: i64,
    /// Names the block of the list that it is in.
    pub(crate) block: i64,
    /// The notification that it shows, and how.
    pub(crate) item: ArcRwSignal<Item>,
    /// What it shows of the page.
    pub(crate) around: ArcRwSignal<Around>,
}

/// What each row shows of the page.
#[derive(Clone, PartialEq)]
pub(crate) struct Around {
    /// As [`View::clock`].
    pub(crate) clock: Timestamp,
    /// As [`View::address`].
    pub(crate) address: Arc<Address>,
}

impl Around {
    fn of(view: &View) -> Self {
        Self { clock: view.clock, address: view.address.clone() }
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Row {
    /// A new row.
    pub(super) fn new(item: &Item, block: i64, view: &View) -> Self {
        Self { key: item.key, block, item: ArcRwSignal::new(item.clone()), around: ArcRwSignal::new(Around::of(view)) }
    }

    /// The id of its element.
    pub(crate) fn element_id(&self) -> String {
        element_id(self.key)
    }

    fn draw(&self, item: &Item, view: &View) {
        put(&self.item, item);
        put(&self.around, &Around::of(view));
    }
}

/// The key of the row whose element has this id.
pub(super) fn key_of(element_id: &str) -> Option<i64> {
    element_id.strip_prefix("row-")?.parse().ok()
}

/// How far the key of a row may be from that of the first row of its block.
const REACH: u64 = 32;

/// The block of a row that was not there, by those of its neighbours. It stays in that for good: no row that comes or
/// goes has others made anew. And no block takes in rows for ever: it would keep something of each that it ever had.
fn block_between(above: Option<i64>, below: Option<i64>, key: i64) -> i64 {
    if let Some(both) = above.filter(|_| above == below) {
        return both;
    }
    above.into_iter().chain(below).find(|block| key.abs_diff(*block) < REACH).unwrap_or(key)
}

/// The rows for what is known, where these are shown: those that stay keep their signals, and with them their elements.
pub(super) fn rows_of(view: &View, shown: &[Row]) -> Vec<Row> {
    // Both lists are mostly in the same order, so the search goes on from the last find.
    let mut last = 0;
    let known: Vec<Option<&Row>> = view
        .rows
        .iter()
        .map(|item| {
            let (before, after) = shown.split_at(last);
            let is_it = |row: &Row| row.key == item.key;
            let found = after.iter().position(is_it).map(|at| at + before.len());
            let found = found.or_else(|| before.iter().position(is_it));
            last = found.unwrap_or(last);
            found.and_then(|at| shown.get(at))
        })
        .collect();
    let mut rows: Vec<Row> = Vec::with_capacity(known.len());
    // The blocks that are over: the list has one run of rows for each.
    let mut over = Vec::new();
    for (place, item) in view.rows.iter().enumerate() {
        let above = rows.last().map(|row| row.block);
        let row = match known.get(place).copied().flatten() {
            Some(row) => {
                row.draw(item, view);
                let block = above.filter(|_| over.contains(&row.block)).unwrap_or(row.block);
                Row { block, ..row.clone() }
            }
            None => {
                let below = known.iter().skip(place).flatten().next().map(|row| row.block);
                let below = below.filter(|below| !over.contains(below));
                Row::new(item, block_between(above, below, item.key), view)
            }
        };
        over.extend(above.filter(|above| *above != row.block));
        rows.push(row);
    }
    rows
}

/// Brings the rows up to what is known.
pub(super) fn draw_rows(rows: RwSignal<Vec<Row>>, view: &View) {
    let items = &view.rows;
    let shown = rows.read_untracked();
    if shown.len() == items.len() && shown.iter().zip(items).all(|(row, item)| row.key == item.key) {
        return shown.iter().zip(items).for_each(|(row, item)| row.draw(item, view));
    }
    let drawn = rows_of(view, &shown);
    drop(shown);
    rows.set(drawn);
}

/// Puts a value into a signal; an equal value notifies no listener.
fn put<T: Clone + PartialEq + 'static>(signal: &ArcRwSignal<T>, value: &T) {
    if *signal.read_untracked() != *value {
        signal.set(value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::page::Initial, model::Notification};

    #[test]
    fn a_row_joins_a_block_beside_it_and_none_takes_in_rows_for_ever() {
        assert_eq!(block_between(None, None, 7), 7);
        assert_eq!(block_between(Some(0), None, 31), 0, "older ones are added at the end");
        assert_eq!(block_between(Some(0), None, 32), 32);
        assert_eq!(block_between(None, Some(64), 70), 64, "what arrives is put on top");
        assert_eq!(block_between(None, Some(0), 70), 70);
        assert_eq!(block_between(Some(70), Some(0), 69), 70, "of many that arrive the first one is the newest");
        assert_eq!(block_between(Some(5), Some(5), 900), 5, "no block is torn apart");
    }

    #[test]
    fn rows_that_change_places_across_blocks_leave_one_run_for_each() {
        let data = r#"{"id": "019a5370-0000-7000-8000-000000000000", "user_id": "ann", "content": "x", "category": "alert",
            "timestamp": "2026-01-01T00:00:00.000000Z", "is_read": false}"#;
        let data: Notification = serde_json::from_str(data).unwrap();
        let item = |key| Item {
            key,
            data: data.clone(),
            is_open: false,
            is_selected: false,
            is_sending: false,
            arrives: false,
        };
        let mut view = View::new(Initial::default());
        view.rows = [1, 2, 3, 40, 41].map(item).into();
        let block = |key| if key < 40 { 0 } else { 40 };
        let shown: Vec<Row> = view.rows.iter().map(|item| Row::new(item, block(item.key), &view)).collect();
        view.rows.swap(2, 3);
        let mut blocks: Vec<i64> = rows_of(&view, &shown).iter().map(|row| row.block).collect();
        blocks.dedup();
        assert_eq!(blocks, [0, 40]);
    }
}
