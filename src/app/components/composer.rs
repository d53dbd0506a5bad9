//! The form that sends.

mod refused;

use leptos::{
    ev::{KeyboardEvent, MouseEvent, SubmitEvent},
    prelude::*,
    server_fn::ServerFn,
    task::spawn_local,
};
use wasm_bindgen::JsCast;

use self::refused::{typed, typed_text};
use super::{
    banner::path_of_send,
    click, effect, flag, grouped,
    icons::{self, Icon},
    optional, text,
};
use crate::{
    app::{
        board::{Board, Message, Typed, explain, may_be_sent},
        browser,
        server_fns::{self, SendNotification, composing},
    },
    model::{Category, Content, Problem},
};

/// The sheet, and what the address ends with while it is open.
const SHEET: &str = "compose";

/// The names of the fields and the ids of their elements, in the order in which a person should mend them.
const FIELDS: [(&str, &str); 5] =
    [("user_id", TO), ("category", OTHER), ("title", HEADING), ("content", TEXT), ("link", LEADS)];
const TO: &str = "to";
const OTHER: &str = "other-category";
const HEADING: &str = "heading";
const TEXT: &str = "text";
const LEADS: &str = "leads";

/// Opens the composer where it is a sheet, and goes to its first empty field.
pub(super) fn open() {
    if browser::is_wide() {
        focus_first();
    } else {
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

/// The sheet is open as long as the address names it. Then nothing else of the page can be reached, and the focus goes
/// there; in the end it goes back to what opened it.
fn follow_address(board: Board) {
    let is_open = !browser::is_wide() && location().hash().is_ok_and(|hash| hash.trim_start_matches('#') == SHEET);
    if is_open == board.is_composing.get_untracked() {
        return;
    }
    board.is_composing.set(is_open);
    browser::make_inert("body > :not(#compose, .toasts)", is_open);
    if is_open { focus_first() } else { browser::focus_soon("compose-open".to_owned()) }
}

/// The state of the form beside the input.
#[derive(Clone, Copy)]
struct Fields {
    /// How many characters the text has.
    length: RwSignal<usize>,
    /// Why the last submission was refused or not confirmed.
    problem: RwSignal<Option<Problem>>,
}

impl Fields {
    /// Counts the characters of the text, which the browser may have kept from before.
    fn measure(self) {
        self.length.set(browser::value(TEXT).chars().count());
    }

    /// Puts texts into the fields that are cleared after sending.
    fn put(self, content: &str, title: &str, link: &str) {
        for (field, text) in [(TEXT, content), (HEADING, title), (LEADS, link)] {
            browser::set_value(field, text);
        }
        self.measure();
    }

    /// Shows a problem, and goes to the first field that it concerns.
    fn refuse(self, problem: Problem) {
        let first = FIELDS.iter().find(|(name, _)| problem.field(name).is_some());
        if let Some((_, id)) = first {
            browser::focus_soon((*id).to_owned());
        }
        self.problem.set(Some(problem));
    }

    /// Tells the user so if the list shows a notification that was not confirmed.
    fn confirm(self, board: Board) {
        let Some(sent) = board.confirmed() else { return };
        self.problem.set(None);
        if sent == Typed::read() {
            self.put("", "", "");
        }
        board.send(Message::Toast(format!("Sent to {}.", sent.user_id)));
    }

    /// The problem of a field; empty when there is none.
    fn problem_of(self, name: &'static str) -> Signal<String> {
        text(move || self.problem.read().as_ref().and_then(|it| it.field(name)).unwrap_or_default().to_owned())
    }

    /// Whether a field has a problem.
    fn invalid(self, name: &'static str) -> Signal<Option<&'static str>> {
        optional(move || self.problem.read().as_ref().and_then(|it| it.field(name)).map(|_| "true"))
    }
}

impl Typed {
    fn read() -> Self {
        let chosen = document().query_selector("#compose [name=category]:checked").ok().flatten();
        let chosen = chosen.and_then(|chosen| chosen.get_attribute("value"));
        Self {
            user_id: browser::value(TO).trim().to_owned(),
            content: browser::value(TEXT),
            category: chosen.map(|slug| if slug.is_empty() { browser::value(OTHER).trim().to_owned() } else { slug }),
            title: browser::value(HEADING),
            link: browser::value(LEADS),
        }
    }
}

/// Sends the input: it is shown at once, and put back when it is refused. Input that was not confirmed and has not
/// changed is the same submission, and is sent once.
fn submit(board: Board, fields: Fields) {
    let typed = Typed::read();
    if typed.category.as_ref().is_some_and(String::is_empty) {
        return fields.refuse(composing::unnamed_category());
    }
    let Typed { user_id, content, category, title, link } = typed.clone();
    let new = match composing::parse(&user_id, &content, category.as_deref(), Some(&title), Some(&link)) {
        Ok(new) => new,
        Err(problem) => return fields.refuse(problem),
    };
    fields.problem.set(None);
    fields.put("", "", "");
    let Some(submission) = board.submit(typed, new) else { return };
    spawn_local(async move {
        let given = |text: &String| Some(text.clone());
        let (to, text, named) = (user_id, content.clone(), given(&submission.key));
        match server_fns::send(to, text, category, None, given(&title), given(&link), named).await {
            Ok(notification) => {
                board.send(Message::Sent(submission, notification));
                if board.is_composing.get_untracked() {
                    close();
                }
            }
            Err(problem) => {
                // Unless the user is writing the next one already.
                if browser::value(TEXT).is_empty() {
                    fields.put(&content, &title, &link);
                }
                fields.refuse(problem.clone());
                board.send(Message::NotSent(submission, problem));
                // It may have arrived meanwhile.
                fields.confirm(board);
            }
        }
    });
}

/// Opens the composer where it is a sheet. It is a link, which needs no script.
#[component]
pub(super) fn ComposeLink() -> impl IntoView {
    view! {
        <a class="compose-open primary" id="compose-open" href="#compose">
            <Icon of=icons::PEN />
            "New"
        </a>
    }
}

/// What a click on the links out of the sheet does.
fn leave() -> Box<dyn FnMut(MouseEvent)> {
    click(move |event| {
        event.prevent_default();
        close();
    })
}

/// The idempotency key of the form where there is no script: one for each time that the page is made. The script has
/// one for each submission, and leaves this one alone.
fn key_of_form() -> String {
    #[cfg(feature = "ssr")]
    let key = typed("idempotency_key").unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    #[cfg(not(feature = "ssr"))]
    let key = String::new();
    key
}

/// The form that sends: a column where there is room, else a sheet that comes up from below. It
/// works without script too: the sheet is the target of a link.
#[component]
pub(in crate::app) fn Composer(board: Board) -> impl IntoView {
    let refused = board.refusal.get_untracked().filter(|refusal| refusal.path == path_of_send());
    let problem = RwSignal::new(refused.map(|refusal| refusal.problem));
    let fields = Fields { length: RwSignal::new(0), problem };
    effect(move |_| {
        board.rows.track();
        fields.confirm(board);
    });
    effect(move |_| {
        fields.measure();
        for event in ["hashchange", "resize"] {
            let _ = window_event_listener_untyped(event, move |_| follow_address(board));
        }
        // The page opened the sheet before the script was there; the way back from it is to the page.
        let is_named = location().hash().as_deref() == Ok("#compose");
        if is_named && let Ok(history) = window().history() {
            let href = board.address.read_untracked().href();
            let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&href));
        }
        if (is_named || fields.problem.read_untracked().is_some()) && !browser::is_wide() {
            open();
        }
    });
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        submit(board, fields);
    };
    let shortcut = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            let form = browser::element("compose").and_then(|sheet| sheet.query_selector("form").ok().flatten());
            if let Some(form) = form.and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok()) {
                let _ = form.request_submit();
            }
        }
    };
    view! {
        <div
            class="composer"
            id=SHEET
            aria-labelledby="compose-title"
            role=text(move || if board.is_composing.get() { "dialog" } else { "complementary" }.to_owned())
            aria-modal=optional(move || board.is_composing.get().then_some("true"))
        >
            <a class="backdrop" href="#" tabindex="-1" aria-hidden="true" on:click=leave()></a>
            <div class="sheet" on:keydown=shortcut>
                <div class="sheet-head">
                    <h2 id="compose-title">"Send a notification"</h2>
                    <a class="quiet compose-close" href="#" role="button" aria-label="Close" on:click=leave()>
                        <Icon of=icons::CROSS />
                    </a>
                </div>
                <form class="compose-form" method="post" action=action_of(board) on:submit=on_submit>
                    <input type="hidden" name="idempotency_key" value=key_of_form() autocomplete="off" />
                    <ComposerFields board fields />
                    <div class="send-row">
                        <button type="submit" class="primary">"Send"</button>
                        <span class="send-keys needs-script" aria-hidden="true"><kbd>"Ctrl"</kbd><kbd>"Enter"</kbd></span>
                    </div>
                    <Trouble fields />
                </form>
            </div>
        </div>
    }
}

