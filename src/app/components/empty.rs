//! Stands in place of an empty list.
//!
//! All of it is there from the beginning, and shown by class and by text: a view of its own for each reason would be a
//! twentieth of what the page loads.

use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{
    banner::{SignIn, wait},
    click, flag, follow, optional, still, text,
};
use crate::{
    app::{
        board::{Board, Loading, Message},
        browser,
        page::Address,
        text::bidi::visible,
        words::{Words, fill},
    },
    model::{Code, Problem},
};

/// The command that sends the first notification, the origin in it, and the button that copies it.
const COMMAND: &str = "first-command";
const ORIGIN: &str = "first-origin";
const COPY: &str = "copy-command";

/// The reason for an empty list.
#[derive(Clone, Copy, PartialEq)]
enum Nothing {
    /// It is being loaded.
    Yet,
    /// It could not be read.
    Refused,
    /// No inbox has a notification.
    Anywhere,
    /// No notification passes this filter.
    Here,
}

/// Why the list is empty, if it is.
fn nothing(board: Board) -> Option<Nothing> {
    board.rows.read().is_empty().then(|| match (board.status.read().loading, board.trouble.read().is_some()) {
        (Loading::Begun | Loading::Slow, _) => Nothing::Yet,
        (Loading::Done, true) => Nothing::Refused,
        (Loading::Done, false) if is_first_use(board) => Nothing::Anywhere,
        (Loading::Done, false) => Nothing::Here,
    })
}

/// Whether no inbox that the viewer may see has a notification.
fn is_first_use(board: Board) -> bool {
    let address = board.address.read();
    *address == board.narrow(Address::default()) && board.overview.read().total == 0
}

/// Says why the list is empty, and what can be done; nothing where it is not.
#[component]
pub(super) fn InPlaceOfRows(board: Board) -> impl IntoView {
    let words = board.words;
    let is = move |reason: Nothing| nothing(board) == Some(reason);
    let label = move || match nothing(board) {
        Some(Nothing::Refused) if board.trouble_code() == Some(Code::InvalidInput) => words.show_all,
        Some(Nothing::Here) if board.is_own && *board.address.read() == board.narrow(Address::default()) => "",
        Some(Nothing::Here) if is_narrowed(board) => words.clear_filters,
        Some(Nothing::Here) => words.show_all_inboxes,
        _ => "",
    };
    let wider = move || {
        if is(Nothing::Here) && is_narrowed(board) {
            board.address.read().of_everything()
        } else {
            board.narrow(Address::default())
        }
    };
    view! {
        <div
            class="skeleton"
            class:none=flag(move || !is(Nothing::Yet))
            class:seen=flag(move || board.status.read().loading == Loading::Slow)
            aria-hidden="true"
            inner_html=still!((0..6).map(|_| view! { <div class="skeleton-row"><span></span><span></span></div> }).collect_view())
        ></div>
        <div
            class="state"
            class:none=flag(move || matches!(nothing(board), None | Some(Nothing::Yet)))
            class:first-use=flag(move || is(Nothing::Anywhere))
            role=optional(move || is(Nothing::Refused).then_some("alert"))
        >
            <div class="scene" aria-hidden="true" inner_html=still!(tower())></div>
            <h2>{text(move || title(board).to_owned())}</h2>
            <p class="tabular" aria-live="off">{text(move || sentence(board))}</p>
            <SignIn board />
            <a
                class="plain"
                class:none=flag(move || label().is_empty())
                href=text(move || wider().href())
                on:click=click(move |event| follow(board, &event, wider()))
            >
                {text(move || label().to_owned())}
            </a>
            <button
                type="button"
                class="plain needs-script"
                class:none=flag(move || is_futile(board))
                on:click=click(move |_| board.send(Message::Refresh))
            >
                {words.try_again}
            </button>
            {board.may_send.then(|| view! { <div class="command" inner_html=still!(command(words, board.may_sign_out))></div> })}
        </div>
    }
}

/// Whether a filter or a place further down is why the list is empty.
fn is_narrowed(board: Board) -> bool {
    let address = board.address.read();
    address.narrows() || address.before.is_some()
}

fn title(board: Board) -> &'static str {
    let (words, address) = (board.words, board.address.read());
    match (nothing(board), board.trouble_code()) {
        (None | Some(Nothing::Yet), _) => "",
        (Some(Nothing::Anywhere), _) => words.no_notifications_yet,
        (Some(Nothing::Here), _) if address.q.is_some() => words.nothing_found,
        (Some(Nothing::Here), _) if address.unread => words.caught_up,
        (Some(Nothing::Here), _) => words.nothing_here,
        (_, Some(Code::Unauthenticated)) => words.you_are_signed_out,
        (_, Some(Code::TooManyRequests)) => words.too_many,
        (_, Some(Code::Forbidden)) => words.may_not_see,
        (_, Some(Code::InvalidInput)) if is_wrong(board, "user_id") => words.wrong_user,
        (_, Some(Code::InvalidInput)) if is_wrong(board, "q") => words.wrong_search,
        (_, Some(Code::InvalidInput)) => words.wrong_address,
        (_, Some(Code::Unreachable)) => words.cannot_reach,
        _ => words.not_read,
    }
}

