//! Specifics of the outbox in PostgreSQL: its functions write the same events as the server, and several servers share
//! one.

mod servers;

use std::{collections::HashMap, time::Duration};

use campanile::{
    model::{
        Attempt, Category, Channel, DeliveryId, DeliveryState, Event, EventKind, Marking, NotificationDraft,
        NotificationId, Timestamp, Wanted, WebhookId,
    },
    server::store::{
        Deliveries, Outbox, PostgresStore, Store, Webhooks,
        outbox::{
            Backlog, Claim, Delivery, DeliveryFilter, DeliveryPage, Entry, Health, NewDelivery, Next, Planned,
            Settlement, Webhook, lane_of,
        },
    },
};
use serde_json::value::RawValue;
use uuid::{NoContext, Uuid};

use super::{Announced, accepted, draft, send, user};
use crate::postgres::{connect, new_database, open};

const ROOM: Backlog = Backlog { deliveries: 1_000, bytes: 1_000_000 };

/// Stores on a database ignore this time.
fn never() -> Timestamp {
    Timestamp::parse("2000-01-01T00:00:00Z").unwrap()
}

fn fresh() -> Uuid {
    Uuid::new_v7(uuid::Timestamp::now(NoContext))
}

fn webhook(wanted: Wanted) -> Webhook {
    Webhook {
        id: WebhookId::new(fresh()),
        url: "https://example.com/".to_owned(),
        wanted,
        secret: "whsec_x".to_owned(),
        old_secret: None,
        disabled: None,
        enabled_at: never(),
        created_at: never(),
        version: 0,
    }
}

fn everything() -> Wanted {
    Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() }
}

fn new_delivery(lane: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(fresh()),
        notification_id: None,
        user_id: user("ann"),
        channel: Channel::Webhook,
        target: fresh(),
        lane: lane.to_owned(),
        state: DeliveryState::Ready,
        reason: None,
        wait: Duration::ZERO,
        payload: "0123456789".to_owned(),
        expires_at: None,
    }
}

fn claim(room: usize) -> Claim {
    Claim { lease: fresh(), lease_for: Duration::from_secs(60), room, rooms: HashMap::new() }
}

/// Plans these deliveries for the oldest entry, which must exist.
async fn plan(store: &PostgresStore, deliveries: Vec<NewDelivery>, backlog: Backlog) -> usize {
    let entry = store.unplanned(1).await.unwrap()[0].seq;
    store.plan(vec![Planned { entry, deliveries }], backlog, never()).await.unwrap()
}

async fn delivery(store: &PostgresStore, id: DeliveryId) -> Delivery {
    store.delivery(id).await.unwrap().unwrap()
}

