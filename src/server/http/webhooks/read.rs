//! Reads a webhook from the body of a request.

use serde_json::value::RawValue;

use super::URL_IS_MISSING;
use crate::{
    model::{Category, Complaints, EventKind, FieldError, Invalid, Problem, UserId, Wanted},
    server::{
        delivery::{WebhookDraft, WebhookPatch},
        http::{
            body::JsonBody,
            json::{self, NotThat, Unknown},
        },
    },
};

/// The most categories that one webhook names.
const MOST_CATEGORIES: usize = 100;

/// A new webhook.
///
/// # Errors
/// 400 or 422, with each error at its place.
pub(super) fn draft(body: &JsonBody) -> Result<WebhookDraft, Problem> {
    const EXAMPLE: &str = r#"{"url": "https://example.com/hook"}"#;
    let mut complaints = Complaints::default();
    let [url, events, categories, user_id] =
        body.object(&["url", "events", "categories", "user_id"], Unknown::Refused, EXAMPLE, &mut complaints)?;
    let url = field("url", json::text(url), &mut complaints).flatten();
    if url.is_none() {
        complaints.add(|| FieldError::new("url", Invalid::new(URL_IS_MISSING)));
    }
    let events = present(events).and_then(|events| read_events(events, &mut complaints));
    let categories = present(categories).and_then(|categories| read_categories(categories, &mut complaints));
    let user_id = read_user(user_id, &mut complaints);
    match url {
        Some(url) if complaints.is_empty() => {
            let events = events.unwrap_or(Wanted::default().events);
            Ok(WebhookDraft { id: None, url, wanted: Wanted { events, categories, user_id } })
        }
        _ => Err(Problem::invalid(complaints)),
    }
}

/// A change of a webhook, as a JSON merge patch (RFC 7396): `null` removes a filter.
///
/// # Errors
/// 400 or 422, with each error at its place.
pub(super) fn patch(body: &JsonBody) -> Result<WebhookPatch, Problem> {
    const EXAMPLE: &str = r#"{"state": "disabled"}"#;
    let mut complaints = Complaints::default();
    let [url, events, categories, user_id, state] =
        body.object(&["url", "events", "categories", "user_id", "state"], Unknown::Refused, EXAMPLE, &mut complaints)?;
    let needed = |name: &'static str, field: Option<&RawValue>, complaints: &mut Complaints| {
        if field.is_some() && present(field).is_none() {
            complaints
                .add(|| FieldError::new(name, Invalid::new("This cannot be taken away; leave it out to keep it.")));
        }
    };
    needed("url", url, &mut complaints);
    needed("events", events, &mut complaints);
    needed("state", state, &mut complaints);
    let patch = WebhookPatch {
        url: field("url", json::text(url), &mut complaints).flatten(),
        events: present(events).and_then(|events| read_events(events, &mut complaints)),
        categories: categories
            .map(|field| present(Some(field)).and_then(|categories| read_categories(categories, &mut complaints))),
        user_id: user_id.map(|user_id| read_user(Some(user_id), &mut complaints)),
        is_enabled: field(
            "state",
            json::text(state).and_then(|state| state.as_deref().map(is_enabled).transpose()),
            &mut complaints,
        )
        .flatten(),
    };
    if complaints.is_empty() { Ok(patch) } else { Err(Problem::invalid(complaints)) }
}

fn is_enabled(state: &str) -> Result<bool, Invalid> {
    match state {
        "active" => Ok(true),
        "disabled" => Ok(false),
        _ => Err(Invalid::new("This must be active or disabled.")),
    }
}

/// A field that is present, and not `null`.
fn present(field: Option<&RawValue>) -> Option<&RawValue> {
    field.filter(|field| json::kind(field) != "null")
}

fn field<T>(name: &'static str, value: Result<T, Invalid>, complaints: &mut Complaints) -> Option<T> {
    value.map_err(|why| complaints.add(|| FieldError::new(name, why))).ok()
}

fn read_user(user_id: Option<&RawValue>, complaints: &mut Complaints) -> Option<UserId> {
    let user_id = json::text(user_id).and_then(|text| text.map(|text| UserId::parse(&text)).transpose());
    field("user_id", user_id, complaints).flatten()
}

fn read_events(events: &RawValue, complaints: &mut Complaints) -> Option<Vec<EventKind>> {
    read_list(("events", "event"), events, EventKind::ALL.len(), EventKind::parse, complaints)
}

fn read_categories(categories: &RawValue, complaints: &mut Complaints) -> Option<Vec<Category>> {
    read_list(("categories", "category"), categories, MOST_CATEGORIES, Category::parse, complaints)
}

/// A list of at least one and at most `most` values, each once. `one` is the word for one of them.
fn read_list<T: PartialEq>(
    (name, one): (&'static str, &'static str),
    list: &RawValue,
    most: usize,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    complaints: &mut Complaints,
) -> Option<Vec<T>> {
    let (mut read, mut count) = (Vec::new(), 0);
    let each = json::each(list, most, |index, item| {
        count += 1;
        let text = json::text(Some(item)).map(Option::unwrap_or_default);
        match text.and_then(|text| parse(&text)) {
            Ok(value) if read.contains(&value) => {}
            Ok(value) => read.push(value),
            Err(why) => complaints.add(|| FieldError::new(format!("{name}[{index}]"), why)),
        }
    });
    let why = match each {
        Err(NotThat::Array(other)) => format!("This must be an array, not {other}."),
        Err(NotThat::Few(most)) => format!("This has at most {most} entries."),
        Ok(()) if count == 0 => format!("Name at least one {one}, or leave the field out."),
        Ok(()) => return Some(read),
    };
    complaints.add(|| FieldError::new(name, Invalid::new(why)));
    None
}
