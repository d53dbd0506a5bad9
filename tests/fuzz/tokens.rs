//! Credentials of callers: no made-up ones are accepted.

use axum::http::Method;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::{JSON, fuzz, is_sound, json, overview, request, sound};
use crate::auth::Secured;

/// A server on which every caller has to authenticate, without a limit on failures.
fn secured(_: &Runtime) -> Secured {
    let limits = campanile::server::auth::Limits { address: None, ..campanile::server::auth::Limits::default() };
    Secured::with(limits, campanile::server::http::HttpOptions { allowed_hosts: None, ..Default::default() })
}

fn proof() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        json::object(json::value()),
        Just(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned()),
        Just(r#"{"alg":"none"}"#.to_owned()),
        Just(r#"{"sub":"ann","aud":"campanile","exp":4102444800}"#.to_owned()),
        json::deep(),
    ];
    let encoded = part.prop_map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    prop_oneof![
        4 => prop::collection::vec(encoded, 1..5).prop_map(|parts| parts.join(".")),
        2 => "cmp_[0-9a-f]{16}_[0-9a-f]{64}",
        2 => "cmp_[0-9a-zA-Z_]{0,90}",
        2 => "[!-~]{0,60}",
        1 => "[a-z.]{8000,9000}",
    ]
}

#[test]
fn proofs_that_are_made_up() {
    let way = prop::sample::select(vec!["authorization", "cookie", "ticket", "sec-websocket-protocol"]);
    let route = prop::sample::select(vec![
        (Method::POST, "/api/notifications/create"),
        (Method::GET, "/api/notifications/list"),
        (Method::GET, "/api/notifications/stream/ann"),
        (Method::POST, "/api/tickets"),
    ]);
    fuzz(&(way, proof(), route), secured, |runtime, secured, (way, proof, (method, path))| {
        runtime.block_on(async {
            let shown = match way {
                "authorization" => format!("Bearer {proof}"),
                "cookie" => format!("__Host-campanile={proof}; campanile={proof}"),
                _ => format!("campanile, bearer.{proof}"),
            };
            let target = if way == "ticket" { format!("{path}?ticket={proof}") } else { path.to_owned() };
            let headers = [JSON, (if way == "ticket" { "x-other" } else { way }, shown.as_bytes())];
            let body = br#"{"user_id":"ann","content":"x"}"#;
            let Some(request) = request(method, &target, &headers, body) else { return Ok(()) };
            let answer = secured.app.ask_for_the_head(request).await;
            is_sound(&answer)?;
            sound!(answer.status.is_client_error(), "let in: {} {}", answer.status, answer.text());
            sound!(overview(&secured.app).await.total == 0, "something was made");
            Ok(())
        })
    });
}
