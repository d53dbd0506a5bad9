//! The form that sends.

use leptos::{ev::KeyboardEvent, ev::SubmitEvent, form::ActionForm, html, prelude::*};

use super::banner::path_of_send;
use crate::{
    app::{
        browser, composing,
        icons::{self, Icon},
        server_fns::SendNotification,
        state::{Board, Change, Row, explain},
    },
    model::{Category, Content, Problem},
};

/// The fields of the form, in the order in which a person should mend them.
const FIELDS: [&str; 4] = ["user_id", "title", "content", "link"];

/// Opens the composer where it is a sheet, and goes to its first empty field.
pub(super) fn open(board: Board) {
    if !browser::is_wide() {
        board.is_composing.set(true);
    }
    let is_empty = |id: &str| {
        use wasm_bindgen::JsCast;
        browser::element(id).and_then(|field| field.dyn_into::<web_sys::HtmlInputElement>().ok()).is_some_and(|field| field.value().is_empty())
    };
    let first = if is_empty("to") { "to" } else { "text" };
    browser::focus_soon(first.to_owned());
}

/// Closes the sheet; the focus goes back to what opened it.
pub(super) fn close(board: Board) {
    board.is_composing.set(false);
    browser::focus_soon("compose-open".to_owned());
}

/// What the browser has of the form.
#[derive(Clone, Copy)]
struct Fields {
    user_id: NodeRef<html::Input>,
    content: NodeRef<html::Textarea>,
    title: NodeRef<html::Input>,
    link: NodeRef<html::Input>,
    /// How many characters the text has.
    length: RwSignal<usize>,
    /// What is wrong with what was to be sent.
    problem: RwSignal<Option<Problem>>,
}

impl Fields {
    fn new(problem: Option<Problem>) -> Self {
        Self {
            user_id: NodeRef::new(),
            content: NodeRef::new(),
            title: NodeRef::new(),
            link: NodeRef::new(),
            length: RwSignal::new(0),
            problem: RwSignal::new(problem),
        }
    }

    /// Counts the characters of the text, which the browser may have kept from before.
    fn measure(self) {
        if let Some(content) = self.content.get_untracked() {
            self.length.set(content.value().chars().count());
        }
    }

    /// Puts texts into the fields that are cleared after sending.
    fn put(self, content: &str, title: &str, link: &str) {
        if let Some(field) = self.content.get_untracked() {
            field.set_value(content);
        }
        for (field, value) in [(self.title, title), (self.link, link)] {
            if let Some(field) = field.get_untracked() {
                field.set_value(value);
            }
        }
        self.measure();
    }

    /// Says what is wrong, and goes to the first field that is.
    fn refuse(self, problem: Problem) {
        let first = FIELDS.iter().find(|field| problem.field(field).is_some());
        if let Some(field) = first {
            browser::focus_soon(id_of(field).to_owned());
        }
        self.problem.set(Some(problem));
    }

    fn is_blank(self) -> bool {
        self.content.get_untracked().is_none_or(|field| field.value().is_empty())
    }
}

/// The id of a field's element.
fn id_of(field: &str) -> &'static str {
    match field {
        "user_id" => "to",
        "title" => "heading",
        "link" => "leads",
        _ => "text",
    }
}

fn parse(input: &SendNotification) -> Result<crate::model::NewNotification, Problem> {
    let SendNotification { user_id, content, category, title, link } = input.clone();
    composing::parse(user_id, content, category, title, link)
}

/// The form that sends: a column where there is room, else a sheet that comes up from below. It
/// works without script too: the sheet is the target of a link.
#[component]
pub(in crate::app) fn Composer(board: Board, send: ServerAction<SendNotification>) -> impl IntoView {
    let refused = board.refusal.get_untracked().filter(|refusal| refusal.path == path_of_send());
    let fields = Fields::new(refused.map(|refusal| refusal.problem));
    watch(board, send, fields);
    Effect::new(move |_| {
        fields.measure();
        // The page opened the sheet before the script was there.
        if !browser::is_wide() && (location().hash().as_deref() == Ok("#compose") || fields.problem.read_untracked().is_some()) {
            board.is_composing.set(true);
        }
    });
    let check = move |event: SubmitEvent| {
        use leptos::form::FromFormData;
        if send.pending().get_untracked() {
            event.prevent_default();
        } else if let Ok(Err(problem)) = SendNotification::from_event(&event).map(|input| parse(&input)) {
            event.prevent_default();
            fields.refuse(problem);
        } else {
            fields.problem.set(None);
        }
    };
    let shortcut = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            if let Some(form) = fields.content.get_untracked().and_then(|field| field.form()) {
                let _ = form.request_submit();
            }
        }
    };
    view! {
        <a
            class="compose-open"
            id="compose-open"
            href="#compose"
            on:click=move |event| {
                event.prevent_default();
                open(board);
            }
        >
            <Icon of=icons::PEN />
            "New"
        </a>
        <aside class="composer" id="compose" aria-labelledby="compose-title" class:open=move || board.is_composing.get()>
            <a class="backdrop" href="#" tabindex="-1" aria-hidden="true" on:click=move |event| {
                event.prevent_default();
                close(board);
            }></a>
            <div class="sheet" on:submit:capture=check on:keydown=shortcut>
                <div class="sheet-head">
                    <h2 id="compose-title">"Send a notification"</h2>
                    <a class="quiet compose-close" href="#" role="button" aria-label="Close" on:click=move |event| {
                        event.prevent_default();
                        close(board);
                    }>
                        <Icon of=icons::CROSS />
                    </a>
                </div>
                <ActionForm action=send attr:class="compose-form">
                    <ComposerFields board fields />
                    <Trouble fields />
                    <div class="send-row">
                        <button type="submit" class="primary" aria-disabled=move || send.pending().get().then_some("true")>
                            {move || if send.pending().get() { "Sending" } else { "Send" }}
                        </button>
                        <span class="send-keys needs-script" aria-hidden="true"><kbd>"Ctrl"</kbd><kbd>"Enter"</kbd></span>
                    </div>
                </ActionForm>
            </div>
        </aside>
    }
}

