//! The messages at the edge of the page.

use leptos::prelude::*;

use super::{
    click,
    icons::{self, Icon},
};
use crate::app::board::{Board, Message, Toast};

/// The messages, newest last. They are said politely, and stay six seconds.
#[component]
pub(in crate::app) fn Toasts(board: Board) -> impl IntoView {
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || board.toasts.get() key=|toast| toast.key let:toast>
                <ToastView board toast />
            </For>
        </div>
    }
}

#[component]
fn ToastView(board: Board, toast: Toast) -> impl IntoView {
    let key = toast.key;
    let undo = toast.undo.map(|undo| {
        view! {
            <button type="button" class="plain" on:click=click(move |_| board.send(Message::Undo(undo.clone())))>
                "Undo"
            </button>
        }
    });
    view! {
        <div class="toast" class:bad=toast.is_bad>
            <p>{toast.text}</p>
            {undo}
            <button type="button" class="quiet" aria-label="Dismiss" on:click=click(move |_| board.send(Message::Dismiss(key)))>
                <Icon of=icons::CROSS />
            </button>
        </div>
    }
}
