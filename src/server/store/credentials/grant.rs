//! Sessions and tickets, which authenticated callers receive.

use std::fmt;

use super::SecretHash;
use crate::{
    model::{Timestamp, UserId},
    server::identity::Holder,
};

/// The kind of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantKind {
    /// To use the dashboard, again and again.
    Session,
    /// To open a live stream: once, or of one inbox again and again.
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
    /// The hash of its secret.
    pub hash: SecretHash,
    /// What it is good for.
    pub kind: GrantKind,
    /// Whom it speaks for.
    pub holder: Holder,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
    /// When a stream that it opened has to end, because what the holder showed is no longer good then.
    pub until: Option<Timestamp>,
    /// The session in which a ticket was made, and with which it ends.
    pub session: Option<SecretHash>,
    /// The only inbox that a ticket is good for.
    pub inbox: Option<UserId>,
    /// Whether a ticket may be used again.
    pub is_reusable: bool,
}

impl fmt::Debug for Grant {
    /// Without the hash and the holder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("kind", &self.kind).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
