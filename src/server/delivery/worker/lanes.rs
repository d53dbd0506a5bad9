//! The deliveries that this server has claimed but not sent, and its running attempts, by lane.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    model::{Attempt, Channel, DeliveryId, Timestamp, UserId},
    server::store::outbox::{Delivery, Webhook},
};

/// A claimed delivery that is not sent yet.
pub(super) struct Queued {
    /// The delivery. Its tries include this attempt already.
    pub(super) delivery: Delivery,
    /// Its webhook, if it goes to one.
    pub(super) webhook: Option<Arc<Webhook>>,
    /// The lease of the claim.
    pub(super) lease: Uuid,
    /// Time of the claim, or a little earlier.
    pub(super) claimed_at: Instant,
    /// Time at which it was first due.
    pub(super) since: Timestamp,
    /// Earlier attempts, to be stored.
    pub(super) before: Vec<Attempt>,
    /// Their outcome.
    pub(super) past: Past,
}

/// The outcome of earlier attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    /// How many attempts there were, whether they count or not.
    pub(super) attempts: usize,
    /// How many of them the other side answered with a failure of its own.
    pub(super) unwell: u32,
    /// Time of the first such answer.
    pub(super) unwell_since: Option<Timestamp>,
}

impl Past {
    /// The outcome of these attempts.
    pub(super) fn of(attempts: &[Attempt]) -> Self {
        let mut unwell = attempts.iter().filter(|attempt| attempt.code.is_some_and(|code| (500..600).contains(&code)));
        let first = unwell.next();
        let count = usize::from(first.is_some()) + unwell.count();
        Self {
            attempts: attempts.len(),
            unwell: u32::try_from(count).unwrap_or(u32::MAX),
            unwell_since: first.map(|attempt| attempt.at),
        }
    }
}

/// Whether the other side accepts this server, as far as an attempt reveals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The other side accepted this server.
    LetIn,
    /// It refused this server.
    Refused,
    /// Nothing: there was no answer, or one that a user's registration explains as well.
    Unknown,
}

/// A running attempt.
pub(super) struct Flight {
    pub(super) id: DeliveryId,
    /// The lease of its claim.
    pub(super) lease: Uuid,
    /// When it began.
    pub(super) at: Timestamp,
    /// Time at which it was first due.
    pub(super) since: Timestamp,
    /// The channel.
    pub(super) channel: Channel,
    /// The number of attempts, including this one.
    pub(super) tries: u32,
}

/// The deliveries of each lane that this server has claimed.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: Mutex<HashMap<String, Lane>>,
    flights: Mutex<HashMap<DeliveryId, Flight>>,
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Queued>,
    /// How many tasks are sending.
    working: usize,
    /// The most tasks, as far as that is known.
    most: usize,
    /// The average duration of an attempt, in which the last ones count most.
    takes: Option<Duration>,
    /// How many times in a row the lane was found not to be set up right.
    misconfigured: u64,
    /// When that was last found. Attempts that had begun by then prove nothing more.
    found_at: Option<Instant>,
    /// The contact that was reached last.
    reached: Option<Uuid>,
    /// The users with a contact for which this server was refused since, as many as matter.
    refused: Vec<UserId>,
    /// Whether the worker was asked for more since the last deliveries came.
    has_asked: bool,
    /// The end of its rest, during which it accepts nothing.
    rests_until: Option<Instant>,
    /// Whether the last attempt failed for a reason that concerns the lane.
    is_broken: bool,
    /// Whether the last claimed deliveries were not to be sent at all: such ones are claimed in large numbers.
    drains: bool,
}

impl Lane {
    /// How many deliveries should be claimed: of a fast lane as many as it sends in a moment, so that it does not wait
    /// for the store, and of a slow one only those that it sends now, because those that wait here in vain are kept
    /// from other servers.
    fn room(&self) -> usize {
        if self.is_probed() {
            return Lanes::PROBES_FROM;
        }
        if self.drains {
            return Lanes::AT_MOST;
        }
        let Some(takes) = self.takes else { return self.at_once() };
        let in_a_moment = Lanes::A_MOMENT.as_micros() / takes.as_micros().max(1);
        usize::try_from(in_a_moment).unwrap_or(usize::MAX).clamp(self.at_once(), Lanes::AT_MOST)
    }

