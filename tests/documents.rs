//! Runs the commands of `README.md` and `docs/` in bash as they are written. Only hosts, ports, keys and ids are
//! replaced. `docs/clients.md`, `docs/postgres.md`, `docs/proxies.md` and `docs/running.md` have tests of their own.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{command::Server, harness::new_folder, mail::Relay, nats::Nats, postgres};

/// The time limit for anything.
const LONG: Duration = Duration::from_secs(20);

const README: &str = include_str!("../README.md");
const AUTH: &str = include_str!("../docs/auth.md");
const BACKUP: &str = include_str!("../docs/backup.md");
const MAIL: &str = include_str!("../docs/mail.md");
const PUSH: &str = include_str!("../docs/push.md");
const SEVERAL: &str = include_str!("../docs/several-servers.md");
const STREAMS: &str = include_str!("../docs/streams.md");
const WEBHOOKS: &str = include_str!("../docs/webhooks.md");

/// The blocks of commands that another test runs: the start of each, and the reason. All others are run here.
const ELSEWHERE: [(&str, &str, &str); 11] = [
    (README, "make run", "the tests in a browser start dist/campanile"),
    (README, "make test", "this is one of its tests"),
    (AUTH, "export CAMPANILE_AUTH=on", "tests/documents.py"),
    (AUTH, "curl --cacert cert.pem -H \"Authorization: Bearer", "tests/documents.py"),
    (AUTH, "curl --cacert cert.pem -X POST https://localhost:8000/api/tickets", "tests/documents.py"),
    (BACKUP, "sudo systemctl enable --now campanile-backup.timer", "tests/documents.py verifies the units"),
    (BACKUP, "systemctl stop campanile", "tests/documents.py"),
    (SEVERAL, "campanile serve --store postgres://user:password@host/campanile --bus 'tls", "tests/bus.rs"),
    (SEVERAL, "openssl req", "tests/documents.py"),
    (MAIL, "python3 -m venv relay", "scripts/setup installs aiosmtpd, and the tests of mail start it"),
    (WEBHOOKS, "CAMPANILE_WEBHOOK_ALLOW=127.0.0.1 make run", "the other command of this line is what its test starts"),
];
/// The starts of the blocks that are run here.
const HERE: [(&str, &str); 13] = [
    (README, "curl -X POST \"http://localhost:8000/api/notifications/create\""),
    (STREAMS, "curl -N"),
    (BACKUP, "campanile check"),
    (SEVERAL, "campanile serve --store postgres://user:password@host/campanile --bus nats"),
    (MAIL, "campanile serve --smtp"),
    (MAIL, "curl -X POST http://localhost:8000/api/contacts/user_123"),
    (MAIL, "curl \"http://localhost:8000/api/deliveries"),
    (MAIL, "curl -X PATCH http://localhost:8000/api/preferences"),
    (PUSH, "campanile serve --push-contact"),
    (PUSH, "curl -X POST http://localhost:8000/api/notifications/create"),
    (PUSH, "curl \"http://localhost:8000/api/deliveries"),
    (PUSH, "campanile serve --fcm-service-account"),
    (PUSH, "campanile serve --apns-key"),
];
const OF_WEBHOOKS: [&str; 4] = [
    "curl -X POST http://localhost:8000/api/webhooks ",
    "curl -X POST http://localhost:8000/api/webhooks/ID/test",
    "retry() {",
    "curl -X PATCH localhost:8000/api/webhooks/ID",
];

