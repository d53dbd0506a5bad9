//! The caller and its permissions: one [`Principal`].
//!
//! `server/auth` makes one from a caller's credential, in one place; a program that embeds Campanile makes its own.
//! Everything that depends on the caller (rights, limits, idempotency keys, the audit log) uses the principal and
//! nothing else.

mod key_id;
mod scope;

use crate::model::{Invalid, UserId};

pub use key_id::KeyId;
pub use scope::{Scope, Scopes};

/// The identity of a caller, without its permissions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The operator of the server, or a program that embeds it.
    Operator,
    /// An application, by the id of its service key.
    Key(KeyId),
    /// A user, by the id of their inbox.
    User(UserId),
    /// A caller who is not authenticated.
    Anonymous,
}

impl Holder {
    /// The form in which it is stored and compared: its kind, and its id.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Key(id) => format!("key:{id}"),
            Self::User(user_id) => format!("user:{user_id}"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }

    /// Reads the output of [`Self::to_text`]. Nothing is stored for an anonymous caller.
    pub(crate) fn from_text(text: &str) -> Result<Self, Invalid> {
        match text.split_once(':') {
            None if text == "operator" => Ok(Self::Operator),
            Some(("key", id)) => KeyId::parse(id).map(Self::Key),
            Some(("user", user_id)) => UserId::parse(user_id).map(Self::User),
            _ => Err(Invalid::new("this is no holder of a session or a ticket")),
        }
    }
}

/// Why a principal may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller is not authenticated, and would have to be.
    #[error("it is not known who is calling")]
    Unauthenticated,
    /// The caller may not do it; the sentence says what would be allowed.
    #[error("{0}")]
    Forbidden(&'static str),
}

/// The caller and its permissions. Every call of the service takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    holder: Holder,
    scopes: Scopes,
    /// The only inbox for which the credential is valid.
    only: Option<UserId>,
}

impl Principal {
    /// The operator of the server, or a program that embeds it: may do everything.
    #[must_use]
    pub const fn operator() -> Self {
        Self { holder: Holder::Operator, scopes: Scopes::ADMIN, only: None }
    }

    /// An application with a service key: may do what its scopes allow, for every user.
    #[must_use]
    pub const fn key(id: KeyId, scopes: Scopes) -> Self {
        Self { holder: Holder::Key(id), scopes, only: None }
    }

    /// A user: may read, mark and delete in their own inbox, and manage their own devices; never sends.
    #[must_use]
    pub const fn user(user_id: UserId) -> Self {
        Self { holder: Holder::User(user_id), scopes: Scopes::USER, only: None }
    }

