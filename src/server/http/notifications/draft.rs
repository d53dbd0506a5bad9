//! Reads a notification from the body of a request.

use serde_json::value::RawValue;

use crate::{
    model::{Complaints, FieldError, Invalid, NewNotification, NotificationDraft},
    server::http::json::{self, Fields, NotThat},
};

/// The fields of a notification.
pub(super) const NAMES: [&str; 9] =
    ["user_id", "content", "category", "title", "link", "data", "expires_at", "send_email", "channels"];
/// The most channels that are read.
const MOST_CHANNELS: usize = 8;

/// Reads a notification for this user from the other fields. Errors are reported to `complaints`; then there is none.
pub(super) fn read(
    user_id: Result<Option<String>, Invalid>,
    others: Fields<'_, 8>,
    complaints: &mut Complaints,
) -> Option<NewNotification> {
    let [content, category, title, link, data, expires_at, send_email, channels] = others;
    // A field of the wrong type is not reported as missing too.
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
        ("an object", data) => Some(data.to_owned()),
        (other, _) => {
            wrong("data", Invalid::new(format!("This must be an object, not {other}.")));
            None
        }
    });
    let is_said = |value: &&RawValue| json::kind(value) != "null";
    let send_email = send_email.filter(is_said).map(|value| json::boolean(Some(value))).transpose();
    let send_email = send_email.unwrap_or_else(|why| {
        wrong("send_email", why);
        None
    });
    let channels = channels.filter(is_said).map(texts).transpose().unwrap_or_else(|why| {
        wrong("channels", why);
        None
    });
    let draft = NotificationDraft { user_id, content, category, title, link, data, expires_at, send_email, channels };
    match NewNotification::parse(draft) {
        Ok(new) => unreadable.is_empty().then_some(new),
        Err(errors) => {
            let others = errors.into_iter().filter(|error| !unreadable.contains(&error.field.as_str()));
            others.for_each(|error| complaints.add(|| error));
            None
        }
    }
}

/// A short list of texts.
fn texts(list: &RawValue) -> Result<Vec<String>, Invalid> {
    let (mut texts, mut is_wrong) = (Vec::new(), false);
    let read = json::each(list, MOST_CHANNELS, |_, item| match json::text(Some(item)) {
        Ok(Some(text)) => texts.push(text),
        Ok(None) | Err(_) => is_wrong = true,
    });
    match read {
        Ok(()) if !is_wrong => Ok(texts),
        Err(NotThat::Array(other)) => Err(Invalid::new(format!("This must be an array of names, not {other}."))),
        _ => Err(Invalid::new("This must be a short array of channel names.")),
    }
}
