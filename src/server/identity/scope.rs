//! Scopes: the permissions of a principal.

use std::fmt;

use crate::model::Invalid;

/// A scope: a permission of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Create notifications.
    Send,
    /// List, count and follow, without changing anything.
    Read,
    /// Mark and delete.
    Mark,
    /// Manage the addresses and devices of users.
    Contacts,
    /// Everything, and sign in to the dashboard.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::Send, Self::Read, Self::Mark, Self::Contacts, Self::Admin];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Mark => "mark",
            Self::Contacts => "contacts",
            Self::Admin => "admin",
        }
    }
}

const fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The empty set: nothing is allowed.
    pub const NONE: Self = Self(0);
    /// The scopes of a user in their own inbox.
    pub(super) const USER: Self = Self(bit(Scope::Read) | bit(Scope::Mark) | bit(Scope::Contacts));
    /// Everything.
    pub(super) const ADMIN: Self = Self(bit(Scope::Admin));

    /// These scopes.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | bit(*scope)))
    }

    /// Reads names separated by commas, such as `send,read`; at least one.
    ///
    /// # Errors
    /// When there is none, or an unknown one.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let scope = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name.trim());
        let scopes: Option<Vec<_>> = text.split(',').map(scope).collect();
        scopes
            .map(|scopes| Self::of(&scopes))
            .ok_or_else(|| Invalid::new("Scopes are send, read, mark, contacts and admin, with commas between them."))
    }

    /// The scopes of the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & bit(*scope) != 0)
    }

    /// Whether the set allows this; `admin` allows everything.
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
        for text in ["send", "read", "mark", "contacts", "admin", "send,read", "send,mark,admin", "read,mark,contacts"]
        {
            assert_eq!(Scopes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Scopes::parse("read, send,read").unwrap().to_string(), "send,read");
        for wrong in ["", ",", "send,", "Send", "write", "send read"] {
            assert!(Scopes::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn admin_includes_every_scope_and_the_others_only_themselves() {
        let send = Scopes::of(&[Scope::Send]);
        assert!(send.allow(Scope::Send) && !send.allow(Scope::Read) && !send.allow(Scope::Admin));
        assert!(Scope::ALL.into_iter().all(|scope| Scopes::ADMIN.allow(scope)));
        assert!(Scope::ALL.into_iter().all(|scope| !Scopes::NONE.allow(scope)));
    }
}
