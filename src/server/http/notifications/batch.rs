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
            extract::{Caller, Idempotency, IdempotencyParams, Nothing, Query},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(batch))
}

/// A list of notifications, or one notification for many users.
// This only describes the body. `read::batch` reads it, because serde reports of an untagged enum only that it did not
// match, and not where.
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

/// One notification for many users.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewAnnouncement)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only describes the body")]
struct FanoutBody {
    /// 1 to 1000 users, each once.
    #[schema(min_items = 1, max_items = 1000, value_type = std::collections::BTreeSet<UserId>)]
    user_ids: Vec<String>,
    /// Text of the notification.
    #[schema(value_type = Content)]
    content: Option<String>,
    /// Category; `message` by default.
    #[schema(value_type = Option<Category>)]
    category: Option<String>,
    /// Short heading.
    #[schema(value_type = Option<Title>)]
    title: Option<String>,
    /// Target of a click.
    #[schema(value_type = Option<Link>)]
    link: Option<String>,
    /// Data of the application, returned unchanged.
    #[schema(value_type = Option<Data>)]
    data: Option<String>,
    /// Time at which it is deleted from the inboxes.
    #[schema(value_type = Option<Timestamp>)]
    expires_at: Option<String>,
    /// `true` also sends a mail, even where mail is off by default, but never to a user who turned it off; `false`
    /// sends none.
    send_email: Option<bool>,
    /// The only channels that may deliver it; an empty list means the inbox only.
    #[schema(value_type = Option<std::collections::BTreeSet<UserChannel>>)]
    channels: Option<Vec<String>>,
}

/// The result of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
#[serde(untagged)]
enum Batch {
    Each(Created),
    Fanout(Announcement),
}

/// The notifications that a list created.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
struct Created {
    /// The notifications, in the order of the request.
    notifications: Vec<Notification>,
}

/// The receipts of an announcement, without repeating its text for each user.
#[derive(Serialize, ToSchema)]
#[schema(as = Announcement)]
struct Announcement {
    /// The notifications, in the order of the users in the request.
    notifications: Vec<Receipt>,
}

/// Receipt of one user.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    /// Stable id of the notification.
    id: NotificationId,
    /// User who received it.
    user_id: UserId,
    /// Time at which it was accepted.
    timestamp: Timestamp,
}

impl From<&Notification> for Receipt {
    fn from(created: &Notification) -> Self {
        Self { id: created.id, user_id: created.user_id.clone(), timestamp: created.timestamp }
    }
}

/// Send many notifications at once: all or none
///
/// Either a list of notifications, or one text for many users: an announcement. If one of them is invalid, none is
/// created.
#[utoipa::path(
    post, path = "/api/notifications/batch", operation_id = "createNotificationBatch", tag = "notifications", request_body = BatchBody,
    params(IdempotencyParams),
    responses(
        (status = 201, description = "All are stored: the notifications of a list, or the receipts of an announcement", body = Batch),
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
    // The body was counted when it came in; an announcement is stored once for each of its users.
    let bytes = if form == read::Form::Fanout { size.saturating_mul(new.len()) } else { 0 };
    state.charge(principal.holder(), new.len(), bytes);
    let mut share = state.budget().share();
    share.grow(bytes).map_err(|Exhausted| Problem::busy())?;
    let notifications = service.create_batch(&principal, new, key.as_ref()).await?;
    let created = match form {
        read::Form::Each => Batch::Each(Created { notifications }),
        read::Form::Fanout => {
            Batch::Fanout(Announcement { notifications: notifications.iter().map(Receipt::from).collect() })
        }
    };
    Ok((StatusCode::CREATED, Json(created)))
}