    /// How many more may be claimed now, in steps that are worth it.
    fn claimable(&self) -> usize {
        let (room, at_hand) = (self.room(), self.queue.len() + self.working);
        let more = room.saturating_sub(at_hand).min(Lanes::STEP);
        let is_worth_it = at_hand < self.at_once() || more >= (room / 2).min(Lanes::STEP);
        if is_worth_it { more } else { 0 }
    }

    /// How many attempts run at once.
    fn at_once(&self) -> usize {
        if self.is_probed() { 1 } else { self.most.max(Lanes::AT_FIRST) }
    }

    /// Whether single attempts test if it is set up right by now.
    fn is_probed(&self) -> bool {
        self.misconfigured > 0
    }

    /// The next delivery to send. A test takes the one with the fewest attempts, for a user who was not refused if
    /// there is one: otherwise a contact that is always refused would be the test for all, again and again.
    fn next(&mut self) -> Option<Queued> {
        if !self.is_probed() {
            return self.queue.pop_front();
        }
        let key = |queued: &Queued| (self.refused.contains(&queued.delivery.user_id), queued.past.attempts);
        let least = self.queue.iter().enumerate().min_by_key(|(_, queued)| key(queued)).map(|(at, _)| at);
        self.queue.remove(least?)
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Lanes {
    /// How many deliveries are claimed of an unknown lane.
    pub(super) const AT_FIRST: usize = 4;
    /// From how many due deliveries the one for a test is chosen.
    const PROBES_FROM: usize = 32;
    /// How many users in a row have to be refused, while no push arrives, before the lane is at fault.
    const MANY_USERS: usize = 3;
    /// The most deliveries of a lane that are claimed.
    const AT_MOST: usize = 1_024;
    /// How many of them are claimed in one step: a claim is a transaction, and many or heavy ones cost too much.
    const STEP: usize = 256;
    /// How long a claimed delivery may wait here, roughly, for each sending task.
    const A_MOMENT: Duration = Duration::from_millis(500);

    fn all(&self) -> MutexGuard<'_, HashMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more may be claimed of each lane with deliveries or a known state.
    pub(super) fn rooms(&self) -> HashMap<String, usize> {
        let mut all = self.all();
        // A lane that is forgotten starts again like an unknown one.
        if all.len() > 10_000 {
            all.retain(|_, lane| lane.working > 0 || !lane.queue.is_empty());
        }
        let room = |lane: &Lane| if lane.rests() { 0 } else { lane.claimable() };
        all.iter().map(|(name, lane)| (name.clone(), room(lane))).collect()
    }

    /// Queues a claimed delivery; returns it when its lane rests.
    pub(super) fn put(&self, queued: Queued) -> Option<Queued> {
        let mut all = self.all();
        if let Some(lane) = all.get_mut(&queued.delivery.lane) {
            if lane.rests() {
                return Some(queued);
            }
            lane.queue.push_back(queued);
            (lane.has_asked, lane.drains) = (false, false);
            return None;
        }
        let name = queued.delivery.lane.clone();
        all.entry(name).or_default().queue.push_back(queued);
        None
    }

    /// Drops the claimed deliveries of a lane.
    pub(super) fn drain(&self, lane: &str) {
        self.all().entry(lane.to_owned()).or_default().drains = true;
    }

    /// Takes all queued deliveries of a lane that is to rest. It accepts nothing for a moment: by then the store knows
    /// the reason.
    pub(super) fn rest(&self, lane: &str) -> VecDeque<Queued> {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return VecDeque::new() };
        lane.rests_until = Some(Instant::now() + Self::A_MOMENT);
        std::mem::take(&mut lane.queue)
    }

    /// How many more tasks should send from a lane, up to `most` in all. They count from now on.
    pub(super) fn free(&self, lane: &str, most: usize) -> usize {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return 0 };
        lane.most = most;
        let most = if lane.is_probed() { 1 } else { most };
        let free = most.saturating_sub(lane.working).min(lane.queue.len());
        lane.working += free;
        free
    }

