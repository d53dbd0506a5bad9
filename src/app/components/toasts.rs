//! The messages at the edge of the page.

use leptos::prelude::*;

use super::{
    click,
    icons::{self, Icon},
    text,
};
use crate::app::board::{Board, Message, TOASTS, Toast};

/// The messages, newest last. Screen readers announce them politely, and they stay six seconds.
#[component]
pub(in crate::app) fn Toasts(board: Board) -> impl IntoView {
    view! {
        <div class="toasts" id=TOASTS role="status" aria-live="polite">
            <For each=move || board.toasts.get() key=|toast| toast.key let:toast>
                <ToastView board toast />
            </For>
        </div>
    }
}

#[component]
fn ToastView(board: Board, toast: Toast) -> impl IntoView {
    let key = toast.key;
    let id = toast.element_id();
    let act = move |message: Message| {
        board.send(message);
        board.attend();
    };
    let undo = toast.undo.is_some().then(|| {
        view! {
            <button type="button" class="plain" on:click=click(move |_| act(Message::Undo(key)))>
                {board.words.undo}
            </button>
        }
    });
    // What it counts may change while it is shown.
    let said = text(move || {
        let toasts = board.toasts.read();
        toasts.iter().find(|toast| toast.key == key).map(|toast| toast.text.clone()).unwrap_or_default()
    });
    view! {
        <div class="toast" id=id class:bad=toast.is_bad>
            <p>{said}</p>
            {undo}
            <button type="button" class="quiet" aria-label=board.words.dismiss on:click=click(move |_| act(Message::Dismiss(key)))>
                <Icon of=icons::CROSS />
            </button>
        </div>
    }
}
