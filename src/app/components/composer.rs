//! The form that sends.

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    prelude::*,
    server_fn::ServerFn,
    task::spawn_local,
};
use wasm_bindgen::JsCast;

use super::{
    banner::path_of_send,
    click, effect, flag,
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

/// The names of the fields and the ids of their elements, in the order in which a person should mend them.
const FIELDS: [(&str, &str); 4] = [("user_id", TO), ("title", HEADING), ("content", TEXT), ("link", LEADS)];
const TO: &str = "to";
const HEADING: &str = "heading";
const TEXT: &str = "text";
const LEADS: &str = "leads";

/// Opens the composer where it is a sheet, and goes to its first empty field.
pub(super) fn open(board: Board) {
    if !browser::is_wide() {
        board.is_composing.set(true);
    }
    let first = if browser::value(TO).is_empty() { TO } else { TEXT };
    browser::focus_soon(first.to_owned());
}

/// Closes the sheet; the focus goes back to what opened it.
pub(super) fn close(board: Board) {
    board.is_composing.set(false);
    browser::focus_soon("compose-open".to_owned());
}

/// What the form says about what is typed into it.
#[derive(Clone, Copy)]
struct Fields {
    /// How many characters the text has.
    length: RwSignal<usize>,
    /// What is wrong with what was to be sent.
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

    /// Says what is wrong, and goes to the first field that is.
    fn refuse(self, problem: Problem) {
        let first = FIELDS.iter().find(|(name, _)| problem.field(name).is_some());
        if let Some((_, id)) = first {
            browser::focus_soon((*id).to_owned());
        }
        self.problem.set(Some(problem));
    }

    /// Says so if the list shows what was not confirmed.
    fn confirm(self, board: Board) {
        let Some(sent) = board.confirmed() else { return };
        self.problem.set(None);
        if sent == Typed::read() {
            self.put("", "", "");
        }
        board.send(Message::Toast(format!("Sent to {}.", sent.user_id)));
    }

    /// What is wrong with a field; empty when nothing is.
    fn problem_of(self, name: &'static str) -> Signal<String> {
        text(move || self.problem.read().as_ref().and_then(|it| it.field(name)).unwrap_or_default().to_owned())
    }

    /// Whether something is wrong with a field.
    fn invalid(self, name: &'static str) -> Signal<Option<&'static str>> {
        optional(move || self.problem.read().as_ref().and_then(|it| it.field(name)).map(|_| "true"))
    }
}

impl Typed {
    fn read() -> Self {
        let kind = document().query_selector("#compose [name=category]:checked").ok().flatten();
        Self {
            user_id: browser::value(TO).trim().to_owned(),
            content: browser::value(TEXT),
            category: kind.and_then(|kind| kind.get_attribute("value")),
            title: browser::value(HEADING),
            link: browser::value(LEADS),
        }
    }
}

/// Sends what is typed: it is shown at once, and put back when it is refused. What was not confirmed and is typed
/// still is the same submission, and is sent once.
fn submit(board: Board, fields: Fields) {
    let typed = Typed::read();
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
        match server_fns::send(to, text, category, given(&title), given(&link), named).await {
            Ok(notification) => {
                board.send(Message::Sent(submission, notification));
                if board.is_composing.get_untracked() {
                    close(board);
                }
            }
            Err(problem) => {
                // Unless the next one is being written already.
                if browser::value(TEXT).is_empty() {
                    fields.put(&content, &title, &link);
                }
                fields.refuse(problem.clone());
                board.send(Message::NotSent(submission, problem));
                // It may have arrived by itself meanwhile.
                fields.confirm(board);
            }
        }
    });
}

/// Opens the composer where it is a sheet.
#[component]
pub(super) fn ComposeLink(board: Board) -> impl IntoView {
    view! {
        <a
            class="compose-open"
            id="compose-open"
            href="#compose"
            on:click=click(move |event| {
                event.prevent_default();
                open(board);
            })
        >
            <Icon of=icons::PEN />
            "New"
        </a>
    }
}

/// The idempotency key of the form where there is no script: one for each time that the page is made. The script has
/// one for each submission, and leaves this one alone.
fn key_of_form() -> String {
    #[cfg(feature = "ssr")]
    let key = uuid::Uuid::now_v7().to_string();
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
        // The page opened the sheet before the script was there.
        if !browser::is_wide()
            && (location().hash().as_deref() == Ok("#compose") || fields.problem.read_untracked().is_some())
        {
            board.is_composing.set(true);
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
        <aside class="composer" id="compose" aria-labelledby="compose-title" class:open=board.is_composing>
            <a class="backdrop" href="#" tabindex="-1" aria-hidden="true" on:click=click(move |event| {
                event.prevent_default();
                close(board);
            })></a>
            <div class="sheet" on:keydown=shortcut>
                <div class="sheet-head">
                    <h2 id="compose-title">"Send a notification"</h2>
                    <a class="quiet compose-close" href="#" role="button" aria-label="Close" on:click=click(move |event| {
                        event.prevent_default();
                        close(board);
                    })>
                        <Icon of=icons::CROSS />
                    </a>
                </div>
                <form class="compose-form" method="post" action=board.at(SendNotification::url()) on:submit=on_submit>
                    <input type="hidden" name="idempotency_key" value=key_of_form() autocomplete="off" />
                    <ComposerFields board fields />
                    <div class="send-row">
                        <button type="submit" class="primary">"Send"</button>
                        <span class="send-keys needs-script" aria-hidden="true"><kbd>"Ctrl"</kbd><kbd>"Enter"</kbd></span>
                    </div>
                    <Trouble fields />
                </form>
            </div>
        </aside>
    }
}