/// The blocks of commands in a document.
fn blocks(document: &'static str) -> impl Iterator<Item = &'static str> {
    document.split("\n```").skip(1).step_by(2).filter_map(|block| {
        let (language, text) = block.split_once('\n')?;
        matches!(language, "bash" | "sh").then_some(text)
    })
}

/// The block that starts with this text.
fn block(document: &'static str, begins: &str) -> &'static str {
    blocks(document).find(|block| block.starts_with(begins)).unwrap_or_else(|| panic!("{begins}"))
}

#[test]
fn docs_settings_md_matches_the_code() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md")).unwrap();
    assert!(committed == campanile::server::config::document(), "docs/settings.md is out of date; run `make settings`");
}

/// The anchor that GitHub creates for a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let is_markdown = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let folders = [root.to_owned(), root.join("docs")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut lost = Vec::new();
    for path in files.map(|file| file.unwrap().path()).filter(is_markdown) {
        let text = read(&path);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let there = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_there = there.exists()
                && heading.is_none_or(|heading| {
                    read(&there).lines().any(|line| line.starts_with('#') && anchor(line) == heading)
                });
            lost.extend((!is_there).then(|| format!("{}: {link}", path.display())));
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn every_block_of_commands_is_run() {
    let all = [README, AUTH, BACKUP, MAIL, PUSH, SEVERAL, STREAMS, WEBHOOKS]
        .into_iter()
        .flat_map(|document| blocks(document).map(move |one| (document, one)));
    let elsewhere = ELSEWHERE.map(|(document, begins, _)| (document, begins));
    let of_webhooks = OF_WEBHOOKS.map(|begins| (WEBHOOKS, begins));
    let mut known = [&elsewhere[..], &HERE, &of_webhooks].concat();
    for (document, block) in all {
        let place = known.iter().position(|(of, begins)| *of == document && block.starts_with(begins));
        known.swap_remove(place.unwrap_or_else(|| panic!("no test runs this:\n{block}")));
    }
    assert!(known.is_empty(), "these are gone: {:?}", known.iter().map(|(_, begins)| begins).collect::<Vec<_>>());
}

/// A reader with a folder, who types the commands of a document.
struct Reader {
    folder: PathBuf,
    /// Texts of a document, and their replacements.
    replaced: Vec<(&'static str, String)>,
}

impl Reader {
    fn new() -> Self {
        Self { folder: new_folder(), replaced: Vec::new() }
    }

    /// A reader whose server is already running.
    fn of(server: &Server) -> Self {
        Self::new().with("localhost:8000", &server.address)
    }

    fn with(mut self, there: &'static str, here: &str) -> Self {
        self.replaced.push((there, here.to_owned()));
        self
    }

    fn here(&self, text: &str) -> String {
        self.replaced.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    fn output(&self, script: &str) -> Output {
        let programs = Path::new(env!("CARGO_BIN_EXE_campanile")).parent().unwrap().display();
        let script = format!(
            "set -euo pipefail\nPATH={programs}:$PATH\n\
             curl() {{ command curl --silent --show-error --fail-with-body --max-time 20 \"$@\" && echo; }}\n{}",
            self.here(script)
        );
        Command::new("bash").args(["-c", &script]).current_dir(&self.folder).output().unwrap()
    }

    /// The output of commands that must succeed.
    fn run(&self, script: &str) -> String {
        let done = self.output(script);
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{script}\n{printed}{}", String::from_utf8_lossy(&done.stderr));
        printed
    }

    /// Starts the server with the first command of a block, and returns the rest of the block.
    fn serve(&self, block: &'static str) -> (Server, &'static str) {
        let mut ends = block.match_indices('\n').map(|(at, _)| at);
        let end = ends.find(|at| !block[..*at].ends_with('\\')).unwrap_or(block.len());
        let command = self.here(&block[..end].replace("\\\n", " "));
        let words = command.split_once("campanile serve ").unwrap().1;
        let words: Vec<_> = words.split_whitespace().collect();
        (Server::start(&words), &block[end..])
    }

    /// Runs a script until its output contains this text.
    fn until(&self, script: &str, words: &str) {
        let began = Instant::now();
        loop {
            let printed = self.run(script);
            if printed.contains(words) {
                return;
            }
            assert!(began.elapsed() < LONG, "{words} is not in {printed}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The URL of an endpoint for webhooks, which accepts everything.
fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 64 * 1024]);
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            });
        }
    });
    address
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_first_commands_work() {
    let server = Server::start(&[]);
    let reader = Reader::of(&server);
    let printed = reader.run(block(README, HERE[0].1));
    assert!(printed.contains("Your order has been shipped!") && printed.contains(r#""unread_count":1"#), "{printed}");
    assert!(printed.contains("Notification marked as read"), "{printed}");
    // A stream has no end.
    let stream = block(STREAMS, "curl -N").replace("curl -N", "curl -N --max-time 2");
    let followed = String::from_utf8(reader.output(&stream).stdout).unwrap();
    assert!(followed.contains("data: {\"type\":\"created\"") && followed.contains("\"hello\""), "{followed}");
}

#[test]
fn the_commands_of_webhooks_work() {
    let [add, try_out, again, disable] = OF_WEBHOOKS.map(|begins| block(WEBHOOKS, begins));
    let reader = Reader::new();
    let begin = block(WEBHOOKS, "CAMPANILE_WEBHOOK_ALLOW=127.0.0.1 make run").split_once("or: ").unwrap().1;
    let (server, _) = reader.serve(begin);
    let reader = reader.with("localhost:8000", &server.address).with("127.0.0.1:9000", &receiver());
    let webhook: Value = serde_json::from_str(reader.run(add).trim()).unwrap();
    let reader = reader.with("ID", webhook["id"].as_str().unwrap());
    let tried = reader.run(try_out);
    assert!(tried.contains(r#""ok":true"#) && tried.contains(r#""status":204"#), "{tried}");
    reader.until("curl http://localhost:8000/api/deliveries", r#""state":"sent""#);
    reader.run(again);
    let enabled = reader.run(disable);
    assert!(enabled.contains(r#""state":"disabled""#) && enabled.contains(r#""state":"active""#), "{enabled}");
}

#[test]
fn the_commands_of_mail_work() {
    let relay = Relay::start();
    let reader = Reader::new().with("127.0.0.1:2525", &relay.address());
    let (server, _) = reader.serve(block(MAIL, "campanile serve --smtp"));
    let reader = reader.with("localhost:8000", &server.address);
    reader.run(block(MAIL, "curl -X POST http://localhost:8000/api/contacts/user_123"));
    let deliveries = block(MAIL, "curl \"http://localhost:8000/api/deliveries");
    reader.until(deliveries, r#""state":"sent""#);
    assert_eq!(relay.mails().len(), 1);
    let wishes = reader.run(block(MAIL, "curl -X PATCH http://localhost:8000/api/preferences"));
    assert!(wishes.contains("Europe/Berlin"), "{wishes}");
}

#[test]
fn the_commands_of_push_work() {
    let folder = new_folder();
    let (server, _) = Reader::new().serve(block(PUSH, "campanile serve --push-contact"));
    let reader = Reader::of(&server);
    reader.run(block(PUSH, "curl -X POST http://localhost:8000/api/notifications/create"));
    reader.run(block(PUSH, "curl \"http://localhost:8000/api/deliveries"));
    // The files that Firebase and Apple provide.
    openssl(&folder, &["genpkey", "-algorithm", "RSA", "-out", "rsa.pem"]);
    openssl(&folder, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "apns.p8"]);
    let [account, key] = ["account.json", "apns.p8"].map(|name| folder.join(name).display().to_string());
    let json = serde_json::json!({
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": std::fs::read_to_string(folder.join("rsa.pem")).unwrap(),
        "client_email": "campanile@shop.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    std::fs::write(&account, json.to_string()).unwrap();
    let reader = Reader::new().with("service-account.json", &account).with("AuthKey_ABC123DEFG.p8", &key);
    for begins in ["campanile serve --fcm-service-account", "campanile serve --apns-key"] {
        let (server, rest) = reader.serve(block(PUSH, begins));
        let added = Reader::of(&server).run(rest);
        assert!(added.contains(r#""channel":"#), "{added}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_an_operator_work() {
    let url = postgres::new_database().await;
    tokio::task::spawn_blocking(move || {
        let reader = Reader::new().with("postgres://user:password@host/campanile", &url);
        let relay = Relay::start();
        let mail = format!("export CAMPANILE_SMTP={} CAMPANILE_MAIL_FROM=me@example.com\n", relay.url());
        reader.run("campanile migrate\ncampanile key create shop --scopes send");
        let printed = reader.run(&format!("{mail}{}", block(BACKUP, "campanile check")));
        assert!(printed.contains("is up to date"), "{printed}");
        assert_eq!(relay.mails().len(), 1);
        assert!(["monday.db", "everything.jsonl"].iter().all(|file| reader.folder.join(file).is_file()));
        let nats = Nats::start();
        let reader = reader.with("nats://host:4222", &nats.url());
        let (server, _) = reader.serve(block(SEVERAL, "campanile serve --store postgres://"));
        // The server is degraded until it has reached NATS.
        Reader::of(&server).until("curl http://localhost:8000/readyz", r#""status":"ok""#);
    })
    .await
    .unwrap();
}
