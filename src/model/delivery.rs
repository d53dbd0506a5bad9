//! Deliveries: messages that leave the server, and their outcome.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NotificationId, Timestamp, UserId, problem::Invalid};

/// Defines an id that is a UUID.
macro_rules! uuid_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
        #[cfg_attr(
            feature = "ssr",
            schema(value_type = String, format = Uuid, example = "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f")
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes an id of a UUID that is known to be one.
            #[must_use]
            pub fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Reads the hyphenated form of a UUID, in either case.
            ///
            /// # Errors
            /// When it is not in that form.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let uuid = Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
                let wrong = concat!("The id of ", $what, " is a UUID such as 019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f.");
                uuid.map(Self).ok_or_else(|| Invalid::new(wrong))
            }

            /// The UUID.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
pub(super) use uuid_name;

uuid_name! {
    /// Id of a delivery: a UUIDv7. Its receiver sees the same id however often it is sent.
    DeliveryId, "a delivery"
}

/// Defines an enum whose variants are written as these texts.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$each:meta])* $variant:ident = $text:tt),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$each])* #[serde(rename = $text)] $variant),*
        }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text of the variant.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }

            /// Reads the text of a variant.
            ///
            /// # Errors
            /// When there is no such variant; the sentence lists them.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let found = Self::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|word| word.as_str()).collect();
                    Invalid::new(format!("This must be {}: {}.", $what, all.join(", ")))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// A channel of delivery.
    Channel, "one of the channels" {
        /// An e-mail address of a user.
        Email = "email",
        /// A browser of a user.
        Webpush = "webpush",
        /// A device of a user, through Firebase Cloud Messaging.
        Fcm = "fcm",
        /// A device of a user, through Apple's push service.
        Apns = "apns",
        /// An endpoint of an application.
        Webhook = "webhook",
    }
}

words! {
    /// Kind of event that a webhook receives.
    EventKind, "one of the events" {
        /// A notification was created.
        Created = "notification.created",
        /// A notification was marked read or unread.
        Updated = "notification.updated",
        /// A notification was deleted.
        Deleted = "notification.deleted",
        /// Everything in an inbox is read.
        AllRead = "inbox.all_read",
    }
}

words! {
    /// State of a delivery.
    DeliveryState, "one of the states" {
        /// It waits for a time that a rule sets.
        Held = "held",
        /// It is sent when it is due.
        Ready = "ready",
        /// A server is sending it.
        Leased = "leased",
        /// The next hop has accepted it.
        Sent = "sent",
        /// It was given up.
        Dead = "dead",
        /// It is no longer wanted.
        Cancelled = "cancelled",
        /// Its notification expired before it was sent.
        Expired = "expired",
        /// A rule excluded it.
        Skipped = "skipped",
    }
}

impl DeliveryState {
    /// Whether it has ended.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Held | Self::Ready | Self::Leased)
    }

    /// Whether another delivery may repeat it: it has ended, and was not sent.
    #[must_use]
    pub fn may_be_repeated(self) -> bool {
        self.is_over() && self != Self::Sent
    }
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// Time at which it began, by the clock of the server that made it.
    pub at: Timestamp,
    /// Outcome: `sent`, `retry`, `contact_dead`, `message_bad`, `misconfigured` or `ambiguous`.
    pub result: String,
    /// Status code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub code: Option<u16>,
    /// Duration in milliseconds.
    pub ms: u64,
    /// Whether it counts against the number of attempts.
    pub counted: bool,
    /// The answer, or why there was none, at most 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub detail: Option<String>,
}

/// A delivery: one message to one contact or endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    /// Its name.
    pub id: DeliveryId,
    /// Id of the notification; absent when the delivery is about a whole inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub notification_id: Option<NotificationId>,
    /// User who owns the inbox.
    pub user_id: UserId,
    /// Channel of the delivery.
    pub channel: Channel,
    /// Id of the contact or webhook; absent where the user has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub contact: Option<Uuid>,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Reason for the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub reason: Option<String>,
    /// Time at which it is, or last was, due.
    pub due_at: Timestamp,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Time at which it was decided.
    pub created_at: Timestamp,
    /// Id of the delivery that this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub replay_of: Option<DeliveryId>,
    /// Id of the delivery that sends this one together with others, as one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ssr", schema(nullable = false))]
    pub via: Option<DeliveryId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::parse(state.as_str()), Ok(*state));
        }
        let why = Channel::parse("Webhook").unwrap_err().to_string();
        assert_eq!(why, "This must be one of the channels: email, webpush, fcm, apns, webhook.");
        assert!(EventKind::parse("notification.created ").is_err());
    }

    #[test]
    fn an_id_is_a_uuid_with_hyphens() {
        let id = DeliveryId::parse("019A5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f").unwrap();
        assert_eq!(id.to_string(), "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f");
        for wrong in ["", "019a53707d3b7c4e9f1a5b8a1c2d3e4f", "{019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4}"] {
            assert!(DeliveryId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
