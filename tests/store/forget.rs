//! Every rule of forgetting a user, by name, against every back end.

use std::{sync::Arc, time::Duration};

use campanile::{
    model::{
        Channel, DeliveryId, DeliveryState, Event, EventKind, Filter, Limit, Marking, NotificationId, Timestamp,
        UserId, Wanted, WebhookId,
    },
    server::{
        auth::key::Opaque,
        clock::{Clock, SystemClock},
        identity::{Holder, KeyId},
        store::{
            Credentials, Deliveries, Forget, Grant, GrantKind, LOOKED_AT, MemoryStore, Outbox, SqliteOptions,
            SqliteStore, Store, Webhooks,
            outbox::{Backlog, Bundle, Claim, DeliveryFilter, NewDelivery, Next, Planned, Settlement, Webhook},
        },
    },
};
use uuid::{NoContext, Uuid};

use super::{Announced, inbox, send, user};
use crate::harness::{new_folder, started};

/// How many notifications a store of these tests can hold.
const WINDOW: usize = 1000;
const HOUR: Duration = Duration::from_secs(3600);

/// A new empty store, by the interfaces that forgetting uses.
struct Kept {
    inboxes: Arc<dyn Store>,
    credentials: Arc<dyn Credentials>,
    webhooks: Arc<dyn Webhooks>,
    outbox: Arc<dyn Outbox>,
    deliveries: Arc<dyn Deliveries>,
    forget: Arc<dyn Forget>,
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
        $($(#[$doc])* async fn $rule($kept: Kept) $body)*

        mod memory_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::memory()).await })*
        }

        mod sqlite_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::sqlite()).await })*
        }

        mod postgres_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::postgres().await).await })*
        }
    };
}

impl Kept {
    fn by<S: Store + Credentials + Webhooks + Outbox + Deliveries + Forget>(store: S) -> Self {
        let store = Arc::new(store);
        let again = || Arc::<S>::clone(&store);
        Self {
            inboxes: again(),
            credentials: again(),
            webhooks: again(),
            outbox: again(),
            deliveries: again(),
            forget: again(),
        }
    }

    /// Adds a webhook for deletions.
    async fn listen(&self) {
        let webhook = Webhook {
            id: WebhookId::new(uuid()),
            url: "https://example.org/hook".to_owned(),
            wanted: Wanted { events: vec![EventKind::Deleted], ..Wanted::default() },
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            old_secret: None,
            disabled: None,
            enabled_at: now(),
            created_at: now(),
            version: 0,
        };
        assert!(self.webhooks.add_webhook(&webhook).await.unwrap());
    }

    /// Plans these deliveries for an existing entry.
    async fn plan(&self, deliveries: Vec<NewDelivery>) {
        let id = send(&*self.inboxes, "carol", "x").await.id;
        self.inboxes.delete(id, None).await.unwrap();
        let entry = self.outbox.unplanned(1).await.unwrap()[0].seq;
        let plenty = Backlog { deliveries: 1_000_000, bytes: 1_000_000_000 };
        self.outbox.plan(vec![Planned { entry, deliveries }], plenty, now()).await.unwrap();
    }

    async fn about(&self, user_id: &str) -> Vec<DeliveryId> {
        let filter = DeliveryFilter { user_id: Some(user(user_id)), ..DeliveryFilter::default() };
        let page = self.deliveries.deliveries(&filter, None, 1000).await.unwrap();
        page.deliveries.iter().map(|delivery| delivery.id).collect()
    }

    async fn waiting(&self, lane: &str) -> u64 {
        let lanes = self.deliveries.lanes().await.unwrap();
        lanes.iter().find(|found| found.lane == lane).map_or(0, |found| found.waiting)
    }

    async fn claim(&self) -> Vec<(DeliveryId, Uuid)> {
        let claim = Claim { lease: uuid(), lease_for: HOUR, room: 10_000, rooms: [].into() };
        let claimed = self.outbox.claim(&claim, now()).await.unwrap();
        claimed.iter().map(|claimed| (claimed.delivery.id, claim.lease)).collect()
    }

