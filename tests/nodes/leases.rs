//! Clients whose credentials end while everything fails.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use campanile::{
    model::Timestamp,
    server::{
        auth::key::KeySecret,
        identity::Scopes,
        store::{Credentials, PostgresStore, ServiceKey},
    },
};
use chrono::TimeDelta;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::chaos::{Dice, INBOXES, bearer, borrowed, open, user};
use crate::live::transport::{Headers, Heard};

/// Changes that are made this long after the end of a lease must not arrive.
const A_SECOND: TimeDelta = TimeDelta::seconds(1);

/// Repeatedly follows with a new key or session, revokes the key or signs out, and checks that no change arrives that
/// was made a second later. Returns the number of rounds.
pub(super) async fn hold_leases(
    nodes: Vec<SocketAddr>,
    store: Arc<PostgresStore>,
    mut dice: Dice,
    over: Arc<AtomicBool>,
) -> usize {
    let mut ended = 0;
    while !over.load(Ordering::Relaxed) {
        let Some(secret) = new_key(&store, "read,admin").await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let shown = secret.to_string_once();
        let signs_in = dice.below(2) == 0;
        let headers = if signs_in {
            let Some(cookie) = sign_in(nodes[dice.below(nodes.len())], &shown).await else { continue };
            [("cookie", cookie)]
        } else {
            bearer(&shown)
        };
        let user_id = user(dice.below(INBOXES));
        let paths = [format!("/ws/{user_id}"), format!("/api/notifications/stream/{user_id}"), "/ws".to_owned()];
        let Some(mut stream) = open(nodes[dice.below(nodes.len())], &paths[dice.below(3)], &borrowed(&headers)).await
        else {
            continue;
        };
        let stay = Instant::now() + Duration::from_millis(dice.below(1_500) as u64);
        let mut is_open = true;
        while is_open && Instant::now() < stay {
            let heard = timeout(Duration::from_millis(100), stream.heard()).await;
            is_open = !matches!(heard, Ok(Heard::Closed(_)));
        }
        if !is_open {
            continue;
        }
        let end = async {
            loop {
                let is_over = if signs_in {
                    sign_out(nodes[dice.below(nodes.len())], &borrowed(&headers)).await
                } else {
                    store.revoke_key(secret.id(), now()).await.is_ok()
                };
                if is_over {
                    break now().to_utc() + A_SECOND;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let (end, mut heard) = tokio::join!(end, async {
            // Until then other streams receive changes, and this one may too.
            timeout(Duration::from_millis(100), stream.heard()).await.ok()
        });
        loop {
            match heard {
                Some(Heard::Closed(_)) => break,
                Some(Heard::Event(event)) if event["type"] == "created" => {
                    let made = event["notification"]["timestamp"].as_str().unwrap();
                    let made = Timestamp::parse(made).unwrap().to_utc();
                    assert!(made <= end, "{made} was heard of, and the lease was over at {end}");
                }
                _ => {}
            }
            let next = timeout(Duration::from_secs(30), stream.heard()).await;
            heard = Some(next.unwrap_or_else(|_| panic!("a stream whose lease is over does not end")));
        }
        ended += 1;
    }
    ended
}

fn now() -> Timestamp {
    Timestamp::new(chrono::Utc::now())
}

/// Creates a key with these scopes, unless the store is unavailable.
pub(super) async fn new_key(store: &PostgresStore, scopes: &str) -> Option<KeySecret> {
    let secret = KeySecret::generate();
    let key = ServiceKey {
        id: secret.id(),
        name: "of a lease".to_owned(),
        scopes: Scopes::parse(scopes).unwrap(),
        hash: secret.hash(),
        created_at: now(),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    store.add_key(&key).await.ok().map(|()| secret)
}

/// Signs in, and returns the cookie, unless the server is unavailable.
async fn sign_in(node: SocketAddr, key: &str) -> Option<String> {
    let head = post_form(node, "/login", &[], &format!("secret={key}")).await?;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "))?;
    Some(cookie.split(';').next()?.to_owned())
}

async fn sign_out(node: SocketAddr, headers: Headers<'_>) -> bool {
    post_form(node, "/logout", headers, "").await.is_some_and(|head| head.starts_with("HTTP/1.1 303"))
}

/// Sends a form like the server's own page, and returns the head of the response.
async fn post_form(node: SocketAddr, path: &str, headers: Headers<'_>, form: &str) -> Option<String> {
    let mut stream = TcpStream::connect(node).await.ok()?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{headers}\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    String::from_utf8(answer).ok()?.split_once("\r\n\r\n").map(|(head, _)| head.to_owned())
}
