//! Secrets: their signatures, and the places where they must not appear.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    Place,
    receiver::{Content, Receiver, Reply},
};
use crate::{client::Client, command::Server};

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_rotated_each_event_has_two_signatures_and_each_of_the_two_secrets_verifies() {
    let place = Place::in_memory().await;
    let receiver = Receiver::good().await;
    let hook = place.hook(&receiver, json!({})).await;
    let mut secrets = vec![hook.secret.clone()];
    for count in 1..=3 {
        place.notify("ann", "x").await;
        let hits = receiver.until(count).await;
        let hit = &hits[count - 1];
        let verified: Vec<_> = secrets.iter().rev().map(|secret| hit.is_signed_with(secret)).collect();
        let expected = [vec![true], vec![true, true], vec![true, true, false]][count - 1].clone();
        assert_eq!(verified, expected, "after {} rotations, the newest first", count - 1);
        let signatures = hit.header("webhook-signature").split(' ').count();
        assert_eq!(signatures, count.min(2));
        let rotated = place.post(&format!("/api/webhooks/{}/rotate-secret", hook.id), None).await.json();
        assert!(rotated["old_secret_until"].is_string(), "{rotated}");
        let secret = rotated["secret"].as_str().unwrap().to_owned();
        assert!(!secrets.contains(&secret));
        secrets.push(secret);
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_returns_its_result_and_is_no_delivery() {
    let place = Place::in_memory().await;
    let good = Receiver::start(|_, _| Reply::with(202, Content::Text("thanks".to_owned()))).await;
    let bad = Receiver::start(|_, _| Reply::with(403, Content::Huge(100_000))).await;
    let closing = Receiver::start(|_, _| Reply::with(200, Content::Closes)).await;
    let away = Receiver::good().await;
    let to = away.url();
    let redirecting = Receiver::start(move |_, _| Reply::status(302).header("location", &to)).await;
    let nowhere = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/hook", free.local_addr().unwrap())
    };
    let cases = [
        (good.url(), true, Some(202)),
        (bad.url(), false, Some(403)),
        (redirecting.url(), false, Some(302)),
        (closing.url(), false, None),
        (nowhere, false, None),
        // Names below `.invalid` never exist (RFC 6761).
        (format!("http://nowhere.invalid:{}/", good.port()), false, None),
    ];
    for (url, ok, status) in cases {
        // A test event ignores the filter.
        let hook = place.hook_to(&url, json!({"categories": ["alert"], "user_id": "ann"})).await;
        let test = format!("/api/webhooks/{}/test", hook.id);
        for is_disabled in [false, true] {
            let state = if is_disabled { "disabled" } else { "active" };
            let path = format!("/api/webhooks/{}", hook.id);
            assert_eq!(place.ask(Method::PATCH, &path, Some(&json!({"state": state}))).await.status, 200);
            let began = Instant::now();
            let result = place.post(&test, None).await.json();
            assert_eq!((result["ok"].as_bool(), result["status"].as_u64()), (Some(ok), status), "{url}: {result}");
            assert!(result["ms"].as_u64().unwrap() <= began.elapsed().as_millis().try_into().unwrap());
            let detail = result["detail"].as_str().unwrap_or_default();
            assert!(detail.len() <= 512 && !detail.contains("http://"), "{result}");
            assert!(ok || status.is_some() || !detail.is_empty(), "{result}");
            assert_eq!(place.webhook(&hook).await["state"], state, "a test changes nothing");
        }
        assert!(place.deliveries(&hook).await.is_empty());
        if ok {
            let hits = good.until(2).await;
            assert!(hits.iter().all(|hit| hit.is_signed_with(&hook.secret)));
            let event = hits[0].json();
            let expected =
                json!({"type": "webhook.test", "timestamp": event["timestamp"], "data": {"webhook_id": hook.id}});
            assert_eq!(event, expected);
            assert_ne!(hits[0].id(), hits[1].id());
        }
    }
    assert_eq!(away.connections(), 0, "a redirect was followed");
    place.stop().await;
}

/// A URL may also contain a secret, and text about a notification is for its receivers only.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_shown_once_and_in_no_other_answer_and_not_in_the_log() {
    let server = Server::start(&["--webhook-allow", "127.0.0.0/8", "--log", "trace"]);
    let good = Receiver::good().await;
    let gone = Receiver::start(|_, _| Reply::with(410, Content::Text("the-answer".to_owned()))).await;
    let closing = Receiver::start(|_, _| Reply::with(200, Content::Closes)).await;
    let mut client = Client::connect(&server.address).unwrap();
    let (mut secrets, mut ids) = (Vec::new(), Vec::new());
    for receiver in [&good, &gone, &closing] {
        let url = format!("{}/the-path?token=the-token", receiver.url());
        let (status, added) = client.post("/api/webhooks", &[], &json!({ "url": url })).unwrap();
        assert_eq!(status, 201, "{added}");
        let id = added["id"].as_str().unwrap().to_owned();
        let (status, rotated) = client.ask("POST", &format!("/api/webhooks/{id}/rotate-secret"), &[], None).unwrap();
        assert_eq!(status, 200, "{rotated}");
        secrets.extend([&added, &rotated].map(|answer| answer["secret"].as_str().unwrap().to_owned()));
        let (status, _) = client.ask("POST", &format!("/api/webhooks/{id}/test"), &[], None).unwrap();
        assert_eq!(status, 200);
        ids.push(id);
    }
    let body = json!({"user_id": "the-user", "content": "the-content", "title": "the-title"});
    assert_eq!(client.post("/api/notifications/create", &[], &body).unwrap().0, 201);
    for receiver in [&good, &gone, &closing] {
        receiver.until(2).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut seen = String::new();
    let one = format!("/api/webhooks/{}", ids[0]);
    for path in ["/api/webhooks", &*one, "/api/deliveries", "/api/channels"] {
        let (_, answer): (_, Value) = client.get(path);
        seen.push_str(&answer.to_string());
    }
    let (status, changed) = client.ask("PATCH", &one, &[], Some(&json!({"user_id": "ann"}))).unwrap();
    assert_eq!(status, 200);
    seen.push_str(&changed.to_string());
    assert!(seen.contains("the-path") && seen.contains("contact_dead"), "{seen}");
    drop(client);
    let (stopped, log) = server.stop("-TERM");
    assert!(stopped, "{log}");
    assert!(log.contains("a webhook is disabled"), "{log}");
    for secret in &secrets {
        let key = secret.strip_prefix("whsec_").unwrap();
        assert!(!seen.contains(key), "an answer has a secret: {seen}");
        assert!(!log.contains(key), "a secret is in the log");
    }
    let signature = good.hits()[0].header("webhook-signature").to_owned();
    let signature = signature.split([',', ' ']).nth(1).unwrap();
    for word in ["the-path", "the-token", "the-user", "the-content", "the-title", "the-answer", signature] {
        let line = log.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "{word} is in the log: {line:?}");
    }
}
