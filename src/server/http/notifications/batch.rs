//! `POST /api/notifications/batch`.

mod read;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{
        Category, Content, Data, Link, Notification, NotificationDraft, NotificationId, Problem, Timestamp, Title,
        UserChannel, UserId,
    },
    server::{
        budget::Exhausted,
        http::{
            body::JsonBody,
            extract::{Caller, Idempotency, Nothing, Query},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(batch))
}

/// A list of notifications, or one thing to tell to many users.
//
// This only describes the body. `read::batch` reads it, because serde says of an untagged enum only
// that it did not match, and not where.
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
#[expect(dead_code, reason = "only describes the body")]
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
    data: Option<String>,
    /// When it leaves the inboxes by itself.
    #[schema(value_type = Option<Timestamp>)]
    expires_at: Option<String>,
    /// `true`: a mail is sent too, also where mail is off by default, but never to a user who turned it off; `false`: none.
    send_email: Option<bool>,
    /// The only channels on which it may go; an empty list is the inbox only.
    #[schema(value_type = Option<std::collections::BTreeSet<UserChannel>>)]
    channels: Option<Vec<String>>,
}

/// What a batch created.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
#[serde(untagged)]
enum Batch {
    Each(Created),
    Fanout(Told),
}

/// What was created of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
struct Created {
    /// The notifications, in the order in which they were given.
    notifications: Vec<Notification>,
}

/// Who was told. What they were told is what was sent, so it is not repeated for each of them.
#[derive(Serialize, ToSchema)]
#[schema(as = Announcement)]
struct Told {
    /// The notifications, in the order in which the users were given.
    notifications: Vec<Receipt>,
}

/// That one user was told.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    /// Stable name of this notification.
    id: NotificationId,
    /// Whose inbox it is in.
    user_id: UserId,
    /// When it was accepted.
    timestamp: Timestamp,
}

impl From<&Notification> for Receipt {
    fn from(created: &Notification) -> Self {
        Self { id: created.id, user_id: created.user_id.clone(), timestamp: created.timestamp }
    }
}

/// Send many notifications at once: all or none
///
/// Either a list of notifications, or one text for many users: an announcement. Where one is not legal, none is created.
#[utoipa::path(
    post, path = "/api/notifications/batch", operation_id = "createNotificationBatch", tag = "notifications", request_body = BatchBody,
    params(("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
            description = "Your name for this request, such as a random UUID. Sent again within 24 hours, the same \
                           request gives the same answer and does nothing more; another one is refused with 422")),
    responses(
        (status = 201, description = "All are in their inboxes; of a list whole, else who was told", body = Batch),
    )
)]
async fn batch(
    State(state): State<HttpState>,
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Idempotency(key): Idempotency,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<(StatusCode, Json<Batch>), Problem> {
    let (size, most) = (body.len(), service.most_at_once());
    let (form, new) = body.read(move |body| read::batch(body, most)).await?;
    // The body was counted when it came in; one message to many users is told to each of them.
    let bytes = if form == read::Form::Fanout { size.saturating_mul(new.len()) } else { 0 };
    state.charge(principal.holder(), new.len(), bytes);
    let mut share = state.budget().share();
    share.grow(bytes).map_err(|Exhausted| Problem::busy())?;
    let notifications = service.create_batch(&principal, new, key.as_ref()).await?;
    let created = match form {
        read::Form::Each => Batch::Each(Created { notifications }),
        read::Form::Fanout => Batch::Fanout(Told { notifications: notifications.iter().map(Receipt::from).collect() }),
    };
    Ok((StatusCode::CREATED, Json(created)))
}
