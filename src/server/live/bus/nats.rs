//! The bus over core NATS: one subject for each inbox.
//!
//! A process subscribes only to the inboxes that its clients follow, so it receives no other changes.

mod complaint;
mod encryption;
mod file;
mod reachable;
mod url;

use std::{
    future::ready,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, anyhow};
use async_nats::{Client, ConnectOptions, Event as Happened, ServerError, connection::State};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

pub(in crate::server) use self::reachable::is_reachable;
pub use self::url::NatsUrl;
use self::{
    complaint::Complaint,
    reachable::{ask_anew, is_about_a_subject},
};
use super::{
    Bus, Deliver, Interest,
    peers::{BEAT, Beat, Peers},
};
use crate::{
    model::{Change, Event, UserId},
    server::{store::LONGEST_WRITE, tasks::Tasks},
};

/// How many changes may wait to be sent. The other servers read any further ones from the store.
const QUEUE: usize = 8_192;
/// How many changes of one inbox may wait to be delivered.
const SUBSCRIPTION: usize = 1_024;
/// The longest message that is read. A change has one notification, whose text, title and data take half of this at
/// most.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// No inbox has this many changes. A larger number does not come from Campanile, and sums with it would overflow.
const MAX_NUMBER: u64 = 1 << 53;
/// How long to wait before connecting again.
const RECONNECT: Duration = Duration::from_millis(500);
/// Gaps within this time are reported as one: servers that were cut off together come back together.
const SETTLE: Duration = Duration::from_millis(600);
/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A message that waits to be sent, and its subject.
type Outgoing = (String, Vec<u8>);

/// A bus over NATS.
pub(in crate::server) struct Nats {
    client: Client,
    prefix: String,
    outgoing: mpsc::Sender<Outgoing>,
    /// Counts possible losses of incoming changes.
    gaps: watch::Sender<u64>,
    /// Counts losses of outgoing changes.
    lost: Arc<AtomicU64>,
    /// Counts the hints from other servers about due deliveries.
    hints: watch::Sender<u64>,
    /// The state of log messages about the connection, and whether a subject is refused on it.
    complaint: Arc<Complaint>,
}

impl Nats {
    /// Connects in the background, and again whenever the connection is lost. Background tasks are added to `tasks`.
    ///
    /// # Errors
    /// One sentence about a file of the URL that cannot be used.
    pub(in crate::server) async fn connect(url: &NatsUrl, prefix: &str, tasks: &Tasks) -> Result<Self> {
        let (gaps, lost) = (watch::Sender::new(0), Arc::new(AtomicU64::new(0)));
        let (happened, lost_here) = (gaps.clone(), Arc::clone(&lost));
        let complaint = Arc::new(Complaint::default());
        let (complaint_here, before_rounds) = (Arc::clone(&complaint), Arc::clone(&complaint));
        let prefix_here = prefix.to_owned();
        let options = ConnectOptions::new()
            .name("campanile")
            .no_echo()
            .retry_on_initial_connect()
            .connection_timeout(TIMEOUT)
            .ping_interval(TIMEOUT)
            .subscription_capacity(SUBSCRIPTION)
            .reconnect_delay_callback(|_| RECONNECT)
            .reconnect_to_server_callback(move |servers, _| {
                before_rounds.before_a_round(&servers);
                // `None` leaves the choice to the library.
                ready(None)
            })
            .event_callback(move |event| {
                match &event {
                    Happened::Connected => complaint_here.over(),
                    Happened::ServerError(ServerError::Other(text)) if is_about_a_subject(text) => {
                        complaint_here.forbidden(&prefix_here);
                    }
                    _ => {}
                }
                note(&event, &happened, &lost_here);
                ready(())
            });
        let connected = url.log_in(options)?.connect(url.servers()).await;
        let client = connected.map_err(|error| anyhow!("{}.", error.kind()))?;
        let (outgoing, queue) = mpsc::channel(QUEUE);
        // No other task uses this lock. It keeps the queue for the task when it is restarted.
        let (to, queue, lost_here) = (client.clone(), Arc::new(Mutex::new(queue)), Arc::clone(&lost));
        tasks.spawn("bus", move || send(to.clone(), Arc::clone(&queue), Arc::clone(&lost_here)));
        let (over, servers) = (client.clone(), format!("{prefix}.servers"));
        let (gaps_here, lost_here) = (gaps.clone(), Arc::clone(&lost));
        tasks.spawn("other servers", move || {
            // Messages that were missed before the start may have reported a loss.
            gaps_here.send_modify(|count| *count += 1);
            keep_watch(over.clone(), servers.clone(), gaps_here.clone(), Arc::clone(&lost_here))
        });
        let (over, refused) = (client.clone(), Arc::clone(&complaint));
        let (url_here, prefix_here) = (url.clone(), prefix.to_owned());
        tasks.spawn("refused subjects", move || {
            ask_anew(over.clone(), url_here.clone(), prefix_here.clone(), Arc::clone(&refused))
        });
        let hints = watch::Sender::new(0);
        let (over, subject, hinted) = (client.clone(), hint_subject(prefix), hints.clone());
        tasks.spawn("delivery hints", move || hear_hints(over.clone(), subject.clone(), hinted.clone()));
        Ok(Self { client, prefix: prefix.to_owned(), outgoing, gaps, lost, hints, complaint })
    }

