//! A notification in the body of a request.

use crate::{
    model::{Complaints, FieldError, Invalid, NewNotification, NotificationDraft},
    server::http::json::{self, Fields},
};

/// The fields that it has.
pub(super) const NAMES: [&str; 7] = ["user_id", "content", "category", "title", "link", "data", "expires_at"];

/// Reads a notification to this user out of the other fields. What is wrong is complained of; then
/// there is none.
pub(super) fn read(
    user_id: Result<Option<String>, Invalid>,
    others: Fields<'_, 6>,
    complaints: &mut Complaints,
) -> Option<NewNotification> {
    let [content, category, title, link, data, expires_at] = others;
    // What is not even of the right kind is not missing as well.
    let mut unreadable = Vec::new();
    let mut wrong = |field: &'static str, why: Invalid| {
        complaints.add(|| FieldError::new(field, why));
        unreadable.push(field);
    };
    let mut take = |field, text: Result<Option<String>, Invalid>| {
        text.unwrap_or_else(|why| {
            wrong(field, why);
            None
        })
    };
    let user_id = take("user_id", user_id);
    let content = take("content", json::text(content));
    let category = take("category", json::text(category));
    let title = take("title", json::text(title));
    let link = take("link", json::text(link));
    let expires_at = take("expires_at", json::text(expires_at));
    let data = data.map(|data| (json::kind(data), data)).and_then(|data| match data {
        ("null", _) => None,
        ("an object", data) => match serde_json::from_str(data.get()) {
            Ok(data) => Some(data),
            Err(error) => {
                wrong("data", Invalid::new(format!("This cannot be read: {error}.")));
                None
            }
        },
        (other, _) => {
            wrong("data", Invalid::new(format!("This is an object, and not {other}.")));
            None
        }
    });
    match NewNotification::parse(NotificationDraft { user_id, content, category, title, link, data, expires_at }) {
        Ok(new) => unreadable.is_empty().then_some(new),
        Err(errors) => {
            let others = errors.into_iter().filter(|error| !unreadable.contains(&error.field.as_str()));
            others.for_each(|error| complaints.add(|| error));
            None
        }
    }
}
