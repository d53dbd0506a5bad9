//! The bus over a NATS server with authentication, and the messages when it refuses.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use nkeys::KeyPair as NatsKey;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    client::Client,
    command::{Server, campanile},
    harness::new_folder,
    live::transport,
    nats::Nats,
    openssl, postgres,
};

/// The time limit for anything.
const LONG: Duration = Duration::from_secs(10);

fn start(store: &str, bus: &str) -> Server {
    Server::start(&["--store", store, "--bus", bus])
}

/// Waits until `/readyz` reports that the bus is connected.
async fn until_it_has_the_bus(server: &Server, bus: &str) {
    until_ready_says(server, "ok", bus).await;
}

async fn until_ready_says(server: &Server, status: &str, bus: &str) {
    let began = Instant::now();
    while transport::get(server.address.parse().unwrap(), "/readyz").await.unwrap()["status"] != status {
        assert!(began.elapsed() < LONG, "{bus} is not {status}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A user's credentials, and the settings of a server that accepts only the users of its operator (NATS, decentralised
/// JWT).
fn credentials() -> (String, String) {
    let [operator, account, user] = [NatsKey::new_operator(), NatsKey::new_account(), NatsKey::new_user()];
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let token = |by: &NatsKey, of: &NatsKey, nats: Value| {
        let claims = json!({
            "jti": "x", "iat": 1_750_000_000, "iss": by.public_key(), "name": "x", "sub": of.public_key(), "nats": nats,
        });
        let signed = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(&claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(by.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    };
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    });
    let of_operator = token(&operator, &operator, json!({"type": "operator", "version": 2}));
    let of_account = token(&operator, &account, json!({"limits": limits, "type": "account", "version": 2}));
    let of_user = token(&account, &user, json!({"subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2}));
    let settings = format!(
        "operator: {of_operator}\nresolver: MEMORY\nresolver_preload: {{ {}: {of_account} }}\n",
        account.public_key()
    );
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    );
    (credentials, settings)
}

/// Writes the certificates of an authority, a server on this machine and a client to files.
fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority");
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_logs_in_as_its_url_says() {
    let store = postgres::new_database().await;
    let folder = new_folder();
    let file = |name: &str| folder.join(name).display().to_string();
    certificates(&folder);
    let (creds, of_operator) = credentials();
    fs::write(file("my user.creds"), creds).unwrap();
    let seed = NatsKey::new_user();
    fs::write(file("seed"), format!("{}\n", seed.seed().unwrap())).unwrap();
    let encrypted = |verify: bool| {
        let [certificate, key, authority] = ["server.pem", "server.key", "ca.pem"].map(file);
        format!(r#"tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority}", verify: {verify} }}"#)
    };
    let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(file);
    for (settings, scheme, login, options) in [
        (r#"authorization { user: "v", password: "plain" }"#.to_owned(), "nats", "v:plain@", String::new()),
        (
            r#"authorization { user: "v@x", password: "p@s/s:?#,%" }"#.to_owned(),
            "nats",
            "v%40x:p%40s%2Fs%3A%3F%23%2C%25@",
            String::new(),
        ),
        (r#"authorization { token: "t/ok" }"#.to_owned(), "nats", "t%2Fok@", String::new()),
        (r#"authorization { token: "t/ok" }"#.to_owned(), "nats", ":t%2Fok@", String::new()),
        (
            format!("authorization {{ users: [ {{ nkey: {} }} ] }}", seed.public_key()),
            "nats",
            "",
            format!("?nkey={}", file("seed")),
        ),
        (
            r#"authorization { users: [ { user: v, password: plain, permissions: { publish: "campanile.>", subscribe: "campanile.>" } } ] }"#
                .to_owned(),
            "nats",
            "v:plain@",
            String::new(),
        ),
        (of_operator, "nats", "", format!("?creds={}", file("my user.creds").replace(' ', "%20"))),
        (encrypted(false), "tls", "", format!("?ca={ca}")),
        (encrypted(true), "nats", "", format!("?ca={ca}&cert={cert}&key={key}")),
        (
            format!("{}\nauthorization {{ user: v, password: plain }}", encrypted(true)),
            "tls",
            "v:plain@",
            format!("?ca={ca}&cert={cert}&key={key}"),
        ),
    ] {
        let nats = Nats::start_with(&settings);
        let bus = format!("{scheme}://{login}{}{options}", nats.address());
        let server = start(&store, &bus);
        until_it_has_the_bus(&server, &bus).await;
        let checked = campanile(&["check", "--store", &store, "--bus", &bus]).output().unwrap();
        let report = String::from_utf8(checked.stdout).unwrap();
        assert!(checked.status.success() && !report.contains("warning: bus"), "{bus}: {report}");
        let (_, log) = server.stop("-TERM");
        assert!(!log.contains("WARN") && !log.contains("plain"), "{bus}: {log}");
    }
}

/// The first log line about the bus that contains `words`, and the number of such lines in the seconds after it.
fn complaints(server: &mut Server, words: &str, after: Duration) -> (String, usize) {
    let log = server.log();
    let (mut all, began) = (String::new(), Instant::now());
    let mut said = 0;
    let mut until = LONG;
    while let Some(left) = until.checked_sub(began.elapsed()) {
        let Ok(line) = log.recv_timeout(left) else { break };
        if line.contains("WARN") && line.contains(words) {
            if said == 0 {
                until = began.elapsed() + after;
            }
            said += 1;
        }
        all += &format!("{line}\n");
    }
    (all, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_not_there_or_refuses_us_is_a_warning_at_once_and_not_twice_a_second() {
    let store = postgres::new_database().await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nats = Nats::start_with(r#"authorization { user: v, password: "another" }"#);
    for (place, words) in [
        (nowhere.to_string(), "Connection refused"),
        (nats.address(), "it refuses us"),
        // A name that never has an address (RFC 6761).
        ("nats.invalid:4222".to_owned(), "its name leads to no address"),
    ] {
        let bus = format!("nats://v:hush@{place}");
        let began = Instant::now();
        let mut server = start(&store, &bus);
        let (log, said) = tokio::task::block_in_place(|| complaints(&mut server, words, Duration::from_secs(4)));
        assert_eq!(said, 1, "{log}");
        assert!(began.elapsed() < LONG && log.contains(&format!("nats://{place}: ")), "{log}");
        assert!(!log.contains("hush") && !log.contains("ERROR"), "{log}");
        let checked = campanile(&["check", "--store", &store, "--bus", &bus]).output().unwrap();
        let report = String::from_utf8(checked.stdout).unwrap();
        assert!(checked.status.success() && report.contains("\nwarning: bus: nats://"), "{report}");
        assert!(!report.contains("hush"), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_nats_may_have_a_certificate_as_openssl_makes_it() {
    let store = postgres::new_database().await;
    let folder = new_folder();
    openssl::certificates(&folder, "127.0.0.1");
    let file = |name: &str| folder.join(name).display().to_string();
    for (shown, trusted, host, refused) in [
        ("old", "old", "127.0.0.1", None),
        ("own", "own", "127.0.0.1", None),
        ("signed", "ca", "127.0.0.1", None),
        ("own", "own", "localhost", Some("its common name (CN) is another")),
        ("old", "ca", "127.0.0.1", Some("X.509 version 1")),
        ("old-signed", "ca", "127.0.0.1", Some("X.509 version 1")),
        ("signed", "own", "127.0.0.1", Some("no authority that is trusted here")),
    ] {
        let [certificate, key, trusted] = [format!("{shown}.pem"), format!("{shown}.key"), format!("{trusted}.pem")];
        let settings = format!(r#"tls {{ cert_file: "{}", key_file: "{}" }}"#, file(&certificate), file(&key));
        let nats = Nats::start_with(&settings);
        let bus = format!("tls://{}?ca={}", nats.address().replace("127.0.0.1", host), file(&trusted));
        let checked = campanile(&["check", "--store", &store, "--bus", &bus]).output().unwrap();
        let report = String::from_utf8(checked.stdout).unwrap();
        let warned = report.lines().find(|line| line.starts_with("warning: bus"));
        assert_eq!(warned.is_some(), refused.is_some(), "{shown} {bus}: {report}");
        let is_said = refused.is_none_or(|why| report.contains(why));
        assert!(is_said && !report.contains("OtherError"), "{shown} {bus}: {report}");
        if shown == "old-signed" {
            let mut server = start(&store, &bus);
            let words = refused.unwrap();
            let (log, said) = tokio::task::block_in_place(|| complaints(&mut server, words, Duration::from_secs(1)));
            assert_eq!(said, 1, "{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_certificates_are_taken_up_at_the_next_connection() {
    let store = postgres::new_database().await;
    let folder = new_folder();
    let file = |name: &str| folder.join(name).display().to_string();
    certificates(&folder);
    let [certificate, key, ca] = ["server.pem", "server.key", "ca.pem"].map(file);
    let settings = format!(r#"tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{ca}", verify: true }}"#);
    let mut nats = Nats::start_with(&settings);
    let bus = format!("tls://{}?ca={ca}&cert={}&key={}", nats.address(), file("client.pem"), file("client.key"));
    let server = start(&store, &bus);
    until_it_has_the_bus(&server, &bus).await;
    nats.stop();
    // All of them are of another authority.
    certificates(&folder);
    nats.start_again();
    sleep(Duration::from_millis(500)).await;
    until_it_has_the_bus(&server, &bus).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_permission_for_the_subjects_causes_a_warning_that_names_no_inbox() {
    let store = postgres::new_database().await;
    let nats = Nats::start_with(
        r#"authorization { users: [ { user: v, password: plain, permissions: { publish: "x.>", subscribe: "x.>" } } ] }"#,
    );
    let mut server = start(&store, &format!("nats://v:plain@{}", nats.address()));
    let mut client = Client::connect(&server.address).unwrap();
    client.post("/api/notifications/create", &[], &json!({"user_id": "quince", "content": "x"})).unwrap();
    let words = "subscribe to campanile.>";
    let url = format!("nats://v:plain@{}", nats.address());
    until_ready_says(&server, "degraded", &url).await;
    for (prefix, is_refused) in [("campanile", true), ("x", false)] {
        let arguments = ["check", "--store", &store, "--bus", &url, "--bus-prefix", prefix];
        let checked = campanile(&arguments).output().unwrap();
        let report = String::from_utf8(checked.stdout).unwrap();
        let warning = format!("refuses a subject: this user has to publish and subscribe to {prefix}.>");
        assert_eq!(report.contains(&warning), is_refused, "{report}");
    }
    let (log, said) = tokio::task::block_in_place(|| complaints(&mut server, words, Duration::from_secs(2)));
    assert_eq!(said, 1, "{log}");
    assert!(!log.contains("quince") && !log.contains(&BASE64_URL_SAFE_NO_PAD.encode("quince")), "{log}");
}

/// `check` tests exactly the subjects that the bus uses, and a server asks for a refused one again once a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_one_subject_causes_a_warning_and_one_with_all_does_not() {
    const ALL: [&str; 3] = ["campanile.inbox.*", "campanile.servers", "campanile.deliveries"];
    let store = postgres::new_database().await;
    let list = |without: Option<&str>| {
        let kept: Vec<_> =
            ALL.iter().filter(|subject| Some(**subject) != without).map(|name| format!("{name:?}")).collect();
        format!("[{}]", kept.join(", "))
    };
    let lacking = ALL.iter().flat_map(|subject| [("publish", Some(*subject)), ("subscribe", Some(*subject))]);
    let all: Vec<_> = lacking.chain([("publish", None)]).collect();
    let user = |(number, (verb, without)): (usize, &(&str, Option<&str>))| {
        let allowed = |of: &str| list(without.filter(|_| of == *verb));
        let (publish, subscribe) = (allowed("publish"), allowed("subscribe"));
        format!("{{ user: u{number}, password: x, permissions: {{ publish: {publish}, subscribe: {subscribe} }} }}")
    };
    let users: Vec<_> = all.iter().enumerate().map(user).collect();
    let nats = Nats::start_with(&format!("authorization {{ users: [ {} ] }}", users.join(", ")));
    for (number, (verb, without)) in all.iter().enumerate() {
        let bus = format!("nats://u{number}:x@{}", nats.address());
        let checked = campanile(&["check", "--store", &store, "--bus", &bus]).output().unwrap();
        let report = String::from_utf8(checked.stdout).unwrap();
        let is_refused = report.contains("refuses a subject: this user has to publish and subscribe to campanile.>");
        assert!(checked.status.success(), "{report}");
        assert_eq!(is_refused, without.is_some(), "{verb} {without:?}: {report}");
    }
}

#[test]
fn a_file_of_a_bus_that_cannot_be_used_is_refused_at_the_start() {
    for command in ["serve", "check"] {
        let arguments = [command, "--store", "postgres://127.0.0.1:1/x", "--bus", "nats://127.0.0.1:1?creds=/no/creds"];
        let refused = campanile(&arguments).output().unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && said.starts_with("campanile: bus: creds: the file cannot be read"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
