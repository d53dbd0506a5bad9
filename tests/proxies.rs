//! Behind real gateways: the recipes of `docs/proxies.md`, and whether the server recognises the dashboard's own page.

mod gateways;
mod recipes;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use self::gateways::{Running, nginx};
use crate::{command::Server, harness::new_folder};

const RECIPES: &str = include_str!("../docs/proxies.md");
const FORWARDED_HOST: &str = "proxy_set_header X-Forwarded-Host $http_host;";
const WEBSOCKET: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                         proxy_set_header Connection $connection_upgrade;";

/// A running nginx, stopped when this is dropped.
struct Nginx {
    port: u16,
    _running: Running,
}

impl Nginx {
    /// Starts nginx with these contents of `http { … }`, which listens on this port.
    fn start(http: &str, port: u16) -> Self {
        Self { port, _running: Running::start(nginx(&new_folder(), http), port) }
    }

    /// Sends a request like a browser that reports only the page's origin, and returns the whole response.
    fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let host = format!("127.0.0.1:{}", self.port);
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n{headers}\r\n").unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !is_whole(&answer)
            && let Ok(count @ 1..) = stream.read(&mut buffer)
        {
            answer.extend(&buffer[..count]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The responses to a page of this origin when it posts, and when it opens a WebSocket.
    fn as_page(&self, origin: &str) -> [String; 2] {
        let path = "/api/notifications/mark-all-read/ann";
        let posted = self.ask("POST", path, &format!("Origin: {origin}\r\nConnection: close\r\n"));
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let followed = self.ask("GET", "/ws/ann", &format!("Origin: {origin}\r\n{upgrade}"));
        [posted, followed]
    }

    /// Checks the status of each of them.
    #[track_caller]
    fn expect(&self, origin: &str, statuses: [&str; 2], what: &str) {
        let answers = self.as_page(origin);
        assert_eq!(answers.each_ref().map(|answer| answer.get(9..12).unwrap_or("")), statuses, "{what}: {answers:?}");
    }
}

/// Whether this is a complete response; without a length, as for a WebSocket, the head is enough.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn origin(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// An nginx in front of this server with these header settings.
fn in_front_of(server: &Server, port: u16, lines: &str) -> Nginx {
    let address = &server.address;
    let http = format!(
        "map $http_upgrade $connection_upgrade {{ default upgrade; \"\" \"\"; }}
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{address}; {WEBSOCKET} {lines} }} }}"
    );
    Nginx::start(&http, port)
}

#[test]
fn the_own_page_is_known_whatever_the_gateway_passes_on() {
    let trusted = ["--trusted-proxies", "127.0.0.1"];
    let host = "proxy_set_header Host $host;";
    let none = "proxy_set_header Host \"\";";
    let port = "proxy_set_header X-Forwarded-Port $server_port;";
    for (lines, is_trusted, has_url, is_own) in [
        // `$host` has no port; without both lines nginx sends the address of the server.
        (host.to_owned(), false, false, false),
        (host.to_owned(), true, false, false),
        (host.to_owned(), false, true, true),
        (format!("{host} {port}"), true, false, true),
        (format!("{host} {port}"), false, false, false),
        (format!("{host} {FORWARDED_HOST}"), true, false, true),
        (String::new(), false, false, false),
        (String::new(), false, true, true),
        (FORWARDED_HOST.to_owned(), true, false, true),
        (FORWARDED_HOST.to_owned(), false, false, false),
        (format!("{none} {FORWARDED_HOST}"), true, false, true),
        (none.to_owned(), false, true, true),
        ("proxy_set_header Host $http_host;".to_owned(), false, false, true),
    ] {
        let own = free_port();
        let url = origin(own);
        let mut arguments = if is_trusted { trusted.to_vec() } else { Vec::new() };
        if has_url {
            arguments.extend(["--public-url", &*url]);
        }
        let server = Server::start(&arguments);
        let nginx = in_front_of(&server, own, &lines);
        let what = format!("{lines} {arguments:?}");
        nginx.expect(&url, if is_own { ["200", "101"] } else { ["403", "403"] }, &what);
        nginx.expect("http://evil.example", ["403", "403"], &what);
        nginx.expect(&origin(own.wrapping_add(1)), ["403", "403"], &what);
        if !is_own {
            for answer in nginx.as_page(&url) {
                let names = [&*format!("--public-url {url}"), "--trusted-proxies", "X-Forwarded-Host"];
                assert!(names.iter().all(|name| answer.contains(name)), "{what}: {answer}");
            }
        }
        // The header of a current browser is enough.
        let said = "Sec-Fetch-Site: same-origin\r\nConnection: close\r\n";
        let answer = nginx.ask("POST", "/api/notifications/mark-all-read/ann", &format!("Origin: {url}\r\n{said}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{what}: {answer}");
    }
}

#[test]
fn a_name_that_a_page_gave_itself_leads_nowhere_through_a_gateway() {
    let server = Server::start(&["--trusted-proxies", "127.0.0.1"]);
    let nginx = in_front_of(&server, free_port(), FORWARDED_HOST);
    let rebound = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", nginx.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = rebound("/api/notifications/list");
    let names = ["`evil.example`", "X-Forwarded-Host of a trusted gateway", "allowed-hosts"];
    assert!(answer.starts_with("HTTP/1.1 421") && names.iter().all(|name| answer.contains(name)), "{answer}");
}

/// The outer gateway sets these headers, and the inner one adds to them, like Apache.
#[test]
fn the_headers_of_two_trusted_gateways_in_a_row_count() {
    let (inner, outer) = (free_port(), free_port());
    for (trusted, statuses) in [("127.0.0.1,127.0.0.2", ["200", "101"]), ("127.0.0.1", ["403", "403"])] {
        let server = Server::start(&["--trusted-proxies", trusted]);
        let address = &server.address;
        let adds = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Forwarded-Host \"$http_x_forwarded_host, $http_host\";";
        let sets = format!("proxy_set_header X-Forwarded-For 203.0.113.9; {FORWARDED_HOST} proxy_bind 127.0.0.2;");
        let server_of = |port: u16, to: &str, lines: &str| {
            format!(
                "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{to}; {WEBSOCKET} {lines} }} }}"
            )
        };
        let both = [server_of(inner, address, adds), server_of(outer, &format!("127.0.0.1:{inner}"), &sets)].concat();
        let http = format!("map $http_upgrade $connection_upgrade {{ default upgrade; \"\" \"\"; }} {both}");
        let nginx = Nginx::start(&http, outer);
        nginx.expect(&origin(outer), statuses, trusted);
        nginx.expect(&origin(inner), if statuses[0] == "200" { ["403", "403"] } else { ["200", "101"] }, trusted);
    }
}
