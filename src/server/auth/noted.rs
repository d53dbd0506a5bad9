//! Log lines that callers can cause at will: the first of each kind is logged at once, and the others are counted and
//! logged every few seconds, so that no caller fills the log.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::AUDIT;
use crate::server::address::of_one_client;

/// How many lines name the address of one client until the next summary, and how many lines name any.
const LINES_OF_ONE: u32 = 10;
const LINES: u32 = 1_000;

/// Events since the last log line.
#[derive(Default)]
pub(in crate::server) struct Noted {
    /// Whether lines name the address of the client.
    with_addresses: bool,
    refused: Tally,
    failed_sign_ins: Tally,
    outages: AtomicU64,
    /// Why the last caller could not be authenticated.
    cause: Mutex<String>,
}

impl Noted {
    /// Counters for a log with or without addresses.
    pub(super) fn new(with_addresses: bool) -> Self {
        Self { with_addresses, ..Self::default() }
    }

    /// Counts an invalid key, token or ticket, by the reason.
    pub(in crate::server) fn refused(&self, reason: &'static str, address: Option<IpAddr>) {
        match self.refused.add(reason, self.named(address)) {
            Some(Line::Of(address)) => {
                tracing::info!(target: AUDIT, reason, %address, "a key, token or ticket was refused");
            }
            Some(Line::First) => tracing::info!(target: AUDIT, reason, "a key, token or ticket was refused"),
            None => {}
        }
    }

    /// Counts a failed sign-in, by the reason.
    pub(in crate::server) fn failed_sign_in(&self, reason: &'static str, address: Option<IpAddr>) {
        match self.failed_sign_ins.add(reason, self.named(address)) {
            Some(Line::Of(address)) => tracing::info!(target: AUDIT, reason, %address, "a person could not sign in"),
            Some(Line::First) => tracing::info!(target: AUDIT, reason, "a person could not sign in"),
            None => {}
        }
    }

    /// Counts a caller that could not be authenticated because the store or the issuer is unavailable.
    pub(in crate::server) fn outage(&self, cause: &str) {
        self.outages.fetch_add(1, Ordering::Relaxed);
        cause.clone_into(&mut self.cause.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Logs the counted events.
    pub(super) fn log(&self) {
        for (reason, count) in self.refused.take() {
            tracing::info!(target: AUDIT, count, reason, "more keys, tokens or tickets were refused");
        }
        for (reason, count) in self.failed_sign_ins.take() {
            tracing::info!(target: AUDIT, count, reason, "more people could not sign in");
        }
        let count = self.outages.swap(0, Ordering::Relaxed);
        if count > 0 {
            let cause = std::mem::take(&mut *self.cause.lock().unwrap_or_else(PoisonError::into_inner));
            tracing::warn!(count, cause, "callers could not be authenticated");
        }
    }

    fn named(&self, address: Option<IpAddr>) -> Option<IpAddr> {
        address.filter(|_| self.with_addresses)
    }
}

/// A line to log at once.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// It names this address.
    Of(IpAddr),
    /// It is the first for its reason.
    First,
}

/// Events of one kind since the last log line.
#[derive(Default)]
struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// How many events each reason has, beside the lines that were logged at once.
    unsaid: HashMap<&'static str, u64>,
    /// How many lines named an address of each client.
    lines: HashMap<IpAddr, u32>,
    all_lines: u32,
}

impl Tally {
    /// Counts an event, unless it gets a line at once.
    fn add(&self, reason: &'static str, address: Option<IpAddr>) -> Option<Line> {
        let mut counts = self.counts();
        if let Some(address) = address.filter(|_| counts.all_lines < LINES) {
            let lines = counts.lines.entry(of_one_client(address)).or_insert(0);
            if *lines < LINES_OF_ONE {
                *lines += 1;
                counts.all_lines += 1;
                return Some(Line::Of(address));
            }
        }
        let is_first = !counts.unsaid.contains_key(reason);
        let unsaid = counts.unsaid.entry(reason).or_insert(0);
        if is_first && address.is_none() {
            return Some(Line::First);
        }
        *unsaid += 1;
        None
    }

    /// Returns the counts, and resets them.
    fn take(&self) -> Vec<(&'static str, u64)> {
        let Counts { unsaid, .. } = std::mem::take(&mut *self.counts());
        unsaid.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_one_client_has_the_lines_of_one() {
        let tally = Tally::default();
        let named =
            |of: &str| (0..100).filter(|host| tally.add("x", format!("{of}{host:x}").parse().ok()).is_some()).count();
        assert_eq!((named("2001:db8::"), named("2001:db8:0:1::")), (10, 10));
    }

    #[test]
    fn the_first_of_each_reason_is_a_line_and_the_others_are_a_number() {
        let tally = Tally::default();
        assert_eq!(tally.add("it has expired", None), Some(Line::First));
        assert_eq!(tally.add("its signature is wrong", None), Some(Line::First));
        assert_eq!([tally.add("it has expired", None), tally.add("it has expired", None)], [None, None]);
        assert_eq!(tally.take(), [("it has expired", 2)]);
        assert_eq!(tally.take(), []);
        assert_eq!(tally.add("it has expired", None), Some(Line::First));
    }

    #[test]
    fn no_address_has_more_lines_than_it_may_and_none_takes_those_of_others() {
        let tally = Tally::default();
        let address = |number: u32| Some(IpAddr::from(number.to_be_bytes()));
        let lines = (0..25).filter(|_| tally.add("it has expired", address(1)).is_some()).count();
        assert_eq!(lines, 10);
        assert_eq!(tally.add("it has expired", address(2)), address(2).map(Line::Of));
        assert_eq!((3..5_000).filter(|number| tally.add("it has expired", address(*number)).is_some()).count(), 989);
        assert_eq!(tally.take(), [("it has expired", 15 + 4_997 - 989)]);
        assert!(tally.counts().lines.is_empty());
    }
}