    fn subject(&self, user_id: &UserId) -> String {
        subject(&self.prefix, user_id)
    }
}

/// The subject of an inbox; any user id is one token.
fn subject(prefix: &str, user_id: &UserId) -> String {
    format!("{prefix}.inbox.{}", BASE64_URL_SAFE_NO_PAD.encode(user_id.as_str()))
}

/// The subject of hints about due deliveries.
fn hint_subject(prefix: &str) -> String {
    format!("{prefix}.deliveries")
}

/// Counts hints. Their contents do not matter, so none is read.
async fn hear_hints(client: Client, subject: String, hints: watch::Sender<u64>) {
    match client.subscribe(subject).await {
        Ok(mut heard) => {
            while heard.next().await.is_some() {
                hints.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the subscription on the bus failed; due deliveries are polled every second")
        }
    }
}

/// Logs an event of the connection, and counts events with which changes may have been lost.
fn note(event: &Happened, gaps: &watch::Sender<u64>, lost: &AtomicU64) {
    match event {
        Happened::Connected => {
            tracing::info!("connected to the bus");
            gaps.send_modify(|count| *count += 1);
        }
        Happened::SlowConsumer(_) => {
            tracing::debug!("the bus dropped changes; they are read from the store");
            gaps.send_modify(|count| *count += 1);
        }
        Happened::Disconnected => {
            tracing::warn!("the bus is unavailable; other servers receive changes later");
            // Data that was written when the connection broke may be lost.
            lost.fetch_add(1, Ordering::Relaxed);
        }
        // An error of the NATS server may name the subject of an inbox.
        Happened::ServerError(_) => tracing::debug!("NATS reported an error"),
        other => tracing::debug!(%other, "a NATS event"),
    }
}

/// Reads a message, which any client of the bus may have sent.
///
/// # Errors
/// The reason, without any part of the message: it is too long, is not a change, is for another inbox than its subject
/// names, or has an impossible number.
fn read(prefix: &str, sent_to: &str, payload: &[u8]) -> Result<Change, &'static str> {
    if payload.len() > MAX_MESSAGE_BYTES {
        return Err("it is too long");
    }
    let change: Change = serde_json::from_slice(payload).map_err(|_| "it is not a change of an inbox")?;
    if subject(prefix, &change.user_id) != sent_to {
        return Err("it is for another inbox than its subject names");
    }
    let is_of_the_inbox = match &change.event {
        Event::Created { notification, .. } | Event::Updated { notification, .. } => {
            notification.user_id == change.user_id
        }
        Event::AllRead { .. } | Event::Deleted { .. } => true,
    };
    if !is_of_the_inbox {
        return Err("its notification is of another inbox than its subject names");
    }
    if change.event.modseq() > MAX_NUMBER || change.event.unread_count() > MAX_NUMBER {
        return Err("its numbers are too large");
    }
    Ok(change)
}