    async fn settle(&self, id: DeliveryId, lease: Uuid) -> bool {
        let next = Next::Over { state: DeliveryState::Sent, reason: None };
        let settlement = Settlement { id, lease, attempts: vec![], refund: false, next, worked: None, pause: None };
        self.outbox.settle(vec![settlement], now()).await.unwrap()[0].is_some()
    }

    async fn grant(&self, kind: GrantKind, holder: Holder, only: Option<UserId>) -> Grant {
        let grant = Grant {
            hash: Opaque::generate().hash(),
            kind,
            holder,
            expires_at: later(),
            until: None,
            session: None,
            inbox: only,
            is_reusable: false,
        };
        self.credentials.add_grant(&grant).await.unwrap();
        grant
    }

    async fn is_good(&self, grant: &Grant) -> bool {
        self.credentials.grant(grant.kind, &grant.hash, now()).await.unwrap().is_some()
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn later() -> Timestamp {
    Timestamp::parse("2100-01-01T00:00:00Z").unwrap()
}

fn uuid() -> Uuid {
    Uuid::new_v7(uuid::Timestamp::now(NoContext))
}

/// A delivery about an inbox, of this lane.
fn new(user_id: &str, lane: &str, state: DeliveryState) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(uuid()),
        notification_id: None,
        user_id: user(user_id),
        channel: Channel::Webhook,
        target: uuid(),
        lane: lane.to_owned(),
        state,
        reason: None,
        wait: Duration::ZERO,
        payload: "{}".to_owned(),
        expires_at: None,
    }
}

