//! Checks whether a NATS server lets this one use the subjects that it needs.

use std::{future::ready, sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use async_nats::{Client, ConnectOptions, Event as Happened, ServerError};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    NatsUrl, TIMEOUT,
    complaint::{self, Complaint},
    hint_subject,
};

/// How long `check` waits for a server to refuse the subjects.
const REFUSED: Duration = Duration::from_millis(500);

/// Checks once whether a NATS server accepts the login and allows the subjects.
///
/// # Errors
/// The reason, without any secret.
pub(in crate::server) async fn is_reachable(url: &NatsUrl, prefix: &str) -> Result<()> {
    let (refuses, mut refused) = mpsc::channel(1);
    let options = ConnectOptions::new().connection_timeout(TIMEOUT).event_callback(move |event| {
        if let Happened::ServerError(ServerError::Other(text)) = &event
            && is_about_a_subject(text)
        {
            // The error itself is enough.
            let _ = refuses.try_send(());
        }
        ready(())
    });
    let connected = url.log_in(options)?.connect(url.servers()).await;
    let client =
        connected.map_err(|error| anyhow!("{url} cannot be used: {}.", complaint::words(&error.to_string())))?;
    let subjects = async {
        let mut listening = Vec::new();
        for subject in [format!("{prefix}.inbox.*"), format!("{prefix}.servers"), hint_subject(prefix)] {
            listening.push(client.subscribe(subject).await.ok());
        }
        // An empty message is harmless: as a hint it makes the servers check once for due deliveries, and it is neither
        // a beat nor a change. `x` is not the subject of an inbox: no base64 has one character.
        for subject in [format!("{prefix}.inbox.x"), format!("{prefix}.servers"), hint_subject(prefix)] {
            drop(client.publish(subject, Vec::new().into()).await);
        }
        drop(client.flush().await);
        // A request with a reply would need another subject, which the NATS user need not be allowed to use.
        timeout(REFUSED, refused.recv()).await.is_ok()
    };
    match timeout(TIMEOUT, subjects).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(anyhow!("{url} refuses a subject: {}.", complaint::needed(prefix))),
        Err(_) => Err(anyhow!("{url} does not answer.")),
    }
}

/// While a subject is refused, checks once a minute over a separate connection whether it still is, and reconnects when
/// it no longer is. Reconnecting makes every follower of all inboxes list again.
pub(super) async fn ask_anew(client: Client, url: NatsUrl, prefix: String, complaint: Arc<Complaint>) {
    loop {
        sleep(complaint::PAUSE).await;
        if !complaint.is_refused() {
            continue;
        }
        match is_reachable(&url, &prefix).await {
            Ok(()) => drop(client.force_reconnect().await),
            Err(_) => complaint.forbidden(&prefix),
        }
    }
}

/// Whether an error of a NATS server is about a user's permission for a subject.
pub(super) fn is_about_a_subject(error: &str) -> bool {
    error.to_ascii_lowercase().contains("permissions violation")
}
