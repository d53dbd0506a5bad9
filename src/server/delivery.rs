//! Reaching a user, or an application, that is not looking: what leaves the server.
//!
//! The way of what happened: a store writes it into its outbox together with the change ([`super::store::outbox`]), the
//! planner makes deliveries of it, and the worker sends those that are due.
//!
//! - `planner.rs`, and what it decides in `plan.rs`.
//! - `worker.rs`: claims, sends and writes down; what it decides stands in `verdict.rs`, and in `backoff.rs` when an
//!   attempt is made again.
//! - `relevance.rs`: whether what a contact is told of is still of use; `sweeper.rs`: cancels what waits for contacts when
//!   everything is read; `drain.rs`: ends what waits for an endpoint that is told nothing any more.
//! - `channel.rs`: the seam between those and a channel; `outcome.rs`: how an attempt ended, in the words of every
//!   channel; `webhook.rs` and `email.rs`: the channels.
//! - `reach.rs`: where this server may connect when others say where.
//! - `service.rs`: what callers ask of all this, and who may; `contacts.rs`: the same of where users are reached.
//! - `running.rs` puts it together, over what `stores.rs` names.

mod backoff;
mod channel;
mod contacts;
mod drain;
mod email;
mod mailing;
mod outcome;
mod plan;
mod planner;
mod policy;
mod preferences;
mod reach;
mod relevance;
mod rules;
mod running;
mod service;
mod stores;
mod sweeper;
mod unsubscribe;
mod verdict;
mod webhook;
mod worker;

pub use email::{MailOptions, RelayUrl, Templates};
pub(in crate::server) use email::{is_reachable, send_test};
pub use preferences::PreferencesView;
pub(in crate::server) use reach::may_reach;
pub use rules::{Because, Effect, HeldFor, Rules, SkippedFor};
pub use running::{Delivery, DeliveryOptions};
pub use service::{ChannelView, LaneView, TestResult, WebhookDraft, WebhookPatch};
pub use stores::DeliveryStores;
pub use unsubscribe::{Ending, NoEnding};
