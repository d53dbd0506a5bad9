//! The dashboard's requests to the server: the functions that the page calls, and their fields. In the browser a call
//! posts a form; `bodies.rs` has what the server does with it.
//!
//! They take URL-encoded forms, so a form works before the page is hydrated and without
//! WebAssembly. They are public like every route; the service decides what a caller may do.

#![expect(clippy::too_many_arguments, reason = "a form has as many fields as it has")]

use leptos::prelude::*;

#[cfg(feature = "ssr")]
mod bodies;
pub(crate) mod composing;
#[cfg(any(not(feature = "ssr"), test))]
mod fields;
#[cfg(not(feature = "ssr"))]
mod form;
#[cfg(feature = "ssr")]
mod paths;
mod wire;

#[cfg(not(feature = "ssr"))]
use self::form::Form;
#[cfg(feature = "ssr")]
pub(crate) use self::paths::{PATH_OF_SEND, fields_of, how_many};
use super::page::Snapshot;
#[cfg(feature = "ssr")]
use crate::model::MarkedBy;
use crate::model::{Marked, Notification, NotificationId, Problem};

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
    bodies::snapshot(ReadSnapshot { user_id, category, unread, q, before, limit }).await
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
    let form = SendNotification {
        user_id,
        content,
        category,
        other_category,
        title,
        link,
        expires_at,
        idempotency_key,
        own_key,
    };
    bodies::send(form).await
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
    bodies::mark(&id, is_read).await
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
    bodies::mark_all(&user_id, up_to, category).await
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
    bodies::unmark_all(&user_id, MarkedBy { after, up_to, is_whole }).await
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
    bodies::delete(&id).await
}
