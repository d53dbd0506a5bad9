//! The banner above the list when something is wrong.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{click, flag, text};
use crate::{
    app::{
        board::{Board, Message, TOO_MANY, explain},
        server_fns,
        text::{percent, relative_time},
    },
    model::Code,
};

/// Reports that the list is old, or that a form was refused.
///
/// The counting seconds are outside of the region that a screen reader announces at once.
#[component]
pub(super) fn Banner(board: Board) -> impl IntoView {
    let is_fresh = flag(move || {
        // Where the list is empty, the page itself says it in the middle.
        let is_said = board.trouble_code().is_some() && board.rows.read().is_empty();
        is_said
            || !(board.status.read().is_read
                && (board.is_offline.get()
                    || board.trouble.read().as_ref().is_some_and(|trouble| trouble.errors.is_empty())))
    });
    let why = text(move || {
        if board.is_offline.get() {
            return "You're offline.".to_owned();
        }
        match board.trouble.read().as_ref() {
            Some(trouble) if trouble.code == Code::TooManyRequests => TOO_MANY.to_owned(),
            trouble => trouble.map(explain).unwrap_or_default(),
        }
    });
    let age = text(move || {
        wait(board).unwrap_or_else(|| format!("Last updated {} ago.", relative_time::span(board.status.read().age)))
    });
    let is_futile = flag(move || board.trouble_code() == Some(Code::Unauthenticated) || board.status.read().wait > 0);
    let refused = move || board.status.read().refusal.clone().filter(|refusal| refusal.path != path_of_send());
    let refusal = text(move || refused().map(|refusal| explain(&refusal.problem)).unwrap_or_default());
    view! {
        <div class="banner bad" class:none=flag(move || refused().is_none()) role="alert">
            <p>{refusal}</p>
        </div>
        <div class="banner" class:none=is_fresh>
            <p><span role="status">{why}</span> " " <span class="tabular">{age}</span></p>
            <SignIn board />
            <button type="button" class="plain needs-script" class:none=is_futile on:click=click(move |_| board.send(Message::Refresh))>
                "Try again"
            </button>
        </div>
    }
}

/// How long the server is still left alone.
pub(super) fn wait(board: Board) -> Option<String> {
    let seconds = i64::from(board.status.read().wait);
    (seconds > 0).then(|| format!("This page asks again in {}.", relative_time::span(seconds)))
}

/// A link to sign in and return to this address, for users who are signed out.
#[component]
pub(super) fn SignIn(board: Board) -> impl IntoView {
    view! {
        <a
            class="plain"
            class:none=flag(move || board.trouble_code() != Some(Code::Unauthenticated))
            href=text(move || board.at("/login?next=") + &percent::encode(&board.address.read().href()))
        >
            "Sign in"
        </a>
    }
}

/// The path of the composer's server function.
pub(super) fn path_of_send() -> &'static str {
    <server_fns::SendNotification as ServerFn>::PATH
}
