//! Reads a batch.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::{
    model::{Complaints, FieldError, Invalid, NewNotification, Problem, UserId},
    server::http::{
        body::JsonBody,
        json::{self, NotThat, Unknown},
        notifications::draft,
    },
};

/// The fields of both forms.
const NAMES: [&str; 10] = [
    "notifications",
    "user_ids",
    "content",
    "category",
    "title",
    "link",
    "data",
    "expires_at",
    "send_email",
    "channels",
];

/// A body of the first form, for errors.
const EXAMPLE: &str = r#"{"notifications": [{"user_id": "user_123", "content": "Hello"}]}"#;

/// The form of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A list of notifications.
    Each,
    /// One message for many users.
    Fanout,
}

/// Reads a batch of at most `most` notifications.
///
/// # Errors
/// 400 or 422, with each error at its place.
pub(super) fn batch(body: &JsonBody, most: usize) -> Result<(Form, Vec<NewNotification>), Problem> {
    let mut complaints = Complaints::default();
    let fields = body.object(&NAMES, body.unknown_in_drafts(), EXAMPLE, &mut complaints)?;
    let [notifications, user_ids, message @ ..] = fields;
    let (form, new) = match (notifications, user_ids) {
        (Some(list), None) if message.iter().all(Option::is_none) => {
            (Form::Each, list_of(list, most, body.unknown_in_drafts(), &mut complaints))
        }
        (None, Some(user_ids)) => (Form::Fanout, fanout(user_ids, message, most, &mut complaints)),
        _ => {
            let why = "Give either notifications and nothing else, or user_ids with content.";
            complaints.add(|| FieldError::new("body", Invalid::new(why)));
            (Form::Each, Vec::new())
        }
    };
    if complaints.is_empty() { Ok((form, new)) } else { Err(Problem::invalid(complaints)) }
}

fn list_of(list: &RawValue, most: usize, unknown: Unknown, complaints: &mut Complaints) -> Vec<NewNotification> {
    let mut parsed = Vec::new();
    let read = json::each(list, most, |index, item| {
        let place = format_args!("notifications[{index}]");
        if json::kind(item) != "an object" {
            let why = format!("This must be an object, not {}.", json::kind(item));
            complaints.add(|| FieldError::new(place.to_string(), Invalid::new(why)));
            return;
        }
        let mut wrong = complaints.for_part();
        // It is JSON and an object, so it can be read.
        if let Ok([user_id, others @ ..]) = json::object(item.get(), &draft::NAMES, unknown, &mut wrong) {
            parsed.extend(draft::read(json::text(user_id), others, &mut wrong));
        }
        complaints.absorb(place, wrong);
    });
    check_length("notifications", "notification", read, parsed.is_empty(), complaints);
    parsed
}

fn fanout(
    user_ids: &RawValue,
    message: [Option<&RawValue>; 8],
    most: usize,
    complaints: &mut Complaints,
) -> Vec<NewNotification> {
    let mut users = Vec::new();
    let mut seen = HashSet::new();
    let read = json::each(user_ids, most, |index, item| {
        let user_id = json::text(Some(item)).and_then(|text| UserId::parse(text.as_deref().unwrap_or_default()));
        let again = || Invalid::new("This user is named twice; name each once.");
        match user_id.and_then(|user_id| if seen.insert(user_id.clone()) { Ok(user_id) } else { Err(again()) }) {
            Ok(user_id) => users.push(user_id),
            Err(why) => complaints.add(|| FieldError::new(format!("user_ids[{index}]"), why)),
        }
    });
    check_length("user_ids", "user id", read, users.is_empty(), complaints);
    // Even if no user id is valid, the message is checked.
    let first = users.first().map_or_else(|| "user".to_owned(), UserId::to_string);
    let Some(message) = draft::read(Ok(Some(first)), message, complaints) else { return Vec::new() };
    users.into_iter().map(|user_id| NewNotification { user_id, ..message.clone() }).collect()
}

/// Reports a list of these that is not an array, is empty, or is too long.
fn check_length(field: &str, of: &str, read: Result<(), NotThat>, nothing_is_good: bool, complaints: &mut Complaints) {
    let why = match read {
        Err(NotThat::Array(other)) => format!("This must be an array, not {other}."),
        Err(NotThat::Few(most)) => format!("A batch has 1 to {most} notifications; this has more."),
        Ok(()) if nothing_is_good && complaints.is_empty() => format!("Give at least one {of}."),
        Ok(()) => return,
    };
    complaints.add_first(FieldError::new(field, Invalid::new(why)));
}
