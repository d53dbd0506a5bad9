//! Delivery: messages to users who are away, and events to applications.
//!
//! The way of what happened: a store writes it into its outbox together with the change ([`super::store::outbox`]), the
//! planner makes deliveries of it, and the worker sends those that are due.
//!
//! - `planner.rs`, and what it decides in `plan.rs`.
//! - `worker.rs`: claims, sends through the channels of [`super::channels`], and writes down; what it decides stands in
//!   `verdict.rs`.
//! - `relevance.rs`: whether what a contact is told of is still of use; `sweeper.rs`: cancels what waits for contacts when
//!   everything is read; `drain.rs`: ends what waits for an endpoint that is told nothing any more; `badges.rs`: has
//!   devices told how many are unread when that changes elsewhere; `forgetting.rs`: what is over goes after a time.
//! - `service.rs`: what callers ask of all this, and who may; `contacts.rs`: the same of where users are reached.
//! - `running.rs` puts it together, over what `stores.rs` names; `push_test.rs`: trying FCM and APNs by hand.

mod badges;
mod contacts;
mod drain;
mod forgetting;
mod plan;
mod planner;
mod policy;
mod preferences;
mod push_test;
mod relevance;
mod rules;
mod running;
mod service;
mod stores;
mod sweeper;
mod telling;
mod unsubscribe;
mod verdict;
mod worker;

pub use preferences::PreferencesView;
pub(in crate::server) use push_test::push_test;
pub use rules::{Because, Effect, HeldFor, Rules, SkippedFor};
pub use running::{Delivery, DeliveryOptions};
pub use service::{ChannelView, LaneView, TestResult, WebhookDraft, WebhookPatch};
pub use stores::DeliveryStores;
pub use unsubscribe::{Ending, NoEnding};
