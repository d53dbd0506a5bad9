//! All old data is there, with its exact text, through every interface.

use std::collections::BTreeMap;

use axum::http::Method;
use campanile::{
    model::{Filter, Limit, Search},
    server::{
        clock::{Clock, SystemClock},
        http::DASHBOARD_PATH,
        store::{Due, GrantKind},
    },
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{EXPORT, Fields, all, encoded, fields, of_both, users};
use crate::{harness::App, store::user};

/// Every page of a list, from the newest on.
async fn listed(app: &App, query: &str) -> Vec<Fields> {
    let mut path = format!("/api/notifications/list?{query}");
    let mut listed = Vec::new();
    loop {
        let answer = app.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let page: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_slice(&answer.body).unwrap();
        listed.extend(page.into_iter().map(fields));
        let Some((next, _)) = answer.header("link").strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return listed;
        };
        path = next.to_owned();
    }
}

/// The expected notifications of one inbox, newest first.
fn inbox(user_id: &str) -> Vec<Fields> {
    let owner = serde_json::to_string(user_id).unwrap();
    all().into_iter().rev().filter(|fields| fields["user_id"] == owner).collect()
}

fn everyone() -> Vec<String> {
    let mut users = users(EXPORT);
    users.extend(["poison", "twenty"].map(str::to_owned));
    users
}

fn id(fields: &Fields) -> String {
    fields["id"].trim_matches('"').to_owned()
}

/// A response of `changes`; these tests need only the events.
#[derive(Deserialize)]
struct Changes {
    events: Vec<Event>,
    unread_count: u64,
    reset: bool,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    notification: Option<BTreeMap<String, Box<RawValue>>>,
}

