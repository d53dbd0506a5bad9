//! A person's use of the dashboard, and a program's use of the API, through each recipe.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Request, Uri, header},
};
use futures_util::StreamExt;
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::{Response, body::Incoming, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use regex::Regex;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

use super::{
    RECIPES, free_port,
    gateways::{Gateway, Kind},
};
use crate::{
    command::{Server, make_key},
    harness::new_folder,
};

/// How long a response may take that a gateway forwards at once.
const SOON: Duration = Duration::from_secs(5);
const DASHBOARD: &str = "/api/ui-dashboard/notifications-dashboard-ui";
const LIST: &str = "/api/notifications/list";
/// The address of the clients in these tests; the gateway connects from 127.0.0.1.
const CLIENT: &str = "127.0.0.2";

/// Sends a request over a separate connection.
pub(super) async fn send(
    stream: TlsStream<TcpStream>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<Incoming> {
    let (mut send, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    timeout(SOON, send.send_request(request.body(Body::from(body.to_owned())).unwrap())).await.unwrap().unwrap()
}

/// A whole response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    pub(super) async fn of(answer: Response<Incoming>) -> Self {
        let (head, body) = answer.into_parts();
        let body = timeout(SOON, body.collect()).await.unwrap().unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Self { status: head.status.as_u16(), headers: head.headers, text }
    }
}

/// A browser, or a program, in front of a gateway.
struct Visitor {
    gateway: Gateway,
    /// The URL of the server for its clients, such as `https://notify.example:4430/`.
    url: Uri,
    /// The `Origin` of a browser: that URL without its path.
    origin: String,
    cookie: String,
}

impl Visitor {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Incoming> {
        let mut headers = [&[("host", self.url.authority().unwrap().as_str())], headers].concat();
        // A caller with other credentials does not send the cookie.
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            headers.push(("cookie", &self.cookie));
        }
        let path = format!("{}{path}", self.url.path().trim_end_matches('/'));
        send(self.gateway.connect(CLIENT).await, method, &path, &headers, body).await
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        Answer::of(self.send(method, path, headers, body).await).await
    }

    async fn notify(&self, user: &str, content: &str) {
        let json = serde_json::json!({"user_id": user, "content": content}).to_string();
        let headers = [("origin", &*self.origin), ("content-type", "application/json")];
        let created = self.ask("POST", "/api/notifications/create", &headers, &json).await;
        assert_eq!(created.status, 201, "{created:?}");
    }

    /// Signs in by the form, like a person whose browser reports only the page's origin.
    async fn sign_in(&mut self, key: &str) {
        let led = self.ask("GET", DASHBOARD, &[], "").await;
        assert_eq!(led.status, 303, "{led:?}");
        let page = self.ask("GET", "/login", &[], "").await;
        assert!(page.status == 200 && !page.text.contains("https:"), "{page:?}");
        let form = [("origin", &*self.origin), ("content-type", "application/x-www-form-urlencoded")];
        let signed_in = self.ask("POST", "/login", &form, &format!("secret={key}")).await;
        assert_eq!(signed_in.status, 303, "{signed_in:?}");
        let cookie = signed_in.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("Secure"), "{cookie}");
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    /// Loads the page and sends its requests, and checks that a page of another site may not.
    async fn uses_the_page(&self) {
        let page = self.ask("GET", &format!("{DASHBOARD}?user_id=ann"), &[], "").await;
        assert!(page.status == 200 && page.text.contains("</html>"), "{page:?}");
        let foreign = "https://evil.example";
        for (origin, host, status) in
            [(&*self.origin, None, 200), (foreign, None, 403), (foreign, Some("evil.example"), 403)]
        {
            let mut headers = vec![("origin", origin)];
            headers.extend(host.map(|host| ("x-forwarded-host", host)));
            let posted = self.ask("POST", "/api/notifications/mark-all-read/ann", &headers, "").await;
            assert_eq!(posted.status, status, "{headers:?} {posted:?}");
        }
    }

    /// The longest body that the server accepts, and a user id with a slash in it.
    async fn sends_unusual_requests(&self) {
        self.notify("a/b", "with a slash").await;
        let counted = self.ask("GET", "/api/notifications/unread-count/a%2Fb", &[], "").await;
        assert_eq!(counted.text, r#"{"user_id":"a/b","unread_count":1}"#, "{counted:?}");
        let headers = [("origin", &*self.origin), ("content-type", "application/json")];
        let long = format!(r#"{{"user_id": "long", "content": "x"}}{}"#, " ".repeat(4_000_000));
        let created = self.ask("POST", "/api/notifications/create", &headers, &long).await;
        assert_eq!(created.status, 201, "{created:?}");
    }

    /// A WebSocket receives changes at once.
    async fn follows_by_websocket(&self) {
        let mut headers = vec![
            ("origin", &*self.origin),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = self.send("GET", "/ws/ann", &headers, "").await;
        assert_eq!(answer.status(), 101, "{answer:?}");
        let upgraded = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
        let mut until = async |word: &str| {
            while !timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap().to_text().unwrap().contains(word) {}
        };
        until("hello").await;
        self.notify("ann", "over a WebSocket").await;
        until("over a WebSocket").await;
        headers[0].1 = "https://evil.example";
        assert_eq!(self.send("GET", "/ws/ann", &headers, "").await.status(), 403);
    }

    /// No gateway holds back an event until there are more.
    async fn follows_by_events(&self) {
        // Browsers send this, and a gateway may want to compress.
        let headers = [("accept", "text/event-stream"), ("accept-encoding", "gzip, deflate, br, zstd")];
        let answer = self.send("GET", "/api/notifications/stream/eve", &headers, "").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert!(!answer.headers().contains_key(header::CONTENT_ENCODING), "{answer:?}");
        let mut body: BoxBody<_, _> = answer.into_body().boxed();
        let mut until = async |word: &str| {
            let mut text = String::new();
            while !text.contains(word) {
                let frame = timeout(SOON, body.frame()).await.unwrap().unwrap().unwrap();
                text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
            }
        };
        until("hello").await;
        for content in ["first", "second"] {
            self.notify("eve", content).await;
            until(content).await;
        }
    }

    /// The server's log has the address of the client, whatever the client's own headers say.
    async fn shows_wrong_keys(&self) {
        let headers = [
            ("origin", &*self.origin),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        let refused = self.ask("POST", "/login", &headers, "secret=wrong").await;
        assert!(refused.status == 303 && !refused.headers.contains_key(header::SET_COOKIE), "{refused:?}");
        let headers = [("authorization", "Bearer wrong"), ("x-forwarded-for", "203.0.113.9")];
        let refused = self.ask("GET", LIST, &headers, "").await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
}

/// The arguments of the command with which a document starts the server behind a gateway.
fn serve(document: &'static str) -> Vec<&'static str> {
    let command = document.split_once("```bash\ncampanile serve --auth on --public-url ").unwrap().1;
    let rest = command.split("\n```").next().unwrap().split_whitespace();
    ["--auth", "on", "--public-url"].into_iter().chain(rest).collect()
}

/// Starts a server by the document, and a gateway in front of it by the recipe, and uses both.
async fn try_out(document: &'static str, kind: Kind, recipe: &str) {
    let port = free_port();
    let folder = new_folder();
    let socket = folder.join("campanile.sock").display().to_string();
    let store = format!("sqlite:{}", folder.join("campanile.db").display());
    let key = make_key(&store, "admin");
    let words = serve(document);
    let public_url = *words.iter().find(|word| word.starts_with("https://")).unwrap();
    let there: Uri = public_url.parse().unwrap();
    let url = public_url.replace(there.host().unwrap(), &format!("{}:{port}", there.host().unwrap()));
    let listen = format!("unix:{socket}");
    let mut words: Vec<_> = words.into_iter().map(|word| if word == public_url { &*url } else { word }).collect();
    words.extend(["--store", &store, "--log-addresses"]);
    if recipe.contains("http://unix:") {
        words.extend(["--listen", &listen]);
    }
    let server = Server::start(&words);
    let here = [("127.0.0.1:8000", &*server.address), ("/run/campanile/campanile.sock", &*socket)];
    let url: Uri = url.parse().unwrap();
    let gateway = Gateway::start(kind, recipe, &url, &here).await;
    let origin = format!("https://{}", url.authority().unwrap());
    let mut visitor = Visitor { gateway, url, origin, cookie: String::new() };
    visitor.sign_in(&key).await;
    visitor.uses_the_page().await;
    visitor.sends_unusual_requests().await;
    visitor.follows_by_websocket().await;
    visitor.follows_by_events().await;
    visitor.shows_wrong_keys().await;
    drop(visitor);
    let (_, log) = server.stop("-TERM");
    assert_eq!(log.matches(&format!("address={CLIENT}")).count(), 2, "{log}");
    // The address that fail2ban would ban. The journal puts a prefix before each line.
    let failregex = RECIPES.lines().find_map(|line| line.strip_prefix("failregex = ")).unwrap();
    let failregex = failregex.replace("%(__prefix_line)s", "").replace("<ADDR>", &regex::escape(CLIENT));
    let failregex = Regex::new(&failregex).unwrap();
    assert_eq!(log.lines().filter(|line| failregex.is_match(line)).count(), 1, "{log}");
}

#[tokio::test]
async fn the_recipe_for_nginx_works() {
    let [by_port, _] = Kind::Nginx.recipes()[..] else { panic!("two recipes") };
    try_out(RECIPES, Kind::Nginx, by_port).await;
}

#[tokio::test]
async fn the_recipe_for_nginx_over_a_socket_works() {
    let [_, by_socket] = Kind::Nginx.recipes()[..] else { panic!("two recipes") };
    try_out(RECIPES, Kind::Nginx, by_socket).await;
}

#[tokio::test]
async fn the_recipe_for_nginx_below_a_path_works() {
    let section = RECIPES.split_once("\n## Below a path\n").unwrap().1;
    let recipe = section.split_once("```nginx\n").unwrap().1.split("```").next().unwrap();
    let (before, location) = recipe.split_once("# in server { … } of example.com\n").unwrap();
    let server = format!(
        "{before}server {{\nlisten 443 ssl;\nssl_certificate /etc/ssl/example.com.pem;\n\
         ssl_certificate_key /etc/ssl/example.com.key;\n{location}}}\n"
    );
    try_out(section, Kind::Nginx, &server).await;
}

#[tokio::test]
async fn the_recipe_for_caddy_works() {
    let [recipe] = Kind::Caddy.recipes()[..] else { panic!("one recipe") };
    try_out(RECIPES, Kind::Caddy, recipe).await;
}

#[tokio::test]
async fn the_recipe_for_traefik_works() {
    let [recipe] = Kind::Traefik.recipes()[..] else { panic!("one recipe") };
    try_out(RECIPES, Kind::Traefik, recipe).await;
}

#[tokio::test]
async fn the_recipe_for_apache_works() {
    let [recipe] = Kind::Apache.recipes()[..] else { panic!("one recipe") };
    try_out(RECIPES, Kind::Apache, recipe).await;
}