#[component]
fn ComposerFields(board: Board, fields: Fields) -> impl IntoView {
    let to = board.address.read_untracked().user_id.clone();
    // Another inbox is shown: whoever writes probably writes to it.
    Effect::new(move |before: Option<()>| {
        let user_id = board.address.read().user_id.clone();
        if let (Some(()), Some(user_id), Some(field)) = (before, user_id, fields.user_id.get_untracked())
            && fields.is_blank()
        {
            field.set_value(&user_id);
        }
    });
    view! {
        <div class="field">
            <label for="to">"To"</label>
            <input
                id="to" name="user_id" class="mono" node_ref=fields.user_id required maxlength="128" value=to
                placeholder="user id" autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-invalid=invalid(fields, "user_id") aria-describedby="to-problem"
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
            <label for="text">"Text"</label>
            <textarea
                id="text" name="content" node_ref=fields.content required rows="5" dir="auto"
                aria-invalid=invalid(fields, "content") aria-describedby="text-problem text-length"
                on:input=move |_| fields.measure()
            ></textarea>
            <FieldProblem fields name="content" id="text-problem" />
            <p class="length tabular needs-script" id="text-length" class:over=move || { fields.length.get() > Content::MAX_CHARS }>
                {move || grouped(fields.length.get())} " / " {grouped(Content::MAX_CHARS)}
            </p>
        </div>
        <details class="more-fields" open=fields.problem.read_untracked().as_ref().is_some_and(|problem| problem.field("title").or(problem.field("link")).is_some())>
            <summary>"Heading and link"</summary>
            <div class="field">
                <label for="heading">"Heading"</label>
                <input
                    id="heading" name="title" node_ref=fields.title maxlength="200" autocomplete="off" dir="auto"
                    aria-invalid=invalid(fields, "title") aria-describedby="heading-problem"
                />
                <FieldProblem fields name="title" id="heading-problem" />
            </div>
            <div class="field">
                <label for="leads">"Link"</label>
                <input
                    id="leads" name="link" node_ref=fields.link maxlength="2048" autocomplete="off" spellcheck="false"
                    inputmode="url" placeholder="https:// or /path"
                    aria-invalid=invalid(fields, "link") aria-describedby="leads-problem"
                />
                <FieldProblem fields name="link" id="leads-problem" />
            </div>
        </details>
    }
}

fn invalid(fields: Fields, name: &'static str) -> impl Fn() -> Option<&'static str> + Clone + Send + Sync + 'static {
    move || fields.problem.read().as_ref().and_then(|problem| problem.field(name)).map(|_| "true")
}

/// What is wrong with a field. Its place is always there, so that its description can be.
#[component]
fn FieldProblem(fields: Fields, name: &'static str, id: &'static str) -> impl IntoView {
    view! {
        <p class="problem" id=id>
            {move || fields.problem.read().as_ref().and_then(|problem| problem.field(name).map(str::to_owned))}
        </p>
    }
}

/// What is wrong with none of the fields.
#[component]
fn Trouble(fields: Fields) -> impl IntoView {
    let text = move || fields.problem.read().as_ref().filter(|problem| problem.errors.is_empty()).map(explain);
    view! { <p class="problem" role="alert">{move || text().map(|text| format!("Not sent. {text}"))}</p> }
}

/// Follows what is sent: shows it at once, and puts it back when it is refused.
fn watch(board: Board, send: ServerAction<SendNotification>, fields: Fields) {
    let under_way: StoredValue<Option<(Change, Option<Row>, SendNotification)>> = StoredValue::new(None);
    Effect::new(move |_| {
        let Some(input) = send.input().get() else { return };
        if under_way.with_value(Option::is_some) {
            return;
        }
        let row = parse(&input).ok().and_then(|new| board.show_sending(new));
        under_way.set_value(Some((board.begin(), row, input)));
        fields.put("", "", "");
    });
    Effect::new(move |before: Option<usize>| {
        let version = send.version().get();
        let Some(before) = before else { return version };
        if before == version {
            return version;
        }
        let Some((change, row, input)) = under_way.try_update_value(Option::take).flatten() else { return version };
        match send.value().get_untracked() {
            Some(Err(problem)) => {
                if let Some(row) = row {
                    board.not_sent(&row);
                }
                if fields.is_blank() {
                    let text = |text: &Option<String>| text.clone().unwrap_or_default();
                    fields.put(&input.content, &text(&input.title), &text(&input.link));
                }
                fields.refuse(problem);
            }
            Some(Ok(notification)) => {
                let is_elsewhere = row.is_none();
                let user_id = notification.user_id.clone();
                if let Some(row) = row {
                    board.sent(&row, notification);
                }
                if board.is_composing.get_untracked() {
                    close(board);
                }
                if is_elsewhere {
                    board.toast(format!("Sent to {user_id}."), None);
                } else {
                    board.say(format!("Sent to {user_id}"));
                }
            }
            None => {}
        }
        board.settle(change);
        version
    });
}

/// A number with its thousands apart: `16,384`.
fn grouped(number: usize) -> String {
    let (thousands, rest) = (number / 1_000, number % 1_000);
    if thousands == 0 { rest.to_string() } else { format!("{thousands},{rest:03}") }
}
