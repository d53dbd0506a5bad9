//! What a service key may do.

use std::fmt;

use crate::model::Invalid;

/// What a service key may do, for every user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Create notifications.
    Send,
    /// List, count and follow; it changes nothing.
    Read,
    /// Everything, also mark, delete, and sign in to the dashboard.
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Send, Self::Read, Self::Admin];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

/// The scopes of a key, at least one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// These scopes; `None` when there is none.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Option<Self> {
        let bits = scopes.iter().fold(0, |bits, scope| bits | bit(*scope));
        (bits != 0).then_some(Self(bits))
    }

    /// Reads names with commas between them, such as `send,read`.
    ///
    /// # Errors
    /// When there is none, or one that does not exist.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let scope = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name.trim());
        let scopes: Option<Vec<_>> = text.split(',').map(scope).collect();
        scopes
            .and_then(|scopes| Self::of(&scopes))
            .ok_or_else(|| Invalid::new("Scopes are send, read and admin, with commas between them."))
    }

    /// Each of them, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & bit(*scope) != 0)
    }

    /// Whether this is one of them; `admin` is all of them.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (bit(scope) | bit(Scope::Admin)) != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Scope::as_str).collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["send", "read", "admin", "send,read", "send,admin", "send,read,admin"] {
            assert_eq!(Scopes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Scopes::parse("read, send,read").unwrap().to_string(), "send,read");
        for wrong in ["", ",", "send,", "Send", "write", "send read"] {
            assert!(Scopes::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn admin_may_everything_and_the_others_what_they_say() {
        let send = Scopes::of(&[Scope::Send]).unwrap();
        assert!(send.allow(Scope::Send) && !send.allow(Scope::Read) && !send.allow(Scope::Admin));
        let admin = Scopes::of(&[Scope::Admin]).unwrap();
        assert!(Scope::ALL.into_iter().all(|scope| admin.allow(scope)));
        assert_eq!(Scopes::of(&[]), None);
    }
}
