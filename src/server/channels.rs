//! The channels of delivery: webhooks, e-mail, Web Push, FCM and APNs.
//!
//! A channel prepares a request, sends it, and judges the answer. It knows one delivery: not the outbox, not the plan, and
//! no other channel. [`super::delivery`] decides what is sent, when, and how often.
//!
//! - `channel.rs`: the interface of a channel; `outcome.rs`: the outcomes of an attempt; `backoff.rs`: when an attempt is
//!   made again; `answer.rs`: reads the answer of an HTTP server; `no_answer.rs`: why there is none.
//! - `webhook.rs`, `email.rs`, `webpush.rs`, `fcm.rs` and `apns.rs`: the channels. `push.rs`: the text of a push, shortened
//!   to fit; `pages.rs`: the URLs of pages in messages.
//! - `reach.rs`: where this server may connect when a caller names the address.

pub(in crate::server) mod answer;
pub(in crate::server) mod apns;
pub(in crate::server) mod backoff;
pub(in crate::server) mod channel;
pub(in crate::server) mod email;
pub(in crate::server) mod fcm;
pub(crate) mod no_answer;
pub(in crate::server) mod outcome;
pub(in crate::server) mod pages;
pub(in crate::server) mod push;
pub(in crate::server) mod reach;
pub(in crate::server) mod webhook;
pub(in crate::server) mod webpush;

pub use apns::{ApnsOptions, DEFAULT_APNS_SANDBOX_URL, DEFAULT_APNS_URL, ProviderKey};
pub use email::{MailOptions, RelayUrl, Templates};
pub use fcm::{DEFAULT_FCM_URL, FcmOptions, ServiceAccount};
pub use webpush::{VapidKey, WebPushOptions};
