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
