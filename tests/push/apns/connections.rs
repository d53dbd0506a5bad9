//! Connections to Apple, and the tokens that authenticate the server.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use campanile::server::config::SettingsInput;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Site, TOPIC, device, receiver::Receiver, refusal, said};
use crate::{
    client::Client,
    command::Server,
    delivery::{LONG, batch},
    harness::new_folder,
};

#[tokio::test]
async fn a_token_that_is_expired_is_made_anew_once() {
    let site = Site::new();
    let expired = refusal(403, "ExpiredProviderToken");
    site.register("ann", &device(1)).await;
    site.receiver.answers(&device(1), std::slice::from_ref(&expired)).await;
    site.notify("ann", json!({})).await;
    let sent = site.until_state("ann", "sent").await;
    assert_eq!(sent["attempts"].as_array().unwrap().len(), 1, "{sent}");
    let requests = site.receiver.until(2).await;
    assert_eq!(requests[0]["headers"]["apns-id"], requests[1]["headers"]["apns-id"]);
    assert_eq!((requests.len(), site.receiver.tokens(), site.receiver.count("connection")), (2, 2, 1));
    // The new token is refused as well: the reason is this server's clock or key, so creating many tokens is no use.
    site.receiver.answers("*", &vec![expired.clone(); 9]).await;
    site.notify("ann", json!({})).await;
    site.receiver.until(3).await;
    let tried = site.until_tried("ann", 1).await;
    assert_eq!((&tried["attempts"][0]["result"], &tried["state"]), (&json!("misconfigured"), &json!("ready")));
    assert_eq!(site.contact_state("ann").await, "active");
    assert_eq!((site.receiver.count("request"), site.receiver.tokens()), (3, 2));
    // Once that is corrected, no delivery is lost.
    site.receiver.answers("*", &[]).await;
    site.clock.forward(301);
    site.until_state("ann", "sent").await;
}

#[tokio::test]
async fn an_hour_takes_two_tokens_and_one_connection() {
    let site = Site::new();
    site.register("ann", &device(1)).await;
    let mut last = Value::Null;
    for minute in 0..=60 {
        site.notify("ann", json!({})).await;
        let requests = site.receiver.until(minute + 1).await;
        let token = &requests[minute]["headers"]["authorization"];
        assert_eq!(*token == last, minute != 0 && minute != 50, "minute {minute}");
        last = token.clone();
        // No delivery is waiting for a result when the clock is moved, as its lease would end.
        site.until_state("ann", "sent").await;
        site.clock.forward(60);
    }
    assert_eq!((site.receiver.tokens(), site.receiver.count("connection")), (2, 1));
    // The clock is set back: APNs would refuse a token from the future.
    site.clock.forward(-7_200);
    site.notify("ann", json!({})).await;
    site.receiver.until(62).await;
    assert_eq!((site.receiver.tokens(), site.receiver.count("connection")), (3, 1));
}

/// Registers a device for each of this many users, and notifies all of them at once.
async fn broadcast(site: &Site, count: usize) {
    for number in 0..count {
        site.register(&format!("user{number}"), &device(number)).await;
    }
    let one = |number| batch(&format!("user{number}"), number..number + 1)["notifications"][0].clone();
    let all = json!({ "notifications": (0..count).map(one).collect::<Vec<_>>() });
    site.post("/api/notifications/batch", &all).await;
}

/// The paths of all requests, none of which was repeated.
fn paths(requests: &[Value]) -> HashSet<String> {
    let paths: Vec<_> = requests.iter().map(|request| request["path"].as_str().unwrap().to_owned()).collect();
    let set: HashSet<_> = paths.iter().cloned().collect();
    assert_eq!(set.len(), paths.len(), "one came twice");
    set
}

#[tokio::test]
async fn many_at_once_open_one_connection_and_as_many_streams_as_apns_allows() {
    for (behaviour, most) in [(json!({"streams": 1}), 1), (json!({"streams": 1, "raisedTo": 7}), 7), (json!({}), 32)] {
        let site = Site::with(Receiver::start_with(behaviour));
        broadcast(&site, 200).await;
        let requests = site.receiver.until(200).await;
        assert_eq!(paths(&requests).len(), 200);
        assert_eq!((site.receiver.count("connection"), site.receiver.tokens()), (1, 1));
        let opened = site.receiver.all("open").iter().map(|open| open["most"].as_u64().unwrap()).max().unwrap();
        assert!(opened <= most, "{opened} > {most}");
        assert!(most == 1 || opened > 1, "{opened}");
    }
}

