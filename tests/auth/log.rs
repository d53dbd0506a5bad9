//! The log lines of a real server about its callers.

use serde_json::{Value, json};

use super::{TOKEN_SECRET, signed};
use crate::{
    client::Client,
    command::{Server, make_key},
    harness::new_folder,
};

/// An address for documentation (RFC 5737), as a proxy forwards it.
const ADDRESS: &str = "203.0.113.77";

#[test]
fn a_full_run_leaves_no_secret_and_no_user_in_the_log() {
    let store = format!("sqlite:{}", new_folder().join("campanile.db").display());
    let key = make_key(&store, "admin");
    assert!(key.starts_with("cmp_"), "{key}");
    let exp = chrono::Utc::now().timestamp() + 600;
    let token = signed(&json!({"sub": "the-user", "aud": "campanile", "exp": exp}));
    let server = Server::start(&[
        "--store",
        &store,
        "--jwt-secret",
        TOKEN_SECRET,
        "--jwt-audience",
        "campanile",
        "--log",
        "trace",
        "--trusted-proxies",
        "127.0.0.0/8",
        "--limit-login",
        "3/h",
    ]);
    let mut client = Client::connect(&server.address).unwrap();
    let own_address = client.local_address();
    let by_key = format!("Bearer {key}");
    let by_token = format!("Bearer {token}");
    let wrong_key = format!("Bearer {}0000", &key[..key.len() - 4]);
    let wrong_token = format!("Bearer {token}x");
    let mut ask = |method: &str, path: &str, bearer: &str, body: Option<&Value>| {
        let headers = [("Authorization", bearer), ("X-Forwarded-For", ADDRESS)];
        client.ask(method, path, &headers, body).unwrap()
    };
    let body = json!({"user_id": "the-user", "content": "the-content", "title": "the-title"});
    let (status, created) = ask("POST", "/api/notifications/create", &by_key, Some(&body));
    assert_eq!(status, 201, "{created}");
    let id = created["id"].as_str().unwrap();
    let (status, ticket) = ask("POST", "/api/tickets", &by_token, None);
    assert_eq!(status, 201);
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    for (method, path, bearer, expected) in [
        ("GET", "/api/notifications/list?user_id=the-user&q=the-content", &by_token, 200),
        ("GET", "/api/notifications/unread-count/the-user", &by_token, 200),
        ("POST", "/api/notifications/mark-read/the-user/0", &by_token, 200),
        ("DELETE", &*format!("/api/notifications/{id}"), &by_token, 204),
        ("GET", "/api/notifications/unread-count/the-user", &wrong_key, 401),
        ("GET", "/api/notifications/unread-count/the-user", &wrong_token, 401),
        ("GET", &*format!("/ws/the-user?ticket={}", "0".repeat(64)), &String::new(), 401),
        ("GET", &*format!("/api/notifications/the-user?ticket={ticket}"), &by_key, 404),
    ] {
        assert_eq!(ask(method, path, bearer, None).0, expected, "{method} {path}");
    }
    let mut cookies = Vec::new();
    for secret in [&*key, &*token, "wrong-secret", "wrong-secret"] {
        let form = format!("secret={secret}&next=%2F");
        let (status, headers) = client.post_form("/login", &[("X-Forwarded-For", ADDRESS)], &form);
        assert!(matches!(status, 303 | 401 | 429), "{status}");
        cookies.extend(headers.get("set-cookie").map(|cookie| cookie.split(['=', ';']).nth(1).unwrap().to_owned()));
    }
    assert_eq!(cookies.len(), 2);
    drop(client);
    let (stopped, log) = server.stop("-TERM");
    assert!(stopped, "{log}");
    assert!(log.contains("a person signed in") && log.contains("a person could not sign in"), "{log}");
    let secrets = [
        &key[21..],
        &*token,
        &token[token.len() - 20..],
        TOKEN_SECRET,
        &*ticket,
        "wrong-secret",
        &*cookies[0],
        &*cookies[1],
    ];
    let people = ["the-user", "the-content", "the-title", ADDRESS, &*own_address];
    for word in secrets.iter().chain(&people) {
        let line = log.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "{word} is in the log: {line:?}");
    }
}

