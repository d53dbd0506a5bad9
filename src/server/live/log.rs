//! The log of one inbox: its recent changes, and the followers that wait for more.
//!
//! A listener has a position and no queue. It looks for the frame after its position and starts to wait under the same
//! lock, so no frame is published in between. A follower whose position is before the start of the log is told so, and
//! reads the store; so a slow listener does not affect the others.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
};

use super::sync::Mutex;

/// How many frames a log stores, at most.
const MOST_FRAMES: usize = 1024;
/// How many bytes of frames a log stores, at most; the newest frame always stays.
const MOST_BYTES: usize = 256 * 1024;
/// How many frames may wait for missing frames before them.
const MOST_EARLY: usize = 1024;

/// An item of the log, shared by many listeners.
pub(super) trait Shared: Clone {
    /// Its size in bytes.
    fn bytes(&self) -> usize;

    /// Whether it is about a new notification.
    fn is_creation(&self) -> bool;
}

/// The end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The number of the last published change.
    pub(super) modseq: u64,
    /// Number of unread notifications after this change.
    pub(super) unread_count: u64,
}

/// An item of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<F> {
    /// The next frame, and the position after it.
    Frame(F, u64),
    /// The position is before the start of the log: the changes must be read from the store.
    Behind,
    /// The log is closed.
    Closed,
}

/// A listener's place in a log.
#[derive(Debug)]
pub(super) struct Seat(usize);

/// A log and its waiting listeners.
#[derive(Debug)]
pub(super) struct Log<F> {
    state: Mutex<State<F>>,
}

#[derive(Debug)]
struct State<F> {
    /// `None` until a follower has read the inbox's position from the store.
    end: Option<End>,
    /// Without a hole: each continues where the one before it ended.
    entries: VecDeque<Entry<F>>,
    bytes: usize,
    /// How many of the entries existed when the log was last trimmed.
    old: usize,
    /// Frames that arrived before their predecessors.
    early: BTreeMap<u64, (u64, F)>,
    /// A place for each listener, with its waker while it waits.
    seats: slab::Slab<Option<Waker>>,
    closed: bool,
}

#[derive(Debug)]
struct Entry<F> {
    /// The entry covers all changes after this one, up to its own.
    after: u64,
    end: End,
    frame: F,
    /// If present, only a listener at exactly this position may read the entry.
    ///
    /// A creation that was read from the store has the number of its newest change. A follower that read the store in
    /// between already has the notification, and would receive it twice.
    only_from: Option<u64>,
}

impl<F: Shared> Log<F> {
    pub(super) fn new(end: Option<End>) -> Self {
        Self {
            state: Mutex::new(State {
                end,
                entries: VecDeque::new(),
                bytes: 0,
                old: 0,
                early: BTreeMap::new(),
                seats: slab::Slab::new(),
                closed: false,
            }),
        }
    }

    /// Adds a listener.
    pub(super) fn join(&self) -> Seat {
        Seat(self.locked(|state| state.seats.insert(None)))
    }

    /// Removes a listener, and returns the number of remaining ones.
    pub(super) fn leave(&self, seat: &Seat) -> usize {
        self.locked(|state| {
            state.seats.try_remove(seat.0);
            state.seats.len()
        })
    }

    /// The number of listeners.
    pub(super) fn listeners(&self) -> usize {
        self.locked(|state| state.seats.len())
    }

    /// The end of the log, if it is known.
    pub(super) fn end(&self) -> Option<End> {
        self.locked(|state| state.end)
    }

    /// Whether a follower at this position can continue without the store.
    pub(super) fn reaches(&self, position: u64) -> bool {
        self.locked(|state| {
            state.find(position) != Position::Behind && state.end.is_some_and(|end| position <= end.modseq)
        })
    }

