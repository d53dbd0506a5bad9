//! Follows the server live: one connection for all tabs that show the same inbox.
//!
//! While it is up, every change is shown as it happens. While it is down, the page asks every few seconds, and
//! reconnects by itself.

mod backoff;
mod message;
mod socket;
mod tabs;

use js_sys::Function;
use leptos::prelude::*;

pub(super) use self::message::{Kind, Message};
use self::{backoff::Backoff, socket::Socket, tabs::Tabs};
use super::browser;

/// The prefix of the names of locks and channels.
const NAME: &str = "campanile.live.";
/// The message of a leader whose connection is lost.
const DOWN: &str = "down";
/// The question of a tab that joins: whether the connection is up.
const ASK: &str = "?";
/// The message of a tab that has a reason to connect at once.
const HURRY: &str = "!";
/// Close codes after which reconnecting is pointless: the server did not understand the client, or the caller may not
/// listen.
const FINAL: [u16; 2] = [1008, 4003];
/// The close code of a session that is over, which a connection cannot outlive.
const EXPIRED: u16 = 4001;

/// How long to believe a silent stream, in milliseconds: a heartbeat comes after a silence of 0.9 to 1.1 times this one,
/// and takes its way.
pub(super) fn patience(heartbeat_ms: f64) -> f64 {
    1.2 * heartbeat_ms + 1_000.0
}

/// A stream to listen to.
pub(super) struct Stream {
    /// Its name among tabs: tabs with the same name share one connection.
    pub(super) name: String,
    /// The time without a message after which it sends a heartbeat, in milliseconds.
    pub(super) heartbeat_ms: f64,
}

/// The page that listens, and its reactions.
pub(super) trait Page: Copy + Send + Sync + 'static {
    /// The stream for the list that is shown; `None` where there is none.
    fn stream(self) -> Option<Stream>;
    /// The URL of the stream, from the page's present position.
    fn url(self) -> String;
    /// The change number up to which the page has heard; none where all inboxes are shown.
    fn position(self) -> Option<u64>;
    /// Whether the session is over.
    fn is_signed_out(self) -> bool;
    /// The stream reports every change from now on, or no longer does.
    fn set_live(self, is_live: bool);
    /// The page may lack changes: it has to ask for the current list.
    fn refresh(self);
    /// The stream reported a change. `first_hand` is true where this tab has the connection, and did not hear through
    /// another.
    fn hear(self, message: Message, first_hand: bool);
}

/// The live connection of a page: one stream at a time. A copy is the same line.
pub(super) struct Line<P> {
    page: P,
    state: StoredValue<State, LocalStorage>,
}

impl<P: Copy> Clone for Line<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Copy> Copy for Line<P> {}

/// The present stream, and the state of its connection.
#[derive(Default)]
struct State {
    /// Counts up with every new stream: callbacks of an earlier one are void.
    turn: u32,
    tabs: Option<Tabs>,
    /// As [`Stream::heartbeat_ms`].
    heartbeat_ms: f64,
    leads: bool,
    socket: Option<Socket>,
    /// Whether the connection is up, as the leader knows.
    stands: bool,
    /// When the connection last delivered a message, or was begun.
    heard_at: f64,
    /// Counts the connections of this turn, so that each has a watch of its own.
    connections: u32,
    backoff: Backoff,
    is_final: bool,
    /// Whether to reconnect only once a refresh has shown that the credential is still valid.
    is_unsure: bool,
}

impl<P: Page> Line<P> {
    /// A line without a stream yet. In the browser only.
    pub(super) fn of(page: P) -> Self {
        Self { page, state: StoredValue::new_local(State::default()) }
    }

    /// Follows the stream of the list that is shown from now on, and no other.
    pub(super) fn follow(self) {
        let (turn, before) = self.with(|state| {
            let turn = state.turn + 1;
            (turn, std::mem::replace(state, State { turn, ..State::default() }))
        });
        // Outside of the state: closing may call back.
        drop(before);
        self.page.set_live(false);
        let Some(Stream { name, heartbeat_ms }) = self.page.stream() else { return };
        let name = NAME.to_owned() + &name;
        let tabs = Tabs::join(&name, move |text| self.hear_tab(turn, &text));
        tabs.tell(ASK);
        self.with(|state| (state.tabs, state.heartbeat_ms) = (Some(tabs), heartbeat_ms));
        tabs::elect(&name, move |release| self.lead(turn, release));
    }

    /// A refresh was answered, so the credential is valid: where that was in doubt, reconnects.
    pub(super) fn may_listen(self) {
        let (is_unsure, turn) = self.with(|state| (state.is_unsure, state.turn));
        if is_unsure {
            self.connect(turn);
        }
    }

    /// Reconnects at once, for a reason: the network is back, or the user looks.
    pub(super) fn hurry(self) {
        let (leads, may, turn) = self.with(|state| {
            let may = state.socket.is_none() && !state.is_final && state.backoff.may_hurry(browser::now_ms());
            (state.leads, may, state.turn)
        });
        if !leads {
            self.tell(HURRY);
        } else if may {
            self.connect(turn);
        }
    }

    /// Gives the connection up, even if the browser believes in it: the network is gone, or the machine slept.
    pub(super) fn cut(self) {
        let (leads, turn) = self.with(|state| (state.leads && state.socket.is_some(), state.turn));
        if leads {
            self.lost(turn, 0);
        }
    }

