//! The dashboard's requests to the server: each function parses its arguments and makes one call to the service.
//!
//! They take URL-encoded forms, so a form works before the page is hydrated and without
//! WebAssembly. They are public like every route; the service decides what a caller may do.

#![expect(clippy::too_many_arguments, reason = "a form has as many fields as it has")]

use leptos::prelude::*;

pub(crate) mod composing;
#[cfg(any(not(feature = "ssr"), test))]
mod fields;
#[cfg(not(feature = "ssr"))]
mod form;
mod wire;

#[cfg(not(feature = "ssr"))]
use self::form::Form;
use super::page::Snapshot;
use crate::model::{Marked, Notification, NotificationId, Problem};
#[cfg(feature = "ssr")]
use crate::server::service::IdempotencyKey;

/// The protocol of the functions on the server; `form.rs` has the browser's side.
#[cfg(feature = "ssr")]
type Form = leptos::server_fn::Http<leptos::server_fn::codec::PostUrl, leptos::server_fn::codec::Json>;

/// The content of the page: a list, the numbers beside it, and the server's time.
///
/// # Errors
/// When a parameter is not valid, or the service refuses.
#[server(protocol = Form, name = ReadSnapshot, prefix = "/api/ui", endpoint = "snapshot")]
pub async fn snapshot(
    /// Only this user's inbox.
    user_id: Option<String>,
    /// Only this kind.
    category: Option<String>,
    /// Only unread notifications.
    unread: bool,
    /// Only notifications with these words.
    q: Option<String>,
    /// Only notifications after this position.
    before: Option<String>,
    /// At most this many.
    limit: u16,
) -> Result<Snapshot, Problem> {
    let (service, principal) = caller()?;
    let address = super::page::Address {
        user_id: given(user_id),
        category: given(category),
        unread,
        q: given(q),
        before: given(before),
        ..super::page::Address::default()
    };
    Snapshot::read(&service, &principal, &address, limit).await
}

/// Sends a notification. Empty optional fields count as absent.
///
/// # Errors
/// When a field is not valid, or the service refuses.
#[server(protocol = Form, name = SendNotification, prefix = "/api/ui", endpoint = "send")]
pub async fn send(
    /// The owner of the inbox that receives it.
    user_id: String,
    /// Its text.
    content: String,
    /// Its category, where the form offers it.
    category: Option<String>,
    /// Its category, where the form does not offer it.
    other_category: Option<String>,
    /// A short heading.
    title: Option<String>,
    /// The target of a click.
    link: Option<String>,
    /// When it expires: RFC 3339, or a date and a time in UTC.
    expires_at: Option<String>,
    /// Names this submission, so that repeats do not send it again.
    idempotency_key: Option<String>,
    /// The user's own name for it, in place of that one.
    own_key: Option<String>,
) -> Result<Notification, Problem> {
    let (service, principal) = caller()?;
    let category = match given(category) {
        Some(choice) if choice == composing::OWN => Some(other_category.unwrap_or_default()),
        category => category.or(other_category),
    };
    if category.as_deref().is_some_and(|category| category.trim().is_empty()) {
        return Err(composing::unnamed_category());
    }
    let expires_at = composing::expiry(expires_at.as_deref(), service.now());
    let (category, title, link) = (category.as_deref(), title.as_deref(), link.as_deref());
    let new = composing::parse(&user_id, &content, category, title, link, expires_at)?;
    let own_key = given(own_key.map(|key| key.trim().to_owned()));
    let key = own_key.or_else(|| given(idempotency_key));
    let key = key.map(|key| parse(IdempotencyKey::HEADER, &key, IdempotencyKey::parse)).transpose()?;
    service.create_once(&principal, new, key.as_ref()).await.map_err(Problem::from)
}

/// Marks notifications as read or unread, and returns those that there are.
///
/// # Errors
/// When an id is not valid, there is no such notification at all, or the service refuses.
#[server(protocol = Form, prefix = "/api/ui", endpoint = "mark")]
pub async fn mark(
    /// The notification's id, or at most 1000, separated by commas.
    id: String,
    /// Whether they become read, else unread.
    is_read: bool,
) -> Result<Vec<Notification>, Problem> {
    let (service, principal) = caller()?;
    service.set_read_each(&principal, &ids(&id)?, is_read).await.map_err(Problem::from)
}

