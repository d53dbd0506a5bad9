//! The files of the dashboard. They are there once the site was built, which the test command
//! does first.

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
