//! `/api/preferences`.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{relay::Relay, said};
use crate::{
    auth::Secured,
    delivery::{self, Place, each_store},
    harness::Answer,
};

async fn patch(place: &Place, kind: &str, body: &str) -> Answer {
    let request =
        Request::builder().method(Method::PATCH).uri("/api/preferences/ann").header(header::HOST, "localhost");
    let request = if kind.is_empty() { request } else { request.header(header::CONTENT_TYPE, kind) };
    let answer = place.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The stored preferences, without the values derived from them.
fn said_in(preferences: &Value) -> Value {
    let mut said = preferences.clone();
    said.as_object_mut().unwrap().remove("effective");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_choices_has_the_defaults() {
    each_store(async |store| {
        let relay = Relay::start();
        let place = Place::start(&campanile::server::config::SettingsInput {
            email_categories: Some(vec!["alert".to_owned(), "invoice".to_owned()]),
            mandatory_categories: Some(vec!["fire".to_owned()]),
            ..said(&store, &relay)
        })
        .await;
        let found = place.preferences("ann").await;
        assert_eq!(said_in(&found), json!({"channels": {}, "categories": {}, "digest": {"email": "off"}}));
        let push = json!({"value": "off", "because": "not_set_up"});
        let default = |value: &str| json!({"email": {"value": value, "because": "default"}, "push": push});
        let expected = json!({
            "message": default("off"), "system": default("off"), "update": default("off"),
            "alert": default("on"), "invoice": default("on"),
            "fire": {"email": {"value": "on", "because": "mandatory"}, "push": push},
        });
        assert_eq!(found["effective"], expected);
        let wish = json!({
            "channels": {"email": "on", "push": {"if_unread_after": 60}},
            "categories": {"alert": {"email": "off"}, "chat": {"email": {"if_unread_after": 600}}, "fire": {"email": "off"}},
        });
        let changed = place.prefer("ann", wish.clone()).await;
        let email = |name: &str| changed["effective"][name]["email"].clone();
        let on = json!({"value": "on", "because": "channel"});
        assert_eq!([email("message"), email("update"), email("invoice")], [on.clone(), on.clone(), on]);
        assert_eq!(email("alert"), json!({"value": "off", "because": "category"}));
        assert_eq!(email("chat"), json!({"value": {"if_unread_after": 600}, "because": "category"}));
        assert_eq!(email("fire"), json!({"value": "on", "because": "mandatory"}));
        assert_eq!((&changed["channels"], &changed["categories"]), (&wish["channels"], &wish["categories"]));
        assert_eq!(place.preferences("ann").await, changed);
        assert_eq!(said_in(&place.preferences("bob").await), said_in(&found));
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_is_merged_and_null_takes_back() {
    each_store(async |store| {
        let place = Place::start(&delivery::said(&store)).await;
        let mut expected = json!({"channels": {}, "categories": {}, "digest": {"email": "off"}});
        let all_days = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
        let steps = [
            (json!({}), "/digest/email", json!("off")),
            (json!({"channels": {"email": "off"}}), "/channels", json!({"email": "off"})),
            (json!({"channels": {"push": "on"}}), "/channels", json!({"email": "off", "push": "on"})),
            (json!({"channels": {"email": null}}), "/channels", json!({"push": "on"})),
            (
                json!({"channels": {"push": {"if_unread_after": 5}}}),
                "/channels",
                json!({"push": {"if_unread_after": 5}}),
            ),
            (json!({"channels": {"push": {}}}), "/channels", json!({"push": {"if_unread_after": 5}})),
            (
                json!({"channels": {"push": {"if_unread_after": 6.0}}}),
                "/channels",
                json!({"push": {"if_unread_after": 6}}),
            ),
            (json!({"channels": {"push": "off"}}), "/channels", json!({"push": "off"})),
            (json!({"channels": null}), "/channels", json!({})),
            (json!({"channels": {"email": null}}), "/channels", json!({})),
            (
                json!({"categories": {"alert": {"email": "on"}, "chat": {"email": "off", "push": "off"}}}),
                "/categories",
                json!({"alert": {"email": "on"}, "chat": {"email": "off", "push": "off"}}),
            ),
            (
                json!({"categories": {"alert": null, "chat": {"push": null}}}),
                "/categories",
                json!({"chat": {"email": "off"}}),
            ),
            // Empty entries are removed.
            (json!({"categories": {"chat": {"email": null}, "none": {}}}), "/categories", json!({})),
            (json!({"categories": {"a": {"push": "off"}}}), "/categories", json!({"a": {"push": "off"}})),
            (json!({"categories": null}), "/categories", json!({})),
            (
                json!({"quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00"}}),
                "/quiet_hours",
                json!({"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": all_days}),
            ),
            (
                json!({"quiet_hours": {"days": ["sun", "mon"], "from": "23:59"}}),
                "/quiet_hours",
                json!({"zone": "Europe/Berlin", "from": "23:59", "to": "07:00", "days": ["mon", "sun"]}),
            ),
            (
                json!({"quiet_hours": {"days": null, "zone": "UTC"}}),
                "/quiet_hours",
                json!({"zone": "UTC", "from": "23:59", "to": "07:00", "days": all_days}),
            ),
            (json!({"digest": {"email": "daily 08:00"}}), "/digest", json!({"email": "daily 08:00"})),
            (json!({"digest": {}}), "/digest", json!({"email": "daily 08:00"})),
            (json!({"digest": {"email": "1h"}}), "/digest", json!({"email": "1h"})),
            (json!({"digest": {"email": null}}), "/digest", json!({"email": "off"})),
            (json!({"digest": {"email": "1h"}}), "/digest", json!({"email": "1h"})),
            (json!({"digest": null}), "/digest", json!({"email": "off"})),
        ];
        for (patch, at, becomes) in steps {
            let changed = place.prefer("ann", patch.clone()).await;
            match expected.pointer_mut(at) {
                Some(there) => *there = becomes,
                None => expected["quiet_hours"] = becomes,
            }
            assert_eq!(said_in(&changed), expected, "{patch}");
            assert_eq!(place.preferences("ann").await, changed, "{patch}");
        }
        let changed = place.prefer("ann", json!({"quiet_hours": null})).await;
        expected.as_object_mut().unwrap().remove("quiet_hours");
        assert_eq!(said_in(&changed), expected);
        place.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_says_that_it_is_one() {
    let place = Place::in_memory().await;
    let body = r#"{"channels": {"email": "off"}}"#;
    for kind in [
        "application/json",
        "application/merge-patch+json",
        "application/merge-patch+json; charset=utf-8",
        "Application/JSON",
    ] {
        assert_eq!(patch(&place, kind, body).await.status, 200, "{kind}");
    }
    for kind in [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/json-patch",
        "multipart/form-data; boundary=x",
    ] {
        patch(&place, kind, body).await.problem(415, "unsupported_media_type");
    }
    for body in ["", "{", "nonsense", "{} {}", "{\"channels\": {\"email\": \"off\"},}"] {
        patch(&place, "application/json", body).await.problem(400, "bad_request");
    }
    // It would be unclear which of them is effective.
    for twice in [
        r#"{"channels": {"email": "off"}, "channels": {}}"#,
        r#"{"channels": {"email": "off", "email": "on"}}"#,
        r#"{"categories": {"alert": {}, "alert": {"email": "off"}}}"#,
        r#"{"quiet_hours": {"zone": "UTC", "from": "01:00", "to": "02:00", "zone": "UTC"}}"#,
        r#"{"channels": {"email": {"if_unread_after": 1, "if_unread_after": 2}}}"#,
    ] {
        let refused = patch(&place, "application/json", twice).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{twice}: {}", refused.text());
    }
    assert_eq!(place.preferences("ann").await["channels"], json!({"email": "off"}));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_names_its_field_and_nothing_changes() {
    let place = Place::in_memory().await;
    let hours = json!({"zone": "Europe/Berlin", "from": "22:00", "to": "07:00"});
    place.prefer("ann", json!({"channels": {"email": "off"}, "quiet_hours": hours})).await;
    let before = place.preferences("ann").await;
    let with = |name: &str, value: Value| {
        let mut hours = hours.clone();
        hours[name] = value;
        json!({ "quiet_hours": hours })
    };
    let choice = |value: Value| json!({"categories": {"alert": {"email": value}}});
    for (patch, at) in [
        (json!([]), "body"),
        (json!("x"), "body"),
        (json!(null), "body"),
        (json!({"channel": {}}), "channel"),
        (json!({"effective": {}}), "effective"),
        (json!({"nothing": null}), "nothing"),
        (json!({"channels": "off"}), "channels"),
        (json!({"channels": []}), "channels"),
        (json!({"channels": {"fcm": "off"}}), "channels.fcm"),
        (json!({"channels": {"webhook": "off"}}), "channels.webhook"),
        (json!({"channels": {"email": "maybe"}}), "channels.email"),
        (json!({"channels": {"email": true}}), "channels.email"),
        (json!({"channels": {"email": {}}}), "channels.email"),
        (json!({"channels": {"push": []}}), "channels.push"),
        (json!({"categories": []}), "categories"),
        (json!({"categories": {"Alert": {}}}), "categories.Alert"),
        (json!({"categories": {"": {}}}), "categories."),
        (json!({"categories": {"alert": "on"}}), "categories.alert"),
        (json!({"categories": {"alert": {"sms": "on"}}}), "categories.alert.sms"),
        (choice(json!("On")), "categories.alert.email"),
        (choice(json!(600)), "categories.alert.email"),
        (choice(json!({"after": 1})), "categories.alert.email.after"),
        (choice(json!({"if_unread_after": null})), "categories.alert.email"),
        (choice(json!({"if_unread_after": "1"})), "categories.alert.email.if_unread_after"),
        (choice(json!({"if_unread_after": 0})), "categories.alert.email.if_unread_after"),
        (choice(json!({"if_unread_after": -1})), "categories.alert.email.if_unread_after"),
        (choice(json!({"if_unread_after": 1.5})), "categories.alert.email.if_unread_after"),
        (choice(json!({"if_unread_after": 604_801})), "categories.alert.email.if_unread_after"),
        (choice(json!({"if_unread_after": 1e300})), "categories.alert.email.if_unread_after"),
        (choice(json!({"if_unread_after": 1, "x": 1})), "categories.alert.email.x"),
        (json!({"quiet_hours": true}), "quiet_hours"),
        (json!({"quiet_hours": []}), "quiet_hours"),
        (with("zone", json!("Europe/Atlantis")), "quiet_hours.zone"),
        (with("zone", json!("+01:00")), "quiet_hours.zone"),
        (with("zone", json!("")), "quiet_hours.zone"),
        (with("zone", json!(null)), "quiet_hours.zone"),
        (with("zone", json!(1)), "quiet_hours.zone"),
        (with("from", json!("24:00")), "quiet_hours.from"),
        (with("from", json!("7:00")), "quiet_hours.from"),
        (with("from", json!("07:60")), "quiet_hours.from"),
        (with("from", json!("07:00:00")), "quiet_hours.from"),
        (with("to", json!("+7:00")), "quiet_hours.to"),
        (with("to", json!(7)), "quiet_hours.to"),
        (with("until", json!("07:00")), "quiet_hours.until"),
        (with("days", json!("mon")), "quiet_hours.days"),
        (with("days", json!([])), "quiet_hours.days"),
        (with("days", json!(["mon", "Tue"])), "quiet_hours.days[1]"),
        (with("days", json!([1])), "quiet_hours.days[0]"),
        (json!({"digest": "1h"}), "digest"),
        (json!({"digest": {"push": "1h"}}), "digest.push"),
        (json!({"digest": {"email": "2h"}}), "digest.email"),
        (json!({"digest": {"email": "daily"}}), "digest.email"),
        (json!({"digest": {"email": "daily 24:00"}}), "digest.email"),
        (json!({"digest": {"email": "daily  08:00"}}), "digest.email"),
        (json!({"digest": {"email": true}}), "digest.email"),
    ] {
        let answer = place.ask(Method::PATCH, "/api/preferences/ann", Some(&patch)).await;
        let problem = answer.problem(422, "invalid_input");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{patch}: {problem}");
        assert_eq!(problem["errors"][0]["field"], at, "{patch}: {problem}");
    }
    // One wrong value makes the whole change fail, and all errors are reported.
    let much = json!({"channels": {"email": "on", "push": "x"}, "digest": {"email": "y"}, "z": 1});
    let problem = place.ask(Method::PATCH, "/api/preferences/ann", Some(&much)).await.problem(422, "invalid_input");
    let fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["channels.push", "digest.email", "z"]);
    // The required fields of a new entry.
    let some = json!({"quiet_hours": {"zone": "UTC", "to": "07:00"}});
    place.ask(Method::PATCH, "/api/preferences/bob", Some(&some)).await.refused_field("quiet_hours.from");
    assert_eq!(place.preferences("ann").await, before);
    for path in ["/api/preferences/", "/api/preferences"] {
        place.ask(Method::GET, path, None).await.problem(404, "not_found");
    }
    place.ask(Method::GET, "/api/preferences/ann?x=1", None).await.refused_field("x");
    let long = format!("/api/preferences/{}", "x".repeat(1_000));
    assert!(place.ask(Method::GET, &long, None).await.status.is_client_error());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_names_a_hundred_categories_at_most() {
    each_store(async |store| {
        let place = Place::start(&delivery::said(&store)).await;
        let named = |numbers: std::ops::Range<usize>| {
            let one = |number| (format!("c{number}"), json!({"email": "off"}));
            json!({"categories": numbers.map(one).collect::<serde_json::Map<_, _>>()})
        };
        let refused = place.ask(Method::PATCH, "/api/preferences/ann", Some(&named(0..101))).await;
        refused.refused_field("categories");
        assert_eq!(place.preferences("ann").await["categories"], json!({}));
        let full = place.prefer("ann", named(0..100)).await;
        assert_eq!(full["categories"].as_object().unwrap().len(), 100);
        let one_more = json!({"categories": {"one": {"email": "on"}}});
        place.ask(Method::PATCH, "/api/preferences/ann", Some(&one_more)).await.refused_field("categories");
        // Entries are removed, added and changed.
        let another = json!({"categories": {"c0": null, "one": {"email": "on"}, "c1": {"push": "off"}}});
        assert_eq!(place.prefer("ann", another).await["categories"].as_object().unwrap().len(), 100);
        assert_eq!(
            place.prefer("ann", json!({"categories": {"c0": null, "none": {}}})).await["categories"]
                .as_object()
                .unwrap()
                .len(),
            100
        );
        place.stop().await;
    })
    .await;
}

/// Each change is about one part: concurrent changes are all kept.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_are_all_kept() {
    each_store(async |store| {
        let place = Place::start(&delivery::said(&store)).await;
        let changes = (0..12).map(|number| {
            let wish = json!({"categories": {format!("c{number}"): {"email": "off"}}});
            place.prefer("ann", wish)
        });
        futures_util::future::join_all(changes).await;
        assert_eq!(place.preferences("ann").await["categories"].as_object().unwrap().len(), 12);
        place.stop().await;
    })
    .await;
}

#[tokio::test]
async fn callers_that_may_read_and_callers_that_may_change_them() {
    let server = Secured::new();
    let (ann, bob) = (server.token("ann"), server.token("bob"));
    let ask = async |method: &str, bearer: Option<&str>| {
        let authorization = format!("Bearer {}", bearer.unwrap_or_default());
        let headers = [("content-type", "application/merge-patch+json"), ("authorization", authorization.as_str())];
        let headers = if bearer.is_some() { &headers[..] } else { &headers[..1] };
        let body = if method == "PATCH" { r#"{"digest": {"email": "1h"}}"# } else { "" };
        server.ask(method, "/api/preferences/ann", headers, body).await.status.as_u16()
    };
    for (scopes, expected) in [
        ("admin", [200, 200]),
        ("contacts", [200, 200]),
        ("read", [200, 403]),
        ("send", [403, 403]),
        ("mark", [403, 403]),
        ("send,mark", [403, 403]),
        ("read,contacts", [200, 200]),
    ] {
        let key = server.key(scopes).await;
        assert_eq!([ask("GET", Some(&key)).await, ask("PATCH", Some(&key)).await], expected, "{scopes}");
    }
    assert_eq!([ask("GET", Some(&ann)).await, ask("PATCH", Some(&ann)).await], [200, 200]);
    assert_eq!([ask("GET", Some(&bob)).await, ask("PATCH", Some(&bob)).await], [403, 403]);
    assert_eq!([ask("GET", None).await, ask("PATCH", None).await], [401, 401]);
    assert_eq!([ask("GET", Some("nonsense")).await, ask("PATCH", Some("nonsense")).await], [401, 401]);
}

/// Preferences are deleted with all other data of a user.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_user_has_no_preferences() {
    each_store(async |store| {
        let place = Place::start(&delivery::said(&store)).await;
        let nothing = place.preferences("ann").await;
        place.prefer("ann", json!({"channels": {"email": "off"}, "digest": {"email": "1h"}})).await;
        assert_eq!(place.ask(Method::DELETE, "/api/users/ann", None).await.status, 204);
        assert_eq!(place.preferences("ann").await, nothing);
        place.stop().await;
    })
    .await;
}
