//! Where the user was: going back shows what was left as it was left, and what is older than a thousand rows goes on from
//! where the user is.

use std::cell::Cell;

use super::{
    counting,
    item::Item,
    message::{Effect, Now},
    place::{At, Beginning, Place},
    view::View,
};
use crate::{
    app::page::Address,
    model::{Limit, NotificationId},
};

/// How many addresses are remembered.
const MOST: usize = 8;
/// How many rows of a list have to be there before it can begin anew at one of them: enough that the user sees none go.
const FURTHER: usize = 300;
/// How many rows more are asked for further down.
const MORE: u16 = 200;

impl View {
    /// The user leaves this address.
    pub(super) fn leave(&mut self, at: Option<At>) {
        self.places.retain(|place| place.address != self.address);
        if self.places.len() == MOST {
            self.places.remove(0);
        }
        let rows: Vec<Item> = self.rows.iter().filter(|row| !row.is_sending).cloned().collect();
        let limit = u16::try_from(rows.len()).unwrap_or(Limit::MAX).clamp(self.limit, Limit::MAX);
        let (address, overview) = (self.address.clone(), self.counted());
        let (next, beginning) = (self.next, self.beginning);
        let (seen, newer) = (self.heard.seen, self.heard.newer.clone());
        self.places.push(Place { address, rows, next, overview, limit, beginning, seen, newer, at });
    }

    /// The user goes back, or forward again.
    pub(super) fn go_back(&mut self, address: Address, now: Now) {
        let place = self.places.iter().position(|place| *place.address == address);
        let place = place.map(|place| self.places.remove(place));
        self.turn_to(address, place, now);
    }

    /// The list and the place in it, as a text for [`Self::resume`]: how many rows there are, up to which change the list was
    /// seen, how far below the top the row begins that the user sees first, and the ids of the newest row, of that one,
    /// and of those whose long text is open.
    pub(crate) fn kept(&self, (key, below): At) -> Option<String> {
        let row = &self.rows[self.place_of(key)?];
        let newest = self.rows.iter().find(|row| !row.is_sending)?;
        #[expect(clippy::cast_possible_truncation, reason = "no window has as many pixels")]
        let below = below as i64;
        let seen = self.heard.seen.unwrap_or_default();
        let mut kept = self.rows.len().to_string() + " " + &seen.to_string() + " " + &below.to_string();
        for row in [newest, row].into_iter().chain(self.rows.iter().filter(|row| row.is_open)) {
            kept.push(' ');
            kept += &row.data.id.to_string();
        }
        Some(kept)
    }

    /// The user comes back from another page, to the place that [`Self::kept`] has. Any other text changes nothing.
    pub(super) fn resume(&mut self, kept: String, now: Now) {
        let mut parts = kept.split(' ');
        let count = parts.next().and_then(|count| count.parse::<u64>().ok());
        let newest = parts.nth(2).and_then(|id| NotificationId::parse(id).ok());
        let Some((count, newest)) = count.zip(newest) else { return };
        // Those that came meanwhile make the list longer by as many.
        let came = self.place_with(newest).unwrap_or(self.rows.len());
        let count = u16::try_from(count.saturating_add(came as u64)).unwrap_or(Limit::MAX).min(Limit::MAX);
        self.resumes = kept;
        if self.limit < count {
            self.limit = count;
            self.refresh(now);
        } else {
            self.show_resumed();
        }
    }

    /// Shows the list as the user left it, and scrolls to where the user was, once the list is there. What came meanwhile
    /// waits above, as it does while the user reads.
    pub(super) fn show_resumed(&mut self) {
        let kept = std::mem::take(&mut self.resumes);
        let mut parts = kept.split(' ').skip(1);
        let mut number = || parts.next().and_then(|number| number.parse::<i64>().ok());
        let (seen, below) = (number(), number());
        let mut place_of_next = || self.place_with(NotificationId::parse(parts.next()?).ok()?);
        let (came, place) = (place_of_next(), place_of_next());
        let Some(((seen, below), place)) = seen.zip(below).zip(place) else { return };
        #[expect(clippy::cast_precision_loss, reason = "no window has as many pixels")]
        self.effects.push(Effect::Show((self.rows[place].key, below as f64)));
        for id in parts {
            let place = NotificationId::parse(id).ok().and_then(|id| self.place_with(id));
            if let Some(place) = place {
                self.rows[place].is_open = true;
            }
        }
        let came = Cell::new(came.filter(|came| *came <= place).unwrap_or_default());
        self.held = came.get();
        if self.held > 0 && self.heard.seen.is_some() {
            self.heard.seen = u64::try_from(seen).ok();
        }
        for (row, _) in self.take_rows(&|_| came.replace(came.get().saturating_sub(1)) > 0) {
            counting::in_rows(&mut self.overview, &[row], 1);
        }
    }

    /// Notes where the list can begin anew.
    pub(super) fn note_beginning(&mut self) {
        let last = self.rows.last().filter(|_| (FURTHER..super::hearing::MOST_ROWS).contains(&self.rows.len()));
        if let Some((cursor, last)) = self.next.zip(last) {
            self.beginning = Some(Beginning { cursor, after: last.data.id });
        }
    }

    /// Where the list goes on that is as long as it can be: there it begins further down, with rows that are shown.
    pub(crate) fn further(&self) -> Option<Address> {
        let beginning = self.beginning?;
        self.place_with(beginning.after)?;
        Some(self.address.from(beginning.cursor.to_string()))
    }

    /// The list goes on there.
    pub(super) fn go_further(&mut self, address: Address, at: Option<At>, now: Now) {
        let first = self.beginning.and_then(|beginning| self.place_with(beginning.after)).map_or(0, |place| place + 1);
        let rows: Vec<Item> = self.rows.iter().skip(first).cloned().collect();
        let limit = u16::try_from(rows.len()).unwrap_or(Limit::MAX).saturating_add(MORE).min(Limit::MAX);
        let (overview, next) = (self.overview.clone(), self.next);
        let (seen, newer) = (self.heard.seen, self.heard.newer.clone());
        let address_left = self.address.clone();
        let place = Place { address: address_left, rows, next, overview, limit, beginning: None, seen, newer, at };
        self.turn_to(address, Some(place), now);
    }
}
