//! The banner above the list when something is wrong.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{click, flag, text};
use crate::{
    app::{
        board::{Board, Message, TOO_MANY, explain},
        page::Address,
        server_fns,
        text::{percent, relative_time},
    },
    model::{Code, Problem},
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
            || !(board.read_at.read().is_some()
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
        wait(board).unwrap_or_else(|| format!("Last updated {} ago.", relative_time::span(board.age.get())))
    });
    let is_futile = flag(move || board.trouble_code() == Some(Code::Unauthenticated) || board.wait.get() > 0);
    let refused = move || board.refusal.get().filter(|refusal| refusal.path != path_of_send());
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
fn wait(board: Board) -> Option<String> {
    let seconds = i64::from(board.wait.get());
    (seconds > 0).then(|| format!("This page asks again in {}.", relative_time::span(seconds)))
}

/// A link to sign in and return to this address, for users who are signed out.
#[component]
fn SignIn(board: Board) -> impl IntoView {
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

/// Stands in place of the list when it could not be read at all.
#[component]
pub(super) fn Refused(board: Board) -> impl IntoView {
    let heading = text(move || {
        match board.trouble_code() {
            Some(Code::Unauthenticated) => "You are signed out.",
            Some(Code::TooManyRequests) => TOO_MANY,
            Some(Code::Forbidden) => "You may not see this.",
            Some(Code::InvalidInput) if is_wrong(board, "user_id") => "This user ID isn't valid.",
            Some(Code::InvalidInput) if is_wrong(board, "q") => "This search isn't valid.",
            Some(Code::InvalidInput) => "This link isn't valid.",
            Some(Code::Unreachable) => "Can't reach the server.",
            _ => "The notifications could not be read.",
        }
        .to_owned()
    });
    let detail = text(move || {
        let trouble = board.trouble.read();
        let detail = || match trouble.as_ref() {
            Some(problem) if problem.code == Code::Unauthenticated => "Sign in to see the notifications.".to_owned(),
            // What is wrong is said at its field, or is part of a link that no user wrote.
            Some(problem) if problem.code == Code::InvalidInput => String::new(),
            // The heading says all of it.
            Some(problem) if problem.code == Code::Unreachable => String::new(),
            problem => problem.map(|problem| problem.detail.clone()).unwrap_or_default(),
        };
        wait(board).unwrap_or_else(detail)
    });
    let is_futile = flag(move || {
        let trouble = board.trouble.read();
        let is_final = |problem: &Problem| problem.code == Code::Unauthenticated || !problem.errors.is_empty();
        board.wait.get() > 0 || trouble.as_ref().is_some_and(is_final)
    });
    view! {
        <div class="state" role="alert">
            <h2>{heading}</h2>
            <p class="tabular" aria-live="off">{detail}</p>
            <SignIn board />
            <a
                class="plain"
                class:none=flag(move || board.trouble_code() != Some(Code::InvalidInput))
                href=text(move || board.narrow(Address::default()).href())
            >
                "Show all"
            </a>
            <button type="button" class="plain needs-script" class:none=is_futile on:click=click(move |_| board.send(Message::Refresh))>
                "Try again"
            </button>
        </div>
    }
}

/// Whether it is this part of what is asked for that is not legal.
fn is_wrong(board: Board, field: &str) -> bool {
    board.trouble.read().as_ref().is_some_and(|problem| problem.field(field).is_some())
}