    /// The next delivery for a task that sends; `None` ends the task.
    pub(super) fn next(&self, lane: &str) -> Option<Queued> {
        let mut all = self.all();
        let lane = all.get_mut(lane)?;
        let next = lane.next();
        if next.is_none() {
            lane.working -= 1;
        }
        next
    }

    /// An attempt begins.
    pub(super) fn begin(&self, flight: Flight) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).insert(flight.id, flight);
    }

    /// An attempt has ended.
    pub(super) fn end(&self, id: DeliveryId) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Takes all running attempts.
    pub(super) fn flights(&self) -> Vec<Flight> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).drain().map(|(_, flight)| flight).collect()
    }

    /// Records whether a lane is broken, and returns whether that has changed.
    pub(super) fn turns(&self, lane: &str, is_broken: bool) -> bool {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return false };
        std::mem::replace(&mut lane.is_broken, is_broken) != is_broken
    }

    /// The leases of the attempts by these channels.
    pub(super) fn leased(&self, of: impl Fn(Channel) -> bool) -> Vec<(DeliveryId, Uuid)> {
        let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.values().filter(|flight| of(flight.channel)).map(|flight| (flight.id, flight.lease)).collect()
    }

    /// An attempt that began at this time has ended. Returns whether it has shown that a tested lane is set up right.
    pub(super) fn took(&self, lane: &str, began: Instant, admission: Admission) -> bool {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return false };
        let took = began.elapsed();
        lane.takes = Some(lane.takes.map_or(took, |takes| (7 * takes + took) / 8));
        match admission {
            Admission::Unknown => false,
            _ if lane.found_at.is_some_and(|found_at| began < found_at) => false,
            Admission::LetIn => std::mem::take(&mut lane.misconfigured) > 0,
            Admission::Refused => {
                (lane.misconfigured, lane.found_at) = (lane.misconfigured + 1, Some(Instant::now()));
                false
            }
        }
    }

    /// A push to this contact arrived.
    pub(super) fn reaches(&self, lane: &str, contact: Uuid) {
        if let Some(lane) = self.all().get_mut(lane) {
            lane.reached = Some(contact);
            lane.refused.clear();
        }
    }

    /// The push service refused this server for this contact of a user. Returns whether the contact, rather than this
    /// server's settings, is likely to be the reason: another contact was reached, and since then only a few users were
    /// refused.
    pub(super) fn is_of_user(&self, lane: &str, user_id: &UserId, contact: Uuid) -> bool {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return false };
        if lane.refused.len() < Self::MANY_USERS && !lane.refused.contains(user_id) {
            lane.refused.push(user_id.clone());
        }
        lane.refused.len() < Self::MANY_USERS && lane.reached.is_some_and(|reached| reached != contact)
    }

    /// How many times in a row a lane was found not to be set up right; attempts at the same time count once.
    pub(super) fn misconfigured(&self, lane: &str) -> u64 {
        self.all().get(lane).map_or(0, |lane| lane.misconfigured)
    }

    /// Whether more of a lane should be claimed, before all queued deliveries are sent; true once.
    pub(super) fn wants_more(&self, lane: &str) -> bool {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane).filter(|lane| !lane.has_asked) else { return false };
        lane.has_asked = lane.claimable() > 0;
        lane.has_asked
    }

    /// Takes all queued deliveries.
    pub(super) fn empty(&self) -> Vec<Queued> {
        self.all().values_mut().flat_map(|lane| lane.queue.drain(..)).collect()
    }

    /// Whether any attempt is running.
    pub(super) fn are_busy(&self) -> bool {
        self.all().values().any(|lane| lane.working > 0)
    }

    /// How many attempts of each lane are running.
    pub(super) fn in_flight(&self) -> HashMap<String, usize> {
        self.all().iter().map(|(name, lane)| (name.clone(), lane.working)).collect()
    }
}

#[cfg(test)]
mod tests;
