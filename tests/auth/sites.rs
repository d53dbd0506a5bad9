//! Pages of other sites, and the protection against them.

use campanile::server::{auth::Limits, http::HttpOptions, listener::Peer};

use super::Secured;
use crate::live::transport::refused_websocket;

fn open() -> HttpOptions {
    HttpOptions { allowed_hosts: None, ..HttpOptions::default() }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_with_the_cookie() {
    let server = Secured::new();
    let cookie = server.cookie(&server.key("admin").await).await;
    let form = "application/x-www-form-urlencoded";
    for (path, kind, body) in [
        ("/api/ui/send", form, "user_id=ann&content=hi"),
        ("/api/notifications/create", "application/json", r#"{"user_id":"ann","content":"hi"}"#),
        ("/api/notifications/mark-all-read/ann", "", ""),
        ("/api/tickets", "", ""),
        ("/login", form, "secret=x"),
        ("/logout", form, ""),
    ] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://campanile.example.evil.example"),
            ("origin", "ftp://campanile.example"),
        ] {
            let headers = [("cookie", &*cookie), ("content-type", kind), (name, value)];
            server.ask("POST", path, &headers, body).await.problem(403, "forbidden");
        }
    }
    // The session is still valid.
    let kept = server.ask("GET", "/api/notifications/list", &[("cookie", &cookie)], "").await;
    assert_eq!(kept.json(), serde_json::json!([]));
}

#[tokio::test]
async fn only_listed_sites_may_use_the_api() {
    let options = HttpOptions { allowed_origins: vec!["https://app.example".to_owned()], ..open() };
    let server = Secured::with(Limits::default(), options);
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,cache-control,content-type,last-event-id"),
        ];
        server.ask("OPTIONS", "/api/notifications/create", &headers, "").await
    };
    let allowed = preflight("https://app.example").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    for name in ["authorization", "cache-control", "last-event-id"] {
        assert!(allowed.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
    // An unknown path is also unknown for `OPTIONS`.
    let asks = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    for (headers, path) in [(&asks[..], "/api/x"), (&[], "/x")] {
        server.ask("OPTIONS", path, headers, "").await.problem(404, "not_found");
    }

    let bearer = format!("Bearer {}", server.key("send").await);
    let send = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("sec-fetch-site", "cross-site"),
            ("authorization", &*bearer),
            ("content-type", "application/json"),
        ];
        server.ask("POST", "/api/notifications/create", &headers, r#"{"user_id":"ann","content":"hi"}"#).await
    };
    let answer = send("https://app.example").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert!(answer.header("access-control-expose-headers").contains("campanile-modseq"));
    assert_eq!(send("https://evil.example").await.status, 403);
}

#[tokio::test]
async fn a_session_counts_for_our_own_pages_only() {
    let options = HttpOptions { allowed_origins: vec!["https://app.example".to_owned()], ..open() };
    let server = Secured::with(Limits::default(), options);
    let address = server.listen().await;
    let cookie = server.cookie(&server.key("admin").await).await;
    let bearer = format!("Bearer {}", server.key("read").await);
    let listed = [("origin", "https://app.example"), ("sec-fetch-site", "cross-site")];
    let with =
        |proof: (&'static str, &str)| [listed[0], listed[1], proof].map(|(name, value)| (name, value.to_owned()));
    for (proof, api, websocket) in [(("cookie", &*cookie), 401, 401), (("authorization", &*bearer), 200, 101)] {
        let headers = with(proof);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = server.ask("GET", "/api/notifications/list", &headers, "").await;
        assert_eq!(answer.status, api);
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example", "it can read why");
        assert_eq!(refused_websocket(address, "/ws", &headers).await, websocket);
        // Forms and pages are for this server's own pages only.
        let form = [&headers[..], &[("content-type", "application/x-www-form-urlencoded")]].concat();
        for path in ["/api/ui/mark-all", "/logout", "/login"] {
            server.ask("POST", path, &form, "user_id=ann").await.problem(403, "forbidden");
        }
    }
}

/// The headers of browser requests that a page of another site starts, and whether they are accepted.
#[tokio::test]
async fn a_page_of_another_site_reads_nothing_and_may_link_to_pages() {
    let server = crate::harness::App::new();
    let dashboard = campanile::server::http::DASHBOARD_PATH;
    for (path, site, mode, dest, status) in [
        ("/api/notifications/list", "cross-site", "no-cors", "image", 403),
        ("/api/notifications/list", "same-site", "no-cors", "image", 403),
        ("/api/notifications/list", "cross-site", "navigate", "document", 403),
        ("/api/notifications/list", "cross-site", "cors", "empty", 403),
        ("/api/notifications/list", "same-origin", "cors", "empty", 200),
        ("/api/notifications/list", "none", "navigate", "document", 200),
        ("/api/notifications/stream", "cross-site", "cors", "empty", 403),
        (dashboard, "cross-site", "navigate", "document", 200),
        (dashboard, "cross-site", "navigate", "iframe", 403),
        (dashboard, "cross-site", "no-cors", "image", 403),
        ("/", "cross-site", "navigate", "document", 307),
        ("/api/docs/", "cross-site", "navigate", "document", 200),
        ("/healthz", "cross-site", "no-cors", "image", 403),
    ] {
        let request = axum::http::Request::get(path)
            .header("host", "localhost")
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", mode)
            .header("sec-fetch-dest", dest);
        let answer = server.ask(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{path} {site} {mode} {dest}");
    }
}

#[tokio::test]
async fn no_site_can_read_anything_unless_it_is_listed() {
    let server = Secured::new();
    let bearer = format!("Bearer {}", server.key("read").await);
    let headers = [("origin", "https://app.example"), ("authorization", &*bearer)];
    let answer = server.ask("GET", "/api/notifications/list", &headers, "").await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (403, ""));
}

#[tokio::test]
async fn encrypted_requests_are_answered_with_strict_transport_security() {
    let options = HttpOptions { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..open() };
    let server = Secured::with(Limits::default(), options);
    let ask = async |peer: Option<Peer>, proto: &str| {
        let mut request = axum::http::Request::builder()
            .uri("/login")
            .header("x-forwarded-proto", proto)
            .body(axum::body::Body::empty())
            .unwrap();
        request.extensions_mut().extend(
            peer.map(|peer| {
                let mut extensions = axum::http::Extensions::new();
                extensions.insert(peer);
                extensions
            })
            .unwrap_or_default(),
        );
        server.app.ask(request).await.header("strict-transport-security").to_owned()
    };
    let peer = |address: &str, is_encrypted| Some(Peer { address: address.parse().ok(), is_encrypted });
    assert_eq!(ask(peer("192.0.2.1:1", true), "http").await, "max-age=31536000");
    assert_eq!(ask(peer("10.0.0.1:1", false), "https").await, "max-age=31536000");
    assert_eq!(ask(peer("192.0.2.1:1", false), "https").await, "");
    assert_eq!(ask(None, "https").await, "");
}

#[tokio::test]
async fn any_host_is_answered_where_every_caller_authenticates() {
    let server = Secured::new();
    assert_eq!(server.ask("GET", "/healthz", &[], "").await.status, 200);
}
