//! Following the server live: one connection for all tabs that show the same inbox.
//!
//! While it stands, every change is shown as it happens. While it does not, the page asks every few
//! seconds, and connects again by itself.

mod backoff;
mod message;
mod socket;
mod tabs;

use std::cell::RefCell;

use js_sys::Function;
use leptos::prelude::*;

pub(super) use self::message::{Kind, Message};
use self::{backoff::Backoff, socket::Socket, tabs::Tabs};
use super::{browser, desktop, percent, state::Board};

/// What the names of locks and channels begin with.
const NAME: &str = "campanile.live.";
/// What a leader says when its connection is lost.
const DOWN: &str = "down";
/// What a tab asks when it joins: whether the connection stands.
const ASK: &str = "?";
/// What a tab says when there is a reason to connect at once.
const HURRY: &str = "!";
/// Close codes after which connecting again leads nowhere: what is said is not understood, or the
/// caller may not listen.
const FINAL: [u16; 2] = [1008, 4003];
/// The close code of a session that is over, which a connection cannot outlive.
const EXPIRED: u16 = 4001;

thread_local! {
    /// What the page listens to. A page has one thread, and listens to one thing.
    static LINE: RefCell<Line> = RefCell::default();
}

/// What the page listens to, and how far that has got.
#[derive(Default)]
struct Line {
    /// Counts up whenever something else is listened to: what belongs to an earlier one is over.
    turn: u32,
    tabs: Option<Tabs>,
    leads: bool,
    socket: Option<Socket>,
    /// Whether the connection stands, as the leader knows.
    stands: bool,
    /// When something was last heard of the connection, or it was begun.
    heard_at: f64,
    /// Counts the connections of this turn, so that each is watched by its own watch and by no other.
    connections: u32,
    backoff: Backoff,
    is_final: bool,
    /// Whether to connect again only once a refresh has shown that the caller is still known.
    is_unsure: bool,
}

fn line<T>(f: impl FnOnce(&mut Line) -> T) -> T {
    LINE.with_borrow_mut(f)
}

fn is_current(turn: u32) -> bool {
    line(|line| line.turn == turn)
}

/// Listens to what the page shows from now on, and to nothing else.
pub(super) fn follow(board: Board) {
    let (turn, before) = line(|line| {
        line.turn += 1;
        let before = std::mem::take(line);
        line.turn = before.turn;
        (line.turn, before)
    });
    // Outside of the borrow: closing may call back.
    drop(before);
    board.set_live(false);
    if board.address.read_untracked().params(0).parse().is_err() {
        return;
    }
    let user_id = board.address.read_untracked().user_id.clone();
    // A colon is in no user id that is written like this.
    let name = NAME.to_owned() + &user_id.as_deref().map_or_else(|| ":all".to_owned(), percent::encode);
    let tabs = Tabs::join(&name, move |text| hear_tab(board, turn, &text));
    tabs.tell(ASK);
    line(|line| line.tabs = Some(tabs));
    tabs::elect(&name, move |release| lead(board, turn, release));
}

/// This tab is to have the connection. Says whether it does: it may be about something else by now.
fn lead(board: Board, turn: u32, release: Option<Function>) -> bool {
    let leads = line(|line| {
        let is_current = line.turn == turn;
        if let (true, Some(tabs)) = (is_current, &mut line.tabs) {
            tabs.release = release;
            line.leads = true;
        }
        is_current
    });
    if leads {
        tell(DOWN);
        connect(board, turn);
    }
    leads
}

fn tell(text: &str) {
    line(|line| line.tabs.iter().for_each(|tabs| tabs.tell(text)));
}

fn connect(board: Board, turn: u32) {
    if !is_current(turn) || line(|line| line.socket.is_some()) || !browser::is_online() {
        return;
    }
    if board.is_signed_out() {
        return line(|line| line.is_unsure = true);
    }
    line(|line| {
        let now = browser::now_ms();
        line.is_unsure = false;
        line.backoff.begin(now);
        line.heard_at = now;
        line.connections += 1;
    });
    let socket = Socket::connect(
        &url(board),
        move |text| {
            if is_current(turn) {
                line(|line| line.heard_at = browser::now_ms());
                tell(&text);
                hear(board, &text, false);
            }
        },
        move |code| lost(board, turn, code),
    );
    match socket {
        Some(socket) => {
            line(|line| line.socket = Some(socket));
            watch(board, turn, line(|line| line.connections));
        }
        None => lost(board, turn, 0),
    }
}