contract! {
    async fn the_oldest_notifications_are_deleted_step_by_step_and_each_is_announced(kept) {
        let announced = Announced::by(&*kept.inboxes);
        let ann = user("ann");
        let begin = kept.inboxes.ends(std::slice::from_ref(&ann)).await.unwrap()[0].0;
        let mut sent = Vec::new();
        for number in 0..5 {
            sent.push(send(&*kept.inboxes, "ann", &number.to_string()).await.id);
        }
        kept.inboxes.mark_all_read(&ann, &Marking::default()).await.unwrap();
        let last = send(&*kept.inboxes, "ann", "unread").await.id;
        let bobs = send(&*kept.inboxes, "bob", "stays").await;
        let (seen, _) = kept.inboxes.ends(std::slice::from_ref(&ann)).await.unwrap()[0];
        kept.listen().await;

        assert_eq!(kept.forget.forget_notifications(&ann, 2).await.unwrap(), 2);
        let left: Vec<_> = inbox(&*kept.inboxes, &ann).await.iter().map(|one| one.id).collect();
        assert_eq!(left, [last, sent[4], sent[3], sent[2]]);
        assert_eq!(kept.inboxes.unread_count(&ann).await.unwrap(), 1);
        assert_eq!(kept.forget.forget_notifications(&ann, 4).await.unwrap(), 4);
        assert_eq!(kept.forget.forget_notifications(&ann, 4).await.unwrap(), 0);

        let mut all = sent.clone();
        all.push(last);
        let (end, unread) = kept.inboxes.ends(std::slice::from_ref(&ann)).await.unwrap()[0];
        assert_eq!((end, unread), (seen + 6, 0));
        let deleted = |events: &[Event]| -> Vec<_> {
            let ids = events.iter().filter_map(|event| match event {
                Event::Deleted { id, .. } => Some(*id),
                _ => None,
            });
            ids.collect()
        };
        // Live followers, followers that return with an old position, and endpoints all receive the deletions.
        let told = announced.of(&ann, begin, end).await;
        assert_eq!(deleted(&told), all);
        let changes = kept.inboxes.changes(&ann, seen, Limit::new(100)).await.unwrap();
        assert_eq!(deleted(&changes.events), all);
        let entries = kept.outbox.unplanned(100).await.unwrap();
        let entries: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.notification_id.unwrap())).collect();
        assert_eq!(entries, all.iter().map(|id| (EventKind::Deleted, *id)).collect::<Vec<_>>());
        let overview = kept.inboxes.overview(Some(&ann)).await.unwrap();
        assert_eq!((overview.total, overview.unread_count, overview.categories.len()), (0, 0, 0));
        assert_eq!(kept.inboxes.overview(None).await.unwrap().total, 1);
        assert_eq!(inbox(&*kept.inboxes, &user("bob")).await, [bobs]);
        // Later changes continue from there.
        send(&*kept.inboxes, "ann", "new").await;
        assert_eq!(kept.inboxes.ends(&[ann]).await.unwrap()[0], (end + 1, 1));
    }

    async fn an_inbox_that_never_was_is_forgotten_without_a_trace(kept) {
        let announced = Announced::by(&*kept.inboxes);
        let never = user("never");
        assert_eq!(kept.forget.forget_notifications(&never, 10).await.unwrap(), 0);
        assert_eq!(kept.forget.forget_deliveries_about(&never, 0..=u64::MAX).await.unwrap(), None);
        assert_eq!(kept.forget.forget_grants_of(&never).await.unwrap(), 0);
        let (end, _) = kept.inboxes.ends(std::slice::from_ref(&never)).await.unwrap()[0];
        assert!(announced.of(&never, end, end).await.is_empty());
        let page = kept.inboxes.list(&Filter::default(), None, Limit::new(10)).await.unwrap();
        assert!(page.notifications.is_empty());
    }

    async fn deliveries_about_an_inbox_go_whatever_their_state(kept) {
        kept.listen().await;
        let states = [DeliveryState::Held, DeliveryState::Ready, DeliveryState::Skipped, DeliveryState::Ready];
        let anns: Vec<_> = states.iter().map(|state| new("ann", "webhook:a", *state)).collect();
        let bobs = [new("bob", "webhook:a", DeliveryState::Ready), new("bob", "webhook:b", DeliveryState::Skipped)];
        let anns_ids: Vec<_> = anns.iter().map(|one| one.id).collect();
        let bobs_ids = bobs.each_ref().map(|one| one.id);
        assert_eq!(kept.forget.newest_delivery().await.unwrap(), 0);
        kept.plan(anns.into_iter().chain(bobs).collect()).await;
        assert_eq!(kept.waiting("webhook:a").await, 4);
        // Deliveries that are planned from now on stay.
        let newest = kept.forget.newest_delivery().await.unwrap();
        let newer = new("ann", "webhook:c", DeliveryState::Held);
        let newer_id = newer.id;
        kept.plan(vec![newer]).await;
        assert_eq!(kept.forget.forget_deliveries_about(&user("ann"), 0..=newest).await.unwrap(), None);
        assert_eq!(kept.about("ann").await, [newer_id]);

        assert_eq!(kept.forget.forget_deliveries_about(&user("ann"), 0..=u64::MAX).await.unwrap(), None);
        assert!(kept.about("ann").await.is_empty());
        assert!(kept.deliveries.delivery(anns_ids[0]).await.unwrap().is_none());
        assert_eq!(kept.waiting("webhook:a").await, 1);
        assert_eq!(kept.about("bob").await, [bobs_ids[1], bobs_ids[0]]);
        let claimed: Vec<_> = kept.claim().await.iter().map(|(id, _)| *id).collect();
        assert_eq!(claimed, [bobs_ids[0]]);
        // Ended deliveries are forgotten in their time, even after that.
        assert_eq!(kept.deliveries.forget_deliveries(later(), 10).await.unwrap(), 1);
    }

    async fn a_digest_goes_with_its_parts_and_is_counted_no_more(kept) {
        kept.listen().await;
        let target = uuid();
        let mails = [(); 3].map(|()| NewDelivery {
            notification_id: Some(NotificationId::new(uuid())),
            channel: Channel::Email,
            target,
            ..new("ann", "email", DeliveryState::Held)
        });
        kept.plan(mails.into()).await;
        let claimed = kept.claim().await;
        let (id, lease) = (DeliveryId::new(uuid()), claimed[0].1);
        let bundle = Bundle { id, lease, claimed: claimed.iter().map(|(id, _)| *id).collect() };
        assert_eq!(kept.outbox.bundle(vec![bundle], now()).await.unwrap(), [true]);
        assert_eq!(kept.waiting("email").await, 4);
        assert_eq!(kept.forget.forget_deliveries_about(&user("ann"), 0..=u64::MAX).await.unwrap(), None);
        assert!(kept.about("ann").await.is_empty() && kept.outbox.parts(id).await.unwrap().is_empty());
        assert_eq!(kept.waiting("email").await, 0);
        assert!(kept.claim().await.is_empty());
    }

    async fn a_step_looks_at_so_many_deliveries_and_says_where_to_go_on(kept) {
        kept.listen().await;
        let mut new_ones: Vec<_> = (0..LOOKED_AT + 5).map(|_| new("bob", "webhook:a", DeliveryState::Ready)).collect();
        let last = LOOKED_AT + 4;
        new_ones[0] = new("ann", "webhook:a", DeliveryState::Ready);
        new_ones[last] = new("ann", "webhook:a", DeliveryState::Ready);
        let anns_last = new_ones[last].id;
        kept.plan(new_ones).await;
        let next = kept.forget.forget_deliveries_about(&user("ann"), 0..=u64::MAX).await.unwrap();
        assert_eq!(kept.about("ann").await, [anns_last]);
        assert_eq!(kept.forget.forget_deliveries_about(&user("ann"), next.unwrap()..=u64::MAX).await.unwrap(), None);
        assert!(kept.about("ann").await.is_empty());
    }

    async fn the_result_of_a_delivery_that_is_being_sent_is_not_recorded(kept) {
        kept.listen().await;
        let [one, other] = ["ann", "bob"].map(|user_id| new(user_id, "webhook:a", DeliveryState::Ready));
        let (one_id, other_id) = (one.id, other.id);
        kept.plan(vec![one, other]).await;
        let claimed = kept.claim().await;
        assert_eq!(claimed.len(), 2);
        assert_eq!(kept.forget.forget_deliveries_about(&user("ann"), 0..=u64::MAX).await.unwrap(), None);
        for (id, lease) in claimed {
            assert_eq!(kept.settle(id, lease).await, id == other_id);
        }
        assert!(kept.deliveries.delivery(one_id).await.unwrap().is_none());
        assert_eq!(kept.waiting("webhook:a").await, 0);
    }

    async fn sessions_and_tickets_of_a_user_go(kept) {
        let (ann, bob) = (user("ann"), user("bob"));
        let gone = [
            kept.grant(GrantKind::Session, Holder::User(ann.clone()), None).await,
            kept.grant(GrantKind::Ticket, Holder::User(ann.clone()), Some(ann.clone())).await,
            kept.grant(GrantKind::Ticket, Holder::Key(KeyId::new(1)), Some(ann.clone())).await,
        ];
        let stay = [
            kept.grant(GrantKind::Session, Holder::User(bob.clone()), None).await,
            kept.grant(GrantKind::Session, Holder::Operator, None).await,
            kept.grant(GrantKind::Ticket, Holder::Key(KeyId::new(1)), Some(bob)).await,
            kept.grant(GrantKind::Session, Holder::User(user("ann2")), None).await,
        ];
        assert_eq!(kept.forget.forget_grants_of(&ann).await.unwrap(), gone.len());
        assert_eq!(kept.forget.forget_grants_of(&ann).await.unwrap(), 0);
        for grant in &gone {
            assert!(!kept.is_good(grant).await, "{:?}", grant.holder);
        }
        for grant in &stay {
            assert!(kept.is_good(grant).await, "{:?}", grant.holder);
        }
        assert_eq!(kept.credentials.forget_grants(later()).await.unwrap(), stay.len() as u64);
    }
}
