//! The form that adds a webhook.

use leptos::prelude::*;

use super::{TypedWebhook, WebhooksPage};
use crate::{
    app::pages::{WEBHOOKS, parts::Place, words},
    model::{EventKind, Problem},
};

/// A field of one line.
struct Line {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    placeholder: &'static str,
    is_url: bool,
}

pub(super) fn show(page: &WebhooksPage, place: &Place) -> impl IntoView + use<> {
    let (of, refused) = (&place.of().webhooks, page.refused.as_ref());
    let TypedWebhook { url, events, categories, user_id } = page.typed.clone();
    let lines = [
        Line {
            name: "url",
            label: of.url,
            hint: of.url_hint,
            value: url,
            placeholder: "https://app.example/hooks/campanile",
            is_url: true,
        },
        Line {
            name: "categories",
            label: of.only_categories,
            hint: of.only_categories_hint,
            value: categories,
            placeholder: "alert, update",
            is_url: false,
        },
        Line {
            name: "user_id",
            label: of.only_user,
            hint: of.only_user_hint,
            value: user_id,
            placeholder: "user_123",
            is_url: false,
        },
    ];
    let [url, categories, user_id] = lines.map(|each| line(each, refused, place));
    let once = page.next.map(|id| view! { <input type="hidden" name="once" value=id.to_string()/> });
    // A problem that concerns no field stands above them.
    let fields = ["url", "events", "categories", "user_id"];
    let general = refused.filter(|problem| !fields.iter().any(|name| problem.field(name).is_some()));
    let general = general.map(|problem| view! { <p class="problem" role="alert">{place.detail(problem)}</p> });
    view! {
        <section class="desk-section" aria-labelledby="add">
            <h2 id="add" tabindex="-1">
                {of.add_one}
            </h2>
            <form class="add" method="post" action=place.at(WEBHOOKS)>
                {once}
                {general} {url} {choose(&events, refused, place)} {categories} {user_id}
                <button type="submit" class="primary" name="do" value="add">
                    {of.add}
                </button>
            </form>
        </section>
    }
}

fn line(
    Line { name, label, hint, value, placeholder, is_url }: Line,
    refused: Option<&Problem>,
    place: &Place,
) -> impl IntoView + use<> {
    let why = refused.and_then(|problem| place.field(problem, name));
    let (hint_id, problem_id) = (format!("{name}-hint"), format!("{name}-problem"));
    let described = if why.is_some() { format!("{problem_id} {hint_id}") } else { hint_id.clone() };
    // The first field that was refused gets the focus.
    let is_first = refused.and_then(|problem| problem.errors.first()).is_some_and(|error| error.field == name);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type="text"
                class="mono"
                inputmode=is_url.then_some("url")
                required=is_url
                autofocus=is_first
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                dir="auto"
                placeholder=placeholder
                value=value
                aria-invalid=why.is_some().then_some("true")
                aria-describedby=described
            />
            {why.map(|why| view! { <p class="problem" id=problem_id>{why}</p> })}
            <p class="hint" id=hint_id>
                {hint}
            </p>
        </div>
    }
}

fn choose(chosen: &[String], refused: Option<&Problem>, place: &Place) -> impl IntoView + use<> {
    let why = refused.and_then(|problem| place.field(problem, "events"));
    let is_wrong = why.is_some();
    let each = EventKind::ALL.iter().map(|kind| {
        let is_chosen = chosen.iter().any(|name| name == kind.as_str());
        view! {
            <label class="event-choice">
                <input
                    type="checkbox"
                    name="events"
                    value=kind.as_str()
                    checked=is_chosen
                    aria-describedby=is_wrong.then_some("events-problem")
                />
                <span>{words::event(place.of(), *kind)} " " <code>{kind.as_str()}</code></span>
            </label>
        }
    });
    view! {
        <fieldset class="field">
            <legend>{place.of().webhooks.events}</legend>
            {each.collect_view()}
            {why.map(|why| view! { <p class="problem" id="events-problem">{why}</p> })}
        </fieldset>
    }
}
