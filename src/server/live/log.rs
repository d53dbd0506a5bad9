//! The log of one inbox: its recent changes, and the followers that wait for more.
//!
//! A listener has a position and no queue. It asks for what comes after its position and waits
//! under the same lock, so nothing can be published in between. A follower further back than the
//! log reaches is told so, and reads the store; so a slow listener costs the others nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
};

use super::sync::Mutex;

/// How many frames a log keeps, at most.
const MOST_FRAMES: usize = 1024;
/// How many bytes of frames a log keeps, at most; one frame is kept in any case.
const MOST_BYTES: usize = 256 * 1024;
/// How many frames may wait for one that should come before them.
const MOST_EARLY: usize = 1024;

/// Something that was said, which many hold at once.
pub(super) trait Shared: Clone {
    /// How many bytes it takes.
    fn bytes(&self) -> usize;

    /// Whether it tells of something that was not there before.
    fn is_creation(&self) -> bool;
}

/// The end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The number of the last change that was published.
    pub(super) modseq: u64,
    /// Number of unread notifications after this change.
    pub(super) unread_count: u64,
}

/// An item of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<F> {
    /// The next frame, and the position after it.
    Frame(F, u64),
    /// The log does not reach back to the position: the store has to tell.
    Behind,
    /// There will be nothing more.
    Closed,
}

/// A listener's place in a log.
#[derive(Debug)]
pub(super) struct Seat(usize);

/// A log and who waits for it.
#[derive(Debug)]
pub(super) struct Log<F> {
    state: Mutex<State<F>>,
}

#[derive(Debug)]
struct State<F> {
    /// `None` until a follower has asked the store where the inbox is.
    end: Option<End>,
    /// Without a hole: each continues where the one before it ended.
    entries: VecDeque<Entry<F>>,
    bytes: usize,
    /// How many of the entries were there when the log was trimmed last.
    old: usize,
    /// Frames that arrived before their predecessors.
    early: BTreeMap<u64, (u64, F)>,
    /// A place for each listener, with its waker while it waits.
    seats: slab::Slab<Option<Waker>>,
    closed: bool,
}

#[derive(Debug)]
struct Entry<F> {
    /// It tells of all changes after this one, up to its own.
    after: u64,
    end: End,
    frame: F,
    /// Whether it is only for those who were told everything up to this change, and nothing after it.
    ///
    /// A creation that the store told of has the number of its newest change. A follower that read the store
    /// in between knows it already, and would be told of it twice.
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

    /// Lets a listener go, and returns how many are left.
    pub(super) fn leave(&self, seat: &Seat) -> usize {
        self.locked(|state| {
            state.seats.try_remove(seat.0);
            state.seats.len()
        })
    }

    /// How many listen.
    pub(super) fn listeners(&self) -> usize {
        self.locked(|state| state.seats.len())
    }

    /// The end of the log, if it is known.
    pub(super) fn end(&self) -> Option<End> {
        self.locked(|state| state.end)
    }

    /// Whether a follower at this position can go on without the store.
    pub(super) fn reaches(&self, position: u64) -> bool {
        self.locked(|state| {
            state.find(position) != Position::Behind && state.end.is_some_and(|end| position <= end.modseq)
        })
    }

    /// The store says that the inbox is here: what was published and is newer follows. Tells
    /// `then` of every frame that passes.
    pub(super) fn begin(&self, end: End, then: impl FnMut(&F)) {
        self.change(|state| {
            if state.end.is_none() {
                state.skip_to(end, then);
            }
        });
    }

    /// It is not known where the inbox is: it begins with the first frame that came.
    pub(super) fn begin_with_first(&self, then: impl FnMut(&F)) {
        self.change(|state| {
            if let (None, Some((&first, (unread_count, _)))) = (state.end, state.early.first_key_value()) {
                let end = End { modseq: first - 1, unread_count: *unread_count };
                state.skip_to(end, then);
            }
        });
    }

    /// Adds a change. One that is known already is not added again, and one that comes too early
    /// waits for those before it. Tells `then` of every frame that is added, in order, and returns
    /// whether something is waited for from now on.
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
                    // What does not fit is in the store, where the hole is filled from.
                    if state.early.len() < MOST_EARLY {
                        state.early.insert(end.modseq, (end.unread_count, frame));
                    }
                }
            }
            !had_hole && !state.early.is_empty()
        })
    }

    /// Adds a frame after all others, and says how it is numbered.
    pub(super) fn append(&self, frame: F) {
        self.change(|state| {
            let last = state.end.unwrap_or(End { modseq: 0, unread_count: 0 });
            state.append(End { modseq: last.modseq + 1, ..last }, frame, None, &mut |_| ());
        });
    }

    /// The next frame is unknown: all listeners are behind.
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

    /// Adds what the store says happened after `after`, unless that is known meanwhile.
    pub(super) fn fill(&self, after: u64, told: Vec<(End, F)>, end: End, mut then: impl FnMut(&F)) {
        self.change(|state| {
            if state.end.is_none_or(|known| known.modseq != after) {
                return;
            }
            for (end, frame) in told {
                let only_from = frame.is_creation().then_some(after);
                state.append(end, frame, only_from, &mut then);
            }
            // The present may be ahead of the last thing that can be told.
            if state.end.is_some_and(|known| known.modseq < end.modseq) {
                state.skip_to(end, then);
            } else {
                state.forget_known_early();
                state.take_early(&mut then);
            }
        });
    }

    /// Goes on from here; a follower that is not there yet has to ask the store.
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

    /// Lets go of what was there when this was called last. Returns whether there is nothing left.
    pub(super) fn trim(&self) -> bool {
        self.locked(|state| {
            for _ in 0..state.old {
                state.drop_oldest();
            }
            state.old = state.entries.len();
            if state.entries.is_empty() {
                // A burst should not be paid for ever after.
                state.entries.shrink_to_fit();
            }
            state.entries.is_empty() && state.early.is_empty()
        })
    }

    /// Tells all followers that there will be nothing more.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn locked<T>(&self, f: impl FnOnce(&mut State<F>) -> T) -> T {
        // Nothing in here panics half-way; what a panic elsewhere left behind is whole.
        f(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Changes something, and wakes those who can go on because of it.
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
    /// Everything after this change.
    After(u64),
    /// It is not known where the inbox is.
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

    /// Adds what came early and whose time has come.
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
        // Those who listen here read them from the store; a listener to all inboxes may want them all the same.
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