async fn changes(app: &App, user_id: &str, since: u64) -> Changes {
    let answer = app.get(&format!("/api/notifications/changes/{}?since={since}&limit=1000", encoded(user_id))).await;
    assert_eq!(answer.status, 200, "{user_id:?}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

of_both! {
    async fn every_inbox_is_listed_in_its_order(old) {
        for user_id in everyone() {
            for limit in [1, 7, 1000] {
                let query = format!("user_id={}&limit={limit}", encoded(&user_id));
                assert_eq!(listed(&old.app, &query).await, inbox(&user_id), "{user_id:?}");
            }
        }
        let mut newest_first = all();
        newest_first.reverse();
        assert_eq!(listed(&old.app, "limit=3").await, newest_first);
        assert_eq!(listed(&old.app, "").await, newest_first);
    }

    async fn each_notification_is_given_out_by_its_id(old) {
        for expected in all() {
            let answer = old.app.get(&format!("/api/notifications/{}", id(&expected))).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(fields(serde_json::from_slice(&answer.body).unwrap()), expected);
        }
    }

    async fn the_changes_tell_of_everything(old) {
        for user_id in everyone() {
            let told = changes(&old.app, &user_id, 0).await;
            assert!(!told.reset, "{user_id:?}");
            let mut told: Vec<_> = told.events.into_iter().filter_map(|event| event.notification).map(fields).collect();
            let mut expected = inbox(&user_id);
            told.sort();
            expected.sort();
            assert_eq!(told, expected, "{user_id:?}");
        }
        let deleted = |told: Changes| told.events.into_iter().filter(|event| event.r#type == "deleted").count();
        assert_eq!(deleted(changes(&old.app, "ann", 20).await), 4);
        assert_eq!(deleted(changes(&old.app, "a/b", 9).await), 2);
        assert!(changes(&old.app, "a/b", 8).await.reset, "what happened before is forgotten");
    }

    async fn the_counts_match_the_notifications(old) {
        let unread = |all: &[Fields]| all.iter().filter(|fields| fields["is_read"] == "false").count() as u64;
        for user_id in everyone() {
            let expected = inbox(&user_id);
            let answer = old.app.get(&format!("/api/notifications/unread-count/{}", encoded(&user_id))).await;
            assert_eq!(answer.json()["unread_count"], unread(&expected), "{user_id:?}");
            assert_eq!(changes(&old.app, &user_id, 0).await.unread_count, unread(&expected), "{user_id:?}");
            let overview = old.store.overview(Some(&user(&user_id))).await.unwrap();
            assert_eq!((overview.total, overview.unread_count), (expected.len() as u64, unread(&expected)));
        }
        let overview = old.store.overview(None).await.unwrap();
        assert_eq!((overview.total, overview.unread_count), (41, unread(&all())));
    }

    async fn a_search_passes_over_every_row(old) {
        let search = |words: &str| Filter { search: Some(Search::parse(words).unwrap()), ..Filter::default() };
        for (words, finds) in [("shipped", 1), ("expired", 3), ("longer each", 1), ("nothing like it", 0)] {
            let page = old.store.list(&search(words), None, Limit::new(1000)).await.unwrap();
            assert_eq!(page.notifications.len(), finds, "{words}");
        }
    }

    async fn every_page_is_rendered(old) {
        for user_id in everyone() {
            let answer = old.app.get(&format!("{DASHBOARD_PATH}?user_id={}", encoded(&user_id))).await;
            assert_eq!(answer.status, 200, "{user_id:?}");
            let rows = answer.text().matches("<li id=\"row-").count();
            assert_eq!(rows, inbox(&user_id).len(), "{user_id:?}: {}", answer.text());
        }
        assert_eq!(old.app.get(DASHBOARD_PATH).await.status, 200);
    }

    async fn everything_is_marked_and_deleted(old) {
        for mut expected in all() {
            let path = format!("/api/notifications/{}", id(&expected));
            for mark in ["true", "false"] {
                expected.insert("is_read".to_owned(), mark.to_owned());
                let body = format!(r#"{{"is_read":{mark}}}"#);
                let answer = old.app.send(Method::PATCH, &path, Some(&body)).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert_eq!(fields(serde_json::from_slice(&answer.body).unwrap()), expected);
            }
        }
        for user_id in everyone() {
            let answer = old.app.post(&format!("/api/notifications/mark-all-read/{}", encoded(&user_id))).await;
            assert_eq!(answer.json()["marked"], inbox(&user_id).len(), "{user_id:?}");
            let path = format!("/api/notifications/mark-read/{}/0", encoded(&user_id));
            let there = old.app.post(&path).await.status;
            assert_eq!(there, if inbox(&user_id).is_empty() { 404 } else { 200 }, "{user_id:?}");
        }
        for expected in all() {
            let path = format!("/api/notifications/{}", id(&expected));
            let answer = old.app.send(Method::DELETE, &path, None).await;
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        let overview = old.store.overview(None).await.unwrap();
        assert_eq!((overview.total, overview.unread_count), (0, 0));
    }

    async fn expired_notifications_are_deleted(old) {
        let due = Due { now: SystemClock.now(), accepted_before: None, limit: 1000 };
        assert_eq!(old.store.delete_due(&due).await.unwrap(), 3);
        assert!(listed(&old.app, "user_id=gone").await.is_empty());
        let due = Due { accepted_before: Some(SystemClock.now()), ..due };
        assert_eq!(old.store.delete_due(&due).await.unwrap(), 38);
    }

    async fn an_inbox_goes_on_where_it_was(old) {
        for user_id in everyone() {
            let before = changes(&old.app, &user_id, 0).await;
            let (numbered, told) = (old.store.ends(&[user(&user_id)]).await.unwrap()[0].0, before.events.len());
            old.app.notify(&user_id, "written today").await;
            assert_eq!(old.store.ends(&[user(&user_id)]).await.unwrap()[0].0, numbered + 1, "{user_id:?}");
            assert_eq!(changes(&old.app, &user_id, 0).await.events.len(), told + 1);
            let times: Vec<_> = listed(&old.app, &format!("user_id={}", encoded(&user_id))).await;
            assert!(times.get(1).is_none_or(|second| second["timestamp"] <= times[0]["timestamp"]), "{user_id:?}");
        }
    }

    async fn keys_sessions_and_tickets_are_those_that_were(old) {
        let keys = old.credentials.keys().await.unwrap();
        let now = SystemClock.now();
        let good: Vec<_> = keys.iter().map(|key| key.is_good(now)).collect();
        assert_eq!(good, [true, false, false, true]);
        for (kind, name, holder) in [
            (GrantKind::Session, "session", "operator"),
            (GrantKind::Session, "session", "key:0000000000000001"),
            (GrantKind::Session, "session", "key:0000000000000002"),
            (GrantKind::Session, "session", "user:a/b"),
            (GrantKind::Ticket, "ticket", "user:🎉 party"),
        ] {
            let text = format!("{name} of {holder}");
            let mut hash = [0; 32];
            hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref());
            assert!(old.credentials.grant(kind, &hash, now).await.unwrap().is_some(), "{text}");
        }
    }

    async fn every_answer_is_json(old) {
        for path in ["/api/notifications/list", "/api/notifications/list?user_id=deep"] {
            let answer = old.app.get(path).await;
            // Deeper than most parsers accept by default, so this checks the brackets only.
            assert!(serde_json::from_slice::<Vec<BTreeMap<String, Box<RawValue>>>>(&answer.body).is_ok(), "{path}");
        }
        let answer = old.app.get("/api/notifications/list?user_id=ann").await;
        assert!(serde_json::from_slice::<Value>(&answer.body).is_ok());
    }
}
