//! Where the user was: going back shows what was left as it was left, and what is older than a thousand rows goes on from
//! where the user is.

use super::{
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

    /// The list and the place in it, as a text for [`Self::resume`].
    pub(crate) fn kept(&self, (key, below): At) -> Option<String> {
        let row = &self.rows[self.place_of(key)?];
        #[expect(clippy::cast_possible_truncation, reason = "no window has as many pixels")]
        let below = below as i64;
        Some(self.rows.len().to_string() + " " + &below.to_string() + " " + &row.data.id.to_string())
    }

    /// The user comes back from another page, to the place that [`Self::kept`] has. Any other text changes nothing.
    pub(super) fn resume(&mut self, kept: &str, now: Now) {
        let Some((count, (below, id))) =
            kept.split_once(' ').and_then(|(count, at)| Some((count, at.split_once(' ')?)))
        else {
            return;
        };
        let (Ok(count), Ok(below), Ok(id)) = (count.parse::<u64>(), below.parse::<i64>(), NotificationId::parse(id))
        else {
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "no window has as many pixels")]
        let below = below as f64;
        self.resumes = Some((id, below));
        let count = u16::try_from(count).unwrap_or(Limit::MAX).min(Limit::MAX);
        if self.limit < count {
            self.limit = count;
            self.refresh(now);
        } else {
            self.show_resumed();
        }
    }

    /// Scrolls to where the user was, once the list is there.
    pub(super) fn show_resumed(&mut self) {
        if let Some((id, below)) = self.resumes.take()
            && let Some(place) = self.place_with(id)
        {
            self.effects.push(Effect::Show((self.rows[place].key, below)));
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