#[test]
fn why_something_is_refused_is_in_the_log_and_the_address_where_it_is_asked_for() {
    let exp = chrono::Utc::now().timestamp() - 600;
    let over = signed(&json!({"sub": "the-user", "aud": "campanile", "exp": exp}));
    let tokens = ["--jwt-secret", TOKEN_SECRET, "--jwt-audience", "campanile", "--trusted-proxies", "127.0.0.0/8"];
    let later = chrono::Utc::now().timestamp() + 600;
    let endless = signed(&json!({"sub": "the-user", "aud": "campanile"}));
    let unnamed = signed(&json!({"aud": "campanile", "exp": later}));
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", over.split('.').nth(1).unwrap());
    for with_addresses in [true, false] {
        let flag = if with_addresses { &["--log-addresses"][..] } else { &[] };
        let server = Server::start(&[&tokens, flag].concat());
        let mut client = Client::connect(&server.address).unwrap();
        let mut ask = |shown: &str, headers: &[(&str, &str)]| {
            let bearer = format!("Bearer {shown}");
            let headers = [headers, &[("Authorization", bearer.as_str())]].concat();
            client.ask("GET", "/api/notifications/list", &headers, None).unwrap().0
        };
        let from = [("X-Forwarded-For", ADDRESS)];
        for shown in [&*over, "nonsense", &format!("{over}x"), &*endless, &*unnamed, &*unsigned, "cmp_bad"] {
            assert_eq!(ask(shown, &from), 401);
        }
        // Ten log lines for one address, and then their number.
        for _ in 0..20 {
            assert_eq!(ask(&over, &from), 401);
        }
        // If a proxy does not forward the client's address, the log names none: fail2ban must not ban the proxy.
        assert_eq!(ask(&over, &[]), 401);
        assert_eq!(client.post_form("/login", &from, "secret=wrong-secret").0, 303);
        drop(client);
        let (_, log) = server.stop("-TERM");
        for reason in [
            "it has expired",
            "it does not have three parts",
            "its signature is wrong",
            "it has no exp",
            "it has no sub",
            "the algorithm `none` is not allowed",
            "it begins like a service key, but is shorter",
        ] {
            let line = log.lines().find(|line| {
                line.contains(" INFO a key, token or ticket was refused reason=") && line.contains(reason)
            });
            let line = line.unwrap_or_else(|| panic!("{reason}: {log}"));
            assert_eq!(line.ends_with(&format!(" address={ADDRESS}")), with_addresses, "{line}");
        }
        let line = log.lines().find(|line| line.contains(" INFO a person could not sign in reason=")).unwrap();
        assert_eq!(line.ends_with(&format!(" address={ADDRESS}")), with_addresses, "{line}");
        let named = log.lines().filter(|line| line.contains(ADDRESS)).count();
        assert_eq!(named, if with_addresses { 11 } else { 0 }, "{log}");
        assert!(log.contains("more keys, tokens or tickets were refused count="), "{log}");
        assert!(!log.contains("127.0.0.1 ") && !log.contains("address=127.0.0.1\n"), "{log}");
        for secret in [&over[over.len() - 20..], "wrong-secret", "nonsense", "cmp_bad", &unsigned, "the-user", "\u{1b}"]
        {
            assert!(!log.contains(secret), "{secret} is in {log}");
        }
    }
}

/// Browsers show no reason for a refused WebSocket, so the log does; any page may try, so the lines are limited.
#[test]
fn a_page_of_another_site_is_named_in_the_log_and_not_more_than_twelve_times_a_minute() {
    let server = Server::start(&[]);
    let mut client = Client::connect(&server.address).unwrap();
    for _ in 0..30 {
        let (status, _) = client.ask("GET", "/ws/ann", &[("Origin", "https://app.example")], None).unwrap();
        assert_eq!(status, 403);
    }
    drop(client);
    let (_, log) = server.stop("-TERM");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("a page of another site was refused")).collect();
    // A burst of lines, and then at most one more in five seconds.
    assert!((12..15).contains(&lines.len()), "{log}");
    assert!(lines[0].contains(" INFO ") && lines[0].contains("https://app.example"), "{log}");
    assert!(lines[0].contains("--allowed-origins") && !log.contains("/ws/ann"), "{log}");
}
