//! A store with all kinds of data.

use std::{collections::HashMap, time::Duration};

use campanile::{
    model::{
        Attempt, Category, Channel, ContactAddress, ContactId, DeliveryId, DeliveryState, EmailAddress, EventKind,
        Label, Marking, NotificationDraft, Preferences, SubscriptionKeys, Timestamp, Wanted, WebhookId,
    },
    server::{
        identity::Scopes,
        store::{
            Contacts, Credentials, Deliveries, Once, Outbox, Secrets, ServiceKey, SqliteStore, Store, Webhooks, Wishes,
            contacts::{NewContact, Put},
            outbox::{Backlog, Bundle, Claim, NewDelivery, Next, Planned, Settlement, Webhook},
        },
    },
};
use uuid::Uuid;

use crate::store::{accepted, create, credentials::key, draft, once, send, user};

/// Fills a store with all kinds of data: marks, whole inboxes marked, deletions, notifications that left the window,
/// keys of requests, service keys, and every field.
pub(super) async fn fill(store: &SqliteStore, notifications: usize) {
    let moment = |time: &str| Timestamp::parse(&format!("2026-01-01T{time}Z")).unwrap();
    let full = ServiceKey {
        name: "Zoë's \"naïve\" key".to_owned(),
        scopes: Scopes::parse("admin").unwrap(),
        expires_at: Some(moment("02:00:00.000001")),
        last_used_at: Some(moment("03:00:00")),
        revoked_at: Some(moment("04:00:00")),
        ..key(1, moment("01:00:00"))
    };
    for key in [full, key(3, moment("00:00:00")), key(2, moment("00:00:00"))] {
        store.add_key(&key).await.unwrap();
    }
    fill_outbox(store, moment).await;
    fill_contacts(store, moment("07:00:00.000001")).await;
    fill_mail(store, moment("08:00:00.000001")).await;
    for number in 0..notifications / 500 {
        let batch: Vec<_> = (0..500)
            .map(|place| {
                let full = NotificationDraft {
                    title: (place % 3 == 0).then(|| "Ünïcödé".to_owned()),
                    link: (place % 5 == 0).then(|| "/orders/7?a=b#c".to_owned()),
                    data: (place % 7 == 0).then(|| {
                        serde_json::from_str(r#"{"z": [1.0, 1e100, -0.5, null], "a": {"b": "\u0001\ud83c\udf89"}}"#)
                            .unwrap()
                    }),
                    category: (place % 2 == 0).then(|| "alert".to_owned()),
                    expires_at: (place % 11 == 0).then(|| "2090-01-01T00:00:00.000001Z".to_owned()),
                    ..draft(&format!("user {}", (number * 500 + place) % 250), "Your order is there, naïve Zoë 🎉")
                };
                accepted(full)
            })
            .collect();
        // As an earlier release stored it.
        let once = Once { caller: None, ..once(&format!("key {number}"), number as u8, "2026-01-01T00:00:00Z") };
        store.create(&batch, (number % 10 == 0).then_some(&once)).await.unwrap();
        store.mark_all_read(&user(&format!("user {}", number % 250)), &Marking::default()).await.unwrap();
        store.set_read(batch[3].id, None, true).await.unwrap();
        store.set_read(batch[5].id, None, false).await.unwrap();
        store.delete(batch[7].id, None).await.unwrap();
    }
}

/// Adds a contact of each channel.
async fn fill_contacts(store: &SqliteStore, at: Timestamp) {
    let p256dh = SubscriptionKeys::parse_p256dh(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    );
    let auth = SubscriptionKeys::parse_auth("BTBZMqHH6r4Tts7J_aSIgg");
    let all = [
        ContactAddress::Email { address: EmailAddress::parse("zoë+x@example.com").unwrap() },
        ContactAddress::Webpush {
            endpoint: "https://push.example/abc?d=e".to_owned(),
            keys: SubscriptionKeys::new(p256dh.unwrap(), auth.unwrap()),
        },
    ];
    for (number, address) in (0..).zip(all) {
        let label = (number == 0).then(|| Label::parse("Zoë’s “own”").unwrap());
        let new =
            NewContact { id: ContactId::new(Uuid::from_u128(number)), user_id: user("user 7"), address, label, at };
        assert!(matches!(store.put_contact(&new).await.unwrap(), Put::Added(_)));
    }
}

/// Adds data about mail: a digest and one that has ended, an entry with a sender's choice of channels, preferences, and
/// keys of the server.
async fn fill_mail(store: &SqliteStore, now: Timestamp) {
    let asked = NotificationDraft {
        send_email: Some(true),
        channels: Some(vec!["email".to_owned(), "apns".to_owned()]),
        ..draft("who is mailed", "to be mailed")
    };
    let about = create(store, asked.clone()).await;
    let entries = store.unplanned(10).await.unwrap();
    let entry = entries.iter().find(|entry| entry.notification_id == Some(about.id)).unwrap().seq;
    create(store, asked).await;
    let mail = |number: u128| NewDelivery {
        id: DeliveryId::new(Uuid::from_u128(300 + number)),
        notification_id: Some(about.id),
        user_id: about.user_id.clone(),
        channel: Channel::Email,
        target: Uuid::from_u128(number / 2),
        lane: "email".to_owned(),
        state: DeliveryState::Held,
        reason: Some("together".to_owned()),
        wait: Duration::ZERO,
        payload: r#"{"send_email":true}"#.to_owned(),
        expires_at: None,
    };
    let deliveries: Vec<_> = (0..4).map(mail).collect();
    let claimed: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
    let backlog = Backlog { deliveries: 100, bytes: 1 << 20 };
    store.plan(vec![Planned { entry, deliveries }], backlog, now).await.unwrap();
    let rooms = HashMap::from([("email".to_owned(), 9)]);
    let claim = Claim { lease: Uuid::from_u128(2), lease_for: Duration::from_secs(60), room: 0, rooms };
    assert_eq!(store.claim(&claim, now).await.unwrap().len(), 4);
    let digests = [400, 401].map(|number| DeliveryId::new(Uuid::from_u128(number)));
    let bundles = digests.iter().zip(claimed.chunks(2));
    let bundles = bundles.map(|(id, claimed)| Bundle { id: *id, lease: claim.lease, claimed: claimed.to_vec() });
    assert_eq!(store.bundle(bundles.collect(), now).await.unwrap(), [true, true]);
    assert!(store.cancel(digests[1], "by_hand", now).await.unwrap());
    let wanted = serde_json::json!({
        "categories": {"alert": {"push": {"if_unread_after": 600}}},
        "quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon"]},
    });
    let wanted = Preferences::default().merge(&wanted).unwrap();
    for (user_id, seen) in [("naïve Zoë", 0), ("naïve Zoë", 1), ("ann", 0)] {
        let preferences = if user_id == "ann" { Preferences::default() } else { wanted.clone() };
        assert!(store.set_preferences(&user(user_id), &preferences, seen).await.unwrap());
    }
    for name in ["unsubscribe", "another"] {
        store.secret(name, name.repeat(3).as_bytes()).await.unwrap();
    }
}

