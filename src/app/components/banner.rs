//! What stands above the list when something is wrong.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{click, flag, text};
use crate::{
    app::{
        relative_time, server_fns,
        state::{Board, explain},
    },
    model::Code,
};

/// Says that what is shown is old, or that a form was refused.
#[component]
pub(super) fn Banner(board: Board) -> impl IntoView {
    let is_fresh = flag(move || {
        !(board.read_at.read().is_some()
            && (board.is_offline.get()
                || board.trouble.read().as_ref().is_some_and(|trouble| trouble.errors.is_empty())))
    });
    let why = text(move || {
        if board.is_offline.get() {
            return "No network.".to_owned();
        }
        board.trouble.read().as_ref().map(explain).unwrap_or_default()
    });
    let age = text(move || format!("Last updated {} ago.", relative_time::span(board.age.get())));
    let refused = move || board.refusal.get().filter(|refusal| refusal.path != path_of_send());
    let refusal = text(move || refused().map(|refusal| explain(&refusal.problem)).unwrap_or_default());
    view! {
        <div class="banner bad" class:none=flag(move || refused().is_none()) role="alert">
            <p>{refusal}</p>
        </div>
        <div class="banner" class:none=is_fresh>
            <p role="status">{why} " " <span class="tabular">{age}</span></p>
            <button type="button" class="plain needs-script" on:click=click(move |_| board.refresh())>"Try again"</button>
        </div>
    }
}

/// The path of the function that the composer calls.
pub(super) fn path_of_send() -> &'static str {
    <server_fns::SendNotification as ServerFn>::PATH
}

/// What stands in place of the list when it could not be read at all.
#[component]
pub(super) fn Refused(board: Board) -> impl IntoView {
    let heading = text(move || {
        match board.trouble.read().as_ref().map(|problem| problem.code) {
            Some(Code::Forbidden) => "You may not see this.",
            Some(Code::InvalidInput) => "This address asks for something that cannot be.",
            Some(Code::Unreachable) => "Campanile does not answer.",
            _ => "The notifications could not be read.",
        }
        .to_owned()
    });
    let detail = text(move || board.trouble.read().as_ref().map(|problem| problem.detail.clone()).unwrap_or_default());
    let is_final = flag(move || board.trouble.read().as_ref().is_some_and(|problem| !problem.errors.is_empty()));
    view! {
        <div class="state" role="alert">
            <h2>{heading}</h2>
            <p>{detail}</p>
            <button type="button" class="plain needs-script" class:none=is_final on:click=click(move |_| board.refresh())>
                "Try again"
            </button>
        </div>
    }
}
