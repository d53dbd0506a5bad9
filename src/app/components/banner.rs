//! The banner above the list when something is wrong.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{click, flag, text};
use crate::{
    app::{
        board::{Board, Message, explain},
        server_fns,
        text::{percent, relative_time},
        words::fill,
    },
    model::Code,
};

/// Reports that the list is old, or that a form was refused.
///
/// The counting seconds are outside of the region that a screen reader announces at once.
#[component]
pub(super) fn Banner(board: Board) -> impl IntoView {
    let words = board.words;
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
            return words.you_are_offline.to_owned();
        }
        match board.trouble.read().as_ref() {
            Some(trouble) if trouble.code == Code::TooManyRequests => words.too_many.to_owned(),
            trouble => trouble.map(|trouble| explain(words, trouble)).unwrap_or_default(),
        }
    });
    let age = text(move || {
        wait(board).unwrap_or_else(|| fill(words.updated_ago, &[&relative_time::span(words, board.status.read().age)]))
    });
    let is_futile = flag(move || board.trouble_code() == Some(Code::Unauthenticated) || board.status.read().wait > 0);
    let refused = move || board.status.read().refusal.clone().filter(|refusal| refusal.path != path_of_send());
    let refusal = text(move || refused().map(|refusal| explain(words, &refusal.problem)).unwrap_or_default());
    view! {
        <div class="banner bad" class:none=flag(move || refused().is_none()) role="alert">
            <p>{refusal}</p>
        </div>
        <div class="banner" class:none=is_fresh>
            <p><span role="status">{why}</span> " " <span class="tabular">{age}</span></p>
            <SignIn board />
            <button type="button" class="plain needs-script" class:none=is_futile on:click=click(move |_| board.send(Message::Refresh))>
                {words.try_again}
            </button>
        </div>
    }
}

/// How long the server is still left alone.
pub(super) fn wait(board: Board) -> Option<String> {
    let seconds = i64::from(board.status.read().wait);
    (seconds > 0).then(|| fill(board.words.asks_again_in, &[&relative_time::span(board.words, seconds)]))
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
            {board.words.sign_in}
        </a>
    }
}

/// The path of the composer's server function.
pub(super) fn path_of_send() -> &'static str {
    <server_fns::SendNotification as ServerFn>::PATH
}
