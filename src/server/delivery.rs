//! Delivery: messages to users who are away, and events to applications.
//!
//! The way of an event: a store writes it into its outbox together with the change ([`super::store::outbox`]), the
//! planner turns it into deliveries, and the worker sends those that are due.
//!
//! - `planner.rs`, with its decisions in `plan.rs`.
//! - `worker.rs`: claims, sends through the channels of [`super::channels`], and stores the results; `verdict.rs` has
//!   its decisions.
//! - `relevance.rs`: whether a delivery to a contact is still of use; `sweeper.rs`: cancels waiting deliveries to
//!   contacts when everything is read; `drain.rs`: ends the waiting deliveries of a disabled webhook; `badges.rs`:
//!   sends the unread count to devices when it changes elsewhere; `forgetting.rs`: deletes old data.
//! - `service.rs`: the calls for all this, and their permissions; `contacts.rs`: the same for contacts.
//! - `running.rs` puts it together, over the parts of a store in `stores.rs`; `push_test.rs`: tests FCM and APNs by
//!   hand.

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
