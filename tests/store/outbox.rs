//! Every rule of the outbox, by name, against every back end: webhooks here, and in submodules the entries, the plan,
//! claims, results, and maintenance.
//!
//! PostgreSQL has its own clock, so deliveries here are due at once or in an hour, and leases end at once or in an
//! hour.

mod by_hand;
mod cancelling;
mod claims;
mod digest_ends;
mod digests;
mod entries;
mod forgetting;
mod judging;
mod lanes;
mod look;
mod plan;
mod routing;
mod settle;
mod wanted;

use std::{collections::HashMap, sync::Arc, time::Duration};

use campanile::{
    model::{Category, Channel, DeliveryId, DeliveryState, EventKind, NotificationId, Timestamp, Wanted, WebhookId},
    server::{
        clock::{Clock, SystemClock},
        store::{
            Contacts, Deliveries, MemoryStore, Outbox, SqliteOptions, SqliteStore, Store, Webhooks,
            outbox::{
                Backlog, Claim, Claimed, Delivery, DeliveryFilter, Entry, Health, Lane, MOST_WEBHOOKS, NewDelivery,
                Next, Planned, Settlement, Webhook,
            },
        },
    },
};
use uuid::{NoContext, Uuid};

use super::{send, user};
use crate::harness::{new_folder, started};

/// How many notifications a store of these tests can hold.
const WINDOW: usize = 1000;
/// Longer than any test takes.
const HOUR: Duration = Duration::from_secs(3600);
/// More than any test plans.
const PLENTY: Backlog = Backlog { deliveries: 1_000_000, bytes: 1_000_000_000 };

/// A new empty store, by all its interfaces.
#[derive(Clone)]
struct Kept {
    inboxes: Arc<dyn Store>,
    webhooks: Arc<dyn Webhooks>,
    outbox: Arc<dyn Outbox>,
    deliveries: Arc<dyn Deliveries>,
    contacts: Arc<dyn Contacts>,
}

fn memory() -> Kept {
    Kept::by(MemoryStore::new(WINDOW, started()))
}

fn sqlite() -> Kept {
    let options = SqliteOptions { window: WINDOW, ..SqliteOptions::new(new_folder().join("campanile.db")) };
    Kept::by(SqliteStore::open(&options).unwrap())
}

async fn postgres() -> Kept {
    Kept::by(crate::postgres::open(&crate::postgres::new_database().await, WINDOW).await)
}

/// Defines the rules, and one test of each rule for each back end; a rule gets a new empty store.
macro_rules! contract {
    ($($(#[$doc:meta])* async fn $rule:ident($kept:ident) $body:block)*) => {
        $($(#[$doc])* async fn $rule($kept: $crate::store::outbox::Kept) $body)*

        mod memory_store {
            use crate::store::outbox::memory;
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(memory()).await })*
        }

        mod sqlite_store {
            use crate::store::outbox::sqlite;
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(sqlite()).await })*
        }

        mod postgres_store {
            use crate::store::outbox::postgres;
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(postgres().await).await })*
        }
    };
}
use contract;

impl Kept {
    fn by<S: Store + Webhooks + Outbox + Deliveries + Contacts>(store: S) -> Self {
        let store = Arc::new(store);
        let again = || Arc::<S>::clone(&store);
        Self { inboxes: again(), webhooks: again(), outbox: again(), deliveries: again(), contacts: again() }
    }

    /// Adds a webhook with this filter.
    async fn listen(&self, wanted: Wanted) -> Webhook {
        let webhook = Webhook { wanted, ..webhook(now()) };
        assert!(self.webhooks.add_webhook(&webhook).await.unwrap());
        webhook
    }

    /// All entries that are not planned yet.
    async fn unplanned(&self) -> Vec<Entry> {
        self.outbox.unplanned(10_000).await.unwrap()
    }

    /// Creates an entry, and returns its number.
    async fn entry(&self) -> i64 {
        if self.webhooks.webhooks().await.unwrap().is_empty() {
            self.listen(Wanted::default()).await;
        }
        let about = Some(send(&*self.inboxes, "ann", "x").await.id);
        self.unplanned().await.iter().find(|entry| entry.notification_id == about).unwrap().seq
    }

    /// Plans these deliveries for a new entry, within this backlog, and returns the result.
    async fn plan_within(&self, backlog: Backlog, deliveries: Vec<NewDelivery>) -> usize {
        let entry = self.entry().await;
        self.outbox.plan(vec![Planned { entry, deliveries }], backlog, now()).await.unwrap()
    }

    /// Plans one delivery.
    async fn add(&self, delivery: NewDelivery) -> DeliveryId {
        let id = delivery.id;
        self.plan_within(PLENTY, vec![delivery]).await;
        id
    }

    async fn claim(&self, claim: &Claim) -> Vec<Claimed> {
        self.outbox.claim(claim, now()).await.unwrap()
    }

    /// The ids that an ordinary claim returns, in order.
    async fn claimed(&self) -> Vec<DeliveryId> {
        ids(&self.claim(&claim_for(HOUR)).await)
    }

