//! Where the user was: going back shows what was left as it was left, and what is older than a thousand rows goes on from
//! where the user is.

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
    /// seen, how far below the top the row begins that the user sees first, the times of the newest row that was seen and
    /// of the first in sight, and the ids of this one and of those whose long text is open.
    pub(crate) fn kept(&self, (key, below): At) -> Option<String> {
        let row = &self.rows[self.place_of(key)?];
        let newest = self.rows.iter().find(|row| self.is_seen(row))?.data.timestamp.as_micros();
        #[expect(clippy::cast_possible_truncation, reason = "no window has as many pixels")]
        let below = below as i64;
        #[expect(clippy::cast_possible_wrap, reason = "neither is as large")]
        let (count, seen) = (self.rows.len() as i64, self.heard.seen.unwrap_or_default() as i64);
        let mut kept = String::new();
        for number in [count, seen, below, newest, row.data.timestamp.as_micros()] {
            kept += &number.to_string();
            kept.push(' ');
        }
        kept += &row.data.id.to_string();
        for row in self.rows.iter().filter(|row| row.is_open) {
            kept.push(' ');
            kept += &row.data.id.to_string();
        }
        Some(kept)
    }

    /// The user comes back from another page, to the place that [`Self::kept`] has. Any other text changes nothing.
    pub(super) fn resume(&mut self, kept: String, now: Now) {
        self.resumes = kept;
        self.show_resumed(now);
    }

    /// Shows the list as the user left it, and scrolls to where the user was, once the list is there. What came meanwhile
    /// waits above, as it does while the user reads; for a user who was at the top, it is shown.
    pub(super) fn show_resumed(&mut self, now: Now) {
        let kept = std::mem::take(&mut self.resumes);
        let mut parts = kept.split(' ');
        let mut number = || parts.next().and_then(|number| number.parse::<i64>().ok());
        let (Some(count), Some(seen), Some(below), Some(newest), Some(time)) =
            (number(), number(), number(), number(), number())
        else {
            return;
        };
        // Those that came make the list longer by as many; where it has no others, more may have come.
        let came = self.rows.iter().filter(|row| is_newer(row, newest)).count();
        let came = if came < self.rows.len() { came } else { 2 * came };
        let wanted = count.saturating_add(i64::try_from(came).unwrap_or_default()).min(Limit::MAX.into());
        let wanted = u16::try_from(wanted).unwrap_or_default();
        if self.limit < wanted {
            self.limit = wanted;
            self.resumes = kept;
            return self.refresh(now);
        }
        let mut ids = parts.map_while(|id| NotificationId::parse(id).ok());
        let Some(first) = ids.next() else { return };
        // If it is gone, the next older one is there.
        let older = || self.rows.iter().position(|row| !is_newer(row, time) && !row.is_sending);
        let Some(place) = self.place_with(first).or_else(older) else { return };
        for id in ids {
            if let Some(place) = self.place_with(id) {
                self.rows[place].is_open = true;
            }
        }
        let is_at_top = below >= 0 && self.rows.iter().take(place).all(|row| row.is_sending || is_newer(row, newest));
        if is_at_top {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "no window has as many pixels")]
        self.effects.push(Effect::Show((self.rows[place].key, below as f64)));
        if is_newer(&self.rows[place], newest) {
            return;
        }
        for (row, _) in self.take_rows(&|row| is_newer(row, newest)) {
            self.held += 1;
            counting::in_rows(&mut self.overview, &[row], 1);
        }
        if self.held > 0 && self.heard.seen.is_some() {
            self.heard.seen = u64::try_from(seen).ok();
        }
    }

    /// The place of the first row that begins in sight where the user is there.
    pub(crate) fn first_in_sight(&self, (key, below): At) -> Option<usize> {
        Some((self.place_of(key)? + usize::from(below < 0.0)).min(self.rows.len() - 1))
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

/// Whether a row came after this time, in microseconds.
fn is_newer(row: &Item, newest: i64) -> bool {
    !row.is_sending && row.data.timestamp.as_micros() > newest
}
