//! Requests from the dashboard's forms and its script.

use axum::http::Method;
use proptest::prelude::*;

use super::{MAX_REFUSAL, Sound, fuzz, json, overview, request, server, sound};
use crate::harness::Answer;

const FUNCTIONS: [&str; 6] =
    ["/api/ui/snapshot", "/api/ui/send", "/api/ui/mark", "/api/ui/mark-all", "/api/ui/unmark-all", "/api/ui/delete"];

fn form() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => prop::sample::select(vec![
            "user_id", "content", "category", "title", "link", "id", "is_read", "unread", "limit", "before", "q", "up_to", "after", "is_whole", "draft[user_id]",
            "draft[content]", "address[user_id]",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z\\[\\]%]{0,12}",
    ];
    let value = prop_oneof![
        3 => "[a-z0-9]{0,6}",
        2 => "(%[0-9a-fA-F]{2}){1,4}",
        1 => "[!-~]{0,9}",
        1 => prop::sample::select(vec!["true", "false", "-1", "18446744073709551616", "%00", "%ff", "javascript:x", "019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f"])
            .prop_map(str::to_owned),
        1 => (1..30_000_usize).prop_map(|length| "x".repeat(length)),
    ];
    prop::collection::vec((name, value).prop_map(|(name, value)| format!("{name}={value}")), 0..7)
        .prop_map(|pairs| pairs.join("&"))
}

/// Server functions answer a waiting page in words of their own, so this requires less than of the API.
fn is_small_and_ours(answer: &Answer) -> Sound {
    sound!(answer.status.as_u16() < 500, "{}: {}", answer.status, answer.text());
    let length = answer.body.len() + answer.header("location").len();
    // The form that sends is answered by the page, with what was typed.
    let is_page = answer.header("content-type").starts_with("text/html");
    sound!(is_page || !answer.status.is_client_error() || length <= MAX_REFUSAL, "a refusal of {length} bytes");
    Ok(())
}

#[test]
fn forms_of_the_dashboard() {
    let kind = prop::sample::select(vec![
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
    ]);
    let accept = prop::sample::select(vec!["text/html", "application/json", "*/*"]);
    let asked = (prop::sample::select(FUNCTIONS.to_vec()), kind, accept, json::broken(form()));
    fuzz(&asked, server, |runtime, app, (path, kind, accept, json::Bytes(body))| {
        runtime.block_on(async {
            let before = overview(app).await;
            let headers = [("content-type", kind.as_bytes()), ("accept", accept.as_bytes())];
            let answer = app.ask(request(Method::POST, path, &headers, &body).unwrap()).await;
            is_small_and_ours(&answer)?;
            let may_change = !answer.status.is_client_error() && path != "/api/ui/snapshot";
            sound!(may_change || before == overview(app).await, "{}, and something changed", answer.status);
            Ok(())
        })
    });
}
