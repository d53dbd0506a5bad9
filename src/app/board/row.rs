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

    /// Whether anything that it shows changed.
    fn draw(&self, item: &Item, view: &View) -> bool {
        let is_changed = put(&self.item, item);
        put(&self.around, &Around::of(view)) || is_changed
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

/// How many rows are changed or removed at once. The browser takes some fifteen milliseconds for them, and answers the
/// user before it goes on.
const AT_ONCE: usize = 200;
/// How many rows are changed or removed in the time that one is made in.
const MAKING: usize = 3;

/// The rows for what is known, where these are shown: those that stay keep their signals, and with them their elements.
/// From the top, `left` rows are changed, removed or, as [`MAKING`] of them, made; how many of `left` remain is the
/// second part of the answer, and where none does, the rest is for the next time.
pub(super) fn rows_of(view: &View, shown: &[Row], mut left: usize) -> (Vec<Row>, usize) {
    // Both lists are mostly in the same order, so the search goes on from the last find.
    let mut last = 0;
    let known: Vec<Option<usize>> = view
        .rows
        .iter()
        .map(|item| {
            let (before, after) = shown.split_at(last);
            let is_it = |row: &Row| row.key == item.key;
            let found = after.iter().position(is_it).map(|at| at + before.len());
            let found = found.or_else(|| before.iter().position(is_it));
            last = found.unwrap_or(last);
            found
        })
        .collect();
    let mut stays = vec![false; shown.len()];
    known.iter().flatten().for_each(|at| stays[*at] = true);
    let gone = |from: usize, to: usize| (from..to).filter(|at| !stays[*at]).map(|at| &shown[at]);
    let mut rows = Run::default();
    // Those above are drawn, or gone.
    let mut above = 0;
    for (place, (item, at)) in view.rows.iter().zip(&known).enumerate() {
        match *at {
            Some(at) => {
                let row = &shown[at];
                gone(above, at).for_each(|gone| if left == 0 { rows.push(gone) } else { left -= 1 });
                above = above.max(at + 1);
                left -= usize::from(left > 0 && row.draw(item, view));
                rows.push(row);
            }
            None if left == 0 => {}
            None => {
                let below = known.iter().skip(place).flatten().next();
                let block = rows.block_above(below.map(|at| shown[*at].block), item.key);
                rows.push(&Row::new(item, block, view));
                left = left.saturating_sub(MAKING);
            }
        }
    }
    gone(above, shown.len()).for_each(|gone| if left == 0 { rows.push(gone) } else { left -= 1 });
    (rows.rows, left)
}

/// Rows one below the other, with one run of rows for each block.
#[derive(Default)]
struct Run {
    rows: Vec<Row>,
    /// The blocks that are over.
    over: Vec<i64>,
}

impl Run {
    /// The block of a row that was not there, with this block below it.
    fn block_above(&self, below: Option<i64>, key: i64) -> i64 {
        let below = below.filter(|below| !self.over.contains(below));
        block_between(self.rows.last().map(|row| row.block), below, key)
    }

    fn push(&mut self, row: &Row) {
        let above = self.rows.last().map(|row| row.block);
        let block = above.filter(|_| self.over.contains(&row.block)).unwrap_or(row.block);
        self.over.extend(above.filter(|above| *above != block));
        self.rows.push(Row { block, ..row.clone() });
    }
}

/// Brings the rows up to what is known; `false` where some of it is left for the next time.
pub(super) fn draw_rows(rows: RwSignal<Vec<Row>>, view: &View, is_seen: bool) -> bool {
    let at_once = if is_seen { AT_ONCE } else { usize::MAX };
    let items = &view.rows;
    let shown = rows.read_untracked();
    if shown.len() == items.len() && shown.iter().zip(items).all(|(row, item)| row.key == item.key) {
        let changed = shown.iter().zip(items).filter(|(row, item)| row.draw(item, view));
        return changed.take(at_once).count() < at_once;
    }
    let (drawn, left) = rows_of(view, &shown, at_once);
    drop(shown);
    rows.set(drawn);
    left > 0
}

/// Puts a value into a signal; an equal value notifies no listener, and is no change.
fn put<T: Clone + PartialEq + 'static>(signal: &ArcRwSignal<T>, value: &T) -> bool {
    let is_changed = *signal.read_untracked() != *value;
    if is_changed {
        signal.set(value.clone());
    }
    is_changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::page::Initial, model::Notification};

    #[test]
    fn a_row_joins_a_neighbouring_block_until_the_block_is_full() {
        assert_eq!(block_between(None, None, 7), 7);
        assert_eq!(block_between(Some(0), None, 31), 0, "older ones are added at the end");
        assert_eq!(block_between(Some(0), None, 32), 32);
        assert_eq!(block_between(None, Some(64), 70), 64, "what arrives is put on top");
        assert_eq!(block_between(None, Some(0), 70), 70);
        assert_eq!(block_between(Some(70), Some(0), 69), 70, "of many that arrive the first one is the newest");
        assert_eq!(block_between(Some(5), Some(5), 900), 5, "no block is torn apart");
    }

    fn view_of(keys: impl IntoIterator<Item = i64>) -> View {
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
        view.rows = keys.into_iter().map(item).collect();
        view
    }

    fn keys(rows: &[Row]) -> Vec<i64> {
        rows.iter().map(|row| row.key).collect()
    }

    #[test]
    fn rows_that_change_places_across_blocks_leave_one_run_for_each() {
        let mut view = view_of([1, 2, 3, 40, 41]);
        let block = |key| if key < 40 { 0 } else { 40 };
        let shown: Vec<Row> = view.rows.iter().map(|item| Row::new(item, block(item.key), &view)).collect();
        view.rows.swap(2, 3);
        let mut blocks: Vec<i64> = rows_of(&view, &shown, usize::MAX).0.iter().map(|row| row.block).collect();
        blocks.dedup();
        assert_eq!(blocks, [0, 40]);
    }

    #[test]
    fn many_rows_are_made_and_removed_from_the_top_a_few_at_a_time() {
        let (full, half) = (view_of(0..10), view_of([0, 2, 4, 12, 6, 8]));
        let (first, left) = rows_of(&full, &[], 2 * MAKING);
        assert_eq!((keys(&first), left), (vec![0, 1], 0));
        let (all, _) = rows_of(&full, &first, 8 * MAKING);
        assert_eq!((keys(&all), rows_of(&full, &all, 9).1), ((0..10).collect(), 9));
        let (fewer, left) = rows_of(&half, &all, 2);
        assert_eq!((keys(&fewer), left), (vec![0, 2, 4, 5, 6, 7, 8, 9], 0));
        let (fewest, left) = rows_of(&half, &fewer, 3 + MAKING + 1);
        assert_eq!((keys(&fewest), left), (vec![0, 2, 4, 12, 6, 8], 1));
    }

    #[test]
    fn many_rows_are_changed_from_the_top_a_few_at_a_time() {
        let owner = Owner::new();
        owner.set();
        let mut view = view_of(0..500);
        let rows = RwSignal::new(rows_of(&view, &[], usize::MAX).0);
        view.rows.iter_mut().for_each(|item| item.is_open = true);
        let open = || rows.read_untracked().iter().filter(|row| row.item.read_untracked().is_open).count();
        assert_eq!((draw_rows(rows, &view, true), open()), (false, 200));
        assert_eq!((draw_rows(rows, &view, true), open()), (false, 400));
        assert_eq!((draw_rows(rows, &view, true), open()), (true, 500));
        view.rows.iter_mut().for_each(|item| item.is_open = false);
        assert_eq!((draw_rows(rows, &view, false), open()), (true, 0), "where no user sees it");
    }
}
