//! Stands in place of an empty list.

use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{
    click, effect, flag, follow,
    icons::{self, Icon},
    text,
};
use crate::app::{
    board::{Board, Loading},
    browser,
    page::Address,
    text::bidi::visible,
};

/// The origin in the commands of the documentation.
const DOCUMENTED_ORIGIN: &str = "http://localhost:8000";

/// Whether no inbox that the viewer may see has a notification.
pub(super) fn is_first_use(board: Board) -> bool {
    let address = board.address.read();
    *address == board.narrow(Address::default()) && board.overview.read().total == 0
}

/// No notifications at all: shows viewers who may send how to send the first one.
#[component]
pub(super) fn FirstUse(board: Board) -> impl IntoView {
    let sentence = match (board.may_send, board.is_own) {
        (true, _) => "Send the first one from here, or from a shell:",
        (false, false) => "What arrives shows here by itself.",
        (false, true) => "What arrives for you shows here by itself.",
    };
    view! {
        <div class="state first-use">
            <Tower />
            <h2>"No notifications yet"</h2>
            <p>{sentence}</p>
            {board.may_send.then(|| view! { <FirstCommand board /> })}
        </div>
    }
}

/// The command that sends the first notification.
#[component]
fn FirstCommand(board: Board) -> impl IntoView {
    let origin = RwSignal::new(DOCUMENTED_ORIGIN.to_owned());
    effect(move |_| {
        if let Ok(here) = location().origin() {
            origin.set(here);
        }
    });
    // A viewer who had to sign in needs a key in a shell too.
    let key = if board.may_sign_out { "-H \"Authorization: Bearer $KEY\" \\\n  " } else { "" };
    let command = move || {
        format!(
            "curl -X POST \"{}/api/notifications/create\" \\\n  {key}-H \"Content-Type: application/json\" \\\n  \
             -d '{{\"user_id\": \"user_123\", \"content\": \"Your order has been shipped!\"}}'",
            origin.read()
        )
    };
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let promise = window().navigator().clipboard().write_text(&command());
        leptos::task::spawn_local(async move {
            if JsFuture::from(promise).await.is_ok() {
                copied.set(true);
                board.say("Copied");
                browser::after(2_000, move || copied.set(false));
            }
        });
    };
    view! {
        <div class="command">
            <pre tabindex="0" role="region" aria-label="Command"><code>{text(command)}</code></pre>
            <button type="button" class="plain needs-script" on:click=click(copy)>
                <Icon of=icons::COPY />
                {text(move || if copied.get() { "Copied" } else { "Copy" }.to_owned())}
            </button>
        </div>
    }
}

/// No notifications for this filter: names it, and links to leave it.
#[component]
pub(super) fn NothingHere(board: Board) -> impl IntoView {
    let sentence = text(move || {
        let address = board.address.read();
        let kind = address.category.as_ref().map_or_else(String::new, |category| format!(" of category “{category}”"));
        let unread = if address.unread { " unread" } else { "" };
        let inbox = address.asked_user_id().map_or_else(String::new, |user_id| " for ".to_owned() + &visible(user_id));
        let further = if address.before.is_some() { " further down" } else { "" };
        let words = address.q.as_ref().map_or_else(String::new, |q| format!(" with “{q}”"));
        format!("There is nothing{unread}{kind}{words}{inbox}{further}.")
    });
    let wider = move || {
        let address = board.address.read();
        if address.narrows() || address.before.is_some() {
            address.of_everything()
        } else {
            board.narrow(Address::default())
        }
    };
    let label = text(move || {
        let address = board.address.read();
        if address.narrows() || address.before.is_some() { "Clear filters" } else { "Show all inboxes" }.to_owned()
    });
    let title = text(move || {
        let address = board.address.read();
        let title = match (&address.q, address.unread) {
            (Some(_), _) => "Nothing found.",
            (None, true) => "You're all caught up.",
            (None, false) => "Nothing here.",
        };
        title.to_owned()
    });
    view! {
        <div class="state">
            <h2>{title}</h2>
            <p>{sentence}</p>
            <a
                class="plain"
                class:none=flag(move || board.is_own && *board.address.read() == board.narrow(Address::default()))
                href=text(move || wider().href())
                on:click=click(move |event| follow(board, &event, wider()))
            >
                {label}
            </a>
        </div>
    }
}

/// Placeholders for rows that are being loaded.
#[component]
pub(super) fn Skeleton(board: Board) -> impl IntoView {
    view! {
        <div class="skeleton" class:seen=flag(move || board.loading.get() == Loading::Slow) aria-hidden="true">
            {(0..6).map(|_| view! { <div class="skeleton-row"><span></span><span></span></div> }).collect_view()}
        </div>
    }
}

/// The drawing of a small bell tower in the evening.
#[component]
fn Tower() -> impl IntoView {
    view! {
        <svg class="tower" viewBox="0 0 160 140" width="160" height="140" aria-hidden="true">
            <path class="tower-ground" d="M8 132h144M22 132c6-9 14-9 20 0M120 132c5-12 16-12 22 0" />
            <path class="tower-wall" d="M62 132V54h36v78zM58 54h44M58 48h44v6H58zM62 48V34h36v14M60 34h40L80 8z" />
            <path class="tower-line" d="M80 8V2M74 132v-14a6 6 0 0 1 12 0v14M76 92h8M76 78h8M76 104h8" />
            <path class="tower-bell" d="M74 46c1-2 2-3 2-6a4 4 0 0 1 8 0c0 3 1 4 2 6zM79 48h2" />
        </svg>
    }
}
