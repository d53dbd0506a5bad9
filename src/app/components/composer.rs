//! The form that sends. The server renders it, and the browser leaves it as it arrived: its elements never change but
//! for their texts, so that their code need not be compiled for the browser. This is what happens in it there.

mod draft;
#[cfg(feature = "ssr")]
mod form;

use leptos::{ev::KeyboardEvent, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

#[cfg(feature = "ssr")]
pub(in crate::app) use self::form::composer;
use super::{
    banner::path_of_send,
    effect,
    icons::{self, Icon},
};
use crate::{
    app::{
        board::{Board, Message, Typed, explain, may_be_sent},
        browser::{self, place},
        server_fns::{self, composing},
        words::{Words, fill},
    },
    model::{Content, Problem},
};

/// The sheet, and what the address ends with while it is open.
const SHEET: &str = "compose";
/// The link that opens it.
const OPEN: &str = "compose-open";

/// The names of the fields and the ids of their elements, in the order in which a person should mend them.
const FIELDS: [(&str, &str); 7] = [
    ("user_id", TO),
    ("category", OTHER),
    ("title", HEADING),
    ("content", TEXT),
    ("link", LEADS),
    ("expires_at", EXPIRES),
    ("Idempotency-Key", KEY),
];
const TO: &str = "to";
const OTHER: &str = "other-category";
const HEADING: &str = "heading";
const TEXT: &str = "text";
const LEADS: &str = "leads";
const EXPIRES: &str = "expires";
const KEY: &str = "own-key";
/// What has the fields that are seldom needed.
const MORE: &str = "compose-more";
/// Those fields.
const SELDOM: [&str; 3] = [LEADS, EXPIRES, KEY];
/// The time zone of the expiry, where no script converts it.
const ZONE: &str = "expires-zone";
/// The elements that say how long the text is, and what is wrong beside the fields.
const LENGTH: &str = "text-length";
const TROUBLE: &str = "compose-problem";

/// Opens the composer where it is a sheet, and goes to its first empty field.
pub(super) fn open() {
    if browser::is_wide() {
        focus_first();
    } else {
        place::keep(true);
        let _ = location().set_hash(SHEET);
    }
}

/// Closes the sheet, as the back button does.
pub(super) fn close() {
    let _ = window().history().and_then(|history| history.back());
}

fn focus_first() {
    browser::focus_soon(if browser::value(TO).is_empty() { TO } else { TEXT }.to_owned());
}

/// Whether the address names the sheet.
fn is_named() -> bool {
    location().hash().as_deref() == Ok("#compose")
}

/// The sheet is open as long as the address names it. Then nothing else of the page can be reached, and the focus goes
/// there; in the end it goes back to what opened it.
fn follow_address(board: Board) {
    let is_open = is_named() && !browser::is_wide();
    if is_open == board.is_composing.get_untracked() {
        return;
    }
    // It has become a column, and Back has nothing to close.
    if !is_open && is_named() {
        close();
    }
    board.is_composing.set(is_open);
    browser::set_attribute(SHEET, "role", Some(if is_open { "dialog" } else { "complementary" }));
    browser::set_attribute(SHEET, "aria-modal", is_open.then_some("true"));
    browser::make_inert("body > :not(#compose, .toasts, .toast)", is_open);
    if is_open {
        focus_first();
    } else {
        place::keep(false);
        browser::focus_soon(board.left().unwrap_or_else(|| OPEN.to_owned()));
    }
}

/// Counts the characters of the text, which the browser may have kept from before.
fn measure(words: &Words) {
    let length = browser::value(TEXT).chars().count();
    browser::set_text(LENGTH, &length_of(words, length));
    browser::set_attribute(LENGTH, "data-over", (length > Content::MAX_CHARS).then_some(""));
}

/// How long a text is, and may be.
fn length_of(words: &Words, length: usize) -> String {
    words.number(length as u64) + " / " + &words.number(Content::MAX_CHARS as u64)
}

/// Puts the input into the fields that are cleared after sending.
fn put(words: &Words, typed: &Typed) {
    let Typed { content, title, link, expires_at, own_key, .. } = typed;
    for (field, text) in [(TEXT, content), (HEADING, title), (LEADS, link), (EXPIRES, expires_at), (KEY, own_key)] {
        browser::set_value(field, text);
    }
    measure(words);
}

/// Shows why the last submission was refused or not confirmed, at the fields that it concerns.
fn show(words: &Words, problem: Option<&Problem>) {
    for (name, id) in FIELDS {
        let why = problem.and_then(|problem| words.field(problem, name));
        browser::set_attribute(id, "aria-invalid", why.map(|_| "true"));
        browser::set_text(&problem_of(id), why.unwrap_or_default());
        if why.is_some() && SELDOM.contains(&id) {
            browser::set_attribute(MORE, "open", Some(""));
        }
    }
    browser::set_text(TROUBLE, &of_no_field(words, problem));
}

/// The id of the element that says what is wrong with the field that has this id.
fn problem_of(id: &str) -> String {
    id.to_owned() + "-problem"
}

/// What is wrong where that concerns none of the fields.
fn of_no_field(words: &Words, problem: Option<&Problem>) -> String {
    problem.filter(|problem| problem.errors.is_empty()).map(|problem| said(words, problem)).unwrap_or_default()
}

/// Shows a problem, and goes to the first field that it concerns.
fn refuse(words: &Words, problem: &Problem) {
    let first = FIELDS.iter().find(|(name, _)| problem.field(name).is_some());
    if let Some((_, id)) = first {
        browser::focus_soon((*id).to_owned());
    }
    show(words, Some(problem));
}

/// Tells the user so if the list shows a notification that was not confirmed.
fn confirm(board: Board) {
    let Some(sent) = board.confirmed() else { return };
    show(board.words, None);
    if sent == Typed::read() {
        put(board.words, &Typed::default());
    }
    board.send(Message::Toast(fill(board.words.sent_to, &[&sent.user_id])));
}

impl Typed {
    fn read() -> Self {
        Self {
            user_id: browser::value(TO).trim().to_owned(),
            content: browser::value(TEXT),
            category: draft::chosen()
                .map(|slug| if slug == composing::OWN { browser::value(OTHER).trim().to_owned() } else { slug }),
            title: browser::value(HEADING),
            link: browser::value(LEADS),
            expires_at: browser::value(EXPIRES),
            own_key: browser::value(KEY),
        }
    }
}

/// Sends the input: it is shown at once, and put back when it is refused. Input that was not confirmed and has not
/// changed is the same submission, and is sent once.
fn submit(board: Board) {
    let (words, typed) = (board.words, Typed::read());
    if typed.category.as_ref().is_some_and(String::is_empty) {
        return refuse(words, &composing::unnamed_category());
    }
    let Typed { user_id, content, category, title, link, .. } = &typed;
    let new = match composing::parse(user_id, content, category.as_deref(), Some(title), Some(link), Ok(None)) {
        Ok(new) => new,
        Err(problem) => return refuse(words, &problem),
    };
    show(words, None);
    put(words, &Typed::default());
    let Some(submission) = board.submit(typed, new) else { return };
    spawn_local(async move {
        let Typed { user_id, content, category, title, link, expires_at, own_key } = submission.typed.clone();
        let (named, expires_at) = (submission.key.clone(), browser::moment_of(expires_at));
        let [title, link, expires_at, named, own_key] = [title, link, expires_at, named, own_key].map(Some);
        match server_fns::send(user_id, content, category, None, title, link, expires_at, named, own_key).await {
            Ok(notification) => {
                board.send(Message::Sent(submission, notification));
                if board.is_composing.get_untracked() {
                    close();
                }
            }
            Err(problem) => {
                // Unless the user is writing the next one already.
                if browser::value(TEXT).is_empty() {
                    put(words, &submission.typed);
                }
                refuse(words, &problem);
                board.send(Message::NotSent(submission, problem));
                // It may have arrived meanwhile.
                confirm(board);
            }
        }
    });
}

/// Opens the composer where it is a sheet. It is a link, which needs no script.
#[component]
pub(super) fn ComposeLink(board: Board) -> impl IntoView {
    view! {
        <a class="compose-open primary" id=OPEN href="#compose">
            <Icon of=icons::PEN />
            {board.words.new}
        </a>
    }
}

/// Starts to follow the form, where the viewer has one. In the browser only.
pub(in crate::app) fn listen(board: Board) {
    if browser::element(SHEET).is_none() {
        return;
    }
    browser::listen(OPEN, "click", |_| place::keep(true));
    browser::listen(SHEET, "submit", move |event| {
        event.prevent_default();
        submit(board);
    });
    // The browser points to a date that is not whole, where that can be seen.
    browser::listen(EXPIRES, "invalid", |_| browser::set_attribute(MORE, "open", Some("")));
    browser::listen(SHEET, "input", move |_| measure(board.words));
    browser::listen(SHEET, "click", |event| {
        // The links out of the sheet.
        if browser::is_within(&event, ".backdrop, .compose-close") {
            event.prevent_default();
            close();
        }
    });
    browser::listen(SHEET, "keydown", |event| {
        let Ok(event) = event.dyn_into::<KeyboardEvent>() else { return };
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            let form = browser::find("#compose form");
            if let Some(form) = form.and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok()) {
                let _ = form.request_submit();
            }
        }
    });
    effect(move |_| {
        board.rows.track();
        confirm(board);
    });
    // What stands there is in UTC: the user typed it before the script was there, or the server refused it.
    let typed = browser::value(EXPIRES);
    // Of a date that is not whole yet, the browser tells nothing, and would clear the field.
    if !typed.is_empty() {
        browser::set_value(EXPIRES, &browser::local_of(typed));
    }
    browser::set_text(ZONE, "");
    let has_come_back = draft::put_back();
    draft::keep();
    follow_inbox(board);
    measure(board.words);
    for event in ["hashchange", "resize"] {
        let _ = window_event_listener_untyped(event, move |_| follow_address(board));
    }
    let is_named = is_named();
    // The way back from the sheet is to the list already.
    if is_named && has_come_back {
        return follow_address(board);
    }
    // The page opened the sheet before the script was there; the way back from it is to the page.
    if is_named && let Ok(history) = window().history() {
        let href = board.address.read_untracked().href();
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&href));
    }
    let is_refused =
        board.status.read_untracked().refusal.as_ref().is_some_and(|refusal| refusal.path == path_of_send());
    if (is_named || is_refused) && !browser::is_wide() {
        open();
    }
}

/// Another inbox is shown: the user probably writes to that one, and no longer to one that is left.
fn follow_inbox(board: Board) {
    let mut filled = browser::value(TO);
    effect(move |is_first| {
        let user_id = board.address.read().user_id.clone().unwrap_or_default();
        let is_another = !is_first && user_id != filled;
        if is_another && browser::value(TEXT).is_empty() && (!user_id.is_empty() || browser::value(TO) == filled) {
            browser::set_value(TO, &user_id);
        }
        filled = user_id;
    });
}

/// Why a notification was not sent, or that it may have been.
fn said(words: &Words, problem: &Problem) -> String {
    if may_be_sent(problem) {
        return words.not_confirmed.to_owned();
    }
    fill(words.not_sent, &[&explain(words, problem)])
}
