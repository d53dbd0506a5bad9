//! The documented contract, tested against a real process on every store: clients cannot tell the stores apart.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{client::Client, command::Server, harness::new_folder, postgres};

/// Defines one test of each rule for each store. A rule gets a connection to a new server.
macro_rules! contract {
    ($($rule:ident)*) => {
        mod memory_store {
            $(#[test] fn $rule() { super::with_a_server("memory:", super::$rule) })*
        }

        mod sqlite_store {
            $(#[test] fn $rule() {
                let file = super::new_folder().join("campanile.db");
                super::with_a_server(&format!("sqlite:{}", file.display()), super::$rule)
            })*
        }

        mod postgres_store {
            $(#[test] fn $rule() {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                super::with_a_server(&runtime.block_on(super::postgres::new_database()), super::$rule)
            })*
        }
    };
}

contract! {
    create_answers_as_in_the_document
    list_is_newest_first_and_filters
    list_goes_on_where_the_link_says
    mark_read_counts_from_the_newest_and_repeats
    unread_count_follows
    mark_all_and_delete
    applying_the_changes_leads_to_the_list
    a_batch_is_all_or_none
    a_key_makes_it_happen_once
    expired_notifications_are_deleted_within_a_minute
    invalid_requests_change_nothing
}

fn with_a_server(store: &str, rule: fn(&mut Client)) {
    let server = Server::start(&["--store", store]);
    rule(&mut Client::connect(&server.address).unwrap());
}

fn create(client: &mut Client, user_id: &str, content: &str) -> Value {
    let (status, created) =
        client.post("/api/notifications/create", &[], &json!({"user_id": user_id, "content": content})).unwrap();
    assert_eq!(status, 201, "{created}");
    created
}

fn contents(client: &mut Client, query: &str) -> Vec<String> {
    let (_, page) = client.get(&format!("/api/notifications/list{query}"));
    page.as_array().unwrap().iter().map(|one| one["content"].as_str().unwrap().to_owned()).collect()
}

fn unread(client: &mut Client, user_id: &str) -> u64 {
    let (_, count) = client.get(&format!("/api/notifications/unread-count/{user_id}"));
    assert_eq!(count["user_id"], user_id);
    count["unread_count"].as_u64().unwrap()
}

fn create_answers_as_in_the_document(client: &mut Client) {
    let created = create(client, "user_123", "Your order has been shipped!");
    assert_eq!(created["user_id"], "user_123");
    assert_eq!(created["content"], "Your order has been shipped!");
    assert_eq!(created["is_read"], false);
    assert_eq!(created["category"], "message");
    assert!(created["timestamp"].as_str().unwrap().ends_with('Z'));
    let (_, one) = client.get(&format!("/api/notifications/{}", created["id"].as_str().unwrap()));
    assert_eq!(one, created);
    let full = json!({
        "user_id": "user_123", "content": "Done 🎉", "category": "alert", "title": "Ünï", "link": "/a?b=c",
        "data": {"z": 1, "a": [1.5, null, "x"]}, "expires_at": "2090-01-02T03:04:05.123456Z",
    });
    let (_, created) = client.post("/api/notifications/create", &[], &full).unwrap();
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(created[field], *value);
    }
    let (_, page) = client.get("/api/notifications/list?user_id=user_123&limit=1");
    assert_eq!(page, json!([created]));
}

fn list_is_newest_first_and_filters(client: &mut Client) {
    assert!(contents(client, "").is_empty());
    for (user_id, content) in [("ann", "first order"), ("bob", "an order"), ("ann", "second ORDER"), ("ann", "hello")] {
        create(client, user_id, content);
    }
    client.post("/api/notifications/mark-read/ann/0", &[], &json!({})).unwrap();
    assert_eq!(contents(client, ""), ["hello", "second ORDER", "an order", "first order"]);
    assert_eq!(contents(client, "?user_id=ann&limit=2"), ["hello", "second ORDER"]);
    assert_eq!(contents(client, "?user_id=ann&unread=true"), ["second ORDER", "first order"]);
    assert_eq!(contents(client, "?user_id=ann&q=order"), ["second ORDER", "first order"]);
    assert_eq!(contents(client, "?q=order"), ["second ORDER", "an order", "first order"]);
    assert_eq!(contents(client, "?q=order%20first"), ["first order"]);
    assert!(contents(client, "?category=alert").is_empty());
    assert!(contents(client, "?user_id=nobody").is_empty());
}

fn list_goes_on_where_the_link_says(client: &mut Client) {
    for number in 0..7 {
        create(client, "ann", &number.to_string());
    }
    let (mut path, mut seen) = ("/api/notifications/list?user_id=ann&limit=3".to_owned(), Vec::new());
    loop {
        let (headers, page) = client.get(&path);
        assert!(headers["campanile-modseq"].parse::<u64>().is_ok());
        seen.extend(page.as_array().unwrap().iter().map(|one| one["content"].as_str().unwrap().to_owned()));
        let Some(link) = headers.get("link") else { break };
        path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);
}

