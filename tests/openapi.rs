//! `openapi.json` in the repository is what the handlers say.

use campanile::server::http::openapi;

use crate::harness::App;

#[test]
fn the_committed_description_is_the_present_one() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap();
    let present = openapi().to_pretty_json().unwrap();
    assert!(committed.trim_end() == present, "openapi.json is out of date; run `make openapi`");
}

#[tokio::test]
async fn it_is_served_with_a_page_that_needs_no_other_site() {
    let app = App::new();
    let served = app.get("/api/openapi.json").await;
    assert_eq!(served.header("content-type"), "application/json");
    assert!(served.json()["openapi"].as_str().unwrap().starts_with("3.1"));
    let page = app.get("/api/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text().contains("src=\"http"), "{}", page.text());
}

/// Programs that make clients name their functions by it.
#[test]
fn every_operation_has_a_name_of_its_own_and_words_are_those_of_the_wire() {
    let description: serde_json::Value =
        serde_json::from_str(&campanile::server::http::openapi().to_json().unwrap()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{method} {path}: {name} is the name of another one too");
        }
    }
    let schemas = &description["components"]["schemas"];
    assert_eq!(schemas["Channel"]["enum"], serde_json::json!(["email", "webpush", "fcm", "apns", "webhook"]));
    assert_eq!(schemas["EventKind"]["enum"][0], "notification.created");
    assert_eq!(schemas["DeliveryState"]["enum"][0], "held");
    assert_eq!(schemas["ContactState"]["enum"][0], "active");
}