    /// Starts the log at the position that the store returned; newer frames that have already arrived follow. Calls
    /// `then` for every frame that is added or skipped.
    pub(super) fn begin(&self, end: End, then: impl FnMut(&F)) {
        self.change(|state| {
            if state.end.is_none() {
                state.skip_to(end, then);
            }
        });
    }

    /// The position of the inbox is unknown: starts the log with the first frame that arrived.
    pub(super) fn begin_with_first(&self, then: impl FnMut(&F)) {
        self.change(|state| {
            if let (None, Some((&first, (unread_count, _)))) = (state.end, state.early.first_key_value()) {
                let end = End { modseq: first - 1, unread_count: *unread_count };
                state.skip_to(end, then);
            }
        });
    }

    /// Adds a change. A known change is not added again, and an early one waits for those before it. Calls `then` for
    /// every added frame, in order, and returns whether this opened a hole.
    pub(super) fn publish(&self, end: End, frame: F, mut then: impl FnMut(&F)) -> bool {
        self.change(|state| {
            let had_hole = !state.early.is_empty();
            match state.end {
                Some(last) if end.modseq <= last.modseq => {}
                Some(last) if end.modseq == last.modseq + 1 => {
                    state.append(end, frame, None, &mut then);
                    state.take_early(&mut then);
                }
                _ => {
                    // If there is no room for the frame, the hole is filled from the store, which has it.
                    if state.early.len() < MOST_EARLY {
                        state.early.insert(end.modseq, (end.unread_count, frame));
                    }
                }
            }
            !had_hole && !state.early.is_empty()
        })
    }

    /// Adds a frame after all others, with the next number.
    pub(super) fn append(&self, frame: F) {
        self.change(|state| {
            let last = state.end.unwrap_or(End { modseq: 0, unread_count: 0 });
            state.append(End { modseq: last.modseq + 1, ..last }, frame, None, &mut |_| ());
        });
    }

    /// The next frame is lost: all listeners are behind.
    pub(super) fn skip(&self) {
        self.change(|state| {
            let last = state.end.unwrap_or(End { modseq: 0, unread_count: 0 });
            state.skip_to(End { modseq: last.modseq + 1, ..last }, |_| ());
        });
    }

    /// The hole, if the log has one.
    pub(super) fn hole(&self) -> Option<Hole> {
        self.locked(|state| match state.end {
            _ if state.early.is_empty() => None,
            Some(end) => Some(Hole::After(end.modseq)),
            None => Some(Hole::Unknown),
        })
    }

    /// Adds the changes after `after` that the store returned, unless they have arrived meanwhile.
    pub(super) fn fill(&self, after: u64, told: Vec<(End, F)>, end: End, mut then: impl FnMut(&F)) {
        self.change(|state| {
            if state.end.is_none_or(|known| known.modseq != after) {
                return;
            }
            for (end, frame) in told {
                let only_from = frame.is_creation().then_some(after);
                state.append(end, frame, only_from, &mut then);
            }
            // The inbox may be further ahead than the last change that the store could return.
            if state.end.is_some_and(|known| known.modseq < end.modseq) {
                state.skip_to(end, then);
            } else {
                state.forget_known_early();
                state.take_early(&mut then);
            }
        });
    }

    /// Continues from this position; followers before it must read the store.
    pub(super) fn skip_to(&self, end: End, then: impl FnMut(&F)) {
        self.change(|state| state.skip_to(end, then));
    }

    /// Waits for the frame after the position.
    pub(super) fn poll_next(&self, seat: &Seat, position: u64, context: &Context<'_>) -> Poll<Next<F>> {
        self.locked(|state| {
            if state.closed {
                return Poll::Ready(Next::Closed);
            }
            match state.find(position) {
                Position::Entry(at) => {
                    let entry = &state.entries[at];
                    Poll::Ready(Next::Frame(entry.frame.clone(), entry.end.modseq))
                }
                Position::Behind => Poll::Ready(Next::Behind),
                Position::Nothing => {
                    if let Some(waker) = state.seats.get_mut(seat.0) {
                        match waker {
                            Some(known) => known.clone_from(context.waker()),
                            None => *waker = Some(context.waker().clone()),
                        }
                    }
                    Poll::Pending
                }
            }
        })
    }