fn mark_read_counts_from_the_newest_and_repeats(client: &mut Client) {
    for content in ["a", "b", "c"] {
        create(client, "ann", content);
    }
    for _ in 0..2 {
        let (status, done) = client.post("/api/notifications/mark-read/ann/1", &[], &json!({})).unwrap();
        assert_eq!((status, done), (200, json!({"ok": true, "message": "Notification marked as read"})));
        assert_eq!(contents(client, "?user_id=ann&unread=true"), ["c", "a"]);
    }
    for path in ["ann/3", "nobody/0"] {
        let (status, refused) = client.post(&format!("/api/notifications/mark-read/{path}"), &[], &json!({})).unwrap();
        assert_eq!((status, &refused["ok"]), (404, &json!(false)));
    }
}

fn unread_count_follows(client: &mut Client) {
    assert_eq!(unread(client, "ann"), 0);
    let id = create(client, "ann", "a")["id"].as_str().unwrap().to_owned();
    create(client, "ann", "b");
    create(client, "bob", "c");
    assert_eq!((unread(client, "ann"), unread(client, "bob")), (2, 1));
    for (is_read, count) in [(true, 1), (true, 1), (false, 2)] {
        let path = format!("/api/notifications/{id}");
        client.ask("PATCH", &path, &[], Some(&json!({"is_read": is_read}))).unwrap();
        assert_eq!(unread(client, "ann"), count);
    }
}

fn mark_all_and_delete(client: &mut Client) {
    let id = create(client, "ann", "a")["id"].as_str().unwrap().to_owned();
    create(client, "ann", "b");
    for marked in [2, 0] {
        let (_, done) = client.post("/api/notifications/mark-all-read/ann", &[], &json!({})).unwrap();
        assert_eq!(done, json!({"ok": true, "marked": marked}));
    }
    let path = format!("/api/notifications/{id}");
    assert_eq!(client.ask("DELETE", &path, &[], None).unwrap().0, 204);
    assert_eq!(client.ask("DELETE", &path, &[], None).unwrap().0, 404);
    assert_eq!(contents(client, "?user_id=ann"), ["b"]);
}

fn applying_the_changes_leads_to_the_list(client: &mut Client) {
    let position =
        |client: &mut Client| client.get("/api/notifications/list?user_id=ann").0["campanile-modseq"].clone();
    let since = position(client);
    let id = create(client, "ann", "a")["id"].as_str().unwrap().to_owned();
    create(client, "ann", "b");
    client.post("/api/notifications/mark-all-read/ann", &[], &json!({})).unwrap();
    create(client, "ann", "c");
    client.ask("DELETE", &format!("/api/notifications/{id}"), &[], None).unwrap();
    // A store without a number for the inbox sends the changes from the start.
    let (_, changes) = client.get(&format!("/api/notifications/changes/ann?since={since}"));
    let types: Vec<_> = changes["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["created", "all_read", "created", "deleted"]);
    assert_eq!((&changes["unread_count"], &changes["reset"]), (&json!(1), &json!(false)));
    assert_eq!(changes["modseq"].to_string(), position(client));
    let (_, ahead) = client.get("/api/notifications/changes/ann?since=999999999999999999");
    assert_eq!(ahead["reset"], true);
}

fn a_batch_is_all_or_none(client: &mut Client) {
    let batch = |contents: &[&str]| {
        let each: Vec<_> = contents.iter().map(|content| json!({"user_id": "ann", "content": content})).collect();
        json!({"notifications": each})
    };
    assert_eq!(client.post("/api/notifications/batch", &[], &batch(&["a", "b"])).unwrap().0, 201);
    assert_eq!(client.post("/api/notifications/batch", &[], &batch(&["c", " "])).unwrap().0, 422);
    assert_eq!(contents(client, ""), ["b", "a"]);
    let fanout = json!({"user_ids": ["bob", "ann", "cem"], "content": "to all"});
    assert_eq!(client.post("/api/notifications/batch", &[], &fanout).unwrap().0, 201);
    assert_eq!((unread(client, "ann"), unread(client, "bob"), unread(client, "cem")), (3, 1, 1));
}

fn a_key_makes_it_happen_once(client: &mut Client) {
    let key = [("Idempotency-Key", "0d7c3a5e")];
    let body = json!({"user_id": "ann", "content": "once", "data": {"b": 1, "a": 2}});
    let first = client.post("/api/notifications/create", &key, &body).unwrap();
    assert_eq!(first.0, 201);
    client.post("/api/notifications/mark-all-read/ann", &[], &json!({})).unwrap();
    // The first response again, even if the notification has changed since.
    assert_eq!(client.post("/api/notifications/create", &key, &body).unwrap(), first);
    let other = json!({"user_id": "ann", "content": "other"});
    let (status, refused) = client.post("/api/notifications/create", &key, &other).unwrap();
    assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("Idempotency-Key")));
    assert_eq!(contents(client, ""), ["once"]);
    for wrong in ["", "\u{e4}"] {
        let refused = client.post("/api/notifications/create", &[("Idempotency-Key", wrong)], &other).unwrap();
        assert_eq!(refused.0, 422, "{wrong:?}");
    }
    let batch = json!({"user_ids": ["ann", "bob"], "content": "both"});
    let key = [("Idempotency-Key", "another")];
    let first = client.post("/api/notifications/batch", &key, &batch).unwrap();
    assert_eq!(client.post("/api/notifications/batch", &key, &batch).unwrap(), first);
    assert_eq!(unread(client, "bob"), 1);
}

