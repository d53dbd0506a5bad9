//! The bus over core NATS: one subject for each inbox.
//!
//! A process subscribes to the inboxes that somebody listens to there, and to nothing else, so what
//! nobody wants is not sent to anybody.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, Event, ServerAddr, connection::State};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::{Bus, Interest};
use crate::{
    model::{Change, UserId},
    server::hub::Hub,
};

/// How many changes may wait to be sent. What does not fit is found in the store by the others.
const QUEUE: usize = 8_192;
/// How many changes of one inbox may wait to be delivered.
const SUBSCRIPTION: usize = 1_024;
/// How long to wait before connecting again.
const RECONNECT: Duration = Duration::from_millis(500);
/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A bus over NATS.
pub(in crate::server) struct Nats {
    client: Client,
    prefix: String,
    outgoing: mpsc::Sender<(String, Vec<u8>)>,
}

impl Nats {
    /// Connects in the background, and again whenever the connection is lost. `urls` is one or
    /// more of `nats://USER:PASSWORD@HOST:PORT` or `tls://…`, separated by commas.
    pub(in crate::server) async fn connect(urls: &str, prefix: &str) -> Result<Self, String> {
        let servers: Result<Vec<ServerAddr>, _> = urls.split(',').map(|url| url.trim().parse()).collect();
        let options = ConnectOptions::new()
            .name("campanile")
            .no_echo()
            .retry_on_initial_connect()
            .connection_timeout(TIMEOUT)
            .ping_interval(TIMEOUT)
            .subscription_capacity(SUBSCRIPTION)
            .reconnect_delay_callback(|_| RECONNECT)
            .event_callback(|event| async move {
                match event {
                    Event::Connected => tracing::info!("connected to the bus"),
                    Event::SlowConsumer(_) => tracing::debug!("the bus dropped changes; they are read from the store"),
                    Event::Disconnected => tracing::warn!("the bus is away; others hear of changes later"),
                    other => tracing::debug!(%other, "the bus"),
                }
            });
        let servers = servers.map_err(|error| format!("bus: this is no address of NATS: {error}."))?;
        let client = options.connect(servers).await.map_err(|error| format!("bus: {error}."))?;
        let (outgoing, queue) = mpsc::channel(QUEUE);
        tokio::spawn(send(client.clone(), queue));
        Ok(Self { client, prefix: prefix.to_owned(), outgoing })
    }

    /// The subject of an inbox; any user id is one token.
    fn subject(&self, user_id: &UserId) -> String {
        format!("{}.inbox.{}", self.prefix, BASE64_URL_SAFE_NO_PAD.encode(user_id.as_str()))
    }
}

/// Sends what is queued. While the bus is away it is dropped: it would come too late to be of use.
async fn send(client: Client, mut queue: mpsc::Receiver<(String, Vec<u8>)>) {
    while let Some((subject, payload)) = queue.recv().await {
        if client.connection_state() != State::Connected {
            continue;
        }
        if let Err(error) = client.publish(subject, payload.into()).await {
            tracing::debug!(%error, "a change could not be sent; the others find it in the store");
        }
    }
}

impl Bus for Nats {
    fn publish(&self, change: &Change) {
        let Ok(payload) = serde_json::to_vec(change) else { return };
        if self.outgoing.try_send((self.subject(&change.user_id), payload)).is_err() {
            tracing::debug!("too much waits to be sent; the others find it in the store");
        }
    }

    fn subscribe(&self, user_id: Option<&UserId>, hub: &Arc<Hub>) -> Option<Interest> {
        let subject = user_id.map_or_else(|| format!("{}.inbox.*", self.prefix), |user_id| self.subject(user_id));
        let (client, hub) = (self.client.clone(), Arc::downgrade(hub));
        let listening = tokio::spawn(async move {
            let mut messages = match client.subscribe(subject).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(%error, "the bus cannot be listened to; changes are read from the store");
                    return;
                }
            };
            while let Some(message) = messages.next().await {
                let Some(hub) = hub.upgrade() else { return };
                match serde_json::from_slice(&message.payload) {
                    Ok(change) => hub.deliver(change),
                    Err(error) => tracing::debug!(%error, "something on the bus is not ours"),
                }
            }
        });
        Some(Interest(listening.abort_handle()))
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}
