//! Every route and every server function against every kind of principal.

use std::collections::BTreeSet;

use campanile::{
    model::{DeliveryState, Wanted},
    server::{delivery::WebhookDraft, identity::Principal, store::outbox::DeliveryFilter},
};
use leptos::server_fn::axum::server_fn_paths;

use super::Secured;
use crate::harness::Answer;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const ID: &str = "{id}";
/// A webhook whose endpoint is not running, and a delivery that waits to be sent there.
const WEBHOOK: &str = "{webhook}";
const DELIVERY: &str = "{delivery}";

/// A caller. The requested inbox is ann's.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Unknown,
    SendKey,
    ReadKey,
    AdminKey,
    Ann,
    Bob,
    /// Signed in with an admin key.
    Operator,
    /// Signed in with ann's token.
    SignedInAnn,
}

/// Credentials that are treated like an unknown caller's.
const LIKE_UNKNOWN: [&str; 7] = [
    "Bearer cmp_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "Bearer nonsense",
    "Bearer ",
    "Basic YWRtaW46YWRtaW4=",
    "revoked",
    "expired key",
    "expired token",
];

/// A route, a request for it, and the status for an unknown caller, a send key, a read key, an admin key, ann and bob.
/// 426 is the answer to callers who may open a WebSocket but did not ask for one.
type Route = (&'static str, &'static str, &'static str, &'static str, [u16; 6]);

