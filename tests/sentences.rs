//! Every error message, in one table that a person can read as a whole: what was wrong, where, and what to do, and
//! never a parser's own words. After a change, review the difference (`cargo insta review`, or the file in
//! `tests/snapshots/`) before you accept it.

use std::fmt::Write;

use axum::{
    body::Body,
    http::{Request, header},
};
use campanile::server::{http::HttpOptions, service::NotificationService, store::MemoryStore};
use serde_json::Value;

use crate::{
    auth::Secured,
    command::campanile,
    harness::{Answer, App, new_folder, started},
};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A request: what is wrong with it, its method and path, a header, and its body.
type Mistake = (&'static str, &'static str, &'static str, (&'static str, &'static str), &'static str);

const REQUESTS: [Mistake; 50] = [
    ("no body", "POST", "/api/notifications/create", JSON, ""),
    ("no JSON", "POST", "/api/notifications/create", JSON, "user_id=ann"),
    ("half of an object", "POST", "/api/notifications/create", JSON, r#"{"user_id":"#),
    ("an array for an object", "POST", "/api/notifications/create", JSON, "[]"),
    ("a number for a text", "POST", "/api/notifications/create", JSON, r#"{"user_id":7,"content":"x"}"#),
    ("null for a text", "POST", "/api/notifications/create", JSON, r#"{"user_id":null,"content":"x"}"#),
    ("a text for an object", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","content":"x","data":"y"}"#),
    ("nothing that is needed", "POST", "/api/notifications/create", JSON, "{}"),
    ("a misspelt field", "POST", "/api/notifications/create", JSON, r#"{"userid":"a","content":"x"}"#),
    ("a field twice", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","user_id":"b","content":"x"}"#),
    ("an empty user id", "POST", "/api/notifications/create", JSON, r#"{"user_id":"","content":"x"}"#),
    ("a user id with a line break", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a\nb","content":"x"}"#),
    ("a blank content", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","content":"  "}"#),
    ("an odd category", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","content":"x","category":"A B"}"#),
    ("no link", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","content":"x","link":"javascript:1"}"#),
    ("no moment", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","content":"x","expires_at":"soon"}"#),
    ("several at once", "POST", "/api/notifications/create", JSON, r#"{"user_id":"","content":"","category":" "}"#),
    ("half of a character", "POST", "/api/notifications/create", JSON, r#"{"user_id":"a","content":"\ud800"}"#),
    ("a form", "POST", "/api/notifications/create", ("content-type", "application/x-www-form-urlencoded"), "a=b"),
    ("no media type", "POST", "/api/notifications/create", ("x-none", "1"), "{}"),
    ("an empty idempotency key", "POST", "/api/notifications/create", ("idempotency-key", ""), "{}"),
    ("a batch without a list", "POST", "/api/notifications/batch", JSON, "[]"),
    ("a patch that is a list", "PATCH", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", JSON, "[]"),
    ("an empty batch", "POST", "/api/notifications/batch", JSON, r#"{"notifications":[]}"#),
    ("a wrong one in a batch", "POST", "/api/notifications/batch", JSON, r#"{"notifications":[{"user_id":"a"}]}"#),
    ("no number for a limit", "GET", "/api/notifications/list?limit=many", JSON, ""),
    ("no cursor", "GET", "/api/notifications/list?before=abc", JSON, ""),
    ("neither true nor false", "GET", "/api/notifications/list?unread=yes", JSON, ""),
    ("a misspelt parameter", "GET", "/api/notifications/list?user=ann", JSON, ""),
    ("a parameter twice", "GET", "/api/notifications/list?user_id=a&user_id=b", JSON, ""),
    ("no UTF-8 in a path", "GET", "/api/notifications/unread-count/%ff", JSON, ""),
    ("an invalid id", "GET", "/api/notifications/7", JSON, ""),
    ("an unknown id", "GET", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", JSON, ""),
    ("no index", "POST", "/api/notifications/mark-read/ann/first", JSON, ""),
    ("an unknown index", "POST", "/api/notifications/mark-read/ann/0", JSON, ""),
    ("a patch without is_read", "PATCH", "/api/notifications/019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f", JSON, "{}"),
    ("no number since", "GET", "/api/notifications/changes/ann?since=now", JSON, ""),
    ("another method", "PUT", "/api/notifications/create", JSON, "{}"),
    ("another path", "GET", "/api/notification/list", JSON, ""),
    ("a webhook without a body", "POST", "/api/webhooks", JSON, ""),
    ("a webhook to nowhere", "POST", "/api/webhooks", JSON, r#"{"url":"nowhere"}"#),
    ("a webhook to a private address", "POST", "/api/webhooks", JSON, r#"{"url":"http://10.0.0.1/"}"#),
    ("a webhook for no event", "POST", "/api/webhooks", JSON, r#"{"url":"https://a.example/","events":[]}"#),
    ("a contact of no channel", "POST", "/api/contacts/ann", JSON, r#"{"channel":"pigeon"}"#),
    ("no address of mail", "POST", "/api/contacts/ann", JSON, r#"{"channel":"email","address":"ann"}"#),
    (
        "half of a character in a name",
        "POST",
        "/api/contacts/ann",
        JSON,
        r#"{"channel":"webpush","subscription":{"\ud800":1}}"#,
    ),
    ("a name twice", "PATCH", "/api/preferences/ann", JSON, r#"{"channels":{},"channels":{}}"#),
    ("a body for a route without one", "POST", "/api/notifications/mark-read/ann/0", JSON, r#"{"is_read":true}"#),
    ("an unknown preference", "PATCH", "/api/preferences/ann", JSON, r#"{"timezone":"Mars/Base"}"#),
    ("a host that is not ours", "GET", "/api/notifications/list", ("host", "evil.example"), ""),
];

/// The arguments of commands that fail.
const COMMANDS: [&[&str]; 20] = [
    &["--listen", "localhost:9450"],
    &["--listen", "8000"],
    &["--window", "abc"],
    &["--window", "0"],
    &["--window", "99999999999999999999"],
    &["--store", "data/x.db"],
    &["--store", "sqlite:"],
    &["--store", "sqlite::memory:"],
    &["--store", "postgres:x"],
    &["--store", "redis://x"],
    &["--max-memory", "1"],
    &["--max-age", "soon"],
    &["--limit-key", "many"],
    &["--log", "debg"],
    &["--jwt-secret", "short", "--jwt-audience", "x"],
    &["--jwt-jwks", "foo", "--jwt-audience", "x"],
    &["--public-url", "example.com"],
    &["--trusted-proxies", "everywhere"],
    &["--bus", "nats"],
    &["--tls-cert", "no.pem"],
];

fn sentence(answer: &Answer) -> String {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut told = format!("{} {}", answer.status.as_u16(), problem["detail"].as_str().unwrap_or("-"));
    for error in problem["errors"].as_array().into_iter().flatten() {
        let text = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
        write!(told, "\n    {}: {}", text("field"), text("message")).unwrap();
    }
    told
}

async fn ask(app: &App, method: &str, path: &str, (name, value): (&str, &str), body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if name != "host" {
        request = request.header(header::HOST, "localhost:8000");
    }
    app.ask(request.header(name, value).body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_wrong_request_is_answered_with_the_mistake_its_place_and_the_remedy() {
    let mut table = String::new();
    for (what, method, path, header, body) in REQUESTS {
        let answer = ask(&App::new(), method, path, header, body).await;
        assert!(answer.status.is_client_error(), "{what}: {answer:?}");
        writeln!(table, "{what}: {method} {path} {body}\n  {}", sentence(&answer)).unwrap();
    }
    let small = HttpOptions { max_body_bytes: 16, ..HttpOptions::default() };
    let small = App::with(NotificationService::new(MemoryStore::new(1000, started())), &small);
    let large = ask(&small, "POST", "/api/notifications/create", JSON, r#"{"user_id":"ann","content":"x"}"#).await;
    writeln!(table, "a body beyond the limit\n  {}", sentence(&large)).unwrap();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let large = ask(&Secured::new().app, "POST", "/login", form, &"x".repeat(70_000)).await;
    writeln!(table, "a large body without a credential\n  {}", sentence(&large)).unwrap();
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_refused_caller_is_answered_with_the_reason() {
    let server = Secured::new();
    let (send, expired, revoked) =
        (server.key("send").await, server.key_until("read", -1).await, server.key("read").await);
    server.revoke(&revoked).await;
    let mut table = String::new();
    for (what, shown) in [
        ("nothing shown", String::new()),
        ("no word before it", send.clone()),
        ("another scheme", "Basic YTpi".to_owned()),
        ("nonsense", "Bearer nonsense".to_owned()),
        ("a key that is cut off", format!("Bearer {}", &send[..40])),
        ("an expired key", format!("Bearer {expired}")),
        ("a revoked key", format!("Bearer {revoked}")),
        ("an expired token", format!("Bearer {}", server.token_for("ann", -60))),
        ("a key without the scope", format!("Bearer {send}")),
    ] {
        let header = if shown.is_empty() { ("x-none", "1") } else { ("authorization", &*shown) };
        let answer = ask(&server.app, "GET", "/api/notifications/list", header, "").await;
        writeln!(table, "{what}\n  {}", sentence(&answer)).unwrap();
    }
    let ticket = ask(&server.app, "GET", "/api/notifications/stream/ann?ticket=gone", ("x-none", "1"), "").await;
    writeln!(table, "an unknown ticket\n  {}", sentence(&ticket)).unwrap();
    insta::assert_snapshot!(table);
}

#[test]
fn a_command_that_is_refused_says_what_to_write() {
    let folder = new_folder();
    std::fs::create_dir_all(&folder).unwrap();
    let mut table = String::new();
    for arguments in COMMANDS {
        let all = [&["check"], arguments].concat();
        let done = campanile(&all).current_dir(&folder).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stdout));
        writeln!(table, "{}\n{}", arguments.join(" "), said.trim().replace('\n', "\n  ").replace("\n  \n", "\n"))
            .unwrap();
    }
    for (variable, value) in
        [("CAMPANILE_WINDOW", "many"), ("CAMPANILE_LISTEN", "localhost:1"), ("CAMPANILE_AUTH", "yes")]
    {
        let done = campanile(&["check"]).env(variable, value).current_dir(&folder).output().unwrap();
        writeln!(table, "{variable}={value}\n{}", String::from_utf8(done.stderr).unwrap().trim()).unwrap();
    }
    for (text, what) in [
        ("lisen = \"127.0.0.1:1\"\n", "a misspelt name"),
        ("window = \"many\"\n", "a wrong kind"),
        ("window = 1\nwindow = 2\n", "a name twice"),
        ("window 1\n", "no TOML"),
    ] {
        std::fs::write(folder.join("campanile.toml"), text).unwrap();
        let done = campanile(&["check"]).current_dir(&folder).output().unwrap();
        writeln!(table, "campanile.toml with {what}\n{}", String::from_utf8(done.stderr).unwrap().trim()).unwrap();
    }
    std::fs::remove_file(folder.join("campanile.toml")).unwrap();
    let run = |arguments: &[&str]| campanile(arguments).current_dir(&folder).output().unwrap();
    assert!(run(&["migrate", "--store", "sqlite:campanile.db"]).status.success());
    std::fs::write(folder.join("x.db"), "").unwrap();
    let backup = ["backup", "x.db", "--store", "sqlite:campanile.db"];
    writeln!(table, "{}\n{}", backup.join(" "), String::from_utf8(run(&backup).stderr).unwrap().trim()).unwrap();
    // The options after this are the settings, as docs/settings.md has them.
    let help = String::from_utf8(run(&["key", "revoke", "--help"]).stdout).unwrap();
    writeln!(table, "key revoke --help\n{}", help.split("Options:").next().unwrap().trim()).unwrap();
    insta::assert_snapshot!(table);
}
