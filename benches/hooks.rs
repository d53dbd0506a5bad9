//! The other side of a webhook, and what delivering is measured against.
//!
//! - `hooks receive` listens on a free port, prints it, answers every POST with 200, and `GET` with how many those were;
//!   `hooks receive hang` answers no POST at all.
//! - `hooks post URL CONCURRENCY SECONDS BYTES` posts that many bytes from that many tasks with a plain reqwest client, and
//!   prints how many posts there were in a second.

use std::{
    io::{Error, Result},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::get};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["receive"] => receive(false).await,
        ["receive", "hang"] => receive(true).await,
        ["post", url, concurrency, seconds, bytes] => {
            let number = |text: &str| text.parse::<u64>().map_err(Error::other);
            post(url, number(concurrency)?, Duration::from_secs(number(seconds)?), number(bytes)?).await
        }
        _ => Err(Error::other("usage: hooks receive [hang] | post URL CONCURRENCY SECONDS BYTES")),
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

async fn post(url: &str, concurrency: u64, duration: Duration, bytes: u64) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build().map_err(Error::other)?;
    let body = Bytes::from(vec![b'x'; usize::try_from(bytes).map_err(Error::other)?]);
    let began = Instant::now();
    let tasks: Vec<_> = (0..concurrency)
        .map(|_| {
            let (client, body, url) = (client.clone(), body.clone(), url.to_owned());
            tokio::spawn(async move {
                let mut posts = 0_u64;
                while began.elapsed() < duration {
                    let answer = client.post(&url).body(body.clone()).send().await;
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
