//! Arrivals: a screen reader is told of them, and the tower rings.

use super::{
    message::{Effect, Message, Now},
    view::View,
};

/// The element with the tower.
pub(crate) const TOWER: &str = "tower";
/// How long arrivals are gathered before a screen reader announces them, in milliseconds.
const TOLD_EVERY: u32 = 4_000;
/// How long nothing must have arrived before the tower rings, in milliseconds: where much arrives, it stays quiet.
const QUIET: f64 = 4_000.0;

impl View {
    /// So many arrived now, which others sent. Rings, and tells a screen reader at most every few seconds.
    pub(super) fn tell(&mut self, arrived: usize, now: Now) {
        if arrived == 0 {
            return;
        }
        let before = std::mem::replace(&mut self.heard.arrived_at, now.ms);
        if now.ms - before >= QUIET && !now.is_hidden {
            self.effects.push(Effect::Ring);
        }
        if self.untold == 0 {
            self.effects.push(Effect::After(TOLD_EVERY, Message::Tell));
        }
        self.untold += arrived;
    }

    /// Announces the arrivals to a screen reader.
    pub(super) fn told(&mut self) {
        let arrived = std::mem::take(&mut self.untold) as u64;
        self.effects.push(Effect::Say(self.words.count(self.words.arrived, arrived)));
    }
}
