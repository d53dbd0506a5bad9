//! `POST /api/notifications/batch`.

use std::collections::HashSet;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{
        Category, Content, Data, FieldError, Invalid, Link, NewNotification, Notification, NotificationDraft, Problem,
        Timestamp, Title, UserId,
    },
    server::{
        http::{
            extract::{Caller, Idempotency, JsonObject},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(batch))
}

/// A list of notifications, or one thing to tell to many users.
///
/// This only describes the body. [`parse`] reads it, because serde says of an untagged enum only
/// that it did not match, and not where.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewBatch)]
#[serde(untagged)]
#[expect(dead_code, reason = "only describes the body")]
enum BatchBody {
    Each(EachBody),
    Fanout(FanoutBody),
}

/// A list of notifications, each as `create` takes it.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewNotifications)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only describes the body")]
struct EachBody {
    /// 1 to 1000 notifications.
    #[schema(min_items = 1, max_items = 1000)]
    notifications: Vec<NotificationDraft>,
}

/// One thing to tell to many users.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewAnnouncement)]
#[serde(deny_unknown_fields)]
struct FanoutBody {
    /// 1 to 1000 users, each once.
    #[schema(min_items = 1, max_items = 1000, value_type = std::collections::BTreeSet<UserId>)]
    user_ids: Vec<String>,
    /// What it says.
    #[schema(value_type = Content)]
    content: Option<String>,
    /// What kind it is; `message` when absent.
    #[schema(value_type = Option<Category>)]
    category: Option<String>,
    /// A short heading.
    #[schema(value_type = Option<Title>)]
    title: Option<String>,
    /// Where a click leads.
    #[schema(value_type = Option<Link>)]
    link: Option<String>,
    /// Anything the application wants back.
    #[schema(value_type = Option<Data>)]
    data: Option<Box<serde_json::value::RawValue>>,
    /// When it leaves the inboxes by itself.
    #[schema(value_type = Option<Timestamp>)]
    expires_at: Option<String>,
}

/// What a batch created.
#[derive(Serialize, ToSchema)]
struct Batch {
    /// The notifications, in the order in which they were given.
    notifications: Vec<Notification>,
}

/// Send many notifications at once: all or none
#[utoipa::path(
    post, path = "/api/notifications/batch", tag = "notifications", request_body = BatchBody,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
            description = "Your name for this request, such as a random UUID. Sent again within 24 hours, the same \
                           request gives the same answer and does nothing more; another one is refused with 422")),
    responses(
        (status = 201, description = "All are in their inboxes", body = Batch),
        (status = "4XX", description = "It was refused; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn batch(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Idempotency(key): Idempotency,
    JsonObject(body): JsonObject<Map<String, Value>>,
) -> Result<(StatusCode, Json<Batch>), Problem> {
    let new = parse(body).map_err(Problem::invalid)?;
    let notifications = service.create_batch(&principal, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Batch { notifications })))
}

fn parse(mut body: Map<String, Value>) -> Result<Vec<NewNotification>, Vec<FieldError>> {
    match body.remove("notifications") {
        Some(list) if body.is_empty() => parse_each(list),
        Some(_) => {
            let why = "Give either notifications and nothing else, or user_ids with content.";
            Err(vec![FieldError::new("body", Invalid::new(why))])
        }
        None => parse_fanout(body),
    }
}

fn parse_each(list: Value) -> Result<Vec<NewNotification>, Vec<FieldError>> {
    let drafts: Vec<Map<String, Value>> = read("notifications", list)?;
    let mut errors = Vec::new();
    let mut parsed = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        let place = format!("notifications[{index}]");
        match read(&place, Value::Object(draft)) {
            Ok(draft) => match NewNotification::parse(draft) {
                Ok(new) => parsed.push(new),
                Err(wrong) => errors.extend(
                    wrong.into_iter().map(|error| FieldError { field: format!("{place}.{}", error.field), ..error }),
                ),
            },
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(parsed) } else { Err(errors) }
}

fn parse_fanout(body: Map<String, Value>) -> Result<Vec<NewNotification>, Vec<FieldError>> {
    let FanoutBody { user_ids, content, category, title, link, data, expires_at } = read("body", Value::Object(body))?;
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    let mut users = Vec::with_capacity(user_ids.len());
    for (index, text) in user_ids.into_iter().enumerate() {
        let again = || Invalid::new("This user is named twice; name each once.");
        match UserId::parse(&text).and_then(|user_id| if seen.insert(text) { Ok(user_id) } else { Err(again()) }) {
            Ok(user_id) => users.push(user_id),
            Err(invalid) => errors.push(FieldError::new(format!("user_ids[{index}]"), invalid)),
        }
    }
    let Some(first) = users.first() else {
        let why = Invalid::new("Name at least one user.");
        return Err(if errors.is_empty() { vec![FieldError::new("user_ids", why)] } else { errors });
    };
    let user_id = Some(first.as_str().to_owned());
    let draft = NotificationDraft { user_id, content, category, title, link, data, expires_at };
    let message = NewNotification::parse(draft).map_err(|wrong| errors.extend(wrong));
    match message {
        Ok(message) if errors.is_empty() => {
            Ok(users.into_iter().map(|user_id| NewNotification { user_id, ..message.clone() }).collect())
        }
        _ => Err(errors),
    }
}

/// Reads a part of the body, and names it when it is of another shape.
fn read<T: for<'de> Deserialize<'de>>(place: &str, value: Value) -> Result<T, Vec<FieldError>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." {
            place.to_owned()
        } else if path.starts_with('[') {
            format!("{place}{path}")
        } else if place == "body" {
            path
        } else {
            format!("{place}.{path}")
        };
        vec![FieldError::new(field, Invalid::new(error.into_inner().to_string()))]
    })
}
