//! Headers.

use axum::http::Method;
use proptest::prelude::*;

use super::{fuzz, is_sound, overview, request, server, sound};

/// The headers that the server reads.
const NAMES: [&str; 26] = [
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "origin",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-proto",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => "[ -~]{0,30}".prop_map(String::into_bytes),
        1 => prop::collection::vec(prop_oneof![Just(9_u8), 32..=126_u8, 128..=255_u8], 0..20),
        1 => "[ -~]{200,300}".prop_map(String::into_bytes),
        3 => prop::sample::select(vec![
            "application/json", "application/json; charset=utf-16", "text/plain", "gzip", "identity", "br;q=1, *;q=0",
            "localhost", "localhost:99999", "[::1]:80", "127.0.0.1@evil.example", "evil.example", "http://localhost", "null",
            "cross-site", "same-origin", "none", "navigate", "document", "1.2.3.4, 5.6.7.8", "[::", "for=\"[::1]\"",
            "Bearer", "Bearer  ", "Basic YTpi", "Bearer a.b.c", "__Host-campanile=x; a=b", "=;=;", "0", "18446744073709551616",
            "-1", "websocket", "bearer.x, campanile", "bytes=0-0", "*", "\"x\", W/\"y\"", "100-continue",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

#[test]
fn headers_of_requests() {
    let header = (prop::sample::select(NAMES.to_vec()), value());
    let asked = prop::sample::select(vec![
        (Method::POST, "/api/notifications/create"),
        (Method::POST, "/api/notifications/batch"),
        (Method::GET, "/api/notifications/list?user_id=ann"),
        (Method::GET, "/api/notifications/stream/ann"),
        (Method::OPTIONS, "/api/notifications/create"),
        (Method::DELETE, "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f"),
        (Method::POST, "/api/tickets"),
        (Method::GET, "/ws/ann"),
    ]);
    let body =
        prop::sample::select(vec![r#"{"user_id":"ann","content":"x"}"#, r#"{"user_ids":["ann"],"content":"x"}"#, ""]);
    fuzz(
        &(asked, prop::collection::vec(header, 0..5), body),
        server,
        |runtime, app, ((method, path), headers, body)| {
            runtime.block_on(async {
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
                let mut all = headers.clone();
                if headers.iter().all(|(name, _)| *name != "content-type") {
                    all.push(super::JSON);
                }
                let before = overview(app).await;
                let Some(request) = request(method.clone(), path, &all, body.as_bytes()) else { return Ok(()) };
                let answer = app.ask_for_the_head(request).await;
                is_sound(&answer)?;
                let made = overview(app).await.total - before.total;
                sound!(
                    made == u64::from(answer.status == 201 && path.contains("notifications")) || is_replay(&headers),
                    "{} and {made} made",
                    answer.status
                );
                Ok(())
            })
        },
    );
}

/// Whether the request may be a replay.
fn is_replay(headers: &[(&str, &[u8])]) -> bool {
    headers.iter().any(|(name, _)| *name == "idempotency-key")
}