/// Looks again and again whether this connection says something, and gives it up when it does not: a path that
/// goes silent without an end is seen by nothing else.
fn watch(board: Board, turn: u32, connection: u32) {
    // A heartbeat comes after a silence of 0.9 to 1.1 times this; it is waited for 1.5 times as long.
    let patience = 1.5 * board.heartbeat_ms;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    let pause = (patience / 8.0).clamp(200.0, 60_000.0) as u32;
    browser::after(pause, move || {
        let (is_there, is_silent) = line(|line| {
            let is_there = (line.turn, line.connections) == (turn, connection) && line.socket.is_some();
            (is_there, browser::now_ms() - line.heard_at > patience)
        });
        match (is_there, is_silent) {
            (true, true) => lost(board, turn, 0),
            (true, false) => watch(board, turn, connection),
            (false, _) => {}
        }
    });
}

/// Where the stream is that tells what the page shows, from where the page is.
fn url(board: Board) -> String {
    let location = window().location();
    let secure = location.protocol().is_ok_and(|protocol| protocol == "https:");
    let host = location.host().unwrap_or_default();
    let mut url = if secure { "wss://" } else { "ws://" }.to_owned() + &host + &board.at("/ws");
    if let Some(user_id) = &board.address.read_untracked().user_id {
        url.push('/');
        url.push_str(&percent::encode(user_id));
        if let Some(position) = board.position() {
            url.push_str("?since=");
            url.push_str(&position.to_string());
        }
    }
    url
}

/// The connection ended, or could not be made.
fn lost(board: Board, turn: u32, code: u16) {
    if !is_current(turn) {
        return;
    }
    let (gone, wait) = line(|line| {
        line.stands = false;
        line.is_final = FINAL.contains(&code);
        (line.socket.take(), line.backoff.lost(browser::now_ms(), js_sys::Math::random()))
    });
    // Its own handler is running.
    browser::after(0, move || drop(gone));
    tell(DOWN);
    board.set_live(false);
    if !line(|line| line.is_final) {
        let again = move || {
            if code == EXPIRED && is_current(turn) && line(|line| line.socket.is_none()) {
                line(|line| line.is_unsure = true);
                board.refresh();
            } else {
                connect(board, turn);
            }
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is less than a minute")]
        browser::after(wait as u32, again);
    }
}

/// A refresh was answered, so the caller is known: where that was not sure, it connects again.
pub(super) fn may_listen(board: Board) {
    let (is_unsure, turn) = line(|line| (line.is_unsure, line.turn));
    if is_unsure {
        connect(board, turn);
    }
}

/// Takes in what the stream says, here or by way of the leading tab.
fn hear(board: Board, text: &str, from_tab: bool) {
    let Some(message) = Message::parse(text) else { return };
    match message.kind {
        Kind::Hello | Kind::Reset => {
            line(|line| {
                line.stands = true;
                line.backoff.stands(browser::now_ms());
            });
            board.set_live(true);
            // Only the leader of one inbox was told what it missed, and only from where it connected.
            let is_behind = message.modseq.is_none() || board.position() < message.modseq;
            if from_tab || is_behind || message.kind == Kind::Reset {
                board.refresh();
            }
        }
        // What it says of the present was not told here: it is asked for.
        Kind::Heartbeat if message.modseq > board.position() => board.refresh(),
        Kind::Heartbeat => {}
        _ => {
            if let (Kind::Created, Some(notification), false) = (message.kind, &message.notification, from_tab) {
                desktop::show(notification);
            }
            board.hear(message);
        }
    }
}

/// Takes in what another tab says.
fn hear_tab(board: Board, turn: u32, text: &str) {
    if !is_current(turn) {
        return;
    }
    let (leads, stands) = line(|line| (line.leads, line.stands));
    match (text, leads) {
        (ASK, true) if stands => tell(r#"{"type":"hello"}"#),
        (ASK, _) => {}
        // The user may have signed in in the other tab.
        (HURRY, true) if board.is_signed_out() => board.refresh(),
        (HURRY, true) => hurry(board),
        (HURRY, false) => {}
        (DOWN, false) => board.set_live(false),
        // Two lead for a moment where there are no locks.
        (_, true) => {}
        (_, false) => hear(board, text, true),
    }
}

/// There is a reason to connect at once: the network is back, or the user looks.
pub(super) fn hurry(board: Board) {
    let (leads, may, turn) = line(|line| {
        let may = line.socket.is_none() && !line.is_final && line.backoff.may_hurry(browser::now_ms());
        (line.leads, may, line.turn)
    });
    if !leads {
        tell(HURRY);
    } else if may {
        connect(board, turn);
    }
}

/// The connection is worth nothing any more, whatever the browser thinks: the network is gone, or
/// the machine slept.
pub(super) fn cut(board: Board) {
    let (leads, turn) = line(|line| (line.leads && line.socket.is_some(), line.turn));
    if leads {
        lost(board, turn, 0);
    }
}