/// The database's functions write events byte for byte like the server.
#[tokio::test]
async fn events_are_written_as_the_server_writes_them() {
    let url = new_database().await;
    let store = open(&url, 4).await;
    send(&store, "a\"nn/é\u{2028}", "before there is any").await;
    assert!(store.add_webhook(&webhook(everything())).await.unwrap());
    let announced = Announced::by(&store);
    let owner = "a\"nn/é\u{2028}";
    let all: String = (1..0x180).filter_map(char::from_u32).chain(['\u{fffe}', '😀']).collect();
    let drafts = ["9999-12-31T23:59:59.999999Z", "1969-01-01T00:00:00.000001Z", "2262-04-11T23:47:16.854775Z"].map(
        |expires_at| NotificationDraft {
            title: Some("\"t\\\"/".to_owned()),
            link: Some("/x?a=\"".to_owned()),
            category: Some("alert".to_owned()),
            data: Some(RawValue::from_string(r#"{"a":1.50,"a":"\u0000/\/é"}"#.to_owned()).unwrap()),
            expires_at: Some(expires_at.to_owned()),
            ..draft(owner, &all)
        },
    );
    let mut ids = Vec::new();
    for draft in drafts.into_iter().chain([draft(owner, "plain")]) {
        let notification = accepted(draft);
        ids.push(notification.id);
        store.create(&[notification], None).await.unwrap();
    }
    store.set_read(ids[1], None, true).await.unwrap();
    store.set_read(ids[1], None, false).await.unwrap();
    store.mark_read_at(&user(owner), 0).await.unwrap();
    let part = Marking { up_to: None, category: Some(Category::parse("alert").unwrap()) };
    store.set_read(ids[3], None, false).await.unwrap();
    for marking in [part, Marking::default()] {
        let marked = store.mark_all_read(&user(owner), &marking).await.unwrap();
        assert_eq!(store.unmark(&user(owner), &marked.by, 1_000).await.unwrap().count, marked.count);
    }
    store.delete(ids[2], None).await.unwrap();

    let entries = store.unplanned(1_000).await.unwrap();
    let events = announced.of(&user(owner), 1, 1 + entries.len() as u64).await;
    assert_eq!(entries.len(), 21);
    let who = serde_json::to_string(&user(owner)).unwrap();
    for (entry, event) in entries.iter().zip(&events) {
        let (kind, more) = match event {
            Event::Created { notification, .. } => {
                assert_eq!((entry.at, entry.expires_at), (notification.timestamp, notification.expires_at));
                (EventKind::Created, format!(",\"notification\":{}", serde_json::to_string(notification).unwrap()))
            }
            Event::Updated { notification, .. } => {
                assert_eq!(entry.notification_id, Some(notification.id));
                (EventKind::Updated, format!(",\"notification\":{}", serde_json::to_string(notification).unwrap()))
            }
            Event::Deleted { id, .. } => {
                assert_eq!((entry.notification_id, entry.expires_at), (Some(*id), None));
                assert!(entry.category.is_some());
                (EventKind::Deleted, format!(",\"id\":\"{id}\""))
            }
            Event::AllRead { .. } => {
                assert_eq!((entry.notification_id, entry.category.as_ref()), (None, None));
                (EventKind::AllRead, String::new())
            }
        };
        let (modseq, unread) = (event.modseq(), event.unread_count());
        let expected = format!("{{\"user_id\":{who},\"modseq\":{modseq},\"unread_count\":{unread}{more}}}");
        assert_eq!((entry.kind, &entry.user_id), (kind, &user(owner)));
        assert_eq!(entry.data, expected);
    }
}

/// An event is written if at least one webhook wants it; a changed filter has effect at once.
#[tokio::test]
async fn only_events_that_an_endpoint_wants_are_written() {
    let url = new_database().await;
    let store = open(&url, 100).await;
    let wanted = Wanted {
        events: vec![EventKind::Created, EventKind::AllRead],
        categories: Some(vec![Category::parse("alert").unwrap()]),
        user_id: Some(user("ann")),
    };
    let first = webhook(wanted);
    store.add_webhook(&first).await.unwrap();
    let of = |name: &str, category: &str| {
        accepted(NotificationDraft { category: Some(category.to_owned()), ..draft(name, "x") })
    };
    let all = [of("ann", "alert"), of("ann", "system"), of("bob", "alert")];
    store.create(&all, None).await.unwrap();
    store.set_read(all[0].id, None, true).await.unwrap();
    for name in ["ann", "bob"] {
        store.mark_all_read(&user(name), &Marking::default()).await.unwrap();
    }
    let kinds = |entries: Vec<Entry>| {
        entries.into_iter().map(|entry| (entry.kind, entry.user_id.to_string())).collect::<Vec<_>>()
    };
    let expected = [EventKind::Created, EventKind::AllRead].map(|kind| (kind, "ann".to_owned())).to_vec();
    assert_eq!(kinds(store.unplanned(10).await.unwrap()), expected);

    let changed = Webhook { wanted: everything(), ..first.clone() };
    assert!(store.change_webhook(&changed).await.unwrap());
    assert!(!store.change_webhook(&changed).await.unwrap(), "it has the next version");
    assert_eq!(store.webhook(first.id).await.unwrap(), Some(Webhook { version: 1, ..changed }));
    store.delete(all[2].id, None).await.unwrap();
    assert_eq!(store.unplanned(10).await.unwrap().len(), 3);
    assert!(store.delete_webhook(first.id).await.unwrap());
    assert!(!store.delete_webhook(first.id).await.unwrap());
    store.delete(all[1].id, None).await.unwrap();
    assert_eq!(store.unplanned(10).await.unwrap().len(), 3);
    assert_eq!(store.webhooks().await.unwrap(), []);
}

#[tokio::test]
async fn a_delivery_is_planned_claimed_and_settled() {
    let url = new_database().await;
    let store = open(&url, 100).await;
    store.add_webhook(&webhook(everything())).await.unwrap();
    send(&store, "ann", "x").await;
    let lane = lane_of(WebhookId::new(Uuid::nil()));
    let [first, second, mut third] = [&lane, &lane, &lane].map(|lane| new_delivery(lane));
    let about = NotificationId::new(fresh());
    third.notification_id = Some(about);
    let ids = [first.id, second.id, third.id];
    assert_eq!(plan(&store, vec![first, second, third], Backlog { deliveries: 2, ..ROOM }).await, 3);
    let full = delivery(&store, ids[2]).await;
    assert_eq!((full.state, full.reason.as_deref()), (DeliveryState::Skipped, Some("backlog_full")));
    assert_eq!(full.ended_at, Some(full.created_at));

    let asked = claim(1);
    let claimed = store.claim(&asked, never()).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].delivery.id, claimed[0].delivery.tries), (ids[0], 1));
    assert!(!claimed[0].was_lost && !claimed[0].is_expired);
    let attempt = Attempt {
        at: never(),
        result: "retry".to_owned(),
        code: Some(503),
        ms: 7,
        counted: true,
        detail: Some("\0\"é".to_owned()),
    };
    let settled = Settlement {
        id: ids[0],
        lease: asked.lease,
        attempts: vec![attempt.clone(); 60],
        refund: true,
        next: Next::Again { wait: Duration::ZERO },
        worked: Some(false),
        pause: Some((Duration::from_secs(60), "busy\0".to_owned())),
    };
    let unknown = Settlement { id: DeliveryId::new(fresh()), ..settled.clone() };
    let healths = store.settle(vec![unknown, settled.clone(), settled.clone()], never()).await.unwrap();
    assert_eq!(healths.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
    let again = delivery(&store, ids[0]).await;
    assert_eq!((again.state, again.tries, again.attempts), (DeliveryState::Ready, 0, vec![attempt.clone(); 60]));
    assert_eq!(store.claim(&asked, never()).await.unwrap(), [], "its lane is paused");
    let lanes = store.lanes().await.unwrap();
    assert_eq!((lanes[0].waiting, lanes[0].health.failures, lanes[0].reason.as_deref()), (2, 1, Some("busy\u{fffd}")));
    assert_eq!(lanes[0].oldest, Some(again.created_at));
    store.resume("webhook").await.unwrap();
    assert_eq!(store.lanes().await.unwrap()[0].health, Health::default());

    let asked = Claim { lease_for: Duration::ZERO, ..claim(5) };
    assert_eq!(store.claim(&asked, never()).await.unwrap().len(), 2);
    let asked = claim(5);
    let taken = store.claim(&asked, never()).await.unwrap();
    assert!(taken.len() == 2 && taken.iter().all(|claimed| claimed.was_lost));
    assert_eq!(store.settle(vec![settled.clone()], never()).await.unwrap(), [None]);
    assert!(store.cancel(ids[1], "retracted", never()).await.unwrap());
    assert!(!store.cancel(ids[1], "retracted", never()).await.unwrap());
    let over = Next::Over { state: DeliveryState::Sent, reason: None };
    let sent = Settlement { lease: asked.lease, next: over, worked: Some(true), pause: None, refund: false, ..settled };
    let cancelled = Settlement { id: ids[1], ..sent.clone() };
    let healths = store.settle(vec![cancelled, sent], never()).await.unwrap();
    assert!(healths[0].is_none() && healths[1].unwrap().worked_at.is_some());
    let done = delivery(&store, ids[0]).await;
    assert_eq!((done.state, done.attempts.len()), (DeliveryState::Sent, 100));

    let news: Vec<_> = ids.iter().map(|id| (*id, DeliveryId::new(fresh()))).collect();
    assert_eq!(store.replay(&news, never()).await.unwrap(), 2, "not what was sent");
    assert_eq!(store.replay(&news, never()).await.unwrap(), 0);
    assert_eq!(delivery(&store, news[1].1).await.replay_of, Some(ids[1]));
    assert_eq!(store.lanes().await.unwrap()[0].waiting, 2);

    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.deliveries(&DeliveryFilter::default(), before, 2).await.unwrap();
        seen.extend(page.deliveries.into_iter().map(|delivery| delivery.id));
        let Some(next) = page.next else { break };
        before = Some(next);
    }
    assert_eq!(seen, [news[2].1, news[1].1, ids[2], ids[1], ids[0]]);
    let filter = DeliveryFilter { state: Some(DeliveryState::Sent), ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(&filter, None, 2).await.unwrap().deliveries, [done]);
    let filter_one = DeliveryFilter { notification_id: Some(about), ..DeliveryFilter::default() };
    let page = store.deliveries(&filter_one, None, 1).await.unwrap();
    assert_eq!((page.deliveries[0].id, page.deliveries.len()), (news[2].1, 1));
    let page = store.deliveries(&filter_one, page.next, 1).await.unwrap();
    assert_eq!((page.deliveries[0].id, page.next), (ids[2], None));
    let other = DeliveryFilter { user_id: Some(user("bob")), ..filter_one };
    assert_eq!(store.deliveries(&other, None, 1).await.unwrap(), DeliveryPage { deliveries: vec![], next: None });
    let until = Timestamp::parse("2090-01-01T00:00:00Z").unwrap();
    assert_eq!(store.forget_deliveries(until, 2).await.unwrap(), 2);
    assert_eq!(store.forget_deliveries(until, 2).await.unwrap(), 1);
    assert_eq!(store.deliveries(&filter, None, 2).await.unwrap().next, None);
}

/// A page that finds no match among the deliveries it may look at continues below, and ends at the last one.
#[tokio::test]
async fn a_page_looks_at_no_more_than_it_may() {
    const MANY: &str = "INSERT INTO deliveries (id, user_id, channel, target, lane, state, due_at, payload, created_at)
        SELECT gen_random_uuid(), CASE WHEN i % 20000 = 1 THEN 'bob' ELSE 'ann' END, 'webhook', gen_random_uuid(), 'x',
            'held', i, '{}', i FROM generate_series(1, 20001) i";
    let url = new_database().await;
    let store = open(&url, 10).await;
    connect(&url).await.batch_execute(MANY).await.unwrap();
    let filter = DeliveryFilter { user_id: Some(user("bob")), ..DeliveryFilter::default() };
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = store.deliveries(&filter, before, 5).await.unwrap();
        found.push((page.deliveries.len(), page.next));
        let Some(next) = page.next else { break };
        before = Some(next);
    }
    assert_eq!(found, [(1, Some(10_002)), (0, Some(2)), (1, None)]);
}
