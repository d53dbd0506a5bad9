//! The `campanile` command, as a process.

mod key;
mod moving;
mod pipes;
mod places;
mod settings;
mod socket;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::harness::new_folder;

pub(crate) fn campanile(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.args(arguments).env_clear().current_dir(std::env::temp_dir());
    command
}

fn run(arguments: &[&str]) -> Output {
    campanile(arguments).output().unwrap()
}

/// A server on a free port, stopped at the end of the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(&[], arguments)
    }

    /// Starts a server with these environment variables.
    pub(crate) fn start_in(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut all = vec!["serve"];
        for (name, value) in [("--listen", "127.0.0.1:0"), ("--store", "memory:")] {
            if !arguments.contains(&name) {
                all.extend([name, value]);
            }
        }
        all.extend(arguments);
        let mut command = campanile(&all);
        command.envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let scheme = if arguments.contains(&"--tls-cert") { "https" } else { "http" };
        let ready = line.trim().strip_prefix("Campanile is ready: ");
        let address = ready.and_then(|ready| match ready.strip_prefix(&format!("{scheme}://")) {
            Some(rest) => rest.strip_suffix('/'),
            None => ready.starts_with("unix:").then_some(ready),
        });
        Self { address: address.unwrap_or_else(|| panic!("{line:?}")).to_owned(), child }
    }

    /// The log lines from now on. `stop` does not return them.
    pub(crate) fn log(&mut self) -> mpsc::Receiver<String> {
        let (sender, lines) = mpsc::channel();
        let log = BufReader::new(self.child.stderr.take().unwrap());
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        lines
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends a signal.
    pub(crate) fn send(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid()]).status().unwrap().success());
    }

    /// Sends a signal, waits for the end and returns the log.
    pub(crate) fn stop(mut self, signal: &str) -> (bool, String) {
        self.send(signal);
        let ended = self.child.wait().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (ended.success(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

#[test]
fn it_serves_and_stops_cleanly_on_both_signals() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::start(&[]);
        let answer = server.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let (success, log) = server.stop(signal);
        assert!(success, "{log}");
        assert!(log.contains("stopped"), "{log}");
    }
}

#[test]
fn it_stops_at_the_deadline_with_a_request_that_does_not_end() {
    let server = Server::start(&["--shutdown-timeout", "1"]);
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(
        b"POST /api/notifications/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    )
    .unwrap();
    // The server has received the request once it has answered a later one.
    server.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let started = Instant::now();
    let (success, log) = server.stop("-TERM");
    assert!(success && started.elapsed() < Duration::from_secs(4), "{:?} {log}", started.elapsed());
}

#[test]
fn a_balancer_has_time_to_send_requests_elsewhere() {
    let ask = |server: &Server, path: &str| {
        let answer = server.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        answer[9..12].to_owned()
    };
    let mut server = Server::start(&["--shutdown-delay", "2"]);
    assert_eq!(ask(&server, "/readyz"), "200");
    let told = Instant::now();
    server.send("-TERM");
    while ask(&server, "/readyz") != "503" {
        assert!(told.elapsed() < Duration::from_secs(1));
    }
    // Everything else works as before, also over new connections.
    assert_eq!(ask(&server, "/healthz"), "200");
    assert_eq!(ask(&server, "/api/notifications/list"), "200");
    assert!(server.child.wait().unwrap().success());
    assert!(told.elapsed() > Duration::from_millis(1_900), "{:?}", told.elapsed());
    let server = Server::start(&["--shutdown-delay", "60"]);
    server.send("-TERM");
    while ask(&server, "/readyz") != "503" {}
    assert!(server.stop("-TERM").0, "told twice, it stops at once");
}

#[test]
fn logs_are_json_when_asked_and_hold_nothing_of_a_notification() {
    let server = Server::start(&["--log-format", "json", "--log", "debug"]);
    let body = "{\"user_id\": \"secret-user\", \"content\": \"secret-text\"}";
    let length = body.len();
    let answer = server.ask(&format!(
        "POST /api/notifications/create HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    server.ask(
        "GET /api/notifications/unread-count/secret-user HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    let (_, log) = server.stop("-TERM");
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["route"] == "/api/notifications/create" && line["status"] == 201), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn help_and_version_are_there() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for word in ["serve", "--listen", "CAMPANILE_LISTEN", "127.0.0.1:8000", "curl"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    assert!(String::from_utf8(run(&["--version"]).stdout).unwrap().starts_with("campanile 0."));
}

#[test]
fn a_setting_that_is_wrong_is_one_clear_sentence() {
    for (arguments, word) in [
        (vec!["--listen", "0.0.0.0:8000"], "--insecure-no-auth"),
        (vec!["--store", "redis://x"], "store:"),
        (vec!["--store", "sqlite:"], "store:"),
        (vec!["--max-age", "90"], "max-age:"),
        (vec!["--sqlite-queue", "0"], "sqlite-queue:"),
        (vec!["--window", "0"], "window:"),
        (vec!["--max-header-bytes", "8191"], "max-header-bytes:"),
        (vec!["--tls-cert", "only.pem"], "tls-key:"),
        (vec!["--tls-key", "only.pem"], "tls-cert:"),
        (vec!["--log", "a=b=c"], "log:"),
        (vec!["--config", "/does/not/exist.toml"], "exist.toml"),
    ] {
        let refused = run(&[&["serve"], arguments.as_slice()].concat());
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && error.contains(word), "{arguments:?}: {error}");
        assert_eq!(error.trim().lines().count(), 1, "{error}");
    }
}

#[test]
fn a_port_in_use_is_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = run(&["--store", "memory:", "--listen", &taken.local_addr().unwrap().to_string()]);
    let port = taken.local_addr().unwrap().port();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains(&format!("listen: cannot bind to the port {port} of 127.0.0.1: ")), "{said}");
}

#[test]
fn the_description_is_printed() {
    let printed = run(&["openapi"]);
    let description: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(description["info"]["title"], "Campanile");
}

/// A new store's URL for the command line, and its folder.
fn new_store() -> (String, PathBuf) {
    let folder = new_folder();
    (format!("sqlite:{}", folder.join("campanile.db").display()), folder)
}

fn create(server: &Server, user_id: &str, content: &str) {
    let body = serde_json::json!({"user_id": user_id, "content": content}).to_string();
    let length = body.len();
    let answer = server.ask(&format!(
        "POST /api/notifications/create HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

/// Creates a key with these scopes in a store, whose tables are created first if needed, and returns the key as it is
/// shown once.
pub(crate) fn make_key(store: &str, scopes: &str) -> String {
    printed(&["migrate", "--store", store]);
    printed(&["key", "create", scopes, "--scopes", scopes, "--store", store]).trim().to_owned()
}

/// The output of a command that must succeed.
fn printed(arguments: &[&str]) -> String {
    let done = run(arguments);
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The error of a command that must fail.
pub(crate) fn refused(arguments: &[&str]) -> String {
    let done = run(arguments);
    assert!(!done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stdout));
    String::from_utf8(done.stderr).unwrap()
}

#[test]
fn nothing_is_lost_when_it_is_killed() {
    let (store, _) = new_store();
    let server = Server::start(&["--store", &store]);
    create(&server, "ann", "still here");
    server.stop("-KILL");
    let server = Server::start(&["--store", &store]);
    let answer = server.ask("GET /api/notifications/list HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.contains("still here"), "{answer}");
}

#[test]
fn a_second_server_on_the_same_file_is_refused() {
    let (store, _) = new_store();
    let _server = Server::start(&["--store", &store]);
    let error = refused(&["serve", "--listen", "127.0.0.1:0", "--store", &store]);
    assert!(error.contains("in use by another Campanile") && error.trim().lines().count() == 1, "{error}");
}

#[test]
fn a_check_prints_the_settings_in_force_and_their_sources() {
    let (store, folder) = new_store();
    let file = folder.join("campanile.toml");
    std::fs::write(&file, "window = 7\nlog = \"warn\"\n").unwrap();
    let file = file.display().to_string();
    let arguments = ["check", "--config", &file, "--store", &store, "--log", "debug"];
    let mut command = campanile(&arguments);
    let report = command.env("CAMPANILE_BATCH_MAX", "9").output().unwrap();
    assert!(report.status.success());
    let report = String::from_utf8(report.stdout).unwrap();
    let line = |name: &str| report.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("window").contains('7') && line("window").ends_with(&file), "{report}");
    assert!(line("log ").contains("debug") && line("log ").ends_with("command line"), "{report}");
    assert!(line("batch-max").contains('9') && line("batch-max").ends_with("environment"), "{report}");
    assert!(line("listen").ends_with("default") && report.contains("does not exist yet"), "{report}");
    assert!(line("auth ").contains("off"), "{report}");
    printed(&["migrate", "--store", &store]);
    assert!(printed(&["check", "--store", &store]).contains("up to date"));
    assert!(printed(&["migrate", "--store", &store]).contains("is up to date"));
    let secrets =
        ["--store", "postgres://me:hush@localhost:1/x", "--jwt-secret", "hush-hush-hush-hush-hush-hush-hush-hush"];
    let checked = run(&[&["check", "--jwt-audience", "a"], &secrets[..]].concat());
    assert!(!checked.status.success());
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("hush") && said.contains("postgres://localhost:1/x"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("jwt-secret ") && line.contains("***")), "{said}");
    for setting in [["--public-url", "https://me:hush@x.example"], ["--allowed-origins", "https://me:hush@x.example"]] {
        let checked = run(&[&["check", "--store", &store], &setting[..]].concat());
        let said = [checked.stdout, checked.stderr].concat();
        assert!(!checked.status.success() && !String::from_utf8_lossy(&said).contains("hush"), "{setting:?}");
    }
    // Authentication is on because there is a setting for tokens.
    assert!(said.lines().any(|line| line.starts_with("auth ") && line.contains(" on ")), "{said}");
    let gateway = ["check", "--store", &store, "--public-url", "http://example.com", "--insecure-no-auth"];
    assert!(!printed(&gateway).contains("warning"));
    let gateway = [&gateway[..5], &["--auth", "on"]].concat();
    assert!(printed(&gateway).contains("\nwarning: public-url: http://example.com is not encrypted"));
    assert!(!run(&gateway[..5]).status.success());
}
