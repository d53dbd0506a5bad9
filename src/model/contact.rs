//! Where a channel reaches a user: an e-mail address, a browser, a device.

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
    /// The name of a contact. One that moves to another user gets another one, so that what waits for it there is not
    /// sent to the new owner.
    ContactId, "a contact"
}

words! {
    /// Whether anything is sent to a contact, and why not.
    ContactState, "one of the states of a contact" {
        /// It is.
        Active = "active",
        /// No: a mail server said that it takes nothing for this address.
        Suppressed = "suppressed",
        /// No: its service refuses it, such as a token of another app.
        Disabled = "disabled",
        /// No: its service said that there is none any more.
        Dead = "dead",
    }
}

/// Where a channel reaches a user, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Its name.
    pub id: ContactId,
    /// Which way it is reached.
    pub channel: Channel,
    /// The e-mail address; of a token or an endpoint, which are secrets, the last 8 characters.
    #[cfg_attr(feature = "ssr", schema(example = "ann@example.com"))]
    pub address: String,
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub label: Option<String>,
    /// Whether anything is sent there, and why not.
    pub state: ContactState,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was added for the last time.
    pub last_seen_at: Timestamp,
}