/// Sends queued messages. While the bus is unavailable they are dropped: they would arrive too late to be of use.
async fn send(client: Client, queue: Arc<Mutex<mpsc::Receiver<Outgoing>>>, lost: Arc<AtomicU64>) {
    let mut queue = queue.lock().await;
    while let Some((subject, payload)) = queue.recv().await {
        let is_connected = client.connection_state() == State::Connected;
        if !is_connected || client.publish(subject, payload.into()).await.is_err() {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Announces this server to the others, and detects when one of them has gone or lost changes.
async fn keep_watch(client: Client, subject: String, gaps: watch::Sender<u64>, lost: Arc<AtomicU64>) {
    let server = RandomState::new().hash_one(&subject);
    let mut peers = Peers::default();
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = match client.subscribe(subject.clone()).await {
        Ok(heard) => heard,
        Err(error) => {
            tracing::warn!(%error, "the subscription on the bus failed; losses on it go unnoticed");
            return;
        }
    };
    loop {
        let is_gap = tokio::select! {
            _ = beats.tick() => {
                if client.connection_state() == State::Connected {
                    let beat = Beat { server, lost: lost.load(Ordering::Relaxed) };
                    // If it does not arrive, the other servers notice.
                    drop(client.publish(subject.clone(), beat.to_text().into()).await);
                }
                let is_gone = peers.look(Instant::now());
                if is_gone {
                    // That server may still be completing a write.
                    tokio::spawn(later(LONGEST_WRITE, gaps.clone()));
                }
                is_gone
            }
            told = heard.next() => {
                let Some(told) = told else { return };
                Beat::from_bytes(&told.payload).is_some_and(|beat| peers.hear(beat, Instant::now()))
            }
        };
        if is_gap {
            gaps.send_modify(|count| *count += 1);
        }
    }
}

/// Counts a gap after a delay.
async fn later(delay: Duration, gaps: watch::Sender<u64>) {
    sleep(delay).await;
    gaps.send_modify(|count| *count += 1);
}

/// Reports possible losses of incoming changes. Many gaps at once are reported as one.
async fn tell_gaps(mut gaps: watch::Receiver<u64>, to: Weak<dyn Deliver>) {
    gaps.mark_unchanged();
    while gaps.changed().await.is_ok() {
        sleep(SETTLE).await;
        gaps.mark_unchanged();
        let Some(to) = to.upgrade() else { return };
        to.gap();
    }
}

impl Bus for Nats {
    fn publish(&self, change: &Change) {
        let Ok(payload) = serde_json::to_vec(change) else { return };
        if self.outgoing.try_send((self.subject(&change.user_id), payload)).is_err() {
            tracing::debug!("the queue for the bus is full; other servers read the changes from the store");
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn subscribe(&self, user_id: Option<&UserId>, to: Weak<dyn Deliver>) -> Option<Interest> {
        let subject = user_id.map_or_else(|| format!("{}.inbox.*", self.prefix), |user_id| self.subject(user_id));
        let (client, prefix) = (self.client.clone(), self.prefix.clone());
        let gaps = user_id.is_none().then(|| self.gaps.subscribe());
        let listening = tokio::spawn(async move {
            let told_of_gaps = async {
                if let Some(gaps) = gaps {
                    tell_gaps(gaps, Weak::clone(&to)).await;
                }
            };
            tokio::join!(told_of_gaps, listen(client, subject, prefix, Weak::clone(&to)));
        });
        Some(Interest(listening.abort_handle()))
    }

    fn note_loss(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn hint(&self) {
        // If the hint is lost, the other servers check a moment later.
        drop(self.outgoing.try_send((hint_subject(&self.prefix), Vec::new())));
    }

    fn hints(&self) -> Option<watch::Receiver<u64>> {
        Some(self.hints.subscribe())
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected && !self.complaint.is_refused()
    }
}

/// Delivers the messages of a subject, until their receiver is dropped.
async fn listen(client: Client, subject: String, prefix: String, to: Weak<dyn Deliver>) {
    let mut messages = match client.subscribe(subject).await {
        Ok(messages) => messages,
        Err(error) => {
            tracing::warn!(%error, "the subscription on the bus failed; changes are read from the store");
            return;
        }
    };
    while let Some(message) = messages.next().await {
        let Some(to) = to.upgrade() else { return };
        match read(&prefix, &message.subject, &message.payload) {
            Ok(change) => to.deliver(&change),
            Err(why) => tracing::debug!(why, "a message on the bus was ignored"),
        }
    }
}

#[cfg(test)]
mod tests;
