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
    /// The delivery. This attempt is among its tries.
    pub(super) delivery: Delivery,
    /// The endpoint that it goes to, if it goes to one.
    pub(super) webhook: Option<Arc<Webhook>>,
    /// The lease of the claim.
    pub(super) lease: Uuid,
    /// When it was made, or a little before.
    pub(super) claimed_at: Instant,
    /// When it was to be sent first.
    pub(super) since: Timestamp,
    /// Earlier attempts, to be stored.
    pub(super) before: Vec<Attempt>,
    /// Their outcome.
    pub(super) past: Past,
}

/// The outcome of earlier attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    /// How many there were, whether they count or not.
    pub(super) attempts: usize,
    /// How many of them the other side answered by saying that it is not well.
    pub(super) unwell: u32,
    /// When it said that first.
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

/// What an attempt reveals about the settings of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The other side let this server in.
    LetIn,
    /// It did not.
    Refused,
    /// Nothing: there was no answer, or one that a user's registration explains as well.
    Unknown,
}

/// An attempt that is being made.
pub(super) struct Flight {
    pub(super) id: DeliveryId,
    /// The lease of its claim.
    pub(super) lease: Uuid,
    /// When it began.
    pub(super) at: Timestamp,
    /// When it was to be sent first.
    pub(super) since: Timestamp,
    /// By which channel.
    pub(super) channel: Channel,
    /// How many attempts there were, with this one.
    pub(super) tries: u32,
}

/// Everything of each lane that is at hand.
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
    /// How many may, as far as that is known.
    most: usize,
    /// How long an attempt takes, the last ones counting most.
    takes: Option<Duration>,
    /// How many times in a row it was found that it is not set up right.
    misconfigured: u64,
    /// When that was found last. Attempts that had begun by then say nothing new of it.
    found_at: Option<Instant>,
    /// The contact that was reached last.
    reached: Option<Uuid>,
    /// The users for one of whose contacts this server was not let in since, as many as matter.
    refused: Vec<UserId>,
    /// Whether more of it was asked for since something came.
    has_asked: bool,
    /// Until when it takes nothing.
    rests_until: Option<Instant>,
    /// Whether the last attempt failed for a reason that is the lane's.
    is_broken: bool,
    /// Whether what was claimed last was not to be sent at all: much of that is claimed at once.
    drains: bool,
}

impl Lane {
    /// How much is to be at hand: of a lane that is quick as much as it sends in a moment, so that it does not wait for the
    /// store, and of one that is slow only what it sends now: what waits here in vain is kept from other servers.
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

    /// How much more may be claimed now, in steps that are worth it.
    fn claimable(&self) -> usize {
        let (room, at_hand) = (self.room(), self.queue.len() + self.working);
        let more = room.saturating_sub(at_hand).min(Lanes::STEP);
        let is_worth_it = at_hand < self.at_once() || more >= (room / 2).min(Lanes::STEP);
        if is_worth_it { more } else { 0 }
    }

    /// How many attempts of it are made at once.
    fn at_once(&self) -> usize {
        if self.is_probed() { 1 } else { self.most.max(Lanes::AT_FIRST) }
    }

    /// Whether one attempt is to find out if it is set up right by now.
    fn is_probed(&self) -> bool {
        self.misconfigured > 0
    }

    /// The next one to send. What probes is what was tried least, and for a user who was not refused if there is one: a
    /// contact that is never let in would otherwise probe for all, again and again.
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
    /// How many are claimed of a lane of which nothing is known.
    pub(super) const AT_FIRST: usize = 4;
    /// From how many that are due the one is chosen that probes.
    const PROBES_FROM: usize = 32;
    /// How many users have to be refused in a row, while no push arrives, for it to be the lane's fault.
    const MANY_USERS: usize = 3;
    /// How much of a lane is at hand at most.
    const AT_MOST: usize = 1_024;
    /// How much of it is claimed in one step: a claim is a transaction, which neither many nor heavy ones should be.
    const STEP: usize = 256;
    /// How long a claimed delivery may wait here, roughly, for each sending task.
    const A_MOMENT: Duration = Duration::from_millis(500);

