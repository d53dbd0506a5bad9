//! The contacts of users. Every rule of [`Contacts`] is a named test of `tests/store/contacts.rs`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::model::{Channel, Contact, ContactAddress, ContactId, ContactState, Label, Timestamp, UserId};

/// The most contacts that a user has: each notification may go to all of them.
pub const MOST_CONTACTS: usize = 20;

/// A contact to add, or a known one that was seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// Its id, if it is new.
    pub id: ContactId,
    /// The user it belongs to.
    pub user_id: UserId,
    /// Its address.
    pub address: ContactAddress,
    /// Label that its owner gave it.
    pub label: Option<Label>,
    /// The present moment.
    pub at: Timestamp,
}

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptContact {
    /// Its id.
    pub id: ContactId,
    /// The user it belongs to.
    pub user_id: UserId,
    /// Its address.
    pub address: ContactAddress,
    /// Label that its owner gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Whether messages are sent to it, and why not.
    pub state: ContactState,
    /// Time since which it has this state.
    pub since: Timestamp,
    /// Time at which it was added.
    pub created_at: Timestamp,
    /// Time at which it was last added or renewed.
    pub last_seen_at: Timestamp,
}

impl NewContact {
    /// As it is stored when it is new.
    pub(super) fn made(&self) -> KeptContact {
        let Self { id, user_id, address, label, at } = self.clone();
        let (created_at, last_seen_at) = (at, at);
        KeptContact { id, user_id, address, label, state: ContactState::Active, since: at, created_at, last_seen_at }
    }

    /// Contacts with the same identity are the same contact.
    pub(super) fn identity(&self) -> [u8; 32] {
        self.address.identity(&self.user_id)
    }

    /// Whether it may give way to a new contact when it was not seen for longest.
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
    /// The contact is new.
    Added(KeptContact),
    /// The contact was known, and now has the label and the keys that were given.
    Renewed(KeptContact),
    /// The user has [`MOST_CONTACTS`], and none of them may be replaced. Nothing was changed.
    Full,
}

/// Stores the addresses at which channels reach users.
#[async_trait]
pub trait Contacts: Send + Sync + 'static {
    /// Adds a contact, or renews one that is [the same](ContactAddress::identity): it keeps its id and is active again,
    /// with this label and these keys.
    ///
    /// A browser or device belongs to one user: another user who had it loses it. Where a user has [`MOST_CONTACTS`], a
    /// push contact replaces the push contact that was not seen for longest.
    async fn put_contact(&self, contact: &NewContact) -> Result<Put, StoreError>;

    /// All contacts of a user, the oldest first.
    async fn contacts(&self, user_id: &UserId) -> Result<Vec<KeptContact>, StoreError>;

    /// One contact; `None` when none has this id.
    async fn contact(&self, id: ContactId) -> Result<Option<KeptContact>, StoreError>;

    /// Removes a contact of this user; `false` when they have none with this id.
    async fn delete_contact(&self, user_id: &UserId, id: ContactId) -> Result<bool, StoreError>;

    /// Sets the state of a contact, as the other side reported it at the time `as_of`; `false`, and nothing is changed,
    /// when no contact has this id, or it was renewed after that time, which outdates the report.
    async fn set_contact_state(
        &self,
        id: ContactId,
        state: ContactState,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes all contacts of a user, and returns their number.
    async fn delete_contacts(&self, user_id: &UserId) -> Result<usize, StoreError>;

    /// Removes up to `most` contacts that no longer reach a device, and returns their number: push contacts that have
    /// been [`ContactState::Dead`] since `dead_since` or longer, and FCM contacts in any state that were not seen after
    /// `fcm_last_seen`. Disabled contacts stay: they show their user and the operator that something is set up wrong.
    async fn drop_gone(
        &self,
        dead_since: Timestamp,
        fcm_last_seen: Timestamp,
        most: usize,
    ) -> Result<usize, StoreError>;
}
