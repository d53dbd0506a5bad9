//! The receiver of webhooks, and the baseline for delivery.
//!
//! - `hooks receive` listens on a free port, prints it, answers every POST with 200, and `GET` with their number;
//!   `hooks receive hang` answers no POST at all.
//! - `hooks post URL CONCURRENCY SECONDS BYTES` posts that many bytes from that many tasks with a plain reqwest client,
//!   and prints the number of posts per second.
//! - `hooks push URL CONCURRENCY SECONDS BYTES` does the same, and encrypts each of them like a push to a browser.

use std::{
    io::{Error, Result},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
    rand,
};
use axum::{Router, body::Bytes, routing::get};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["receive"] => receive(false).await,
        ["receive", "hang"] => receive(true).await,
        [what @ ("post" | "push"), url, concurrency, seconds, bytes] => {
            let number = |text: &str| text.parse::<u64>().map_err(Error::other);
            let make = if *what == "push" { encrypted } else { |body: &Bytes| Ok(body.clone()) };
            post(url, number(concurrency)?, Duration::from_secs(number(seconds)?), number(bytes)?, make).await
        }
        _ => Err(Error::other("usage: hooks receive [hang] | post URL CONCURRENCY SECONDS BYTES | push …")),
    }
}

async fn receive(hangs: bool) -> Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let answer = move |_: Bytes| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
        }
    };
    let tell = move || async move { counted.load(Ordering::Relaxed).to_string() };
    let router = Router::new().route("/", get(tell).post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("hooks is ready: http://{}/", listener.local_addr()?);
    axum::serve(listener, router).await
}

/// Creates the body of each request.
type Make = fn(&Bytes) -> std::result::Result<Bytes, Unspecified>;

/// A text encrypted with a new key as in RFC 8291, for a made-up browser.
fn encrypted(text: &Bytes) -> std::result::Result<Bytes, Unspecified> {
    static BROWSER: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let key = PrivateKey::generate(&ECDH_P256).and_then(|key| key.compute_public_key());
        key.map(|key| key.as_ref().to_vec()).unwrap_or_default()
    });
    let ours = PrivateKey::generate(&ECDH_P256)?;
    let public = ours.compute_public_key()?;
    let mut salt = [0; 16];
    rand::fill(&mut salt)?;
    let agreed = agree(&ours, UnparsedPublicKey::new(&ECDH_P256, &*BROWSER), Unspecified, |secret| {
        let mut agreed = [0; 32];
        let prk = Salt::new(HKDF_SHA256, &salt).extract(secret);
        prk.expand(&[b"WebPush: info\0", &**BROWSER, public.as_ref()], HKDF_SHA256)?.fill(&mut agreed)?;
        Ok(agreed)
    })?;
    let derived = Salt::new(HKDF_SHA256, &salt).extract(&agreed);
    let key = LessSafeKey::new(UnboundKey::from(derived.expand(&[b"Content-Encoding: aes128gcm\0"], &AES_128_GCM)?));
    let mut nonce = [0; 32];
    derived.expand(&[b"Content-Encoding: nonce\0"], HKDF_SHA256)?.fill(&mut nonce)?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce[..12])?;
    let mut body = text.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut body)?;
    Ok([&salt, public.as_ref(), &body].concat().into())
}

async fn post(url: &str, concurrency: u64, duration: Duration, bytes: u64, make: Make) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build().map_err(Error::other)?;
    let body = Bytes::from(vec![b'x'; usize::try_from(bytes).map_err(Error::other)?]);
    let began = Instant::now();
    let tasks: Vec<_> = (0..concurrency)
        .map(|_| {
            let (client, body, url) = (client.clone(), body.clone(), url.to_owned());
            tokio::spawn(async move {
                let mut posts = 0_u64;
                while began.elapsed() < duration {
                    let Ok(body) = make(&body) else { break };
                    let answer = client.post(&url).body(body).send().await;
                    posts += u64::from(answer.is_ok_and(|answer| answer.status().is_success()));
                }
                posts
            })
        })
        .collect();
    let mut posts = 0;
    for task in tasks {
        posts += task.await.map_err(Error::other)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "it is printed")]
    let rate = posts as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0}");
    Ok(())
}