    /// Changes the state; when the page is gone already, the result of `f` is a default.
    fn with<T: Default>(self, f: impl FnOnce(&mut State) -> T) -> T {
        self.state.try_update_value(f).unwrap_or_default()
    }

    fn is_current(self, turn: u32) -> bool {
        self.with(|state| state.turn == turn)
    }

    /// Makes this tab the leader, which has the connection. `false` where the line follows another stream by now.
    fn lead(self, turn: u32, release: Option<Function>) -> bool {
        let leads = self.with(|state| {
            let is_current = state.turn == turn;
            if let (true, Some(tabs)) = (is_current, &mut state.tabs) {
                tabs.release = release;
                state.leads = true;
            }
            is_current
        });
        if leads {
            self.tell(DOWN);
            self.connect(turn);
        }
        leads
    }

    fn tell(self, text: &str) {
        self.with(|state| state.tabs.iter().for_each(|tabs| tabs.tell(text)));
    }

    fn connect(self, turn: u32) {
        if !self.is_current(turn) || self.with(|state| state.socket.is_some()) || !browser::is_online() {
            return;
        }
        if self.page.is_signed_out() {
            return self.with(|state| state.is_unsure = true);
        }
        let connection = self.with(|state| {
            let now = browser::now_ms();
            state.is_unsure = false;
            state.backoff.begin(now);
            state.heard_at = now;
            state.connections += 1;
            state.connections
        });
        let socket = Socket::connect(
            &self.page.url(),
            move |text| {
                if self.is_current(turn) {
                    self.with(|state| state.heard_at = browser::now_ms());
                    self.tell(&text);
                    self.hear(&text, true);
                }
            },
            move |code| self.lost(turn, code),
        );
        match socket {
            Some(socket) => {
                self.with(|state| state.socket = Some(socket));
                self.watch(turn, connection);
            }
            None => self.lost(turn, 0),
        }
    }

    /// Checks again and again that this connection delivers messages, and gives it up when it does not: nothing else
    /// notices a path that goes silent without closing.
    fn watch(self, turn: u32, connection: u32) {
        let patience = patience(self.with(|state| state.heartbeat_ms));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
        let pause = (patience / 8.0).clamp(200.0, 60_000.0) as u32;
        browser::after(pause, move || {
            let (is_there, is_silent) = self.with(|state| {
                let is_there = (state.turn, state.connections) == (turn, connection) && state.socket.is_some();
                (is_there, browser::now_ms() - state.heard_at > patience)
            });
            match (is_there, is_silent) {
                (true, true) => self.lost(turn, 0),
                (true, false) => self.watch(turn, connection),
                (false, _) => {}
            }
        });
    }

    /// The connection was lost, or could not be made.
    fn lost(self, turn: u32, code: u16) {
        if !self.is_current(turn) {
            return;
        }
        let (gone, wait, is_final) = self.with(|state| {
            state.stands = false;
            state.is_final = FINAL.contains(&code);
            let wait = state.backoff.lost(browser::now_ms(), js_sys::Math::random());
            (state.socket.take(), wait, state.is_final)
        });
        // Its own handler is running.
        browser::after(0, move || drop(gone));
        self.tell(DOWN);
        self.page.set_live(false);
        if is_final {
            return;
        }
        let again = move || {
            if code == EXPIRED && self.is_current(turn) && self.with(|state| state.socket.is_none()) {
                self.with(|state| state.is_unsure = true);
                self.page.refresh();
            } else {
                self.connect(turn);
            }
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is less than a minute")]
        browser::after(wait as u32, again);
    }

    /// Handles a message of the stream, received here or by way of the leading tab.
    fn hear(self, text: &str, first_hand: bool) {
        let Some(message) = Message::parse(text) else { return };
        match message.kind {
            Kind::Hello | Kind::Reset => {
                self.with(|state| {
                    state.stands = true;
                    state.backoff.stands(browser::now_ms());
                });
                self.page.set_live(true);
                // Only the leader of one inbox was sent the changes that it missed, and only from where it connected.
                let is_behind = message.modseq.is_none() || self.page.position() < message.modseq;
                if !first_hand || is_behind || message.kind == Kind::Reset {
                    self.page.refresh();
                }
            }
            // What it says of the present was not told here: it is asked for.
            Kind::Heartbeat => {
                self.page.set_live(true);
                if message.modseq > self.page.position() {
                    self.page.refresh();
                }
            }
            _ => self.page.hear(message, first_hand),
        }
    }

    /// Handles a message of another tab.
    fn hear_tab(self, turn: u32, text: &str) {
        if !self.is_current(turn) {
            return;
        }
        let (leads, stands) = self.with(|state| (state.leads, state.stands));
        match (text, leads) {
            (ASK, true) if stands => self.tell(r#"{"type":"hello"}"#),
            (ASK, _) => {}
            // The user may have signed in in the other tab.
            (HURRY, true) if self.page.is_signed_out() => self.page.refresh(),
            (HURRY, true) => self.hurry(),
            (HURRY, false) => {}
            (DOWN, false) => self.page.set_live(false),
            // Without locks, two tabs may lead for a moment.
            (_, true) => {}
            (_, false) => self.hear(text, false),
        }
    }
}