#[component]
fn ComposerFields(board: Board, fields: Fields) -> impl IntoView {
    let to = board.filter().user_id.map(|user_id| user_id.as_str().to_owned());
    // Another inbox is shown: the user probably writes to it.
    effect(move |is_first| {
        let user_id = board.address.read().user_id.clone();
        if let (false, Some(user_id)) = (is_first, user_id)
            && browser::value(TEXT).is_empty()
        {
            browser::set_value(TO, &user_id);
        }
    });
    view! {
        <div class="field">
            <label for=TO>"To"</label>
            <input
                id=TO name="user_id" class="mono" required maxlength="128" value=to
                placeholder="user id" autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-invalid=fields.invalid("user_id") aria-describedby="to-problem"
            />
            <FieldProblem fields name="user_id" id="to-problem" />
        </div>
        <fieldset class="field kinds-choice">
            <legend>"Kind"</legend>
            <div class="chips">
                {Category::WELL_KNOWN.map(|slug| view! {
                    <label class="chip" data-kind=slug>
                        <input type="radio" name="category" value=slug checked=slug == "message" />
                        <Icon of=icons::of_category(slug) />
                        {slug}
                    </label>
                }).into_iter().collect_view()}
            </div>
            <FieldProblem fields name="category" id="kind-problem" />
        </fieldset>
        <div class="field">
            <label for=TEXT>"Text"</label>
            <textarea
                id=TEXT name="content" required rows="5" dir="auto"
                aria-invalid=fields.invalid("content") aria-describedby="text-problem text-length"
                on:input=move |_| fields.measure()
            ></textarea>
            <FieldProblem fields name="content" id="text-problem" />
            <p class="length tabular needs-script" id="text-length" class:over=flag(move || fields.length.get() > Content::MAX_CHARS)>
                {text(move || format!("{} / {}", grouped(fields.length.get()), grouped(Content::MAX_CHARS)))}
            </p>
        </div>
        <details class="more-fields" open=fields.problem.read_untracked().as_ref().is_some_and(|problem| problem.field("title").or(problem.field("link")).is_some())>
            <summary>"Heading and link"</summary>
            <div class="field">
                <label for=HEADING>"Heading"</label>
                <input
                    id=HEADING name="title" maxlength="200" autocomplete="off" dir="auto"
                    aria-invalid=fields.invalid("title") aria-describedby="heading-problem"
                />
                <FieldProblem fields name="title" id="heading-problem" />
            </div>
            <div class="field">
                <label for=LEADS>"Link"</label>
                <input
                    id=LEADS name="link" maxlength="2048" autocomplete="off" spellcheck="false"
                    inputmode="url" placeholder="https:// or /path"
                    aria-invalid=fields.invalid("link") aria-describedby="leads-problem"
                />
                <FieldProblem fields name="link" id="leads-problem" />
            </div>
        </details>
    }
}

/// What is wrong with a field. Its place is always there, so that its description can be.
#[component]
fn FieldProblem(fields: Fields, name: &'static str, id: &'static str) -> impl IntoView {
    view! {
        <p class="problem" id=id>
            {fields.problem_of(name)}
        </p>
    }
}

/// What is wrong with none of the fields.
#[component]
fn Trouble(fields: Fields) -> impl IntoView {
    let why = text(move || {
        let problem = fields.problem.read();
        let of_no_field = problem.as_ref().filter(|problem| problem.errors.is_empty());
        of_no_field.map(said).unwrap_or_default()
    });
    view! { <p class="problem" role="alert">{why}</p> }
}

/// Why something was not sent, or that it may have been.
fn said(problem: &Problem) -> String {
    if may_be_sent(problem) {
        let how = "It may have been sent: if so, the list shows it. Sending it again sends it once.";
        return format!("Not confirmed. {how}");
    }
    format!("Not sent. {}", explain(problem))
}

/// A number with its thousands apart: `16,384`.
fn grouped(number: usize) -> String {
    let (thousands, rest) = (number / 1_000, number % 1_000);
    if thousands == 0 { rest.to_string() } else { format!("{thousands},{rest:03}") }
}
