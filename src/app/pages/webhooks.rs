//! The webhooks: their events, and their management.

mod form;

use leptos::prelude::*;

use super::{
    CHANNELS, WEBHOOKS,
    parts::{Deed, Place, answer, fact, filled, mark},
    words::{self, Tone},
};
use crate::{
    app::{text::bidi::visible, words::fill},
    model::{EventKind, Problem, WebhookId, WebhookState, WebhookView},
    server::delivery::TestResult,
};

/// The content of the page of webhooks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebhooksPage {
    /// All of them, the oldest first.
    pub webhooks: Vec<WebhookView>,
    /// The id of the next webhook, so that a repeated form does not add another one.
    pub next: Option<WebhookId>,
    /// The input that was refused.
    pub typed: TypedWebhook,
    /// Why it was refused.
    pub refused: Option<Problem>,
    /// A secret that was just created. It is shown this once.
    pub fresh: Option<Fresh>,
    /// The result of a test.
    pub tested: Option<Tested>,
}

/// The input of the form that adds a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedWebhook {
    /// The URL to post events to.
    pub url: String,
    /// The events to send.
    pub events: Vec<String>,
    /// The categories, with commas between them; all of them where it is empty.
    pub categories: String,
    /// The owner of the inbox; all inboxes where it is empty.
    pub user_id: String,
}

impl Default for TypedWebhook {
    fn default() -> Self {
        let events = vec![EventKind::Created.to_string()];
        Self { url: String::new(), events, categories: String::new(), user_id: String::new() }
    }
}

/// A secret that was just created. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Fresh {
    /// The webhook's id.
    pub id: WebhookId,
    /// The secret.
    pub secret: String,
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The result of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// The webhook's id.
    pub id: WebhookId,
    /// The endpoint's answer, or why no request was made.
    pub result: Result<TestResult, Problem>,
}

pub(super) fn show(page: &WebhooksPage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().webhooks;
    let list = if page.webhooks.is_empty() {
        view! { <div class="empty"><p>{of.none}</p></div> }.into_any()
    } else {
        let each = page.webhooks.iter().map(|webhook| one(webhook, page, place)).collect_view();
        view! { <ul class="webhooks">{each}</ul> }.into_any()
    };
    let add = (!page.webhooks.is_empty()).then(|| view! { <a class="plain" href="#add">{of.add_one}</a> });
    let specification = view! {
        <a href="https://www.standardwebhooks.com" target="_blank" rel="noopener noreferrer">"Standard Webhooks"</a>
    };
    view! {
        <div class="desk-head">
            <h1>{place.words.language().pages.webhooks}</h1>
            {add}
        </div>
        <p class="lead">{filled(of.lead, vec![specification.into_any()])}</p>
        {list}
        {form::show(page, place)}
    }
}

fn one(webhook: &WebhookView, page: &WebhooksPage, place: &Place) -> impl IntoView + use<> {
    let (of, standing) = (&place.of().webhooks, words::webhook(place.of(), webhook));
    let fresh = page.fresh.as_ref().filter(|fresh| fresh.id == webhook.id).map(|fresh| secret(fresh, place));
    let tested =
        page.tested.as_ref().filter(|tested| tested.id == webhook.id).map(|tested| result(&tested.result, place));
    let events =
        webhook.wanted.events.iter().map(|kind| view! { <li><code>{kind.as_str()}</code></li> }).collect_view();
    let categories = match &webhook.wanted.categories {
        Some(some) => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        None => of.all.to_owned(),
    };
    let user = match &webhook.wanted.user_id {
        Some(user_id) => view! { <bdi class="mono">{visible(user_id.as_str())}</bdi> }.into_any(),
        None => of.all.into_any(),
    };
    let old = webhook.old_secret_until.filter(|until| place.now < *until);
    let old = old.map(|until| fact(of.old_secret_ends, place.ahead(until)));
    view! {
        <li class="webhook" id=format!("w-{}", webhook.id)>
            <div class="webhook-head">
                <h2 class="mono">
                    <bdi>{webhook.url.clone()}</bdi>
                </h2>
                {mark(standing.tone, standing.word)}
            </div>
            {standing.why.map(|why| view! { <p class="why"><bdi>{why}</bdi></p> })}
            {fresh}
            {tested}
            <dl class="facts">
                {fact(of.events, view! { <ul class="events">{events}</ul> })}
                {fact(of.categories, view! { <bdi>{categories}</bdi> })} {fact(of.inboxes, user)}
                {fact(of.added, place.past(webhook.created_at))} {old}
            </dl>
            {deeds(webhook, place)}
        </li>
    }
}

