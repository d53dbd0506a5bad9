//! Places where no store or socket can be created: `check` reports the same errors as `serve`, and leaves no files
//! behind.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{Server, campanile, create, refused};
use crate::harness::new_folder;

const PROGRAM: &str = env!("CARGO_BIN_EXE_campanile");

/// The command with no more access to files than their modes give to their owner, also when root runs the tests.
fn without_rights(arguments: &[&str]) -> Output {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        command.arg("--bounding-set=-all");
    }
    command.arg(PROGRAM).args(arguments).output().unwrap()
}

fn said(done: &Output) -> String {
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stdout));
    String::from_utf8(done.stderr.clone()).unwrap()
}

fn files_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn check_refuses_a_folder_that_cannot_be_written_as_serve_does() {
    let folder = new_folder();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let store = format!("sqlite:{}", folder.join("x.db").display());
    let deep = format!("sqlite:{}", folder.join("data/x.db").display());
    let socket = format!("unix:{}", folder.join("s.sock").display());
    for arguments in [
        ["--store", &store, "--listen", "127.0.0.1:0"],
        ["--store", &deep, "--listen", "127.0.0.1:0"],
        ["--store", "memory:", "--listen", &socket],
    ] {
        for command in ["check", "serve"] {
            let said = said(&without_rights(&[&[command], arguments.as_slice()].concat()));
            let is_told = said.contains("cannot be made") && said.contains(&*folder.to_string_lossy());
            assert!(is_told && !said.contains("campanile-check") && said.lines().count() == 1, "{command}: {said}");
        }
    }
    let said = said(&without_rights(&["check", "--store", "sqlite:/proc/x.db"]));
    assert!(said.contains("/proc/x.db"), "{said}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(files_in(&folder).is_empty());
}

#[test]
fn check_tries_to_make_a_store_and_leaves_nothing_of_it() {
    let folder = new_folder();
    for store in ["x.db", "data/deep/x.db"] {
        let store = format!("sqlite:{}", folder.join(store).display());
        let done = campanile(&["check", "--listen", "127.0.0.1:0", "--store", &store]).output().unwrap();
        let report = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success() && report.contains("it is made at the first start"), "{report}");
        assert!(files_in(&folder).is_empty());
    }
}

#[test]
fn check_refuses_a_store_that_is_there_and_cannot_be_written() {
    let folder = new_folder();
    let file = folder.join("x.db");
    let store = format!("sqlite:{}", file.display());
    assert!(campanile(&["migrate", "--store", &store]).output().unwrap().status.success());
    for (of_file, of_folder) in [(0o400, 0o755), (0o600, 0o555)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(of_file)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(of_folder)).unwrap();
        for command in ["check", "serve"] {
            let said = said(&without_rights(&[command, "--store", &store, "--listen", "127.0.0.1:0"]));
            assert!(said.contains("writ") && said.lines().count() == 1, "{command}: {said}");
        }
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_socket_that_is_taken_is_a_warning_of_check() {
    let folder = new_folder();
    fs::create_dir_all(&folder).unwrap();
    let place = folder.join("a.sock").display().to_string();
    let listen = format!("unix:{place}");
    let report = || {
        let done = campanile(&["check", "--store", "memory:", "--listen", &listen]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(!report().contains("warning"));
    let _server = Server::start(&["--listen", &listen]);
    assert!(report().contains(&format!("warning: listen: a program listens on {place} already")));
}

#[test]
fn an_address_that_is_taken_is_a_warning_of_check() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = campanile(&["check", "--store", "memory:", "--listen", &address]).output().unwrap();
    let report = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{report}");
    assert!(report.contains(&format!("warning: listen: a program listens on {address} already")), "{report}");
}

#[test]
fn a_server_that_cannot_have_its_port_makes_no_store() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = new_folder();
    let store = format!("sqlite:{}", folder.join("x.db").display());
    refused(&["serve", "--store", &store, "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(files_in(&folder).is_empty(), "{:?}", files_in(&folder));
}

#[test]
fn of_two_servers_that_start_on_one_port_at_once_exactly_one_serves() {
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let start = || {
            let mut command = campanile(&["serve", "--store", "memory:", "--listen", &listen]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut two = [start(), start()];
        // Each prints that it is ready, or ends without printing it.
        let ready = two.each_mut().map(|server| {
            let mut line = String::new();
            BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
            line.contains(&listen)
        });
        for (server, is_ready) in two.iter_mut().zip(ready) {
            if is_ready {
                server.kill().unwrap();
            }
        }
        let said = two.map(|server| String::from_utf8(server.wait_with_output().unwrap().stderr).unwrap());
        let why =
            format!("campanile: listen: cannot bind to the port {port} of 127.0.0.1: another program listens there");
        assert_eq!(ready.iter().filter(|is_ready| **is_ready).count(), 1, "{said:?}");
        assert_eq!(said.iter().filter(|said| said.contains(&why)).count(), 1, "{said:?}");
    }
}

/// A full disk of a few megabytes: SQLite's error for it is about shared memory.
#[test]
fn a_full_disk_is_reported_as_full() {
    let folder = new_folder();
    let store = format!("sqlite:{}", folder.join("x.db").display());
    let script = format!(
        "mount -t tmpfs -o size=2m none {folder} && cd {folder} && {PROGRAM} migrate --store {store} && \
         rm -f {folder}/x.db-* && dd if=/dev/zero of={folder}/filler bs=4k 2>/dev/null; \
         for command in 'check --listen 127.0.0.1:0' migrate 'key list'; do {PROGRAM} $command --store {store}; \
         echo \"rc $?\" >&2; done",
        folder = folder.display()
    );
    let mut full = Command::new("unshare");
    full.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    let said = String::from_utf8(full.output().unwrap().stderr).unwrap();
    assert_eq!(said.matches("the disk is full").count(), 3, "{said}");
    assert_eq!(said.matches("rc 1").count(), 3, "{said}");
    assert!(!said.contains("shared memory"), "{said}");
}

/// `ulimit -f`, and systemd's `LimitFSIZE`: a write beyond the limit sends a signal that ends a process without a
/// handler.
#[test]
fn a_limit_on_the_size_of_files_ends_no_server() {
    let store = format!("sqlite:{}", new_folder().join("x.db").display());
    let mut server = Server::start(&["--store", &store]);
    let log = server.log();
    create(&server, "ann", "before");
    let limit = |bytes: &str| {
        let pid = server.pid();
        let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}")]).status();
        assert!(limited.unwrap().success());
    };
    let status = |method: &str, path: &str, body: &str| {
        let length = body.len();
        let answer = server.ask(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        answer.get(9..12).unwrap_or_default().to_owned()
    };
    limit("4096:unlimited");
    let body = r#"{"user_id":"ann","content":"beyond"}"#;
    // The end of it may have been written nevertheless.
    assert_eq!(status("POST", "/api/notifications/create", body), "504");
    assert_eq!(status("GET", "/readyz", ""), "503");
    limit("unlimited:unlimited");
    assert_eq!(status("GET", "/readyz", ""), "200");
    create(&server, "ann", "after");
    drop(log);
}
