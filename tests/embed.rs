//! `examples/embed.rs`, run as a separate program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
};

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// `cargo test` builds the examples beside the test binary.
fn example() -> PathBuf {
    let test_binary = std::env::current_exe().unwrap();
    test_binary.parent().and_then(|deps| deps.parent()).unwrap().join("examples/embed")
}

#[test]
fn a_program_embeds_campanile() {
    let mut shop = Command::new(example()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shop.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("The shop is open: http://").trim_end_matches('/').to_owned();

    let ordered = ask(&address, "POST /orders/user_123/7");
    let profile = ask(&address, "GET /profile/user_123");
    let listed = ask(&address, "GET /api/notifications/list?user_id=user_123");
    let dashboard = ask(&address, "GET /api/ui-dashboard/notifications-dashboard-ui");
    shop.kill().unwrap();
    shop.wait().unwrap();

    assert!(ordered.contains("{\"order\":7}"), "{ordered}");
    assert!(profile.contains("\"unread_notifications\":1"), "{profile}");
    assert!(listed.contains("Your order #7 has been confirmed!"), "{listed}");
    assert!(dashboard.starts_with("HTTP/1.1 200") && dashboard.contains("Your order #7"), "{dashboard}");
}
