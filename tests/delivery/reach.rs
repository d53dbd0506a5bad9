//! The addresses to which the server may connect for URLs of others.

use axum::http::Method;
use campanile::server::config::SettingsInput;
use serde_json::json;
use tokio::time::sleep;

use super::{A_WHILE, Place, new_file, receiver::Receiver, said};

/// Ways to write addresses that are not on the public internet.
const INSIDE: [&str; 34] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "017700000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00::1]",
    "[ff02::1]",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "198.18.0.1",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_private_address_is_refused_when_it_is_set() {
    let place = Place::start(&SettingsInput { webhook_allow: None, ..said("memory:") }).await;
    let hook = place.hook_to("https://example.com/hook", json!({"user_id": "none"})).await;
    let path = format!("/api/webhooks/{}", hook.id);
    let more = ["224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8"];
    let urls = INSIDE.iter().chain(&more).flat_map(|host| {
        ["https://HOST/", "https://HOST:8443/hook?x=1", "http://HOST/", "HTTPS:\\\\HOST\\", " https://HOST/ "]
            .map(|url| url.replace("HOST", host))
    });
    let others = ["http://example.com/", "https://me:it@example.com/", "https://me@example.com", "ftp://example.com/"];
    let wrong = ["file:///etc/passwd", "//example.com/", "example.com", "https://", "", "https://example.com/#x"];
    for url in urls.chain(others.iter().chain(&wrong).map(|url| (*url).to_owned())) {
        place.ask(Method::POST, "/api/webhooks", Some(&json!({ "url": url }))).await.refused_field("url");
        place.ask(Method::PATCH, &path, Some(&json!({ "url": url }))).await.refused_field("url");
    }
    let webhooks = place.get("/api/webhooks").await;
    assert_eq!(webhooks.as_array().unwrap().len(), 1);
    assert_eq!(webhooks[0]["url"], "https://example.com/hook");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_allowed_network_can_be_reached() {
    let place = Place::in_memory().await;
    for (url, status) in [
        ("http://127.1:9/", 201),
        ("https://[::ffff:127.0.0.1]/", 201),
        ("http://10.0.0.1/", 422),
        ("https://192.168.0.1/", 422),
        ("http://8.8.8.8/", 422),
        ("http://[::1]/", 422),
        ("https://me@127.0.0.1/", 422),
    ] {
        let answer = place.ask(Method::POST, "/api/webhooks", Some(&json!({"url": url, "user_id": "none"}))).await;
        assert_eq!(answer.status, status, "{url}: {}", answer.text());
    }
    // In the form in which it is used.
    assert_eq!(place.get("/api/webhooks").await[0]["url"], "http://127.0.0.1:9/");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_allowed_no_longer_is_not_connected_to() {
    let store = new_file();
    let receiver = Receiver::good().await;
    let urls = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{}/hook", receiver.port()));
    // Also over HTTPS, whose names are resolved when they are used.
    let urls = urls.iter().flat_map(|url| [url.clone(), url.replace("http:", "https:")]);
    let place = Place::start(&said(&store)).await;
    let mut hooks = Vec::new();
    for url in urls {
        hooks.push(place.hook_to(&url, json!({})).await);
    }
    place.notify("ann", "x").await;
    receiver.until(2).await;
    place.until_state(&hooks[0], "sent").await;
    place.until_attempted(&hooks[1]).await;
    place.until_state(&hooks[2], "sent").await;
    place.until_attempted(&hooks[3]).await;
    place.stop().await;

    for webhook_allow in [None, Some(vec!["10.0.0.0/8".to_owned()])] {
        let connections = receiver.connections();
        let place = Place::start(&SettingsInput { webhook_allow, ..said(&store) }).await;
        let id = place.notify("ann", "y").await;
        for hook in &hooks {
            place.until(hook, "planned", |newest| newest["notification_id"] == *id).await;
            let refused = place.until_attempted(hook).await;
            assert_eq!((&refused["state"], &refused["attempts"][0]["result"]), (&json!("ready"), &json!("retry")));
            let detail = refused["attempts"][0]["detail"].as_str().unwrap();
            assert!(detail.contains("not on the internet"), "{detail}");
            assert!(!detail.contains("127.0.0.1"), "{detail}");
            let tested = place.post(&format!("/api/webhooks/{}/test", hook.id), None).await.json();
            assert_eq!((&tested["ok"], tested.get("status")), (&json!(false), None), "{tested}");
        }
        sleep(A_WHILE).await;
        assert_eq!(receiver.connections(), connections);
        place.stop().await;
    }
}
