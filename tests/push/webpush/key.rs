//! The key for browser subscriptions: its source, and that it never changes.

use std::process::Output;

use axum::http::Method;
use campanile::server::config::SettingsInput;
use serde_json::json;

use super::{Api, Browsers, PushService, said};
use crate::{
    auth::{Secured, TOKEN_SECRET},
    command::campanile,
    delivery::{self, Place, each_store, new_file},
    harness::new_folder,
    postgres,
};

/// A private key in the form of `web-push generate-vapid-keys`, and its public key (RFC 8291, appendix A).
const PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const PUBLIC: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

fn run(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = campanile(arguments).output().unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_gets_it_if_push_to_browsers_is_set_up() {
    let secured = Secured::new();
    let none = secured.app.get("/api/push/key").await.problem(404, "not_found");
    assert!(none["detail"].as_str().unwrap().contains("--push-contact"), "{none}");
    let folder = new_folder();
    let auth = SettingsInput {
        auth: Some(campanile::server::config::Switch::On),
        jwt_secret: Some(TOKEN_SECRET.to_owned()),
        jwt_audience: Some(vec!["campanile".to_owned()]),
        ..said(&format!("sqlite:{}", folder.join("campanile.db").display()))
    };
    let place = Place::start(&auth).await;
    let api = Api::of(&place);
    assert_eq!(api.ask(Method::GET, "/api/channels", None).await.status, 401);
    let key = api.key().await;
    assert!(key.len() == 87 && key.starts_with('B'), "{key}");
    for bearer in ["nonsense", ""] {
        let answer = place.ask_as(Some(bearer), Method::GET, "/api/push/key", None).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "key": key })));
    }
    place.ask(Method::GET, "/api/push/key?user_id=ann", None).await.problem(422, "invalid_input");
    place.ask(Method::POST, "/api/push/key", None).await.problem(405, "method_not_allowed");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_its_server_and_another_store_has_another() {
    let keys = std::sync::Mutex::new(Vec::new());
    each_store(async |store| {
        let first = Place::start(&said(&store)).await;
        let key = Api::of(&first).key().await;
        first.stop().await;
        let again = Place::start(&said(&store)).await;
        if store != "memory:" {
            assert_eq!(Api::of(&again).key().await, key);
        }
        again.stop().await;
        keys.lock().unwrap().push(key);
    })
    .await;
    let mut keys = keys.into_inner().unwrap();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_from_the_first_start_on_and_moves_with_an_export() {
    let (one, other) = (new_file(), postgres::new_database().await);
    let place = Place::start(&said(&one)).await;
    // Before any request for it.
    let exported = run(&["export", "--store", &one]);
    let key = Api::of(&place).key().await;
    place.stop().await;
    assert!(exported.lines().any(|line| line.contains(r#""record":"secret""#) && line.contains("vapid")), "{exported}");
    let lines = new_folder().join("lines");
    std::fs::write(&lines, &exported).unwrap();
    run(&["import", lines.to_str().unwrap(), "--store", &other]);
    let browsers = Browsers::start();
    let service = PushService::start().await;
    let place = Place::start(&said(&other)).await;
    let api = Api::of(&place);
    assert_eq!(api.key().await, key);
    api.subscribe("ann", &service.endpoint("ann"), &browsers.subscribe("ann")).await;
    api.create("ann", json!({})).await;
    let hit = service.until("ann", 1).await.remove(0);
    assert_eq!(browsers.read("ann", &hit)["key"], *key);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_a_file_wins_and_is_not_stored() {
    let file = new_folder().join("key");
    std::fs::write(&file, PRIVATE).unwrap();
    let store = new_file();
    let place = Place::start(&SettingsInput { vapid_key: Some(file), ..said(&store) }).await;
    let api = Api::of(&place);
    assert_eq!(api.key().await, PUBLIC);
    let (browsers, service) = (Browsers::start(), PushService::start().await);
    api.subscribe("ann", &service.endpoint("ann"), &browsers.subscribe("ann")).await;
    api.create("ann", json!({})).await;
    let hit = service.until("ann", 1).await.remove(0);
    assert_eq!(browsers.read("ann", &hit)["key"], PUBLIC);
    place.stop().await;
    assert!(!run(&["export", "--store", &store]).contains("vapid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_web_push_creates_no_key() {
    let store = new_file();
    let place = Place::start(&delivery::said(&store)).await;
    place.ask(Method::GET, "/api/push/key", None).await.problem(404, "not_found");
    place.stop().await;
    assert!(!run(&["export", "--store", &store]).contains("vapid"));
}