fn deeds(webhook: &WebhookView, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().webhooks;
    let deed = |does, word, class| Deed {
        action: place.at(WEBHOOKS),
        does,
        fields: vec![("id", webhook.id.to_string())],
        word,
        of: webhook.url.clone(),
        class,
    };
    let switch = match webhook.state {
        WebhookState::Disabled => deed("enable", of.enable, "plain"),
        WebhookState::Active | WebhookState::Paused => deed("disable", of.disable, "plain"),
    };
    let mut rotate = deed("rotate", of.make_secret, "plain");
    // If the form is sent again, it does not create another secret.
    rotate.fields.push(("seen", webhook.version.to_string()));
    let was_rotated = webhook.old_secret_until.is_some_and(|until| place.now < until);
    let rotate_why = if was_rotated { of.secret_question_again } else { of.secret_question };
    let delete = deed("delete", of.delete_it, "plain danger");
    let dead = format!("{}?webhook_id={}#deliveries", place.at(CHANNELS), webhook.id);
    let url = webhook.url.clone();
    view! {
        <div class="deeds">
            {deed("test", of.test, "plain").form()} {switch.form()}
            <a class="plain" href=dead>
                {of.given_up}
                <span class="hidden">": " <bdi>{url}</bdi></span>
            </a>
            {rotate.after(of.new_secret, rotate_why)} {delete.after(of.delete, of.delete_question)}
        </div>
    }
}

/// The secret. It is in a field, so that the keyboard can select all of it.
fn secret(fresh: &Fresh, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().webhooks;
    let done = format!("{}#w-{}", place.at(WEBHOOKS), fresh.id);
    let keys = [place.words.language().pages.key_ctrl, "⌘", "A"];
    let keys = keys.map(|key| view! { <kbd>{key}</kbd> }.into_any()).into_iter();
    let how = keys.chain([view! { <code>"webhook-signature"</code> }.into_any()]).collect();
    view! {
        <div class="secret">
            <label for="secret">{of.secret}</label>
            <input
                id="secret"
                class="mono"
                type="text"
                readonly
                autofocus
                autocomplete="off"
                spellcheck="false"
                dir="ltr"
                value=fresh.secret.clone()
                aria-describedby="secret-how"
            />
            <p id="secret-how">{filled(of.secret_how, how)}</p>
            <a class="plain" href=done>
                {of.secret_copied}
            </a>
        </div>
    }
}

fn result(result: &Result<TestResult, Problem>, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().webhooks;
    let (tone, word, detail) = match result {
        Ok(TestResult { ok, status, ms, detail }) => {
            let answered = |status: u16| fill(of.answered, &[&status.to_string()]);
            let answered = status.map_or_else(|| of.no_answer.to_owned(), answered);
            let (tone, word) = if *ok { (Tone::Good, of.test_arrived) } else { (Tone::Bad, of.test_failed) };
            let detail = detail.as_ref().filter(|detail| !detail.is_empty());
            let detail = detail.map(|detail| answer(*status, detail, place).into_any());
            (tone, fill(of.tested, &[word, &answered, &ms.to_string()]), detail)
        }
        Err(problem) => {
            let why = place.detail(problem);
            (Tone::Wait, of.not_tested.to_owned(), Some(view! { <span class="answer">{why}</span> }.into_any()))
        }
    };
    view! {
        <div class="tested" role="status">
            {mark(tone, word)}
            {detail}
        </div>
    }
}
