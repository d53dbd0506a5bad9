//! The webhooks: their events, and their management.

mod form;

use leptos::prelude::*;

use super::{
    CHANNELS, WEBHOOKS,
    parts::{Deed, Place, fact, mark},
    words::{self, Tone},
};
use crate::{
    app::text::bidi::visible,
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
    let list = if page.webhooks.is_empty() {
        view! {
            <div class="empty">
                <p>
                    "No webhooks yet. Add the address of an application below, and it is told of each new notification."
                </p>
            </div>
        }
        .into_any()
    } else {
        let each = page.webhooks.iter().map(|webhook| one(webhook, page, place)).collect_view();
        view! { <ul class="webhooks">{each}</ul> }.into_any()
    };
    let add = (!page.webhooks.is_empty()).then(|| view! { <a class="plain" href="#add">"Add a webhook"</a> });
    view! {
        <div class="desk-head">
            <h1>"Webhooks"</h1>
            {add}
        </div>
        <p class="lead">
            "Applications that are told of what happens in the inboxes, in signed requests as "
            <a href="https://www.standardwebhooks.com" target="_blank" rel="noopener noreferrer">"Standard Webhooks"</a>
            " has them."
        </p>
        {list}
        {form::show(page, place)}
    }
}

fn one(webhook: &WebhookView, page: &WebhooksPage, place: &Place) -> impl IntoView + use<> {
    let standing = words::webhook(webhook);
    let fresh = page.fresh.as_ref().filter(|fresh| fresh.id == webhook.id).map(|fresh| secret(fresh, place));
    let tested = page.tested.as_ref().filter(|tested| tested.id == webhook.id).map(|tested| result(&tested.result));
    let events =
        webhook.wanted.events.iter().map(|kind| view! { <li><code>{kind.as_str()}</code></li> }).collect_view();
    let categories = match &webhook.wanted.categories {
        Some(some) => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        None => "all".to_owned(),
    };
    let user = match &webhook.wanted.user_id {
        Some(user_id) => view! { <bdi class="mono">{visible(user_id.as_str())}</bdi> }.into_any(),
        None => "all".into_any(),
    };
    let old = webhook.old_secret_until.filter(|until| place.now < *until);
    let old = old.map(|until| fact("Old secret ends", place.ahead(until)));
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
                {fact("Events", view! { <ul class="events">{events}</ul> })}
                {fact("Categories", view! { <bdi>{categories}</bdi> })} {fact("Inboxes", user)}
                {fact("Added", place.past(webhook.created_at))} {old}
            </dl>
            {deeds(webhook, place)}
        </li>
    }
}

fn deeds(webhook: &WebhookView, place: &Place) -> impl IntoView + use<> {
    let deed = |does, word, class| Deed {
        action: place.at(WEBHOOKS),
        does,
        fields: vec![("id", webhook.id.to_string())],
        word,
        of: webhook.url.clone(),
        class,
    };
    let switch = match webhook.state {
        WebhookState::Disabled => deed("enable", "Enable", "plain"),
        WebhookState::Active | WebhookState::Paused => deed("disable", "Disable", "plain"),
    };
    let mut rotate = deed("rotate", "Make a new secret", "plain");
    // If the form is sent again, it does not create another secret.
    rotate.fields.push(("seen", webhook.version.to_string()));
    let rotate_why = if webhook.old_secret_until.is_some_and(|until| place.now < until) {
        "The new secret is shown once. A secret was replaced within the last 24 hours, and that one stops signing at once: \
         do this only when the application has the present secret."
    } else {
        "The new secret is shown once. For 24 hours events are signed with both, so that there is time to put it into the \
         application."
    };
    let delete = deed("delete", "Delete it", "plain danger");
    let delete_why = "It is told nothing more, and what waits for it is cancelled. There is no way back.";
    let dead = format!("{}?webhook_id={}#deliveries", place.at(CHANNELS), webhook.id);
    let url = webhook.url.clone();
    view! {
        <div class="deeds">
            {deed("test", "Test", "plain").form()} {switch.form()}
            <a class="plain" href=dead>
                "What was given up"
                <span class="hidden">": " <bdi>{url}</bdi></span>
            </a>
            {rotate.after("New secret…", rotate_why)} {delete.after("Delete…", delete_why)}
        </div>
    }
}

/// The secret. It is in a field, so that the keyboard can select all of it.
fn secret(fresh: &Fresh, place: &Place) -> impl IntoView + use<> {
    let done = format!("{}#w-{}", place.at(WEBHOOKS), fresh.id);
    view! {
        <div class="secret">
            <label for="secret">
                "Its secret, shown this once"
            </label>
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
            <p id="secret-how">
                "Choose all of it ("<kbd>"Ctrl"</kbd>" or "<kbd>"⌘"</kbd>" with "<kbd>"A"</kbd>
                "), copy it, and give it to the application, which checks the header "
                <code>"webhook-signature"</code>" with it. It cannot be shown again; a new one can be made."
            </p>
            <a class="plain" href=done>
                "I have copied it"
            </a>
        </div>
    }
}

fn result(result: &Result<TestResult, Problem>) -> impl IntoView + use<> {
    let (tone, word, detail) = match result {
        Ok(TestResult { ok, status, ms, detail }) => {
            let answer = status.map_or_else(|| "no answer".to_owned(), |status| format!("it answered {status}"));
            let word = if *ok { "The test arrived" } else { "The test failed" };
            (if *ok { Tone::Good } else { Tone::Bad }, format!("{word}: {answer}, {ms} ms"), detail.clone())
        }
        Err(problem) => (Tone::Wait, "It was not tested".to_owned(), Some(problem.detail.clone())),
    };
    view! {
        <div class="tested" role="status">
            {mark(tone, word)}
            {detail.filter(|detail| !detail.is_empty()).map(|detail| view! { <bdi class="answer">{detail}</bdi> })}
        </div>
    }
}