fn expired_notifications_are_deleted_within_a_minute(client: &mut Client) {
    let body = json!({"user_id": "ann", "content": "gone", "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(client.post("/api/notifications/create", &[], &body).unwrap().0, 201);
    create(client, "ann", "stays");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while contents(client, "").len() > 1 {
        assert!(std::time::Instant::now() < deadline, "it is still there");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!((contents(client, ""), unread(client, "ann")), (vec!["stays".to_owned()], 1));
    let (_, changes) = client.get("/api/notifications/changes/ann?since=0");
    let told = changes["events"].as_array().unwrap().iter().any(|event| event["type"] == "deleted");
    assert!(told, "{changes}");
}

fn invalid_requests_change_nothing(client: &mut Client) {
    for body in [
        json!({}),
        json!({"user_id": "ann"}),
        json!({"user_id": "", "content": "x"}),
        json!({"user_id": "a\u{0}", "content": "x"}),
    ] {
        let (status, refused) = client.post("/api/notifications/create", &[], &body).unwrap();
        assert_eq!((status, &refused["code"]), (422, &json!("invalid_input")), "{body}");
    }
    for path in ["/api/notifications/list?limit=x", "/api/notifications/list?q=", "/api/notifications/list?before=x"] {
        assert_eq!(client.ask("GET", path, &[], None).unwrap().0, 422, "{path}");
    }
    assert!(contents(client, "").is_empty());
}

/// The database crashes and restarts while clients send requests: none gets a 5xx status except 503 with `Retry-After`,
/// no confirmed write is lost, and Campanile need not be restarted.
#[test]
fn the_database_may_go_away_and_come_back() {
    let mut database = postgres::Server::start(&["fsync=on"]);
    // Every refusal is a warning, and this test does not read them.
    let server = Server::start(&["--store", &database.url("postgres"), "--window", "1000000", "--log", "error"]);
    let over = AtomicBool::new(false);
    let readiness = || Client::connect(&server.address).unwrap().exchange("GET", "/readyz", &[], None).unwrap().0;
    let (acknowledged, refused) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let (over, address) = (&over, &server.address);
                scope.spawn(move || {
                    let (mut client, mut done, mut refused) = (Client::connect(address).unwrap(), Vec::new(), 0);
                    for number in 0.. {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let content = format!("{worker} {number}");
                        let body = json!({"user_id": "ann", "content": content});
                        let (status, headers, _) =
                            client.exchange("POST", "/api/notifications/create", &[], Some(&body)).unwrap();
                        match status {
                            201 => done.push(content),
                            503 => {
                                assert!(headers.contains_key("retry-after"));
                                refused += 1;
                                std::thread::sleep(Duration::from_millis(5));
                            }
                            // The request was in progress when the database crashed: it may have been stored or not.
                            504 => {}
                            other => panic!("{other}"),
                        }
                    }
                    (done, refused)
                })
            })
            .collect();
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(readiness(), 200);
            database.stop();
            assert_eq!(readiness(), 503);
            std::thread::sleep(Duration::from_millis(200));
            database.start_again();
            let deadline = Instant::now() + Duration::from_secs(10);
            while readiness() != 200 {
                assert!(Instant::now() < deadline, "it does not come back");
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        over.store(true, Ordering::Relaxed);
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        let refused: u64 = results.iter().map(|(_, refused)| refused).sum();
        (results.into_iter().flat_map(|(done, _)| done).collect::<HashSet<_>>(), refused)
    });
    assert!(refused > 0 && acknowledged.len() > 50, "{refused} refused, {} done", acknowledged.len());
    let (mut client, mut there, mut path) = (
        Client::connect(&server.address).unwrap(),
        HashSet::new(),
        "/api/notifications/list?user_id=ann&limit=1000".to_owned(),
    );
    let mut count = 0;
    loop {
        let (headers, page) = client.get(&path);
        for one in page.as_array().unwrap() {
            assert!(there.insert(one["content"].as_str().unwrap().to_owned()), "it is there twice");
            count += 1;
        }
        let Some(link) = headers.get("link") else { break };
        path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
    }
    assert!(acknowledged.is_subset(&there), "an acknowledged notification is lost");
    assert_eq!(unread(&mut client, "ann"), count);
}
