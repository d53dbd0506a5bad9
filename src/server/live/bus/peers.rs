//! The other servers on the bus, and whether any of their changes were lost.
//!
//! A server that is killed may have committed changes that it never sent, and one whose connection breaks loses
//! outgoing changes. So every second, each server announces itself and how often it lost changes. From that, the others
//! notice when it has gone or lost changes, but not in which inboxes.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// How often a server announces itself.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// A server that is silent for this long has gone.
const GONE: Duration = Duration::from_millis(3_500);
/// A server that has been gone for this long is forgotten, to free its memory.
const FORGOTTEN: Duration = Duration::from_secs(3_600);
/// How many servers are remembered, at most.
const MOST: usize = 1_024;

/// The announcement of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    /// The server's id: a random number, drawn when it started.
    pub(super) server: u64,
    /// How often it lost changes since it started.
    pub(super) lost: u64,
}

impl Beat {
    pub(super) fn to_text(self) -> String {
        format!("{:016x} {}", self.server, self.lost)
    }

    /// Reads the output of [`Self::to_text`]; `None` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (server, lost) = std::str::from_utf8(bytes.get(..64.min(bytes.len()))?).ok()?.split_once(' ')?;
        Some(Self { server: u64::from_str_radix(server, 16).ok()?, lost: lost.parse().ok()? })
    }
}

/// The servers that have announced themselves.
#[derive(Debug, Default)]
pub(super) struct Peers(HashMap<u64, Peer>);

#[derive(Debug)]
struct Peer {
    lost: u64,
    heard_at: Instant,
    is_gone: bool,
}

impl Peers {
    /// Records an announcement; `true` when that server lost changes.
    pub(super) fn hear(&mut self, beat: Beat, now: Instant) -> bool {
        let is_full = self.0.len() >= MOST;
        match self.0.get_mut(&beat.server) {
            Some(peer) => {
                // A server that was gone also lost the changes that it sent meanwhile.
                let has_lost = peer.is_gone || peer.lost != beat.lost;
                *peer = Peer { lost: beat.lost, heard_at: now, is_gone: false };
                has_lost
            }
            None if is_full => false,
            None => {
                self.0.insert(beat.server, Peer { lost: beat.lost, heard_at: now, is_gone: false });
                false
            }
        }
    }

    /// Looks for servers that have gone since the last call; `true` when there is one.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let mut has_lost = false;
        self.0.retain(|_, peer| {
            let silence = now.saturating_duration_since(peer.heard_at);
            has_lost |= silence > GONE && !std::mem::replace(&mut peer.is_gone, silence > GONE);
            silence < FORGOTTEN
        });
        has_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_gone_or_lost_something_is_noticed_once() {
        let (mut peers, begin) = (Peers::default(), Instant::now());
        let after = |millis| begin + Duration::from_millis(millis);
        let beat = |lost| Beat { server: 7, lost };
        assert!(!peers.hear(beat(3), begin), "what a new one lost before was never waited for");
        assert!(!peers.hear(beat(3), after(1_000)) && !peers.look(after(4_000)));
        assert!(peers.hear(beat(4), after(4_000)) && !peers.hear(beat(4), after(5_000)));
        assert!(peers.look(after(9_000)) && !peers.look(after(9_500)));
        assert!(peers.hear(beat(4), after(10_000)), "it was not heard for a while");
        assert!(!peers.look(after(10_500)) && !peers.hear(beat(4), after(11_000)));
        assert!(peers.look(after(20_000)) && !peers.look(after(20_000_000)));
        assert!(!peers.hear(beat(9), after(20_000_000)), "it was forgotten, and is new");
    }

    #[test]
    fn a_beat_is_read_as_it_is_written_and_nothing_else_is() {
        let beat = Beat { server: u64::MAX - 1, lost: 17 };
        assert_eq!(Beat::from_bytes(beat.to_text().as_bytes()), Some(beat));
        for wrong in [&b""[..], b" ", b"x 1", b"1", b"1 -1", b"\xff 1", &[b'0'; 1_000_000]] {
            assert_eq!(Beat::from_bytes(wrong), None);
        }
    }
}
