//! The files of the dashboard. They exist once the site was built, which the test command does first.

use axum::{
    body::Body,
    http::{Request, header},
};

use crate::harness::{Answer, App};

async fn file(path: &str, name: &str, value: &str) -> Answer {
    let request = Request::get(path).header(header::HOST, "localhost").header(name, value).body(Body::empty());
    App::new().ask(request.unwrap()).await
}

fn wasm() -> String {
    let wasm = campanile::server::assets::of_the_page().wasm;
    assert!(wasm.starts_with("/pkg/campanile"), "build the site first: make build");
    wasm
}

#[tokio::test]
async fn hashed_files_are_kept_for_ever_and_sent_compressed() {
    let path = wasm();
    let plain = file(&path, "accept-encoding", "identity").await;
    let brotli = file(&path, "accept-encoding", "gzip, br").await;
    assert_eq!(plain.header("content-type"), "application/wasm");
    assert_eq!(brotli.header("content-encoding"), "br");
    assert_eq!(brotli.header("vary"), "accept-encoding");
    assert!(brotli.header("cache-control").contains("immutable"));
    assert!(brotli.body.len() * 2 < plain.body.len());
    assert_eq!(file(&path, "accept-encoding", "gzip").await.header("content-encoding"), "gzip");
    assert_eq!(file(&path, "accept-encoding", "br;q=0").await.header("content-encoding"), "");
}

#[tokio::test]
async fn a_file_that_the_client_has_is_not_sent_again() {
    let path = wasm();
    let etag = file(&path, "accept", "*/*").await.header("etag").to_owned();
    let again = file(&path, "if-none-match", &etag).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(file(&path, "if-none-match", "\"other\"").await.status, 200);
}

#[tokio::test]
async fn nothing_outside_the_site_is_sent() {
    for path in ["/pkg/none.js", "/pkg/..%2F..%2F..%2FCargo.toml", "/..%2F..%2FCargo.toml", "/%2Fetc%2Fpasswd", "/pkg"]
    {
        App::new().get(path).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_service_worker_is_asked_for_again_and_may_ask_this_server() {
    let worker = App::new().get("/sw.js").await;
    assert_eq!(worker.status, 200, "build the site first: make build");
    assert_eq!((worker.header("content-type"), worker.header("cache-control")), ("text/javascript", "no-cache"));
    let policy = worker.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; connect-src 'self'; img-src 'self';"), "{policy}");
    let etag = worker.header("etag").to_owned();
    let again = file("/sw.js", "if-none-match", &etag).await;
    assert_eq!((again.status.as_u16(), again.header("cache-control")), (304, "no-cache"));
    let page = App::new().get("/opened.js").await;
    assert_eq!(page.header("cache-control"), "public, max-age=3600");
}

#[tokio::test]
async fn the_manifest_has_relative_links() {
    let manifest = App::new().get("/manifest.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    let manifest = manifest.json();
    // Relative, so that they are also below a base path.
    for name in ["id", "start_url", "scope"] {
        assert_eq!(manifest[name], "./", "{name}");
    }
    for icon in manifest["icons"].as_array().unwrap() {
        let answer = App::new().get(&format!("/{}", icon["src"].as_str().unwrap())).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, icon["type"].as_str().unwrap()));
    }
}
