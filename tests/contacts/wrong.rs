//! Contacts that are refused.

use serde_json::{Value, json};

use super::{AUTH, P256DH, apns, browser, email, fcm, key, secured};

#[tokio::test]
async fn a_wrong_body_names_its_field() {
    let server = secured();
    let app = key(&server, "contacts").await;
    let with = |of: Value, path: &str, value: Value| {
        let mut changed = of;
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let full =
        json!({"channel": "apns", "token": "0".repeat(64), "topic": "a.b", "environment": "sandbox", "label": "x"});
    let push = browser("https://push.example/1");
    let cases = [
        (json!({}), "channel"),
        (json!({"channel": null}), "channel"),
        (json!({"channel": 7}), "channel"),
        (json!({"channel": "webhook"}), "channel"),
        (json!({"channel": "Email", "address": "a@b.c"}), "channel"),
        (json!({"channel": "email"}), "address"),
        (email("ann"), "address"),
        (email(&format!("{}@example.com", "a".repeat(250))), "address"),
        (email("ann@example.com\r\nBcc: bob@example.com"), "address"),
        (json!({"channel": "email", "address": ["a@b.c"]}), "address"),
        (json!({"channel": "email", "address": "a@b.c", "token": "x"}), "token"),
        (json!({"channel": "email", "address": "a@b.c", "addresses": []}), "addresses"),
        (json!({"channel": "email", "address": "a@b.c", "label": "a\nb"}), "label"),
        (json!({"channel": "email", "address": "a@b.c", "label": "x".repeat(65)}), "label"),
        (json!({"channel": "email", "address": "a@b.c", "label": {}}), "label"),
        (json!({"channel": "webpush"}), "subscription"),
        (json!({"channel": "webpush", "subscription": "x"}), "subscription"),
        (json!({"channel": "webpush", "subscription": []}), "subscription"),
        (with(push.clone(), "/subscription", json!({})), "subscription.endpoint"),
        (with(push.clone(), "/subscription/endpoint", json!(null)), "subscription.endpoint"),
        (browser("http://push.example/1"), "subscription.endpoint"),
        (browser("https://127.0.0.1/1"), "subscription.endpoint"),
        (browser("https://[::1]/1"), "subscription.endpoint"),
        (browser("https://me:secret@push.example/"), "subscription.endpoint"),
        (browser("https://push.example/#1"), "subscription.endpoint"),
        (browser(&format!("https://push.example/{}", "a".repeat(2048))), "subscription.endpoint"),
        (browser("push"), "subscription.endpoint"),
        (with(push.clone(), "/subscription/expirationTime", json!("soon")), "subscription.expirationTime"),
        (with(push.clone(), "/subscription/keys", json!(null)), "subscription.keys"),
        (with(push.clone(), "/subscription/keys", json!(7)), "subscription.keys"),
        (with(push.clone(), "/subscription/keys/p256dh", json!(null)), "subscription.keys.p256dh"),
        (with(push.clone(), "/subscription/keys/p256dh", json!(AUTH)), "subscription.keys.p256dh"),
        (with(push.clone(), "/subscription/keys/auth", json!(P256DH)), "subscription.keys.auth"),
        (with(push.clone(), "/subscription/keys/auth", json!(16)), "subscription.keys.auth"),
        (json!({"channel": "fcm"}), "token"),
        (fcm(""), "token"),
        (fcm("a b"), "token"),
        (fcm(&"a".repeat(4097)), "token"),
        (json!({"channel": "fcm", "token": "x", "kind": "device"}), "kind"),
        (json!({"channel": "fcm", "token": "x", "topic": "a.b"}), "topic"),
        (apns("xyz"), "token"),
        (json!({"channel": "apns", "token": "0".repeat(64)}), "topic"),
        (apns(&"0".repeat(63)), "token"),
        (with(full.clone(), "/topic", json!("app")), "topic"),
        (with(full.clone(), "/topic", json!(null)), "topic"),
        (with(full.clone(), "/environment", json!("test")), "environment"),
        (with(full.clone(), "/label", json!(7)), "label"),
    ];
    for (body, field) in cases {
        let answer = app.put("ann", &body).await;
        let problem = answer.problem(422, "invalid_input");
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert!(fields.contains(&json!(field)), "{body}: {problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    // All errors are reported at once.
    let all = with(push.clone(), "/subscription", json!({"expirationTime": true, "keys": {"auth": 1}}));
    assert_eq!(app.put("ann", &all).await.json()["errors"].as_array().unwrap().len(), 4);
    app.put("ann", &json!([])).await.refused_field("body");
    app.put(&"a".repeat(129), &full).await.refused_field("user_id");
    let bearer = format!("Bearer {}", app.bearer);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.ask("POST", "/api/contacts/ann", &headers, "{").await.problem(400, "bad_request");
    server.ask("POST", "/api/contacts/ann", &headers[..1], "{}").await.problem(415, "unsupported_media_type");
    server.ask("GET", "/api/contacts/ann?limit=1", &headers[..1], "").await.refused_field("limit");
    assert!(app.list("ann").await.is_empty());
    // Additional fields of a browser's subscription are ignored.
    let more = json!({"endpoint": "https://push.example/1", "expirationTime": 1.5e12, "new": [1],
        "keys": {"p256dh": format!("{P256DH}="), "auth": AUTH, "new": 1}});
    app.add("ann", &json!({"channel": "webpush", "subscription": more, "label": null, "token": null})).await;
}