const ROUTES: [Route; 51] = [
    ("POST", "/api/notifications/create", JSON, r#"{"user_id":"ann","content":"hi"}"#, [401, 201, 403, 201, 403, 403]),
    (
        "POST",
        "/api/notifications/batch",
        JSON,
        r#"{"user_ids":["ann"],"content":"hi"}"#,
        [401, 201, 403, 201, 403, 403],
    ),
    ("GET", "/api/notifications/list?user_id=ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("GET", "/api/notifications/list", "", "", [401, 403, 200, 200, 200, 200]),
    ("GET", "/api/notifications/unread-count/ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("GET", "/api/notifications/changes/ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("GET", "/api/notifications/stream/ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("GET", "/api/notifications/stream", "", "", [401, 403, 200, 200, 403, 403]),
    ("GET", "/ws/ann", "", "", [401, 403, 426, 426, 426, 403]),
    ("GET", "/ws", "", "", [401, 403, 426, 426, 403, 403]),
    ("POST", "/api/notifications/mark-read/ann/0", "", "", [401, 403, 403, 200, 200, 404]),
    ("POST", "/api/notifications/mark-all-read/ann", "", "", [401, 403, 403, 200, 200, 403]),
    ("GET", "/api/notifications/{id}", "", "", [401, 403, 200, 200, 200, 404]),
    ("PATCH", "/api/notifications/{id}", JSON, r#"{"is_read":true}"#, [401, 403, 403, 200, 200, 404]),
    ("DELETE", "/api/notifications/{id}", "", "", [401, 403, 403, 204, 204, 404]),
    ("GET", "/api/webhooks", "", "", [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/webhooks", JSON, r#"{"url":"http://127.0.0.1:1/"}"#, [401, 403, 403, 201, 403, 403]),
    ("GET", "/api/webhooks/{webhook}", "", "", [401, 403, 403, 200, 403, 403]),
    ("PATCH", "/api/webhooks/{webhook}", JSON, r#"{"user_id":null}"#, [401, 403, 403, 200, 403, 403]),
    ("DELETE", "/api/webhooks/{webhook}", "", "", [401, 403, 403, 204, 403, 403]),
    ("POST", "/api/webhooks/{webhook}/test", "", "", [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/webhooks/{webhook}/rotate-secret", "", "", [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/webhooks/{webhook}/enable", "", "", [401, 403, 403, 200, 403, 403]),
    ("GET", "/api/deliveries?user_id=ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("POST", "/api/deliveries/retry", JSON, r#"{"state":"dead"}"#, [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/deliveries/{delivery}/retry", "", "", [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/deliveries/{delivery}/cancel", "", "", [401, 403, 403, 200, 403, 403]),
    ("GET", "/api/channels", "", "", [401, 403, 403, 200, 403, 403]),
    ("POST", "/api/channels/webhook/resume", "", "", [401, 403, 403, 204, 403, 403]),
    ("GET", "/api/contacts/ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("POST", "/api/contacts/ann", JSON, r#"{"channel":"fcm","token":"t"}"#, [401, 403, 403, 201, 201, 403]),
    // There is no contact with that id.
    ("DELETE", "/api/contacts/ann/{id}", "", "", [401, 403, 403, 404, 404, 403]),
    ("GET", "/api/preferences/ann", "", "", [401, 403, 200, 200, 200, 403]),
    ("PATCH", "/api/preferences/ann", JSON, r#"{"digest":{"email":"1h"}}"#, [401, 403, 403, 200, 200, 403]),
    // Open to every caller, but this server has no push key.
    ("GET", "/api/push/key", "", "", [404; 6]),
    // Open to a caller with a valid link; this link is not valid.
    ("GET", "/unsubscribe/nonsense", "", "", [404; 6]),
    ("POST", "/unsubscribe/nonsense", FORM, "List-Unsubscribe=One-Click", [404; 6]),
    ("DELETE", "/api/users/ann", "", "", [401, 403, 403, 204, 403, 403]),
    ("POST", "/api/tickets", "", "", [401, 201, 201, 201, 201, 201]),
    ("GET", "/healthz", "", "", [200; 6]),
    ("GET", "/readyz", "", "", [200; 6]),
    ("POST", "/api/ui/snapshot", FORM, "user_id=ann&unread=false&limit=50", [401, 403, 200, 200, 200, 403]),
    ("POST", "/api/ui/send", FORM, "user_id=ann&content=hi", [401, 200, 403, 200, 403, 403]),
    ("POST", "/api/ui/mark", FORM, "id={id}&is_read=true", [401, 403, 403, 200, 200, 404]),
    ("POST", "/api/ui/mark-all", FORM, "user_id=ann", [401, 403, 403, 200, 200, 403]),
    ("POST", "/api/ui/unmark-all", FORM, "user_id=ann&after=0&up_to=9&is_whole=true", [401, 403, 403, 200, 200, 403]),
    ("POST", "/api/ui/delete", FORM, "id={id}", [401, 403, 403, 200, 200, 404]),
    ("GET", "/api/ui-dashboard/notifications-dashboard-ui", "", "", [303, 200, 200, 200, 200, 200]),
    ("GET", "/api/openapi.json", "", "", [200; 6]),
    ("GET", "/login", "", "", [200; 6]),
    ("GET", "/", "", "", [307; 6]),
];

/// The table has every route of the API description, and every server function.
#[test]
fn no_route_is_missing_here() {
    let description: serde_json::Value =
        serde_json::from_str(&campanile::server::http::openapi().to_json().unwrap()).unwrap();
    let paths = description["paths"].as_object().unwrap().iter();
    let described = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let functions = server_fn_paths().map(|(path, method)| format!("{method} {path}"));
    let wanted: BTreeSet<_> = described.chain(functions).collect();
    let tested: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, ..)| {
            let path = path.split('?').next().unwrap();
            let path = path.replace("/ann/0", "/{user_id}/{index}").replace("/ann", "/{user_id}");
            let path =
                path.replace(WEBHOOK, ID).replace(DELIVERY, ID).replace("channels/webhook", "channels/{channel}");
            let path = path.replace("/nonsense", "/{token}");
            format!("{method} {path}")
        })
        .collect();
    let missing: Vec<_> = wanted.difference(&tested).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Sends one request to a new server with notifications in ann's inbox.
async fn ask(route: &Route, show: impl AsyncFn(&Secured) -> Vec<(&'static str, String)>) -> Answer {
    let (method, path, kind, body, _) = route;
    let server = Secured::new();
    let (webhook, delivery) = if path.contains(WEBHOOK) || path.contains(DELIVERY) {
        outgoing(&server).await
    } else {
        (String::new(), String::new())
    };
    let id = server.app.notify("ann", "hi").await;
    let path = path.replace(ID, &id).replace(WEBHOOK, &webhook).replace(DELIVERY, &delivery);
    let mut headers = show(&server).await;
    if !kind.is_empty() {
        headers.push(("content-type", (*kind).to_owned()));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = axum::http::Request::builder().method(*method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    server.app.ask_for_the_head(request.body(body.replace(ID, &id).into()).unwrap()).await
}

/// The ids of a webhook, and of a delivery that waits to be sent there again.
async fn outgoing(server: &Secured) -> (String, String) {
    let delivery = server.options.delivery.as_ref().unwrap();
    let draft = WebhookDraft { id: None, url: "http://127.0.0.1:1/".to_owned(), wanted: Wanted::default() };
    let (webhook, _) = delivery.add_webhook(&Principal::operator(), draft).await.unwrap();
    server.app.notify("ann", "to be told").await;
    let filter = DeliveryFilter { state: Some(DeliveryState::Ready), ..DeliveryFilter::default() };
    loop {
        let page = delivery.deliveries(&Principal::operator(), &filter, None, 1).await.unwrap();
        // The delivery was tried once, and is not tried again for five seconds.
        if let [delivery] = &page.deliveries[..]
            && !delivery.attempts.is_empty()
        {
            return (webhook.id.to_string(), delivery.id.to_string());
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

async fn shown_by(who: Who, server: &Secured) -> Vec<(&'static str, String)> {
    let bearer = |shown: String| vec![("authorization", format!("Bearer {shown}"))];
    let cookie = |cookie: String| vec![("cookie", cookie), ("sec-fetch-site", "same-origin".to_owned())];
    match who {
        Who::Unknown => Vec::new(),
        Who::SendKey => bearer(server.key("send").await),
        Who::ReadKey => bearer(server.key("read").await),
        Who::AdminKey => bearer(server.key("admin").await),
        Who::Ann => bearer(server.token("ann")),
        Who::Bob => bearer(server.token("bob")),
        Who::Operator => cookie(server.cookie(&server.key("admin").await).await),
        Who::SignedInAnn => cookie(server.cookie(&server.token("ann")).await),
    }
}

#[tokio::test]
async fn every_caller_has_exactly_its_permissions() {
    let columns = [
        (Who::Unknown, 0),
        (Who::SendKey, 1),
        (Who::ReadKey, 2),
        (Who::AdminKey, 3),
        (Who::Ann, 4),
        (Who::Bob, 5),
        (Who::Operator, 3),
        (Who::SignedInAnn, 4),
    ];
    for route in &ROUTES {
        for (who, column) in columns {
            let answer = ask(route, async |server| shown_by(who, server).await).await;
            let what = format!("{} {} by {who:?}", route.0, route.1);
            assert_eq!(answer.status, route.4[column], "{what}");
            if answer.status == 401 {
                assert!(answer.header("www-authenticate").starts_with("Bearer "), "{what}");
                assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
            }
        }
    }
}

#[tokio::test]
async fn invalid_credentials_admit_as_little_as_none_and_only_the_holder_of_a_key_learns_why() {
    for route in ROUTES.iter().filter(|route| route.4[0] == 401 || route.4[0] == 303) {
        let mut texts = BTreeSet::new();
        for shown in LIKE_UNKNOWN {
            let answer = ask(route, async |server| {
                let bearer = match shown {
                    "revoked" => {
                        let key = server.key("admin").await;
                        server.revoke(&key).await;
                        format!("Bearer {key}")
                    }
                    "expired key" => {
                        let key = server.key_until("admin", -1).await;
                        format!("Bearer {key}")
                    }
                    "expired token" => format!("Bearer {}", server.token_for("ann", -60)),
                    other => other.to_owned(),
                };
                vec![("authorization", bearer)]
            });
            let answer = answer.await;
            assert_eq!(answer.status, 401, "{} {} with {shown}", route.0, route.1);
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            match shown {
                "revoked" => assert!(detail.starts_with("This service key was revoked."), "{detail}"),
                basic if basic.starts_with("Basic") => assert!(detail.contains("the word Bearer"), "{detail}"),
                "expired key" => assert!(detail.starts_with("This service key has expired."), "{detail}"),
                _ => drop(texts.insert(detail)),
            }
        }
        assert!(texts.len() == 1 && texts.iter().all(|text| text.contains("is not valid here")), "{texts:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_is_no_longer_taken_within_a_second() {
    let server = Secured::new();
    let key = server.key("read").await;
    assert_eq!(server.get("/api/notifications/list", &key).await.status, 200);
    server.revoke(&key).await;
    let began = std::time::Instant::now();
    while server.get("/api/notifications/list", &key).await.status == 200 {
        assert!(began.elapsed().as_millis() < 1_000);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_a_key_was_used_is_known_without_a_write_for_each_request() {
    let server = Secured::new();
    let key = server.key("read").await;
    for _ in 0..5 {
        assert_eq!(server.get("/api/notifications/list", &key).await.status, 200);
    }
    let last_used = async || server.credentials.keys().await.unwrap()[0].last_used_at;
    assert_eq!(last_used().await, None);
    server.auth.note_uses().await;
    assert!(last_used().await.is_some());
}

#[tokio::test]
async fn paths_that_play_tricks_open_nothing() {
    let server = Secured::new();
    server.app.notify("ann", "hi").await;
    let bob = server.token("bob");
    for path in [
        "/api/notifications/unread-count/bob/../ann",
        "/api/notifications/unread-count/bob%2F..%2Fann",
        "/api/notifications/unread-count/%61nn",
        "/api/notifications/unread-count/%2561nn",
        "/api/notifications/changes/ann?user_id=bob",
        "/api/notifications/list?user_id=%61nn",
        "//api/notifications/unread-count/ann",
        "/healthz/../api/notifications/unread-count/ann",
        "/login/..%2Fapi/notifications/unread-count/ann",
    ] {
        for answer in [server.get(path, &bob).await, server.ask("GET", path, &[], "").await] {
            assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
            assert!(!answer.text().contains("\"unread_count\""), "{path}: {}", answer.text());
        }
    }
    let twice = [("authorization", "Bearer nonsense"), ("authorization", &*format!("Bearer {bob}"))];
    assert_eq!(server.ask("GET", "/api/notifications/list", &twice, "").await.status, 401);
}