/// Where the form is sent without script, with the filter of the page: the page that answers it has the same.
fn action_of(board: Board) -> String {
    let href = board.address.read_untracked().href();
    let query = href.find('?').map_or("", |at| &href[at..]);
    board.at(SendNotification::url()) + query
}

#[component]
fn ComposerFields(board: Board, fields: Fields) -> impl IntoView {
    let to = typed("user_id").or_else(|| board.filter().user_id.map(|user_id| user_id.as_str().to_owned()));
    let category = typed("category");
    let chosen = move |slug: &str| category.as_deref().unwrap_or("message") == slug;
    // Another inbox is shown: the user probably writes to that one, and no longer to one that is left.
    let mut filled = to.clone().unwrap_or_default();
    effect(move |is_first| {
        let user_id = board.address.read().user_id.clone().unwrap_or_default();
        let is_another = !is_first && user_id != filled;
        if is_another && browser::value(TEXT).is_empty() && (!user_id.is_empty() || browser::value(TO) == filled) {
            browser::set_value(TO, &user_id);
        }
        filled = user_id;
    });
    view! {
        <div class="field">
            <label for=TO>"To"</label>
            <input
                id=TO name="user_id" class="mono" required maxlength="128" value=to
                placeholder="user_123" list="recent" autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-invalid=fields.invalid("user_id") aria-describedby="to-problem"
            />
            <FieldProblem fields name="user_id" id="to-problem" />
        </div>
        <fieldset class="field kinds-choice">
            <legend>"Category"</legend>
            <div class="chips">
                {Category::WELL_KNOWN.map(|slug| view! {
                    <label class="chip" data-kind=slug>
                        <input type="radio" name="category" value=slug checked=chosen(slug) />
                        <Icon of=icons::of_category(slug) />
                        {slug}
                    </label>
                }).into_iter().collect_view()}
                <label class="chip" data-kind="other">
                    <input type="radio" name="category" value="" checked=chosen("") />
                    <Icon of=icons::LABEL />
                    "Other…"
                </label>
                <input
                    id=OTHER name="other_category" class="mono" maxlength="32" placeholder="billing" aria-label="Other category"
                    value=typed("other_category")
                    autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-invalid=fields.invalid("category") aria-describedby="kind-problem"
                />
            </div>
            <FieldProblem fields name="category" id="kind-problem" />
        </fieldset>
        <div class="field">
            <label for=HEADING>"Title"</label>
            <input
                id=HEADING name="title" maxlength="200" autocomplete="off" dir="auto" value=typed("title")
                aria-invalid=fields.invalid("title") aria-describedby="heading-problem"
            />
            <FieldProblem fields name="title" id="heading-problem" />
        </div>
        <div class="field">
            <label for=TEXT>"Text"</label>
            <textarea
                id=TEXT name="content" required rows="5" dir="auto" inner_html=typed_text()
                aria-invalid=fields.invalid("content") aria-describedby="text-problem text-length"
                on:input=move |_| fields.measure()
            ></textarea>
            <FieldProblem fields name="content" id="text-problem" />
            <p class="length tabular needs-script" id="text-length" class:over=flag(move || fields.length.get() > Content::MAX_CHARS)>
                {text(move || grouped(fields.length.get() as u64) + " / " + &grouped(Content::MAX_CHARS as u64))}
            </p>
        </div>
        <details class="more-fields" open=fields.problem.read_untracked().as_ref().is_some_and(|problem| problem.field("link").is_some())>
            <summary>"More"</summary>
            <div class="field">
                <label for=LEADS>"Link"</label>
                <input
                    id=LEADS name="link" maxlength="2048" autocomplete="off" spellcheck="false" value=typed("link")
                    inputmode="url" placeholder="https:// or /path"
                    aria-invalid=fields.invalid("link") aria-describedby="leads-problem"
                />
                <FieldProblem fields name="link" id="leads-problem" />
            </div>
        </details>
    }
}

/// The problem of a field. Its element is always there, so that the field's description can refer to it.
#[component]
fn FieldProblem(fields: Fields, name: &'static str, id: &'static str) -> impl IntoView {
    view! {
        <p class="problem" id=id>
            {fields.problem_of(name)}
        </p>
    }
}

/// A problem that concerns none of the fields.
#[component]
fn Trouble(fields: Fields) -> impl IntoView {
    let why = text(move || {
        let problem = fields.problem.read();
        let of_no_field = problem.as_ref().filter(|problem| problem.errors.is_empty());
        of_no_field.map(said).unwrap_or_default()
    });
    view! { <p class="problem" role="alert">{why}</p> }
}

/// Why a notification was not sent, or that it may have been.
fn said(problem: &Problem) -> String {
    if may_be_sent(problem) {
        let how = "It may have been sent: if so, the list shows it. Sending it again sends it once.";
        return format!("Not confirmed. {how}");
    }
    format!("Not sent. {}", explain(problem))
}
