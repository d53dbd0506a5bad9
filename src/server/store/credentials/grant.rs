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
    /// Uses the dashboard, again and again.
    Session,
    /// Opens a live stream: once, or the stream of one inbox again and again.
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

/// A session or a ticket, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The hash of its secret.
    pub hash: SecretHash,
    /// Its kind.
    pub kind: GrantKind,
    /// The caller that it stands for.
    pub holder: Holder,
    /// Time from which it is no longer valid.
    pub expires_at: Timestamp,
    /// Time at which a stream that it opened has to end, because the holder's credential is no longer valid then.
    pub until: Option<Timestamp>,
    /// The session in which a ticket was created, and with which it ends.
    pub session: Option<SecretHash>,
    /// The only inbox that a ticket is valid for.
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
