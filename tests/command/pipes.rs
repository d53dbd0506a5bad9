//! Commands whose output is closed by its reader.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
};

use super::{campanile, create, new_store, printed, run};
use crate::{command::Server, command::make_key};

/// Starts a command, reads this many bytes of its output, and closes the pipe. Returns its exit status and its errors.
fn cut_off(arguments: &[&str], bytes: usize) -> (Option<i32>, String) {
    let mut child = campanile(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut vec![0; bytes]).unwrap();
    drop(out);
    let done = child.wait_with_output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let (store, _) = new_store();
    let key = make_key(&store, "send");
    let id = key.split('_').nth(1).unwrap();
    for arguments in
        [&["check"] as &[_], &["migrate"], &["key", "list"], &["key", "list", "--json"], &["key", "revoke", id]]
    {
        let (code, said) = cut_off(&[arguments, &["--store", &store]].concat(), 0);
        let is_quiet = said.is_empty() || said == format!("The store is {store}.\n");
        assert!(code == Some(0) && is_quiet, "{arguments:?}: {code:?} {said}");
    }
    for arguments in [&["openapi"] as &[_], &["--help"], &["key", "create", "--help"], &["--version"]] {
        let (code, said) = cut_off(arguments, 0);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // Errors are still reported, and so is a key that no reader received.
    let (code, said) = cut_off(&["check", "--store", &store, "--log", "a=b=c"], 0);
    assert!(code == Some(1) && said.starts_with("campanile: log: ") && said.lines().count() == 1, "{said}");
    let (code, said) = cut_off(&["key", "create", "a", "--scopes", "send", "--store", &store], 0);
    assert!(code == Some(1) && said.contains("could not be shown; revoke it") && said.lines().count() == 1, "{said}");
}

#[test]
fn an_export_that_was_cut_off_is_quiet_and_no_success() {
    let (store, _) = new_store();
    let server = Server::start(&["--store", &store]);
    for _ in 0..100 {
        create(&server, "ann", &"x".repeat(4_000));
    }
    assert_eq!(cut_off(&["export", "--store", &store], 100), (Some(1), String::new()));
    assert!(printed(&["export", "--store", &store]).len() > 400_000);
}

#[test]
fn nothing_panics_when_standard_error_is_closed_too() {
    let mut child = campanile(&["key", "list", "--store", "memory:"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(run(&["key", "list", "--store", "memory:"]).status.code(), Some(1));
}

/// For example `campanile serve 2>&1 | head -1`.
#[test]
fn a_server_continues_when_no_program_reads_its_output() {
    let mut server = Server::start(&["--public-url", "http://localhost:1/", "--log", "debug"]);
    // The first line was read, then the pipe is closed.
    drop(server.child.stderr.take());
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.send("-TERM");
    assert!(server.child.wait().unwrap().success());
}