    /// Claims only this one of all due deliveries, for an hour, and returns the lease.
    async fn lease(&self, id: DeliveryId) -> Uuid {
        let claim = claim_for(HOUR);
        assert!(ids(&self.claim(&claim).await).contains(&id));
        claim.lease
    }

    async fn settle(&self, settlement: Settlement) -> Option<Health> {
        let settled = self.outbox.settle(vec![settlement], now()).await.unwrap();
        let [health] = settled[..] else { panic!("one for each: {settled:?}") };
        health
    }

    /// Plans a delivery, and brings it to this state.
    async fn ended(&self, delivery: NewDelivery, state: DeliveryState) -> DeliveryId {
        let id = self.add(delivery).await;
        let lease = self.lease(id).await;
        assert!(self.settle(settlement(id, lease, over(state))).await.is_some());
        id
    }

    async fn delivery(&self, id: DeliveryId) -> Delivery {
        self.deliveries.delivery(id).await.unwrap().unwrap()
    }

    /// All deliveries that a filter admits, newest first.
    async fn all(&self, filter: &DeliveryFilter) -> Vec<DeliveryId> {
        let page = self.deliveries.deliveries(filter, None, 1000).await.unwrap();
        assert_eq!(page.next, None);
        page.deliveries.iter().map(|delivery| delivery.id).collect()
    }

    /// The state of a lane; an unknown lane has no waiting deliveries.
    async fn lane(&self, lane: &str) -> Lane {
        let found = self.deliveries.lanes().await.unwrap().into_iter().find(|found| found.lane == lane);
        found.unwrap_or_else(|| Lane {
            lane: lane.to_owned(),
            waiting: 0,
            oldest: None,
            paused_until: None,
            reason: None,
            health: Health::default(),
        })
    }

    async fn waiting(&self, lane: &str) -> u64 {
        self.lane(lane).await.waiting
    }
}

/// The present moment.
fn now() -> Timestamp {
    SystemClock.now()
}

/// A time in the past, or one that is later than any test.
fn year(year: u64) -> Timestamp {
    Timestamp::parse(&format!("{year}-01-01T00:00:00Z")).unwrap()
}

/// Waits until every clock shows another time.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

fn uuid() -> Uuid {
    Uuid::new_v7(uuid::Timestamp::now(NoContext))
}

fn category(name: &str) -> Category {
    Category::parse(name).unwrap()
}

/// A filter that accepts all events.
fn everything() -> Wanted {
    Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() }
}

/// A webhook that was created at this time.
fn webhook(created_at: Timestamp) -> Webhook {
    Webhook {
        id: WebhookId::new(uuid()),
        url: "https://example.org/hook".to_owned(),
        wanted: Wanted::default(),
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        old_secret: None,
        disabled: None,
        enabled_at: created_at,
        created_at,
        version: 0,
    }
}

/// A delivery of this lane that is due at once.
fn new(lane: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(uuid()),
        notification_id: Some(NotificationId::new(uuid())),
        user_id: user("ann"),
        channel: Channel::Webhook,
        target: uuid(),
        lane: lane.to_owned(),
        state: DeliveryState::Ready,
        reason: None,
        wait: Duration::ZERO,
        payload: r#"{"type":"notification.created"}"#.to_owned(),
        expires_at: None,
    }
}

/// A claim without a limit, for this long.
fn claim_for(lease_for: Duration) -> Claim {
    Claim { lease: uuid(), lease_for, room: 10_000, rooms: HashMap::new() }
}

fn ids(claimed: &[Claimed]) -> Vec<DeliveryId> {
    claimed.iter().map(|claimed| claimed.delivery.id).collect()
}

fn again(wait: Duration) -> Next {
    Next::Again { wait }
}

fn over(state: DeliveryState) -> Next {
    Next::Over { state, reason: None }
}

/// A settlement with only the next step.
fn settlement(id: DeliveryId, lease: Uuid, next: Next) -> Settlement {
    Settlement { id, lease, attempts: Vec::new(), refund: false, next, worked: None, pause: None }
}

