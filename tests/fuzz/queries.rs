//! Queries and paths.

use axum::http::Method;
use proptest::prelude::*;

use super::{fuzz, is_sound, overview, request, server, sound};

const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::PUT, Method::HEAD, Method::OPTIONS];

/// A piece of a URL as it is sent: percent-encoded or not, correctly or not.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9]{1,6}",
        2 => "(%[0-9a-fA-F]{2}){1,3}",
        1 => "[!-~]{1,6}",
        1 => "\\PC{1,3}",
        1 => prop::sample::select(vec!["%", "%2", "%zz", "%00", "%2e%2e", "..", ".", "//", "%2F", "%ff", "%ED%A0%80", "+", ";"])
            .prop_map(str::to_owned),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        6 => prop::sample::select(vec!["user_id", "limit", "category", "unread", "q", "before", "since", "up_to", "ticket"])
            .prop_map(str::to_owned),
        1 => piece(),
    ];
    let value = prop_oneof![
        3 => piece(),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        2 => prop::sample::select(vec!["", "0", "1", "-1", "1e9", "i1", "i99999999999999999999", "true", "false", "18446744073709551616"])
            .prop_map(str::to_owned),
    ];
    let pair = (name, prop_oneof![8 => Just("="), 1 => Just(""), 1 => Just("==")], value)
        .prop_map(|(name, is, value)| format!("{name}{is}{value}"));
    prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/api/notifications/list",
        "/api/notifications/changes/ann",
        "/api/notifications/stream/ann",
        "/api/notifications/stream",
        "/api/notifications/unread-count/ann",
        "/api/notifications/mark-all-read/ann",
        "/api/notifications/mark-read/ann/0",
        "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f",
        "/api/notifications/create",
        "/api/notifications/batch",
        "/api/tickets",
        "/api/openapi.json",
        "/api/ui-dashboard/notifications-dashboard-ui",
        "/login",
        "/healthz",
        "/readyz",
    ]);
    let segments = prop::sample::select(vec!["/api/notifications", "/api/notifications/mark-read", "/api", "/ws", ""]);
    prop_oneof![
        3 => known.prop_map(str::to_owned),
        2 => (segments, prop::collection::vec(piece(), 1..4)).prop_map(|(start, rest)| format!("{start}/{}", rest.join("/"))),
    ]
}

#[test]
fn queries_and_paths() {
    let asked = (prop::sample::select(METHODS.to_vec()), path(), query());
    fuzz(&asked, server, |runtime, app, (method, path, query)| {
        runtime.block_on(async {
            if overview(app).await.total == 0 {
                app.notify("ann", "x").await;
            }
            let target = if query.is_empty() { path } else { format!("{path}?{query}") };
            let before = overview(app).await;
            let Some(request) = request(method.clone(), &target, &[], b"") else { return Ok(()) };
            let answer = app.ask_for_the_head(request).await;
            sound!(answer.status.as_u16() < 500, "{method} {target}: {}", answer.status);
            // A response to HEAD has no body, and paths outside the API may answer with a page.
            if method != Method::HEAD && target.starts_with("/api/notifications") {
                is_sound(&answer)?;
            }
            let after = overview(app).await;
            let is_safe = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
            let may_change = !is_safe && answer.status.is_success();
            sound!(may_change || before == after, "{method} {target} changed something: {}", answer.status);
            Ok(())
        })
    });
}
