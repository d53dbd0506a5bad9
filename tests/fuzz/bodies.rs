//! Bodies of `create`, `batch` and the patch.

use axum::http::Method;
use proptest::{option, prelude::*};
use serde::Deserialize;

use super::{App, JSON, Sound, fuzz, is_sound, json, overview, request, server, sound};

/// A value for a field of this kind: mostly valid, sometimes anything.
fn field(legal: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![12 => legal.prop_map(|text| format!("\"{text}\"")), 1 => json::value(), 1 => json::string()]
}

/// A notification from a client: fields may be missing, of another type, unknown, or repeated.
fn notification() -> impl Strategy<Value = String> {
    let fields = (
        option::weighted(0.95, field("[a-z/ .🎉]{1,4}")),
        option::weighted(0.95, field("[a-zA-Z .http:/()🎉\u{200b}]{1,40}")),
        option::weighted(0.2, field("[a-z0-9_-]{1,8}")),
        option::weighted(0.2, field("[A-Za-z ]{1,9}")),
        option::weighted(0.2, field("/[a-z]{0,9}(\\?[a-z]=[a-z])?")),
        option::weighted(0.3, prop_oneof![8 => json::object(json::value()), 1 => json::value(), 1 => json::deep()]),
        option::weighted(0.2, field("20[0-9]{2}-0[1-9]-[12][0-9]T1[0-9]:00:00(\\.[0-9]{1,9})?(Z|\\+0[0-9]:00)")),
        option::weighted(0.05, (json::string(), json::value())),
        prop::sample::select((0..30_u8).collect::<Vec<_>>()),
    );
    fields.prop_map(|(user_id, content, category, title, link, data, expires_at, other, twice)| {
        let names = ["user_id", "content", "category", "title", "link", "data", "expires_at"];
        let values = [user_id, content, category, title, link, data, expires_at];
        let mut fields: Vec<_> = names
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| value.map(|value| format!("\"{name}\":{value}")))
            .collect();
        fields.extend(other.map(|(name, value)| format!("{name}:{value}")));
        if let Some(again) = fields.get(usize::from(twice)).cloned() {
            fields.push(again);
        }
        format!("{{{}}}", fields.join(","))
    })
}

fn batch() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::collection::vec(notification(), 0..5).prop_map(|all| format!(r#"{{"notifications":[{}]}}"#, all.join(","))),
        1 => (1..3_000_usize, notification()).prop_map(|(times, one)| format!(r#"{{"notifications":[{}]}}"#, vec![one; times].join(","))),
        1 => (1..60_000_usize).prop_map(|times| format!(r#"{{"notifications":[{}]}}"#, vec!["{}"; times].join(","))),
        4 => (prop::collection::vec(field("[a-z]{1,3}"), 0..6), notification())
            .prop_map(|(users, rest)| format!(r#"{{"user_ids":[{}],{}"#, users.join(","), &rest[1..])),
        1 => (1..3_000_usize).prop_map(|users| {
            let users: Vec<_> = (0..users).map(|number| format!("\"{number}\"")).collect();
            format!(r#"{{"user_ids":[{}],"content":"x"}}"#, users.join(","))
        }),
        1 => notification(),
        1 => json::value(),
    ]
}

#[derive(Deserialize)]
struct Made {
    id: String,
    user_id: String,
}

#[derive(Deserialize)]
struct AllMade {
    notifications: Vec<Made>,
}

/// Sends a request that creates notifications, and checks that exactly the accepted ones are stored.
async fn creates(app: &App, path: &str, body: &[u8], made: impl Fn(&[u8]) -> Option<Vec<Made>>) -> Sound {
    let before = overview(app).await;
    let answer = app.ask(request(Method::POST, path, &[JSON], body).unwrap()).await;
    is_sound(&answer)?;
    let after = overview(app).await;
    if answer.status != 201 {
        sound!(answer.status.is_client_error(), "{}", answer.status);
        sound!(after == before, "refused, and something changed: {before:?} {after:?}");
        return Ok(());
    }
    let made = made(&answer.body);
    sound!(made.is_some(), "another answer: {}", answer.text());
    let made = made.unwrap_or_default();
    let counted = (after.total - before.total, after.unread_count - before.unread_count);
    sound!(counted == (made.len() as u64, made.len() as u64), "{} made, {counted:?} counted", made.len());
    for Made { id, user_id } in made.iter().take(3) {
        let got = app.get(&format!("/api/notifications/{id}")).await;
        sound!(got.status == 200, "accepted and not there: {}", got.text());
        let got: Made = serde_json::from_slice(&got.body).map_err(|error| TestCaseError::fail(error.to_string()))?;
        sound!(got.user_id == *user_id && got.id == *id, "another one is there");
        let user_id: String = user_id.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let listed = app.get(&format!("/api/notifications/list?limit=1000&user_id={user_id}")).await;
        is_sound(&listed)?;
        sound!(listed.text().contains(id.as_str()), "accepted and not listed: {}", listed.text());
    }
    Ok(())
}

#[test]
fn bodies_of_create() {
    let bodies = json::broken(prop_oneof![9 => notification(), 1 => json::value()]);
    fuzz(&bodies, server, |runtime, app, json::Bytes(body)| {
        let one = |body: &[u8]| serde_json::from_slice(body).ok().map(|made| vec![made]);
        runtime.block_on(creates(app, "/api/notifications/create", &body, one))
    });
}

#[test]
fn bodies_of_batch() {
    fuzz(&json::broken(batch()), server, |runtime, app, json::Bytes(body)| {
        let all = |body: &[u8]| serde_json::from_slice::<AllMade>(body).ok().map(|made| made.notifications);
        runtime.block_on(creates(app, "/api/notifications/batch", &body, all))
    });
}

#[test]
fn bodies_of_patch() {
    let bodies = json::broken(prop_oneof![
        3 => any::<bool>().prop_map(|mark| format!("{{\"is_read\":{mark}}}")),
        1 => json::value().prop_map(|value| format!("{{\"is_read\":{value}}}")),
        1 => (json::string(), json::value()).prop_map(|(name, value)| format!("{{\"is_read\":true,{name}:{value}}}")),
        1 => json::value(),
    ]);
    fuzz(&bodies, server, |runtime, app, json::Bytes(body)| {
        runtime.block_on(async {
            let path = format!("/api/notifications/{}", app.notify("ann", "x").await);
            let before = overview(app).await.unread_count;
            let answer = app.ask(request(Method::PATCH, &path, &[JSON], &body).unwrap()).await;
            is_sound(&answer)?;
            let marked = answer.status == 200 && answer.json()["is_read"] == true;
            let after = overview(app).await.unread_count;
            sound!(before - after == u64::from(marked), "{before} {after} {}", answer.text());
            Ok(())
        })
    });
}