/// Marks a whole inbox as read, or a part of it, and returns how many were marked, and how to take that back. Empty
/// optional fields count as absent.
///
/// # Errors
/// When a field is not valid, or the service refuses.
#[server(protocol = Form, prefix = "/api/ui", endpoint = "mark-all")]
pub async fn mark_all(
    /// The owner of the inbox.
    user_id: String,
    /// Only notifications created by this change number or an earlier one.
    up_to: Option<String>,
    /// Only this kind.
    category: Option<String>,
) -> Result<Marked, Problem> {
    let (service, principal) = caller()?;
    let user_id = parse("user_id", &user_id, crate::model::UserId::parse)?;
    let marking = crate::model::MarkingParams { up_to: given(up_to), category: given(category) };
    let marking = marking.parse().map_err(Problem::invalid)?;
    service.mark_all_read(&principal, &user_id, &marking).await.map_err(Problem::from)
}

/// Takes back the marking of an inbox as read, or of a part of it, and returns how many are unread again.
///
/// # Errors
/// When a field is not valid, or the service refuses.
#[server(protocol = Form, prefix = "/api/ui", endpoint = "unmark-all")]
pub async fn unmark_all(
    /// The owner of the inbox.
    user_id: String,
    /// The notifications to unmark last changed after this change number,
    after: u64,
    /// and by this one,
    up_to: u64,
    /// which was one change of the whole inbox, or the last of one for each.
    is_whole: bool,
) -> Result<u64, Problem> {
    let (service, principal) = caller()?;
    let user_id = parse("user_id", &user_id, crate::model::UserId::parse)?;
    let by = crate::model::MarkedBy { after, up_to, is_whole };
    service.unmark_all(&principal, &user_id, &by).await.map_err(Problem::from)
}

/// Deletes notifications, and returns the ids of those that there were.
///
/// # Errors
/// When an id is not valid, there is no such notification at all, or the service refuses.
#[server(protocol = Form, prefix = "/api/ui", endpoint = "delete")]
pub async fn delete(
    /// The notification's id, or at most 1000, separated by commas.
    id: String,
) -> Result<Vec<NotificationId>, Problem> {
    let (service, principal) = caller()?;
    service.delete_each(&principal, &ids(&id)?).await.map_err(Problem::from)
}

#[cfg(feature = "ssr")]
pub(crate) use self::on_the_server::{PATH_OF_SEND, fields_of, how_many};
#[cfg(feature = "ssr")]
use self::on_the_server::{caller, given, ids, parse};

#[cfg(feature = "ssr")]
mod on_the_server {
    use leptos::{prelude::use_context, server_fn::ServerFn};
    use serde_aux::serde_introspection::serde_introspect;

    use super::{Delete, Mark, MarkAll, ReadSnapshot, SendNotification, UnmarkAll};
    use crate::{
        app::text::percent,
        model::{FieldError, Invalid, Limit, NotificationId, Problem},
        server::{identity::Principal, service::NotificationService},
    };

    /// The path of the form that sends.
    pub(crate) const PATH_OF_SEND: &str = SendNotification::PATH;

    /// The names of the fields that the server function at this path takes, if there is one.
    pub(crate) fn fields_of(path: &str) -> Option<&'static [&'static str]> {
        Some(match path {
            ReadSnapshot::PATH => serde_introspect::<ReadSnapshot>(),
            SendNotification::PATH => serde_introspect::<SendNotification>(),
            Mark::PATH => serde_introspect::<Mark>(),
            MarkAll::PATH => serde_introspect::<MarkAll>(),
            UnmarkAll::PATH => serde_introspect::<UnmarkAll>(),
            Delete::PATH => serde_introspect::<Delete>(),
            _ => return None,
        })
    }

    /// How many notifications a form names for the server function at this path.
    pub(crate) fn how_many(path: &str, form: &[u8]) -> usize {
        let form = str::from_utf8(form).ok().filter(|_| [Mark::PATH, Delete::PATH].contains(&path));
        let ids = form.and_then(|form| percent::pairs(form).find(|(name, _)| name == "id"));
        ids.map_or(0, |(_, ids)| ids.split(',').count())
    }

    /// The ids in the field of that name, separated by commas; as many as a page has rows.
    pub(super) fn ids(text: &str) -> Result<Vec<NotificationId>, Problem> {
        let most = usize::from(Limit::MAX);
        parse("id", text, |text| {
            if text.split(',').count() > most {
                return Err(Invalid::new(format!("Name at most {most} notifications at once.")));
            }
            text.split(',').map(NotificationId::parse).collect()
        })
    }

    /// The service, and the caller.
    pub(super) fn caller() -> Result<(NotificationService, Principal), Problem> {
        use_context().zip(use_context()).ok_or_else(Problem::internal)
    }

    pub(super) fn parse<T>(field: &str, text: &str, parse: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, Problem> {
        parse(text).map_err(|invalid| Problem::invalid(vec![FieldError::new(field, invalid)]))
    }

    /// The text of an optional field: an empty one counts as absent.
    pub(super) fn given(text: Option<String>) -> Option<String> {
        text.filter(|text| !text.is_empty())
    }
}
