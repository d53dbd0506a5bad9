//! `data`: accepted text comes back unchanged, except for space between its tokens, from every interface.

use std::{collections::BTreeMap, time::Duration};

use axum::http::Method;
use campanile::{
    model::Limit,
    server::{identity::Principal, store::SqliteStore},
};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    App, JSON, Sound, fuzz,
    imports::{export, import, new_file},
    is_sound,
    json::{compact, deep, object, value},
    request, server, sound,
};
use crate::store::user;

/// The fields of a notification; the text of `data` is compared.
type Fields = BTreeMap<String, Box<RawValue>>;

/// An event, or a record of an export.
#[derive(Deserialize)]
struct WithNotification {
    notification: Fields,
}

#[derive(Deserialize)]
struct Changes {
    events: Vec<WithNotification>,
}

fn read<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, TestCaseError> {
    serde_json::from_slice(json)
        .map_err(|error| TestCaseError::fail(format!("{error}: {}", String::from_utf8_lossy(json))))
}

fn is_whole(door: &str, fields: &Fields, want: &str) -> Sound {
    let data = fields.get("data").map(|data| data.get());
    sound!(data == Some(want), "{door} gives {data:?}");
    Ok(())
}

async fn comes_back(app: &App, user_id: &str, data: &str) -> Sound {
    let body = format!("{{\"user_id\":\"{user_id}\",\"content\":\"x\",\"data\":{data}}}");
    let answer = app.ask(request(Method::POST, "/api/notifications/create", &[JSON], body.as_bytes()).unwrap()).await;
    is_sound(&answer)?;
    if answer.status != 201 {
        return Ok(());
    }
    let want = compact(data);
    let made: Fields = read(&answer.body)?;
    is_whole("create", &made, &want)?;
    let id: String = read(made["id"].get().as_bytes())?;
    is_whole("get", &read(&app.get(&format!("/api/notifications/{id}")).await.body)?, &want)?;
    let listed: Vec<Fields> = read(&app.get(&format!("/api/notifications/list?user_id={user_id}&limit=1")).await.body)?;
    is_whole("list", &listed[0], &want)?;
    let page = app.get(&format!("/api/notifications/changes/{user_id}?since=0&limit=1000")).await;
    let changes: Changes = read(&page.body)?;
    is_whole("changes", &changes.events.last().unwrap().notification, &want)
}

/// The same through a stream, whose frames are created by other code.
async fn is_told(app: &App, user_id: &str, data: &str) -> Sound {
    let operator = Principal::operator();
    let path = format!("/api/notifications/stream/{user_id}");
    let stream = app.ask_raw(request(Method::GET, &path, &[], b"").unwrap()).await;
    let mut stream = stream.into_body().into_data_stream();
    let body = format!("{{\"user_id\":\"{user_id}\",\"content\":\"x\",\"data\":{data}}}");
    let answer = app.ask(request(Method::POST, "/api/notifications/create", &[JSON], body.as_bytes()).unwrap()).await;
    is_sound(&answer)?;
    if answer.status != 201 {
        return Ok(());
    }
    let mut text = String::new();
    while !text.contains("\"created\"") || !text.ends_with("\n\n") {
        let chunk = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
        let Ok(Some(Ok(chunk))) = chunk else {
            return Err(TestCaseError::fail(format!("the stream told nothing of it: {text}")));
        };
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let event = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    is_whole("a stream", &read::<WithNotification>(event.as_bytes())?.notification, &compact(data))?;
    app.service.changes(&operator, &user(user_id), 0, Limit::new(1)).await.unwrap();
    Ok(())
}

fn data() -> impl Strategy<Value = String> {
    prop_oneof![8 => object(value()), 1 => deep()]
}

#[test]
fn data_comes_back_as_it_was_sent() {
    fuzz(&("[a-z]{12}", data()), server, |runtime, app, (user_id, data)| {
        runtime.block_on(comes_back(app, &user_id, &data))
    });
}

#[test]
fn streams_return_data_as_it_was_sent() {
    fuzz(&("[a-z]{12}", data()), server, |runtime, app, (user_id, data)| {
        runtime.block_on(is_told(app, &user_id, &data))
    });
}

#[test]
fn data_is_moved_as_it_was_sent() {
    fuzz(
        &prop::collection::vec(data(), 1..20),
        |_| (),
        |runtime, (), all| {
            runtime.block_on(async {
                let (from, to) = (new_file(), new_file());
                let store = SqliteStore::open(&campanile::server::store::SqliteOptions::new(&from)).unwrap();
                let app = super::over(store);
                let mut accepted = Vec::new();
                for data in all {
                    let body = format!("{{\"user_id\":\"ann\",\"content\":\"x\",\"data\":{data}}}");
                    let body = request(Method::POST, "/api/notifications/create", &[JSON], body.as_bytes()).unwrap();
                    if app.ask(body).await.status == 201 {
                        accepted.push(compact(&data));
                    }
                }
                drop(app);
                let lines = export(&from).await;
                sound!(lines.is_ok(), "no export: {lines:?}");
                let lines = lines.unwrap_or_default();
                let imported = import(&to, lines.clone()).await;
                sound!(imported == Ok(accepted.len() as u64), "{imported:?} of {}: {lines}", accepted.len());
                for lines in [Ok(lines), export(&to).await] {
                    let lines = lines.map_err(TestCaseError::fail)?;
                    let notifications = lines.lines().filter(|line| line.starts_with("{\"record\":\"notification\""));
                    for (line, want) in notifications.zip(&accepted) {
                        is_whole("an export", &read::<WithNotification>(line.as_bytes())?.notification, want)?;
                    }
                }
                Ok(())
            })
        },
    );
}