fn sentence(board: Board) -> String {
    match nothing(board) {
        None | Some(Nothing::Yet) => String::new(),
        Some(Nothing::Refused) => wait(board).unwrap_or_else(|| detail(board)),
        Some(Nothing::Anywhere) if board.may_send => board.words.first_by_sender.to_owned(),
        Some(Nothing::Anywhere) if board.is_own => board.words.first_by_owner.to_owned(),
        Some(Nothing::Anywhere) => board.words.first_by_reader.to_owned(),
        Some(Nothing::Here) => what_is_not_here(board.words, &board.address.read()),
    }
}

/// What the heading leaves open of why the list could not be read.
fn detail(board: Board) -> String {
    match board.trouble.read().as_ref() {
        Some(problem) if problem.code == Code::Unauthenticated => board.words.sign_in_to_see.to_owned(),
        // What is wrong is said at its field, or is part of a link that no user wrote; or the heading says all of it.
        Some(problem) if matches!(problem.code, Code::InvalidInput | Code::Unreachable) => String::new(),
        problem => problem.map(|problem| board.words.detail(problem).to_owned()).unwrap_or_default(),
    }
}

/// The filter that nothing passes.
fn what_is_not_here(words: &Words, address: &Address) -> String {
    let mut sentence = words.there_is_nothing.to_owned();
    let mut put = |word: &str, what: Option<&str>| {
        if let Some(what) = what {
            sentence.push_str(&fill(word, &[what]));
        }
    };
    put(words.nothing_unread, address.unread.then_some(""));
    put(words.nothing_of_category, address.category.as_deref());
    put(words.nothing_with, address.q.as_deref());
    put(words.nothing_for, address.asked_user_id().map(visible).as_deref());
    put(words.nothing_further, address.before.as_deref());
    put(".", Some(""));
    sentence
}

/// Whether trying again leads to nothing else, or there is nothing to try.
fn is_futile(board: Board) -> bool {
    let trouble = board.trouble.read();
    let is_final = |problem: &Problem| problem.code == Code::Unauthenticated || !problem.errors.is_empty();
    nothing(board) != Some(Nothing::Refused) || board.status.read().wait > 0 || trouble.as_ref().is_some_and(is_final)
}

/// Whether it is this part of what is asked for that is not legal.
fn is_wrong(board: Board, field: &str) -> bool {
    board.trouble.read().as_ref().is_some_and(|problem| problem.field(field).is_some())
}

/// Completes the command with this server's origin, and copies it on a click. In the browser only.
pub(in crate::app) fn offer_command(board: Board) {
    if let Ok(origin) = location().origin() {
        browser::set_text(ORIGIN, &origin);
    }
    browser::listen(COPY, "click", move |_| {
        let text = browser::element(COMMAND).and_then(|command| command.text_content()).unwrap_or_default();
        let promise = window().navigator().clipboard().write_text(&text);
        leptos::task::spawn_local(async move {
            if JsFuture::from(promise).await.is_ok() {
                browser::set_attribute(COPY, "data-copied", Some(""));
                board.say(board.words.copied);
                browser::after(2_000, || browser::set_attribute(COPY, "data-copied", None));
            }
        });
    });
}

/// The command, for a viewer who has to sign in or not: a shell needs a key too where the viewer had to.
#[cfg(feature = "ssr")]
fn command(words: &'static Words, needs_key: bool) -> impl IntoView {
    use super::icons::{self, Icon};

    let of = &words.language().pages;
    let key = if needs_key { "-H \"Authorization: Bearer $KEY\" \\\n  " } else { "" };
    let rest = format!(
        "/api/notifications/create\" \\\n  {key}-H \"Content-Type: application/json\" \\\n  \
         -d '{{\"user_id\": \"user_123\", \"content\": \"Your order has been shipped!\"}}'",
    );
    view! {
        <pre tabindex="0" role="region" aria-label=of.command><code id=COMMAND>"curl -X POST \"" <span id=ORIGIN>"http://localhost:8000"</span> {rest}</code></pre>
        <button type="button" class="plain needs-script" id=COPY>
            <Icon of=icons::COPY />
            <span>{of.copy}</span>
            <span>{words.copied}</span>
        </button>
    }
}

/// The drawing of a small bell tower in the evening.
#[cfg(feature = "ssr")]
fn tower() -> impl IntoView {
    view! {
        <svg class="tower" viewBox="0 0 160 140" width="160" height="140">
            <path class="tower-ground" d="M8 132h144M22 132c6-9 14-9 20 0M120 132c5-12 16-12 22 0" />
            <path class="tower-wall" d="M62 132V54h36v78zM58 54h44M58 48h44v6H58zM62 48V34h36v14M60 34h40L80 8z" />
            <path class="tower-line" d="M80 8V2M74 132v-14a6 6 0 0 1 12 0v14M76 92h8M76 78h8M76 104h8" />
            <path class="tower-bell" d="M74 46c1-2 2-3 2-6a4 4 0 0 1 8 0c0 3 1 4 2 6zM79 48h2" />
        </svg>
    }
}