#[tokio::test]
async fn a_goaway_in_the_middle_loses_nothing_and_repeats_nothing() {
    // Without an error, with one, and repeatedly.
    for away in [
        json!({"at": 12, "keeps": 5, "code": 0, "times": 1}),
        json!({"at": 12, "keeps": 5, "code": 2, "times": 1}),
        json!({"at": 1, "keeps": 1, "code": 0, "times": 3}),
        json!({"at": 2, "keeps": 1, "code": 11, "times": 3}),
        json!({"at": 9, "keeps": 3, "code": 0, "times": 2}),
    ] {
        for streams in [json!(null), json!(12)] {
            let times = usize::try_from(away["times"].as_u64().unwrap()).unwrap();
            let site = Site::with(Receiver::start_with(json!({"away": away, "streams": streams})));
            broadcast(&site, 60).await;
            let began = Instant::now();
            let requests = site.receiver.until(60).await;
            assert_eq!(paths(&requests).len(), 60, "{away}");
            // Sooner than the retry of a delivery.
            assert!(began.elapsed() < Duration::from_secs(8), "{away}: {:?}", began.elapsed());
            assert_eq!(site.receiver.count("away"), times, "{away}");
            assert_eq!(site.receiver.count("connection"), times + 1, "{away}");
            for number in 0..60 {
                let sent = site.until_state(&format!("user{number}"), "sent").await;
                assert_eq!(sent["attempts"].as_array().unwrap().len(), 1, "{away}: {sent}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_costs_no_device() {
    let receiver = Receiver::start();
    let said = SettingsInput { apns_url: Some("http://127.0.0.1:1".to_owned()), ..said(&receiver) };
    let site = Site::told(receiver, &said);
    site.register("ann", &device(1)).await;
    site.notify("ann", json!({})).await;
    let tried = site.until_tried("ann", 1).await;
    assert_eq!((&tried["attempts"][0]["result"], &tried["state"]), (&json!("retry"), &json!("ready")), "{tried}");
    assert!(tried["attempts"][0]["detail"].as_str().unwrap().starts_with("there is no connection"), "{tried}");
    assert_eq!(site.contact_state("ann").await, "active");
}

#[tokio::test]
async fn a_connection_is_encrypted_for_a_service_that_this_machine_trusts_and_for_no_other() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let behaviour = json!({"key": signing_key.serialize_pem(), "cert": cert.pem()});
    let receiver = Receiver::start_with(behaviour);
    let folder = new_folder();
    let file = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.into_os_string().into_string().unwrap()
    };
    let (trusted, key) = (file("trusted.pem", &cert.pem()), file("key.p8", &receiver.key.serialize_pem()));
    let stranger = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let stranger = file("stranger.pem", &stranger.cert.pem());
    let url = format!("https://localhost:{}", receiver.port());
    let arguments = [
        ["--apns-key", &key],
        ["--apns-key-id", "KEY1234567"],
        ["--apns-team-id", "TEAM123456"],
        ["--apns-topic", TOPIC],
        ["--apns-url", &url],
    ];
    for (trusts, is_sent) in [(&stranger, false), (&trusted, true)] {
        let server = Server::start_in(&[("SSL_CERT_FILE", trusts)], arguments.as_flattened());
        let mut client = Client::connect(&server.address).unwrap();
        let mut ask = |method: &str, path: &str, body: Option<&Value>| {
            let (status, _, body) = client.exchange(method, path, &[], body).unwrap();
            assert!((200..300).contains(&status), "{path}: {}", String::from_utf8_lossy(&body));
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        ask("POST", "/api/contacts/ann", Some(&json!({"channel": "apns", "token": device(1)})));
        ask("POST", "/api/notifications/create", Some(&json!({"user_id": "ann", "content": "x"})));
        let until = Instant::now() + LONG;
        let attempt = loop {
            let delivery = ask("GET", "/api/deliveries?user_id=ann", None)[0].clone();
            match delivery["attempts"].get(0) {
                Some(attempt) => break attempt.clone(),
                None => assert!(Instant::now() < until, "{delivery}"),
            }
            sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(attempt["result"] == "sent", is_sent, "{attempt}");
        assert!(is_sent || attempt["detail"].as_str().unwrap().contains("certificate"), "{attempt}");
        assert_eq!(receiver.count("request"), usize::from(is_sent));
    }
    assert_eq!(receiver.until(1).await[0]["headers"][":scheme"], "https");
}