/// Adds an unplanned entry, deliveries in every state, and lanes that are paused or fail.
async fn fill_outbox(store: &SqliteStore, moment: impl Fn(&str) -> Timestamp) {
    let now = moment("05:00:00.000001");
    let plain = Webhook {
        id: WebhookId::new(Uuid::from_u128(7)),
        url: "https://example.com/höök?token=a b".replace(' ', "%20"),
        wanted: Wanted { events: EventKind::ALL.to_vec(), ..Wanted::default() },
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        old_secret: None,
        disabled: None,
        enabled_at: moment("00:00:00"),
        created_at: moment("00:00:00"),
        version: 3,
    };
    let full = Webhook {
        id: WebhookId::new(Uuid::from_u128(5)),
        wanted: Wanted {
            categories: Some(vec![Category::parse("alert").unwrap()]),
            user_id: Some(user("naïve Zoë")),
            ..Wanted::default()
        },
        old_secret: Some(("whsec_old".to_owned(), moment("06:00:00"))),
        disabled: Some("by_hand".to_owned()),
        created_at: moment("00:00:00.000001"),
        ..plain.clone()
    };
    store.add_webhook(&full).await.unwrap();
    store.add_webhook(&plain).await.unwrap();
    for n in 0..6 {
        send(store, &format!("user {n}"), "to be told \"to\" others\u{1}").await;
    }
    let planned: Vec<_> = store
        .unplanned(5)
        .await
        .unwrap()
        .into_iter()
        .enumerate()
        .map(|(place, entry)| Planned {
            entry: entry.seq,
            deliveries: vec![NewDelivery {
                id: DeliveryId::new(Uuid::from_u128(100 + place as u128)),
                notification_id: entry.notification_id,
                user_id: entry.user_id,
                channel: Channel::Webhook,
                target: plain.id.as_uuid(),
                lane: format!("webhook:{}", place % 2),
                state: DeliveryState::Ready,
                reason: None,
                wait: Duration::from_secs(place as u64),
                payload: entry.data,
                expires_at: (place == 1).then(|| moment("23:00:00")),
            }],
        })
        .collect();
    let backlog = Backlog { deliveries: 100, bytes: 1 << 20 };
    assert_eq!(store.plan(planned, backlog, now).await.unwrap(), 5);
    let lease = Uuid::from_u128(1);
    let claim = Claim { lease, lease_for: Duration::from_secs(60), room: 9, rooms: HashMap::new() };
    let later = moment("05:00:02.5");
    assert_eq!(store.claim(&claim, later).await.unwrap().len(), 3);
    let attempt = Attempt {
        at: later,
        result: "retry".to_owned(),
        code: Some(503),
        ms: 7,
        counted: true,
        detail: Some("\"naïve\" \u{1}🎉".to_owned()),
    };
    let settle = |place: u128, next, worked| Settlement {
        id: DeliveryId::new(Uuid::from_u128(100 + place)),
        lease,
        attempts: vec![attempt.clone(); 2],
        refund: place == 1,
        next,
        worked: Some(worked),
        pause: (place == 1).then(|| (Duration::from_secs(9), "asked_to_wait".to_owned())),
    };
    let dead = Next::Over { state: DeliveryState::Dead, reason: Some("gave_up".to_owned()) };
    let settled = vec![settle(0, dead, true), settle(1, Next::Again { wait: Duration::from_secs(5) }, false)];
    assert!(store.settle(settled, later).await.unwrap().iter().all(Option::is_some));
    let again = (DeliveryId::new(Uuid::from_u128(100)), DeliveryId::new(Uuid::from_u128(200)));
    assert_eq!(store.replay(&[again], later).await.unwrap(), 1);
    assert!(store.cancel(DeliveryId::new(Uuid::from_u128(103)), "by_hand", later).await.unwrap());
    // No other webhooks remain.
    for webhook in store.webhooks().await.unwrap() {
        store.delete_webhook(webhook.id).await.unwrap();
    }
    for webhook in [full, Webhook { wanted: Wanted { user_id: Some(user("told")), ..Wanted::default() }, ..plain }] {
        store.add_webhook(&webhook).await.unwrap();
    }
}