contract! {
    async fn a_webhook_comes_back_as_it_was_added(kept) {
        let plain = webhook(year(2020));
        let full = Webhook {
            url: "https://ann:pass@example.org:8443/a?b='c'&d=%00\"é🎉".to_owned(),
            wanted: Wanted {
                categories: Some(vec![category("alert"), category("odd_1")]),
                user_id: Some(user("Zoë's \"🎉\" % \\")),
                ..everything()
            },
            old_secret: Some(("whsec_b2xk".to_owned(), Timestamp::parse("2026-01-02T03:04:05.000007Z").unwrap())),
            disabled: Some("it answers 410; 'gone'".to_owned()),
            enabled_at: Timestamp::parse("2022-01-02T03:04:05.123456Z").unwrap(),
            ..webhook(year(2021))
        };
        let none_wanted =
            Webhook { wanted: Wanted { categories: Some(vec![]), ..Wanted::default() }, ..webhook(year(2022)) };
        for webhook in [&plain, &full, &none_wanted] {
            assert!(kept.webhooks.add_webhook(webhook).await.unwrap());
            assert!(kept.webhooks.webhook(webhook.id).await.unwrap().as_ref() == Some(webhook));
        }
        assert!(kept.webhooks.webhooks().await.unwrap() == [plain, full, none_wanted]);
    }

    async fn an_unknown_webhook_is_nothing(kept) {
        assert!(kept.webhooks.webhooks().await.unwrap().is_empty());
        let mine = kept.listen(Wanted::default()).await;
        let unknown = webhook(now());
        assert!(kept.webhooks.webhook(unknown.id).await.unwrap().is_none());
        assert!(!kept.webhooks.change_webhook(&unknown).await.unwrap());
        assert!(!kept.webhooks.delete_webhook(unknown.id).await.unwrap());
        assert!(kept.webhooks.webhooks().await.unwrap() == [mine]);
    }

    async fn webhooks_stand_in_the_order_in_which_they_were_made(kept) {
        for made in [2022, 2020, 2023, 2021] {
            assert!(kept.webhooks.add_webhook(&webhook(year(made))).await.unwrap());
        }
        let made: Vec<_> = kept.webhooks.webhooks().await.unwrap().iter().map(|webhook| webhook.created_at).collect();
        assert_eq!(made, [2020, 2021, 2022, 2023].map(year));
    }

    async fn only_a_caller_with_the_current_version_changes_a_webhook(kept) {
        let other = kept.listen(Wanted::default()).await;
        let seen = kept.listen(Wanted::default()).await;
        let mine = Webhook {
            url: "https://example.org/mine".to_owned(),
            wanted: everything(),
            secret: "whsec_bmV3".to_owned(),
            old_secret: Some((seen.secret.clone(), year(2030))),
            disabled: Some("it fails".to_owned()),
            enabled_at: year(2029),
            ..seen.clone()
        };
        assert!(kept.webhooks.change_webhook(&mine).await.unwrap());
        let changed = Webhook { version: seen.version + 1, ..mine };
        assert!(kept.webhooks.webhook(seen.id).await.unwrap().as_ref() == Some(&changed));
        let stale = Webhook { url: "https://example.org/stale".to_owned(), ..seen };
        let ahead = Webhook { version: changed.version + 1, ..stale.clone() };
        for wrong in [stale, ahead] {
            assert!(!kept.webhooks.change_webhook(&wrong).await.unwrap());
        }
        let back = Webhook { old_secret: None, disabled: None, ..changed.clone() };
        assert!(kept.webhooks.webhooks().await.unwrap() == [other.clone(), changed]);
        assert!(kept.webhooks.change_webhook(&back).await.unwrap());
        let back = Webhook { version: back.version + 1, ..back };
        assert!(kept.webhooks.webhooks().await.unwrap() == [other, back]);
    }

    async fn of_many_concurrent_changes_of_a_webhook_one_succeeds(kept) {
        let seen = kept.listen(Wanted::default()).await;
        let tasks: Vec<_> = (0..16)
            .map(|number| {
                let (webhooks, mine) =
                    (Arc::clone(&kept.webhooks), Webhook { url: format!("http://{number}/"), ..seen.clone() });
                tokio::spawn(async move { webhooks.change_webhook(&mine).await.unwrap().then_some(mine.url) })
            })
            .collect();
        let mut done = Vec::new();
        for task in tasks {
            done.extend(task.await.unwrap());
        }
        let kept = kept.webhooks.webhook(seen.id).await.unwrap().unwrap();
        assert_eq!((done, kept.version), (vec![kept.url], seen.version + 1));
    }

    async fn a_webhook_that_was_deleted_is_gone(kept) {
        let (gone, other) = (kept.listen(Wanted::default()).await, kept.listen(Wanted::default()).await);
        assert!(kept.webhooks.delete_webhook(gone.id).await.unwrap());
        assert!(!kept.webhooks.delete_webhook(gone.id).await.unwrap());
        assert!(!kept.webhooks.change_webhook(&gone).await.unwrap());
        assert!(kept.webhooks.webhook(gone.id).await.unwrap().is_none());
        assert!(kept.webhooks.webhooks().await.unwrap() == [other]);
    }

    async fn there_are_so_many_webhooks_at_most(kept) {
        let first = kept.listen(Wanted::default()).await;
        for _ in 1..MOST_WEBHOOKS {
            kept.listen(Wanted::default()).await;
        }
        let more = webhook(now());
        assert!(!kept.webhooks.add_webhook(&more).await.unwrap());
        assert!(kept.webhooks.webhook(more.id).await.unwrap().is_none());
        assert_eq!(kept.webhooks.webhooks().await.unwrap().len(), MOST_WEBHOOKS);
        assert!(kept.webhooks.change_webhook(&first).await.unwrap());
        assert!(kept.webhooks.delete_webhook(first.id).await.unwrap());
        assert!(kept.webhooks.add_webhook(&more).await.unwrap());
    }
}
