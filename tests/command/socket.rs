//! `--listen unix:PATH`, and a server whose log lines cannot be written.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpListener,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{Server, campanile, refused};
use crate::harness::new_folder;

/// Sends a request over the socket and returns the whole response.
fn ask(path: &Path, headers: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    let head = "GET /api/notifications/list HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    write!(stream, "{head}{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_socket_lets_in_whom_its_file_lets_in_and_is_gone_with_its_server() {
    let path = new_folder().join("campanile.sock");
    let listen = format!("unix:{}", path.display());
    for (arguments, expected) in [(&[][..], 0o660), (&["--socket-mode", "600"], 0o600)] {
        let server = Server::start(&[&["--listen", &*listen][..], arguments].concat());
        assert_eq!((server.address.as_str(), mode(&path)), (&*listen, expected));
        let answer = ask(&path, "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (success, log) = server.stop("-TERM");
        assert!(success && !path.exists(), "{log}");
    }
}

#[test]
fn the_file_of_a_server_that_was_killed_is_replaced_and_nothing_else() {
    let path = new_folder().join("campanile.sock");
    let listen = format!("unix:{}", path.display());
    let arguments = ["--listen", &*listen];
    Server::start(&arguments).stop("-KILL");
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    let server = Server::start(&arguments);
    assert!(ask(&path, "").starts_with("HTTP/1.1 200"));

    let second = ["serve", "--store", "memory:", "--listen", &*listen];
    let error = refused(&second);
    assert!(error.contains("listen: ") && error.contains("another server is running there"), "{error}");
    assert!(ask(&path, "").starts_with("HTTP/1.1 200"), "the first one goes on");
    // The file now belongs to another program, so the server must not remove it.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "a file of a person").unwrap();
    assert!(server.stop("-TERM").0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file of a person");
    let error = refused(&second);
    assert!(error.contains("is no socket") && error.trim().lines().count() == 1, "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file of a person");

    for (wrong, says) in [
        ("unix:", "must have a path behind unix:"),
        ("unix:/nowhere/at/all.sock", "/nowhere/at/all.sock cannot be made"),
        (&*format!("unix:/{}", "x".repeat(200)), "at most 107 bytes"),
    ] {
        let error = refused(&["serve", "--store", "memory:", "--listen", wrong]);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn over_a_socket_the_gateway_names_the_client() {
    let path = new_folder().join("campanile.sock");
    let listen = format!("unix:{}", path.display());
    let server = Server::start(&["--listen", &*listen, "--auth", "on", "--log-addresses"]);
    let wrong = "Authorization: Bearer wrong\r\n";
    assert!(ask(&path, wrong).starts_with("HTTP/1.1 401"));
    let by = format!("{wrong}X-Forwarded-For: 203.0.113.1, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n");
    let answer = ask(&path, &by);
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("strict-transport-security"), "{answer}");
    let (_, log) = server.stop("-TERM");
    assert_eq!(log.matches("address=203.0.113.9").count(), 1, "{log}");
    assert_eq!(log.matches("was refused").count(), 2, "{log}");
}

#[test]
fn a_server_goes_on_when_its_lines_cannot_be_written() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    // The reading ends are closed before any line is written.
    let closed = || {
        let (reading, writing) = std::io::pipe().unwrap();
        drop(reading);
        Stdio::from(writing)
    };
    for sink in [full as fn() -> Stdio, closed] {
        let path = new_folder().join("campanile.sock");
        let listen = format!("unix:{}", path.display());
        let mut command = campanile(&["serve", "--store", "memory:", "--listen", &listen, "--auth", "on"]);
        let mut child = command.arg("--public-url=https://a.example").stdout(sink()).stderr(sink()).spawn().unwrap();
        let began = Instant::now();
        while UnixStream::connect(&path).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(20), "{ended:?}");
            sleep(Duration::from_millis(10));
        }
        for _ in 0..3 {
            let answer = ask(&path, "Authorization: Bearer wrong\r\n");
            assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        }
        assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn permissions_that_the_file_of_settings_has_as_a_number_are_refused() {
    let folder = new_folder();
    fs::create_dir_all(&folder).unwrap();
    let (file, listen) = (folder.join("campanile.toml"), format!("unix:{}", folder.join("campanile.sock").display()));
    // As a TOML number this is 432, which chmod would read as permissions for all users.
    for (mode, says) in
        [("0o660", "campanile.toml:1: `socket-mode` must be a text in quotes; this is a whole number"), ("\"660\"", "")]
    {
        fs::write(&file, format!("socket-mode = {mode}\n")).unwrap();
        let settings = ["--store", "memory:", "--config", file.to_str().unwrap(), "--listen", &*listen];
        let checked = campanile(&[&["check"], &settings[..]].concat()).output().unwrap();
        let said = String::from_utf8(checked.stderr).unwrap();
        assert!(said.contains(says) && checked.status.success() == says.is_empty(), "{mode}: {said}");
    }
}

#[test]
fn of_servers_that_start_at_once_on_one_path_one_does() {
    let folder = new_folder();
    fs::create_dir_all(&folder).unwrap();
    let listen = format!("unix:{}", folder.join("campanile.sock").display());
    for _ in 0..3 {
        // The file that a killed server leaves behind.
        Server::start(&["--listen", &*listen]).stop("-KILL");
        let start = || {
            let mut command = campanile(&["serve", "--store", "memory:", "--listen", &*listen]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let mut both = [start(), start()];
        let began = Instant::now();
        let is_over =
            |both: &mut [std::process::Child; 2]| both.iter_mut().any(|one| one.try_wait().unwrap().is_some());
        while !is_over(&mut both) {
            assert!(began.elapsed() < Duration::from_secs(10), "both go on");
            sleep(Duration::from_millis(20));
        }
        let socket = folder.join("campanile.sock");
        while UnixStream::connect(&socket).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "nothing listens");
            sleep(Duration::from_millis(20));
        }
        assert!(ask(&socket, "").starts_with("HTTP/1.1 200"));
        for mut one in both {
            drop(one.kill());
            one.wait().unwrap();
        }
    }
}

/// Others take the socket file as a sign that the server is ready; one that is stopped while it starts leaves none.
#[test]
fn a_server_that_is_stopped_while_it_starts_has_made_no_socket() {
    let (folder, silent) = (new_folder(), TcpListener::bind("127.0.0.1:0").unwrap());
    let path = folder.join("s.sock");
    let store = format!("postgres://u:p@{}/d", silent.local_addr().unwrap());
    let listen = format!("unix:{}", path.display());
    let mut server =
        campanile(&["serve", "--store", &store, "--listen", &listen]).stderr(Stdio::null()).spawn().unwrap();
    // The server connects to the database once its socket is bound.
    let held = silent.accept().unwrap();
    assert!(!path.exists());
    let second = campanile(&["serve", "--store", "memory:", "--listen", &listen]).output().unwrap();
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server is running there"));
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    server.wait().unwrap();
    assert!(!path.exists());
    drop(held);
}
