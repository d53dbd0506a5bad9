//! The bodies of the server functions: each parses its arguments and calls the service, without rules of its own.

use leptos::prelude::use_context;

use super::{ReadSnapshot, SendNotification, composing};
use crate::{
    app::page::{Address, Snapshot},
    model::{
        FieldError, Invalid, Limit, Marked, MarkedBy, MarkingParams, Notification, NotificationId, Problem, UserId,
    },
    server::{
        identity::Principal,
        service::{IdempotencyKey, NotificationService},
    },
};

pub(super) async fn snapshot(form: ReadSnapshot) -> Result<Snapshot, Problem> {
    let (service, principal) = caller()?;
    let ReadSnapshot { user_id, category, unread, q, before, limit } = form;
    let address = Address {
        user_id: given(user_id),
        category: given(category),
        unread,
        q: given(q),
        before: given(before),
        ..Address::default()
    };
    Snapshot::read(&service, &principal, &address, limit).await
}

pub(super) async fn send(form: SendNotification) -> Result<Notification, Problem> {
    let (service, principal) = caller()?;
    let SendNotification { user_id, content, category, other_category, title, link, expires_at, .. } = form;
    let own_key = given(form.own_key.map(|key| key.trim().to_owned()));
    let key = own_key.or_else(|| given(form.idempotency_key));
    let key = key.map(|key| parse(IdempotencyKey::HEADER, &key, IdempotencyKey::parse)).transpose();
    let category = match given(category) {
        Some(choice) if choice == composing::OWN => Some(other_category.unwrap_or_default()),
        category => category.or(other_category),
    };
    if category.as_deref().is_some_and(|category| category.trim().is_empty()) {
        return Err(with_all(composing::unnamed_category(), key));
    }
    let expires_at = composing::expiry(expires_at.as_deref(), service.now());
    let (category, title, link) = (category.as_deref(), title.as_deref(), link.as_deref());
    let new = composing::parse(&user_id, &content, category, title, link, expires_at);
    match (new, key) {
        (Ok(new), Ok(key)) => service.create_once(&principal, new, key.as_ref()).await.map_err(Problem::from),
        (Ok(_), Err(problem)) => Err(problem),
        (Err(problem), key) => Err(with_all(problem, key)),
    }
}

pub(super) async fn mark(id: &str, is_read: bool) -> Result<Vec<Notification>, Problem> {
    let (service, principal) = caller()?;
    service.set_read_each(&principal, &ids(id)?, is_read).await.map_err(Problem::from)
}

pub(super) async fn mark_all(
    user_id: &str,
    up_to: Option<String>,
    category: Option<String>,
) -> Result<Marked, Problem> {
    let (service, principal) = caller()?;
    let user_id = parse("user_id", user_id, UserId::parse)?;
    let marking = MarkingParams { up_to: given(up_to), category: given(category) };
    let marking = marking.parse().map_err(Problem::invalid)?;
    service.mark_all_read(&principal, &user_id, &marking).await.map_err(Problem::from)
}

pub(super) async fn unmark_all(user_id: &str, by: MarkedBy) -> Result<u64, Problem> {
    let (service, principal) = caller()?;
    let user_id = parse("user_id", user_id, UserId::parse)?;
    service.unmark_all(&principal, &user_id, &by).await.map_err(Problem::from)
}

pub(super) async fn delete(id: &str) -> Result<Vec<NotificationId>, Problem> {
    let (service, principal) = caller()?;
    service.delete_each(&principal, &ids(id)?).await.map_err(Problem::from)
}

/// The service, and the caller.
fn caller() -> Result<(NotificationService, Principal), Problem> {
    use_context().zip(use_context()).ok_or_else(Problem::internal)
}

/// The ids in the field of that name, separated by commas; as many as a page has rows.
fn ids(text: &str) -> Result<Vec<NotificationId>, Problem> {
    let most = usize::from(Limit::MAX);
    parse("id", text, |text| {
        if text.split(',').count() > most {
            return Err(Invalid::new(format!("Name at most {most} notifications at once.")));
        }
        text.split(',').map(NotificationId::parse).collect()
    })
}

fn parse<T>(field: &str, text: &str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, Problem> {
    parse(text).map_err(|invalid| Problem::invalid(vec![FieldError::new(field, invalid)]))
}

/// A problem of fields, with what is wrong with this one too.
fn with_all<T>(problem: Problem, of: Result<T, Problem>) -> Problem {
    match of {
        Ok(_) => problem,
        Err(more) => Problem::invalid([problem.errors, more.errors].concat()),
    }
}

/// The text of an optional field: an empty one counts as absent.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
