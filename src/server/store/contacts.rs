//! The contacts of users. Every rule of [`Contacts`] is a named test of `tests/store/contacts.rs`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::model::{Channel, Contact, ContactAddress, ContactId, ContactState, Label, Timestamp, UserId};

/// The most contacts that a user has: each notification may go to all of them.
pub const MOST_CONTACTS: usize = 20;

/// A contact that is to be added, or that is known and was seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// Its name, if it is new.
    pub id: ContactId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its address.
    pub address: ContactAddress,
    /// Label that its owner gave it.
    pub label: Option<Label>,
    /// The present moment.
    pub at: Timestamp,
}

/// A contact as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptContact {
    /// Its name.
    pub id: ContactId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its address.
    pub address: ContactAddress,
    /// Label that its owner gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Whether messages are sent to it, and why not.
    pub state: ContactState,
    /// Since when it is so.
    pub since: Timestamp,
    /// Time at which it was added.
    pub created_at: Timestamp,
    /// When it was put for the last time.
    pub last_seen_at: Timestamp,
}

impl NewContact {
    /// As it is kept when it is new.
    pub(super) fn made(&self) -> KeptContact {
        let Self { id, user_id, address, label, at } = self.clone();
        let (created_at, last_seen_at) = (at, at);
        KeptContact { id, user_id, address, label, state: ContactState::Active, since: at, created_at, last_seen_at }
    }

    /// Contacts with the same identity are the same contact.
    pub(super) fn identity(&self) -> [u8; 32] {
        self.address.identity(&self.user_id)
    }

    /// Whether it is one of those of which the longest silent may go.
    pub(super) fn is_push(&self) -> bool {
        self.address.channel() != Channel::Email
    }
}

impl KeptContact {
    /// As callers see it.
    #[must_use]
    pub fn view(self) -> Contact {
        Contact {
            id: self.id,
            channel: self.address.channel(),
            address: self.address.shown().to_owned(),
            label: self.label.map(|label| label.to_string()),
            state: self.state,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
        }
    }
}

/// The result of adding a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there, and was not.
    Added(KeptContact),
    /// It was there, and is as it was put now.
    Renewed(KeptContact),
    /// The user has [`MOST_CONTACTS`], and none that may go for it. Nothing was done.
    Full,
}

/// Keeps where channels reach users.
#[async_trait]
pub trait Contacts: Send + Sync + 'static {
    /// Adds a contact, or renews one that is [the same](ContactAddress::identity): it keeps its name and is active
    /// again, with this label and these keys.
    ///
    /// What reaches a browser or device is of one user: it leaves another one who had it. Where a user has
    /// [`MOST_CONTACTS`], a push contact takes the place of the push contact that was not seen for longest.
    async fn put_contact(&self, contact: &NewContact) -> Result<Put, StoreError>;

    /// All contacts of a user, the oldest first.
    async fn contacts(&self, user_id: &UserId) -> Result<Vec<KeptContact>, StoreError>;

    /// One; `None` when there is none of that id.
    async fn contact(&self, id: ContactId) -> Result<Option<KeptContact>, StoreError>;

    /// Takes one of this user away; `false` when they have none of that id.
    async fn delete_contact(&self, user_id: &UserId, id: ContactId) -> Result<bool, StoreError>;

    /// Says how it stands with a contact from now on, as the other side found at the moment `as_of`; `false`, and nothing
    /// is done, when there is none of that id, or it was put again after that moment: then what is said of it is over.
    async fn set_contact_state(
        &self,
        id: ContactId,
        state: ContactState,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Takes all contacts of a user away, and returns how many those were.
    async fn delete_contacts(&self, user_id: &UserId) -> Result<usize, StoreError>;

    /// Takes away what reaches no device any more, at most so many, and returns how many those were: push contacts that
    /// are [`ContactState::Dead`] since this moment or before, and those of FCM, whatever their state, that were not seen
    /// since the other one. What is disabled stays: its user and the operator see by it that something is set up wrong.
    async fn drop_gone(
        &self,
        dead_since: Timestamp,
        fcm_last_seen: Timestamp,
        most: usize,
    ) -> Result<usize, StoreError>;
}
