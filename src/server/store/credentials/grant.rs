//! What is handed out to those who proved who they are.

use std::fmt;

use super::{KeyId, SecretHash};
use crate::model::{Invalid, Timestamp, UserId};

/// Whom a session or a ticket speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Whoever runs the server, where nobody has to prove anything.
    Operator,
    /// Whoever has this key, for as long as it is good and with what it may do then.
    Key(KeyId),
    /// This user.
    User(UserId),
}

impl Holder {
    /// As it is stored: what it is, and who.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Key(id) => format!("key:{id}"),
            Self::User(user_id) => format!("user:{user_id}"),
        }
    }

    /// Out of what [`Self::to_text`] wrote.
    pub(crate) fn from_text(text: &str) -> Result<Self, Invalid> {
        match text.split_once(':') {
            None if text == "operator" => Ok(Self::Operator),
            Some(("key", id)) => KeyId::parse(id).map(Self::Key),
            Some(("user", user_id)) => UserId::parse(user_id).map(Self::User),
            _ => Err(Invalid::new("this is no holder of a session or a ticket")),
        }
    }
}

/// What a grant is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantKind {
    /// To use the dashboard, again and again.
    Session,
    /// To open one live stream, once.
    Ticket,
}

impl GrantKind {
    /// As it is stored.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Ticket => "ticket",
        }
    }
}

/// A session or a ticket, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// What its secret hashes to.
    pub hash: SecretHash,
    /// What it is good for.
    pub kind: GrantKind,
    /// Whom it speaks for.
    pub holder: Holder,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
    /// When a stream that it opened has to end, because what the holder showed is no longer good then.
    pub until: Option<Timestamp>,
}

impl fmt::Debug for Grant {
    /// Without the hash and the holder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("kind", &self.kind).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
