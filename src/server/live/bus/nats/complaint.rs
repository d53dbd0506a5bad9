//! Logs why the bus is unavailable: at once, and then once a minute.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_nats::Server;
use tokio::time::{Duration, Instant};

use super::url::place;
use crate::server::trust::in_words;

/// Pause between two log lines.
pub(super) const PAUSE: Duration = Duration::from_secs(60);

/// The last log line, and its time.
#[derive(Default)]
pub(super) struct Complaint(Mutex<State>);

#[derive(Default)]
struct State {
    said: Option<Instant>,
    /// Whether the server accepted the connection but refuses a subject.
    is_refused: bool,
    /// The number of rounds in which all servers were tried since the last connection.
    rounds: u32,
}

impl Complaint {
    /// Called before each round of attempts, with the results of earlier ones.
    pub(super) fn before_a_round(&self, servers: &[Server]) {
        let is_due = {
            let mut state = self.state();
            state.rounds = state.rounds.saturating_add(1);
            // Before the first round nothing has failed yet; any earlier errors are outdated.
            state.rounds > 1 && state.is_due(Instant::now())
        };
        if is_due {
            let why = why(servers);
            tracing::warn!(%why, "the bus cannot be reached; other servers receive changes later");
        }
    }

    /// Logs that the server accepted the connection but refuses a subject. The server's own message names the subject,
    /// and with it an inbox, so it is not logged.
    pub(super) fn forbidden(&self, prefix: &str) {
        let is_due = {
            let mut state = self.state();
            state.is_refused = true;
            state.is_due(Instant::now())
        };
        if is_due {
            tracing::warn!("NATS refuses a subject; {}", needed(prefix));
        }
    }

    /// Whether a subject was refused since the connection was made.
    pub(super) fn is_refused(&self) -> bool {
        self.state().is_refused
    }

    /// The bus is available again: the next failure is logged at once.
    pub(super) fn over(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permissions that a NATS user needs.
pub(super) fn needed(prefix: &str) -> String {
    format!("this user has to publish and subscribe to {prefix}.>")
}

impl State {
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.said.is_none_or(|at| now.duration_since(at) >= PAUSE);
        if is_due {
            self.said = Some(now);
        }
        is_due
    }
}

/// Explains an error of the library. Any server may be at the address, so its text is made harmless.
pub(super) fn words(error: &str) -> String {
    in_words(error).unwrap_or_else(|| match error.to_ascii_lowercase() {
        error if error.contains("authorization violation") => {
            "it refuses us: the user and password, the token, or the file are not the right ones".to_owned()
        }
        _ => error.chars().take(200).flat_map(char::escape_debug).collect(),
    })
}

/// Why no server is available, after all of them were tried.
fn why(servers: &[Server]) -> String {
    let reasons = servers.iter().filter_map(|server| {
        let error = server.last_error.as_deref()?;
        Some(format!("{}: {}", place(&server.addr), words(error)))
    });
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        return reasons.join("; ");
    }
    // The library stores no error if a name has no address.
    let places: Vec<String> = servers.iter().map(|server| place(&server.addr)).collect();
    format!("{}: its name leads to no address", places.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_failure_is_logged_at_once_and_then_once_a_minute() {
        let (complaint, began) = (Complaint::default(), Instant::now());
        let is_due = |second| complaint.state().is_due(began + Duration::from_secs(second));
        assert_eq!((0..200).filter(|second| is_due(*second)).collect::<Vec<_>>(), [0, 60, 120, 180]);
        complaint.over();
        assert!(is_due(200));
    }
}
