//! `--listen unix:PATH`.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::Path,
};

use super::{Server, refused};
use crate::harness::new_folder;

/// Asks over the socket and returns the whole answer.
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
    // Whose file it is now, is not ours to remove.
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
