//! How long contacts stay.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use campanile::{
    model::{ContactId, ContactState},
    server::{
        clock::Clock,
        http::HttpOptions,
        service::NotificationService,
        store::{Contacts, MemoryStore},
    },
};
use serde_json::Value;

use super::{browser, fcm};
use crate::{
    auth::TestClock,
    harness::{Answer, App, delivery_of, started},
};

/// Restarts the server over the same store at another time, and returns the remaining contacts of a user.
async fn left_of(store: &Arc<MemoryStore>, clock: &TestClock, user_id: &str) -> Vec<Value> {
    let service = NotificationService::over(Arc::<MemoryStore>::clone(store), clock.clone());
    let delivery = delivery_of(store, clock.clone(), service.tasks());
    let app = App::with(service, &HttpOptions { delivery, ..HttpOptions::default() });
    // Expired data is deleted at the start, and then each minute.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = app.get(&format!("/api/contacts/{user_id}")).await;
    answer.json().as_array().unwrap().clone()
}

async fn put(store: &Arc<MemoryStore>, clock: &TestClock, user_id: &str, contact: &Value) -> Answer {
    let service = NotificationService::over(Arc::<MemoryStore>::clone(store), clock.clone());
    let delivery = delivery_of(store, clock.clone(), service.tasks());
    let app = App::with(service, &HttpOptions { delivery, ..HttpOptions::default() });
    let answer = app.send(Method::POST, &format!("/api/contacts/{user_id}"), Some(&contact.to_string())).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    answer
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn an_fcm_contact_that_is_silent_for_270_days_is_dropped_and_one_that_is_registered_again_is_not() {
    let (store, clock) = (Arc::new(MemoryStore::new(10, started())), TestClock::default());
    let browser = browser("https://push.example/1");
    for contact in [&fcm("silent-1"), &fcm("seen-100"), &browser] {
        put(&store, &clock, "ann", contact).await;
    }
    clock.forward(100 * DAY);
    assert_eq!(put(&store, &clock, "ann", &fcm("seen-100")).await.status, 200);
    clock.forward(170 * DAY - 60);
    assert_eq!(left_of(&store, &clock, "ann").await.len(), 3);
    clock.forward(120);
    let left = left_of(&store, &clock, "ann").await;
    let channels: Vec<_> = left.iter().map(|contact| &contact["channel"]).collect();
    assert_eq!(channels, ["fcm", "webpush"]);
    assert!(left[0]["address"].as_str().unwrap().ends_with("100"), "{left:?}");
    clock.forward(100 * DAY);
    assert_eq!(left_of(&store, &clock, "ann").await.len(), 1);
}

#[tokio::test]
async fn a_push_contact_that_is_dead_is_listed_for_seven_days() {
    let (store, clock) = (Arc::new(MemoryStore::new(10, started())), TestClock::default());
    let added = put(&store, &clock, "ann", &fcm("a")).await.json();
    let id = ContactId::new(added["id"].as_str().unwrap().parse().unwrap());
    clock.forward(DAY);
    let (seen, now) = (started(), clock.now());
    assert!(!store.set_contact_state(id, ContactState::Dead, seen, now).await.unwrap());
    assert!(store.set_contact_state(id, ContactState::Dead, now, now).await.unwrap());
    clock.forward(7 * DAY - 60);
    let [dead] = &left_of(&store, &clock, "ann").await[..] else { panic!("one") };
    assert_eq!(dead["state"], "dead");
    clock.forward(120);
    assert!(left_of(&store, &clock, "ann").await.is_empty());
}
