//! Listens to Campanile many times over, sends to it, and measures what arrives when.
//!
//! It speaks just enough HTTP and WebSocket to cost less than the server that it measures.

mod listener;
mod publisher;
mod report;

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use tokio::sync::{Semaphore, mpsc, watch};

use listener::{Listener, Opened};
use report::Report;

/// How many connections are opened at once.
const OPENED_AT_ONCE: usize = 256;
/// How long to wait for the last notifications.
const PATIENCE: Duration = Duration::from_secs(3);

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Over WebSocket.
    Ws,
    /// By server-sent events.
    Sse,
}

/// Listens to Campanile many times over, sends to it, and measures what arrives when.
#[derive(Parser)]
struct Arguments {
    /// Address and port of the server
    #[arg(long, default_value = "127.0.0.1:8000")]
    server: SocketAddr,
    /// How to listen
    #[arg(long, value_enum, default_value = "ws")]
    kind: Kind,
    /// How many listen
    #[arg(long, default_value_t = 1000)]
    listeners: usize,
    /// To how many inboxes
    #[arg(long, default_value_t = 1)]
    inboxes: usize,
    /// From where they continue; from the present when absent
    #[arg(long)]
    since: Option<u64>,
    /// How many more listen and never read
    #[arg(long, default_value_t = 0)]
    asleep: usize,
    /// How many notifications are sent in a second; 0 sends none
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// For how many seconds
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// From how many loopback addresses the listeners connect: each has some 28,000 ports
    #[arg(long, default_value_t = 4)]
    sources: u8,
    /// Stay connected, when everything is done, until standard input ends
    #[arg(long)]
    stay: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// The inbox that a listener or a notification belongs to.
fn inbox(number: usize) -> String {
    format!("load-{number}")
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let clock = Instant::now();
    let (stop, stopping) = watch::channel(false);
    let (opened, mut all_opened) = mpsc::unbounded_channel();
    let turns = Arc::new(Semaphore::new(OPENED_AT_ONCE));
    let mut listening = Vec::new();
    for number in 0..arguments.listeners + arguments.asleep {
        let listener = Listener {
            server: arguments.server,
            source: [127, 0, 0, 1 + (number % usize::from(arguments.sources.max(1))) as u8],
            kind: arguments.kind,
            user_id: inbox(number % arguments.inboxes.max(1)),
            since: arguments.since,
            is_asleep: number >= arguments.listeners,
            clock,
        };
        listening.push(tokio::spawn(listener.run(Arc::clone(&turns), opened.clone(), stopping.clone())));
    }
    drop(opened);
    let mut failed = 0;
    for _ in 0..listening.len() {
        if all_opened.recv().await == Some(Opened::No) {
            failed += 1;
        }
    }
    let connected = clock.elapsed();

    let sent = if arguments.rate > 0.0 {
        publisher::publish(arguments.server, arguments.inboxes.max(1), arguments.rate, arguments.seconds, clock).await?
    } else {
        publisher::Sent::default()
    };
    if sent.count > 0 {
        tokio::time::sleep(PATIENCE.min(Duration::from_secs_f64(arguments.seconds))).await;
    }
    if arguments.stay {
        println!("{{\"connected_ms\": {}, \"failed\": {failed}}}", connected.as_millis());
        std::io::stdout().flush()?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    }
    stop.send(true).context("no listener is left")?;
    let mut report = Report::new(connected, failed, &sent);
    for listener in listening {
        report.add(listener.await?, &sent);
    }
    if arguments.json {
        report.print_json()
    } else {
        report.print()
    }
    Ok(())
}
