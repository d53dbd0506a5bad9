//! Counts the connections of each client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ipnet::IpNet;

use crate::server::address::of_one_client;

/// Counts the connections of each address, or of each /64 of IPv6, which belongs to one client.
#[derive(Debug)]
pub(super) struct Addresses {
    most: usize,
    /// Networks behind which many clients share an address.
    trusted: Vec<IpNet>,
    open: Mutex<HashMap<IpAddr, usize>>,
    refused: AtomicU64,
}

/// A client has as many connections as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// A connection of an address, counted for as long as this lives.
#[derive(Debug)]
pub(super) struct OfAddress {
    addresses: Arc<Addresses>,
    client: IpAddr,
}

impl Addresses {
    pub(super) fn new(most: usize, trusted: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { most, trusted, open: Mutex::default(), refused: AtomicU64::new(0) })
    }

    /// Counts one more connection of this address, which is in its canonical form; `None` where connections are not
    /// counted.
    ///
    /// # Errors
    /// When the client has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Option<OfAddress>, TooMany> {
        if address.is_loopback() || self.trusted.iter().any(|network| network.contains(&address)) {
            return Ok(None);
        }
        let client = of_one_client(address);
        let mut open = self.open();
        let count = open.entry(client).or_insert(0);
        if *count >= self.most {
            drop(open);
            // A client that tries a thousand times a second must not fill the log.
            let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
            if refused.is_power_of_two() {
                tracing::warn!(refused, most = self.most, "connections were closed: their address reached its limit");
            }
            return Err(TooMany);
        }
        *count += 1;
        Ok(Some(OfAddress { addresses: Arc::clone(self), client }))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OfAddress {
    fn drop(&mut self) {
        let mut open = self.addresses.open();
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_has_as_many_connections_as_it_may_and_one_that_ends_makes_room() {
        let addresses = Addresses::new(2, Vec::new());
        for [first, other] in
            [["203.0.113.7", "203.0.113.8"], ["2001:db8::1", "2001:db8:0:1::1"]].map(|all| all.map(ip))
        {
            let one = addresses.take(first).unwrap();
            let _two = addresses.take(first).unwrap();
            assert_eq!(addresses.take(first).unwrap_err(), TooMany);
            assert!(addresses.take(other).unwrap().is_some());
            drop(one);
            assert!(addresses.take(first).is_ok());
        }
        let _of_one_64 = [addresses.take(ip("2001:db8:9::1")).unwrap(), addresses.take(ip("2001:db8:9::2")).unwrap()];
        assert!(addresses.take(ip("2001:db8:9:0:ffff::3")).is_err());
    }

    #[test]
    fn nothing_is_counted_for_this_machine_and_trusted_proxies() {
        let addresses = Addresses::new(1, vec!["10.0.0.0/8".parse().unwrap()]);
        for address in ["127.0.0.1", "127.9.9.9", "::1", "10.1.2.3"] {
            let all: Vec<_> = (0..5).map(|_| addresses.take(ip(address)).unwrap()).collect();
            assert!(all.iter().all(Option::is_none));
        }
        drop(addresses.take(ip("203.0.113.7")));
        assert!(addresses.open().is_empty());
    }
}