    /// A caller who is not authenticated: may do nothing.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { holder: Holder::Anonymous, scopes: Scopes::NONE, only: None }
    }

    /// The same principal, limited to this inbox.
    #[must_use]
    pub fn within(self, inbox: UserId) -> Self {
        Self { only: Some(inbox), ..self }
    }

    /// The identity.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whether the caller is authenticated.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.holder != Holder::Anonymous
    }

    /// Whether the caller may see this inbox.
    #[must_use]
    pub fn owns(&self, user_id: &UserId) -> bool {
        let is_theirs = match &self.holder {
            Holder::Operator | Holder::Key(_) => true,
            Holder::User(own) => own == user_id,
            Holder::Anonymous => false,
        };
        is_theirs && self.only.as_ref().is_none_or(|only| only == user_id)
    }

    /// The only inbox that the caller may see, if there is one.
    #[must_use]
    pub fn own_inbox(&self) -> Option<&UserId> {
        match &self.holder {
            Holder::User(own) => Some(own),
            Holder::Operator | Holder::Key(_) | Holder::Anonymous => self.only.as_ref(),
        }
    }

    /// Whether the caller may create notifications.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.may(Scope::Send).is_ok()
    }

    /// Whether the caller may do this in any inbox at all.
    ///
    /// # Errors
    /// Why the caller may not.
    pub fn may(&self, scope: Scope) -> Result<(), Denied> {
        if self.scopes.allow(scope) {
            return Ok(());
        }
        Err(match &self.holder {
            Holder::Anonymous => Denied::Unauthenticated,
            Holder::User(_) => Denied::Forbidden(match scope {
                Scope::Send => "Only an application may do this. Send with a service key.",
                _ => "Only an operator, or an application with a service key, may do this.",
            }),
            Holder::Operator | Holder::Key(_) => Denied::Forbidden(match scope {
                Scope::Send => {
                    "This key may not send: it lacks the scope `send`. Create a key with all scopes that you use, such as: campanile key create NAME --scopes send,read"
                }
                Scope::Read => {
                    "This key may not read: it lacks the scope `read`. Create a key with all scopes that you use, such as: campanile key create NAME --scopes send,read"
                }
                Scope::Mark => {
                    "This key may not mark or delete: it lacks the scope `mark`. Create a key with all scopes that you use, such as: campanile key create NAME --scopes read,mark"
                }
                Scope::Contacts => {
                    "This key may not manage contacts and preferences: it lacks the scope `contacts`. Create a key with all scopes that you use, such as: campanile key create NAME --scopes read,contacts"
                }
                Scope::Admin => {
                    "This key may not do this: it lacks the scope `admin`. Create a key with all scopes that you use, such as: campanile key create NAME --scopes admin"
                }
            }),
        })
    }

    /// Whether the caller may do one of these in any inbox at all.
    ///
    /// # Errors
    /// Why the caller may not do the first.
    pub fn may_either(&self, [first, second]: [Scope; 2]) -> Result<(), Denied> {
        self.may(first).or_else(|why| self.may(second).map_err(|_| why))
    }

    /// Whether the caller may do one of these in this inbox, or in all of them when none is named.
    ///
    /// # Errors
    /// Why the caller may not do the first.
    pub fn may_in_either(&self, [first, second]: [Scope; 2], inbox: Option<&UserId>) -> Result<(), Denied> {
        self.may_in(first, inbox).or_else(|why| self.may_in(second, inbox).map_err(|_| why))
    }

    /// Whether the caller may do this in this inbox, or in all of them when none is named.
    ///
    /// # Errors
    /// Why the caller may not.
    pub fn may_in(&self, scope: Scope, inbox: Option<&UserId>) -> Result<(), Denied> {
        self.may(scope)?;
        match (self.own_inbox(), inbox) {
            (None, _) => Ok(()),
            (Some(_), Some(inbox)) if self.owns(inbox) => Ok(()),
            (Some(_), _) if self.only.is_some() => {
                Err(Denied::Forbidden("This credential is valid for another inbox only."))
            }
            (Some(_), _) => Err(Denied::Forbidden("You may use your own inbox only.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> UserId {
        UserId::parse("ann").unwrap()
    }

    #[test]
    fn a_holder_is_read_as_it_is_written() {
        for holder in [Holder::Operator, Holder::Key(KeyId::new(7)), Holder::User(ann())] {
            assert_eq!(Holder::from_text(&holder.to_text()), Ok(holder));
        }
        for wrong in ["", "anonymous", "key:7", "user:", "nobody:ann"] {
            assert!(Holder::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_principal_has_exactly_its_scopes() {
        let read = Principal::key(KeyId::new(1), Scopes::of(&[Scope::Read]));
        let mark = Principal::key(KeyId::new(2), Scopes::of(&[Scope::Mark]));
        for (principal, allowed) in [
            (Principal::operator(), &Scope::ALL[..]),
            (read, &[Scope::Read]),
            (mark, &[Scope::Mark]),
            (Principal::user(ann()), &[Scope::Read, Scope::Mark, Scope::Contacts]),
            (Principal::anonymous(), &[]),
        ] {
            for scope in Scope::ALL {
                assert_eq!(principal.may(scope).is_ok(), allowed.contains(&scope), "{principal:?} {scope:?}");
            }
        }
        assert_eq!(Principal::anonymous().may(Scope::Read), Err(Denied::Unauthenticated));
    }

    #[test]
    fn a_user_has_one_inbox_and_an_application_has_all() {
        let bob = UserId::parse("bob").unwrap();
        let user = Principal::user(ann());
        assert!(user.may_in(Scope::Read, Some(&ann())).is_ok());
        assert!(user.may_in(Scope::Read, Some(&bob)).is_err() && user.may_in(Scope::Read, None).is_err());
        assert!(user.owns(&ann()) && !user.owns(&bob));
        assert!(Principal::operator().may_in(Scope::Read, None).is_ok());
        assert!(!Principal::anonymous().owns(&ann()));
        for bound in [Principal::operator(), Principal::user(ann())].map(|of| of.within(ann())) {
            assert!(bound.may_in(Scope::Read, Some(&ann())).is_ok() && bound.owns(&ann()));
            assert!(bound.may_in(Scope::Read, Some(&bob)).is_err() && !bound.owns(&bob));
            assert!(bound.may_in(Scope::Read, None).is_err());
        }
        assert!(!Principal::user(ann()).within(bob.clone()).owns(&ann()));
        assert!(Principal::user(ann()).within(bob.clone()).may_in(Scope::Read, Some(&bob)).is_err());
    }
}
