//! The rate limits of callers.

use std::net::IpAddr;

use crate::server::{
    address::of_one_client,
    identity::Holder,
    limiter::{Limiter, Rate, Remaining, TooOften},
};

/// How often a caller may ask; `None` means without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Each service key.
    pub key: Option<Rate>,
    /// Each user.
    pub user: Option<Rate>,
    /// Each address, without a valid credential.
    pub address: Option<Rate>,
    /// Each address, for attempts to sign in.
    pub login: Option<Rate>,
}

/// The counters of each caller's requests.
pub struct Usage {
    keys: Option<Limiter<u64>>,
    users: Option<Limiter<Holder>>,
    addresses: Option<Limiter<IpAddr>>,
    logins: Option<Limiter<IpAddr>>,
}

impl Usage {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            keys: limits.key.map(Limiter::new),
            users: limits.user.map(Limiter::new),
            addresses: limits.address.map(Limiter::new),
            logins: limits.login.map(Limiter::new),
        }
    }

    /// Counts a request of an authenticated caller; `None` where there is no limit.
    ///
    /// # Errors
    /// When there were too many.
    pub(in crate::server) fn of_holder(&self, holder: &Holder) -> Option<Result<Remaining, TooOften>> {
        match holder {
            Holder::Operator | Holder::Anonymous => None,
            Holder::Key(id) => self.keys.as_ref().map(|keys| keys.check(&id.number())),
            Holder::User(_) => self.users.as_ref().map(|users| users.check(holder)),
        }
    }

    /// Counts further requests of an admitted caller, because its request weighs more than one.
    pub(in crate::server) fn charge(&self, holder: &Holder, more: u32) {
        match holder {
            _ if more == 0 => {}
            Holder::Operator | Holder::Anonymous => {}
            Holder::Key(id) => self.keys.iter().for_each(|keys| keys.charge(&id.number(), more)),
            Holder::User(_) => self.users.iter().for_each(|users| users.charge(holder, more)),
        }
    }

    /// Counts a request without a recently valid credential against its address.
    ///
    /// # Errors
    /// When there were too many.
    pub(in crate::server) fn of_stranger(&self, address: Option<IpAddr>) -> Result<(), TooOften> {
        check(self.addresses.as_ref(), address)
    }

    /// Counts an attempt to sign in, where requests of its address are counted.
    ///
    /// # Errors
    /// When there were too many.
    pub(in crate::server) fn of_attempt(&self, address: Option<IpAddr>) -> Result<(), TooOften> {
        check(self.logins.as_ref(), address)
    }

    pub(super) fn forget_idle(&self) {
        self.keys.iter().for_each(Limiter::forget_idle);
        self.users.iter().for_each(Limiter::forget_idle);
        self.addresses.iter().chain(&self.logins).for_each(Limiter::forget_idle);
    }
}

/// Counts one request of an address, where those are counted at all.
fn check(limiter: Option<&Limiter<IpAddr>>, address: Option<IpAddr>) -> Result<(), TooOften> {
    match (limiter, address) {
        (Some(limiter), Some(address)) => limiter.check(&of_one_client(address)).map(drop),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_addresses_has_no_more_attempts_than_one() {
        let rate = Rate::parse("1/h:1").unwrap();
        let usage = Usage::new(&Limits { address: rate, ..Limits::default() });
        let ask = |address: &str| usage.of_stranger(Some(address.parse().unwrap()));
        assert!(ask("2001:db8::1").is_ok());
        assert!(ask("2001:db8::ffff:2").is_err());
        assert!(ask("2001:db8:0:1::1").is_ok());
        assert!(ask("192.0.2.1").is_ok());
        assert!(ask("::ffff:192.0.2.1").is_err());
        assert!(ask("192.0.2.2").is_ok());
    }
}