    /// Drops the entries that existed at the last call. Returns whether the log is now empty.
    pub(super) fn trim(&self) -> bool {
        self.locked(|state| {
            for _ in 0..state.old {
                state.drop_oldest();
            }
            state.old = state.entries.len();
            if state.entries.is_empty() {
                // Frees the memory of an earlier burst.
                state.entries.shrink_to_fit();
            }
            state.entries.is_empty() && state.early.is_empty()
        })
    }

    /// Notifies all followers that the log is closed.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn locked<T>(&self, f: impl FnOnce(&mut State<F>) -> T) -> T {
        // No code in here panics half-way, so after a panic elsewhere the state is still whole.
        f(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Changes the state, and wakes the listeners that can continue because of it.
    fn change<T>(&self, f: impl FnOnce(&mut State<F>) -> T) -> T {
        let (done, wake) = self.locked(|state| {
            let before = (state.end, state.closed);
            let done = f(state);
            let moved = before != (state.end, state.closed);
            let wake: Vec<Waker> = match moved {
                true => state.seats.iter_mut().filter_map(|(_, waker)| waker.take()).collect(),
                false => Vec::new(),
            };
            (done, wake)
        });
        wake.into_iter().for_each(Waker::wake);
        done
    }
}

/// A hole in the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    /// Everything after this change is missing.
    After(u64),
    /// The position of the inbox is unknown.
    Unknown,
}

#[derive(PartialEq, Eq)]
enum Position {
    Entry(usize),
    Behind,
    Nothing,
}

impl<F: Shared> State<F> {
    fn find(&self, position: u64) -> Position {
        let at = self.entries.partition_point(|entry| entry.end.modseq <= position);
        match self.entries.get(at) {
            Some(entry) if entry.after <= position && entry.only_from.is_none_or(|base| base == position) => {
                Position::Entry(at)
            }
            Some(_) => Position::Behind,
            None if self.end.is_some_and(|end| position < end.modseq) => Position::Behind,
            None => Position::Nothing,
        }
    }

    fn append(&mut self, end: End, frame: F, only_from: Option<u64>, then: &mut impl FnMut(&F)) {
        then(&frame);
        let after = self.end.map_or(0, |last| last.modseq);
        self.end = Some(end);
        self.bytes += frame.bytes();
        self.entries.push_back(Entry { after, end, frame, only_from });
        while self.entries.len() > MOST_FRAMES || (self.bytes > MOST_BYTES && self.entries.len() > 1) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.frame.bytes();
            self.old = self.old.saturating_sub(1);
        }
    }

    /// Adds early frames that are now next in order.
    fn take_early(&mut self, then: &mut impl FnMut(&F)) {
        while let Some(next) = self.end.map(|end| end.modseq + 1)
            && let Some((unread_count, frame)) = self.early.remove(&next)
        {
            self.append(End { modseq: next, unread_count }, frame, None, then);
        }
    }

    fn forget_known_early(&mut self) {
        if let Some(end) = self.end {
            self.early = self.early.split_off(&(end.modseq + 1));
        }
    }

    fn skip_to(&mut self, end: End, mut then: impl FnMut(&F)) {
        // Listeners to this inbox read these from the store; a listener to all inboxes still wants them.
        self.early.range(..=end.modseq).for_each(|(_, (_, frame))| then(frame));
        self.entries.clear();
        (self.bytes, self.old) = (0, 0);
        self.end = Some(end);
        self.forget_known_early();
        self.take_early(&mut then);
    }
}

#[cfg(test)]
#[path = "log/tests.rs"] // also for the loom tests, which include this file by its path
mod tests;
