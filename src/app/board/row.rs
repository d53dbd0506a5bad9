//! The rows of the list, as signals.
//!
//! A row listens to signals of its own only, even for values that all rows share: reactive_graph keeps with each signal
//! whatever ever listened to it (0.2.16), so a signal that outlives the rows would grow with each row that comes and
//! goes.

use std::sync::Arc;

use leptos::prelude::*;

use super::core::{Item, View};
use crate::{
    app::page::Address,
    model::{Notification, Timestamp},
};

/// One notification on the page. A clone is the same row.
#[derive(Clone)]
pub(crate) struct Row {
    /// As [`Item::key`].
    pub(crate) key: i64,
    /// The notification that it shows.
    pub(crate) data: ArcRwSignal<Notification>,
    /// Whether a long text is shown in full.
    pub(crate) is_open: ArcRwSignal<bool>,
    /// As [`Item::is_sending`].
    pub(crate) is_sending: ArcRwSignal<bool>,
    /// Whether it slides in.
    pub(crate) arrives: bool,
    /// As [`View::clock`].
    pub(crate) clock: ArcRwSignal<Timestamp>,
    /// As [`View::address`].
    pub(crate) address: ArcRwSignal<Arc<Address>>,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Row {
    /// A new row.
    pub(super) fn new(item: &Item, view: &View) -> Self {
        Self {
            key: item.key,
            data: ArcRwSignal::new(item.data.clone()),
            is_open: ArcRwSignal::new(item.is_open),
            is_sending: ArcRwSignal::new(item.is_sending),
            arrives: item.arrives,
            clock: ArcRwSignal::new(view.clock),
            address: ArcRwSignal::new(view.address.clone()),
        }
    }

    /// The id of its element.
    pub(crate) fn element_id(&self) -> String {
        format!("row-{}", self.key)
    }

    fn draw(&self, item: &Item, view: &View) {
        put(&self.data, &item.data);
        put(&self.is_open, &item.is_open);
        put(&self.is_sending, &item.is_sending);
        put(&self.clock, &view.clock);
        put(&self.address, &view.address);
    }
}

/// Brings the rows up to what is known: those that stay keep their signals, and with them their elements.
pub(super) fn draw_rows(rows: RwSignal<Vec<Row>>, view: &View) {
    let items = &view.rows;
    let shown = rows.read_untracked();
    if shown.len() == items.len() && shown.iter().zip(items).all(|(row, item)| row.key == item.key) {
        return shown.iter().zip(items).for_each(|(row, item)| row.draw(item, view));
    }
    // Both lists are mostly in the same order, so the search goes on from the last find.
    let mut last = 0;
    let drawn: Vec<Row> = items
        .iter()
        .map(|item| {
            let (before, after) = shown.split_at(last);
            let is_it = |row: &Row| row.key == item.key;
            let found = after.iter().position(is_it).map(|at| at + before.len());
            match found.or_else(|| before.iter().position(is_it)).and_then(|at| Some((at, shown.get(at)?))) {
                Some((at, row)) => {
                    last = at;
                    row.draw(item, view);
                    row.clone()
                }
                None => Row::new(item, view),
            }
        })
        .collect();
    drop(shown);
    rows.set(drawn);
}

/// Puts a value into a signal; an equal value notifies no listener.
fn put<T: Clone + PartialEq + 'static>(signal: &ArcRwSignal<T>, value: &T) {
    if *signal.read_untracked() != *value {
        signal.set(value.clone());
    }
}
