//! The data that the server and the browser share.
//!
//! A value of one of these types is valid, or was when it was accepted: its fields are private, and `parse` is the only
//! way to make a new one. Input arrives as a draft ([`NotificationDraft`], [`ListParams`]) and is parsed once, at the
//! edge. Accepted values are never parsed again: stores use `stored`, and `Deserialize` trusts that a Campanile wrote
//! them.

mod blank;
mod category;
mod contact;
#[cfg(feature = "ssr")]
mod data;
pub(crate) mod delivery;
mod draft;
mod event;
mod filter;
mod link;
mod marking;
#[cfg(feature = "ssr")]
mod nearest;
mod notification;
mod notification_id;
mod page;
#[cfg(feature = "ssr")]
mod preferences;
mod problem;
#[cfg(feature = "ssr")]
mod routing;
mod search;
mod text;
mod timestamp;
mod user_id;
mod webhook;

pub use category::Category;
pub use contact::{Contact, ContactId, ContactState};
#[cfg(feature = "ssr")]
pub use contact::{
    ContactAddress, ContactDraft, DeviceToken, EmailAddress, Environment, FcmKind, FcmToken, Label, SubscriptionKeys,
    Topic,
};
#[cfg(feature = "ssr")]
pub use data::Data;
pub use delivery::{Attempt, Channel, DeliveryId, DeliveryState, DeliveryView, EventKind};
pub use draft::NewNotification;
#[cfg(feature = "ssr")]
pub use draft::NotificationDraft;
pub(crate) use draft::take;
#[cfg(feature = "ssr")]
pub(crate) use event::described;
pub use event::{Change, Changes, Event};
pub use filter::{Filter, ListParams};
pub use link::Link;
pub use marking::{Marked, MarkedBy, Marking, MarkingParams};
#[cfg(feature = "ssr")]
pub(crate) use nearest::{nearest, unknown_name};
pub use notification::{Accepted, Notification};
pub use notification_id::NotificationId;
#[cfg(feature = "ssr")]
pub use page::WholeNumber;
pub use page::{Cursor, Limit, Overview, Page, UnreadCount, parse_whole_number};
#[cfg(feature = "ssr")]
pub use preferences::{Choice, Choices, Delay, Digest, Preferences, QuietHours, TimeOfDay, Way};
pub use problem::{Code, Complaints, FieldError, Invalid, Problem};
#[cfg(feature = "ssr")]
pub use routing::{Routing, UserChannel};
pub use search::Search;
pub use text::{Content, Title};
pub use timestamp::Timestamp;
pub(crate) use timestamp::civil_from_days;
pub use user_id::UserId;
pub use webhook::{Wanted, WebhookId, WebhookState, WebhookView};
