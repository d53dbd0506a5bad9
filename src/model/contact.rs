//! A contact of a user: an e-mail address, a browser or a device.

#[cfg(feature = "ssr")]
mod address;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Channel, Timestamp,
    delivery::{uuid_name, words},
    problem::Invalid,
};

#[cfg(feature = "ssr")]
pub use address::{
    ContactAddress, ContactDraft, DeviceToken, EmailAddress, Environment, FcmKind, FcmToken, Label, SubscriptionKeys,
    Topic,
};

uuid_name! {
    /// Id of a contact. A contact that moves to another user gets a new id, so that waiting deliveries are not sent to
    /// the new owner.
    ContactId, "a contact"
}

words! {
    /// Whether messages are sent to a contact, and why not.
    ContactState, "one of the states of a contact" {
        /// Messages are sent to it.
        Active = "active",
        /// A mail server said that it accepts no mail for this address.
        Suppressed = "suppressed",
        /// Its service refuses it, for example because the token is of another app.
        Disabled = "disabled",
        /// Its service said that it no longer exists.
        Dead = "dead",
    }
}

/// A contact: an address at which a channel reaches a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Its name.
    pub id: ContactId,
    /// Channel that reaches it.
    pub channel: Channel,
    /// The e-mail address; of a token or an endpoint, which are secrets, the last 8 characters.
    #[cfg_attr(feature = "ssr", schema(example = "ann@example.com"))]
    pub address: String,
    /// Label that its owner gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub label: Option<String>,
    /// Whether messages are sent to it, and why not.
    pub state: ContactState,
    /// Time at which it was added.
    pub created_at: Timestamp,
    /// Time at which it was last added or confirmed.
    pub last_seen_at: Timestamp,
}
