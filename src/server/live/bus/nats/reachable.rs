//! Whether a NATS server lets this one use the subjects that it needs.

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

/// How long `check` waits for a server to refuse our subjects, after it has taken them.
const REFUSED: Duration = Duration::from_millis(500);

/// Asks a server of NATS once whether it lets us in, and lets us use our subjects.
///
/// # Errors
/// Why not, without anything secret.
pub(in crate::server) async fn is_reachable(url: &NatsUrl, prefix: &str) -> Result<()> {
    let (refuses, mut refused) = mpsc::channel(1);
    let options = ConnectOptions::new().connection_timeout(TIMEOUT).event_callback(move |event| {
        if let Happened::ServerError(ServerError::Other(text)) = &event
            && is_about_a_subject(text)
        {
            // That it was one is enough.
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
        // An empty message is harmless: as a hint it has the servers look once whether something is due, and it is no beat
        // and no change. `x` is not the subject of an inbox: no base64 has one character.
        for subject in [format!("{prefix}.inbox.x"), format!("{prefix}.servers"), hint_subject(prefix)] {
            drop(client.publish(subject, Vec::new().into()).await);
        }
        drop(client.flush().await);
        // To ask for an answer would need a subject that a user of ours need not have.
        timeout(REFUSED, refused.recv()).await.is_ok()
    };
    match timeout(TIMEOUT, subjects).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(anyhow!("{url} refuses a subject: {}.", complaint::needed(prefix))),
        Err(_) => Err(anyhow!("{url} does not answer.")),
    }
}

/// While a subject is refused, asks once a minute, over a connection of its own, whether it still is; and connects anew
/// when it is not. To connect anew has all who follow all inboxes list again.
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

/// Whether a server of NATS says that a user may not use a subject.
pub(super) fn is_about_a_subject(error: &str) -> bool {
    error.to_ascii_lowercase().contains("permissions violation")
}