    fn all(&self) -> MutexGuard<'_, HashMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much more may be claimed of each lane of which something is at hand or known.
    pub(super) fn rooms(&self) -> HashMap<String, usize> {
        let mut all = self.all();
        // What is not known any more is as at first.
        if all.len() > 10_000 {
            all.retain(|_, lane| lane.working > 0 || !lane.queue.is_empty());
        }
        let room = |lane: &Lane| if lane.rests() { 0 } else { lane.claimable() };
        all.iter().map(|(name, lane)| (name.clone(), room(lane))).collect()
    }

    /// Queues what was claimed; gives it back when its lane rests.
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

    /// Takes everything that is queued in a lane that is to be left alone. It takes nothing for a moment: by then the
    /// store knows why.
    pub(super) fn rest(&self, lane: &str) -> VecDeque<Queued> {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return VecDeque::new() };
        lane.rests_until = Some(Instant::now() + Self::A_MOMENT);
        std::mem::take(&mut lane.queue)
    }

    /// How many more tasks should send from a lane, of `most` at most. They count from now on.
    pub(super) fn free(&self, lane: &str, most: usize) -> usize {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return 0 };
        lane.most = most;
        let most = if lane.is_probed() { 1 } else { most };
        let free = most.saturating_sub(lane.working).min(lane.queue.len());
        lane.working += free;
        free
    }

    /// The next one for a task that sends; `None` ends the task.
    pub(super) fn next(&self, lane: &str) -> Option<Queued> {
        let mut all = self.all();
        let lane = all.get_mut(lane)?;
        let next = lane.next();
        if next.is_none() {
            lane.working -= 1;
        }
        next
    }

    /// An attempt is being made.
    pub(super) fn begin(&self, flight: Flight) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).insert(flight.id, flight);
    }

    /// It is over.
    pub(super) fn end(&self, id: DeliveryId) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// All that are being made.
    pub(super) fn flights(&self) -> Vec<Flight> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).drain().map(|(_, flight)| flight).collect()
    }

    /// Notes whether a lane is broken, and returns whether that was not so before.
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

    /// An attempt that began at that moment is over. Returns whether it has shown that a lane is set up right that was
    /// probed.
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

    /// For this contact of a user, the push service did not let this server in. Returns whether that says more of what the
    /// user registered than of how this server is set up: another contact was reached, and since then only few users were
    /// refused.
    pub(super) fn is_of_user(&self, lane: &str, user_id: &UserId, contact: Uuid) -> bool {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane) else { return false };
        if lane.refused.len() < Self::MANY_USERS && !lane.refused.contains(user_id) {
            lane.refused.push(user_id.clone());
        }
        lane.refused.len() < Self::MANY_USERS && lane.reached.is_some_and(|reached| reached != contact)
    }

    /// How many times in a row it was found that a lane is not set up right; attempts that were made at once find it once.
    pub(super) fn misconfigured(&self, lane: &str) -> u64 {
        self.all().get(lane).map_or(0, |lane| lane.misconfigured)
    }

    /// Whether more of a lane should be claimed, before what is queued is all sent; told once.
    pub(super) fn wants_more(&self, lane: &str) -> bool {
        let mut all = self.all();
        let Some(lane) = all.get_mut(lane).filter(|lane| !lane.has_asked) else { return false };
        lane.has_asked = lane.claimable() > 0;
        lane.has_asked
    }

    /// Takes everything that is queued.
    pub(super) fn empty(&self) -> Vec<Queued> {
        self.all().values_mut().flat_map(|lane| lane.queue.drain(..)).collect()
    }

    /// Whether anything is being sent.
    pub(super) fn are_busy(&self) -> bool {
        self.all().values().any(|lane| lane.working > 0)
    }

    /// How many attempts of each lane are being made.
    pub(super) fn in_flight(&self) -> HashMap<String, usize> {
        self.all().iter().map(|(name, lane)| (name.clone(), lane.working)).collect()
    }
}

#[cfg(test)]
mod tests;
