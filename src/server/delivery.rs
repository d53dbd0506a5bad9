//! Reaching a user, or an application, that is not looking: what leaves the server.
//!
//! The way of what happened: a store writes it into its outbox together with the change ([`super::store::outbox`]), the
//! planner makes deliveries of it, and the worker sends those that are due.
//!
//! - `planner.rs`, and what it decides in `plan.rs`.
//! - `worker.rs`: claims, sends and writes down; what it decides stands in `verdict.rs`, and in `backoff.rs` when an
//!   attempt is made again.
//! - `relevance.rs`: whether what a contact is told of is still of use; `sweeper.rs`: cancels what waits for contacts when
//!   everything is read; `drain.rs`: ends what waits for an endpoint that is told nothing any more; `badges.rs`: has
//!   devices told how many are unread when that changes elsewhere; `forgetting.rs`: what is over goes after a time.
//! - `channel.rs`: the seam between those and a channel; `outcome.rs`: how an attempt ended, in the words of every
//!   channel; `webhook.rs`, `email.rs`, `webpush.rs`, `fcm.rs` and `apns.rs`: the channels. `push.rs`: what the last
//!   three show, made to fit; `pages.rs`: where messages lead; `answer.rs`: what the other side of a request answered.
//! - `reach.rs`: where this server may connect when others say where.
//! - `service.rs`: what callers ask of all this, and who may; `contacts.rs`: the same of where users are reached.
//! - `running.rs` puts it together, over what `stores.rs` names.

mod answer;
mod apns;
mod backoff;
mod badges;
mod channel;
mod contacts;
mod drain;
mod email;
mod fcm;
mod forgetting;
mod outcome;
mod pages;
mod plan;
mod planner;
mod policy;
mod preferences;
mod push;
mod reach;
mod relevance;
mod rules;
mod running;
mod service;
mod stores;
mod sweeper;
mod telling;
mod unsubscribe;
mod verdict;
mod webhook;
mod webpush;
mod worker;

pub use apns::{ApnsOptions, DEFAULT_APNS_SANDBOX_URL, DEFAULT_APNS_URL, ProviderKey};
pub use email::{MailOptions, RelayUrl, Templates};
pub(in crate::server) use email::{is_reachable, send_test};
pub(in crate::server) use fcm::base_url;
pub(in crate::server) use fcm::has_token;
pub use fcm::{DEFAULT_FCM_URL, FcmOptions, ServiceAccount};
pub use preferences::PreferencesView;
pub(in crate::server) use push::push_test;
pub(in crate::server) use reach::may_reach;
pub use rules::{Because, Effect, HeldFor, Rules, SkippedFor};
pub use running::{Delivery, DeliveryOptions};
pub use service::{ChannelView, LaneView, TestResult, WebhookDraft, WebhookPatch};
pub use stores::DeliveryStores;
pub use unsubscribe::{Ending, NoEnding};
pub use webpush::{VapidKey, WebPushOptions};
