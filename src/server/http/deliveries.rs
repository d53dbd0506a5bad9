//! `/api/deliveries`: sent, waiting and failed deliveries.

use axum::{
    Json,
    extract::{FromRequestParts, RawQuery},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{JsonBody, NoBody},
    extract::{Caller, FromSegment, Nothing, Parameters, Path, Query},
    json::{self, Unknown},
    next_link::next_link,
    problem,
    state::HttpState,
};
use crate::{
    model::{
        Channel, Code, Complaints, DeliveryId, DeliveryState, DeliveryView, FieldError, Invalid, Limit, NotificationId,
        Problem, Timestamp, UserId, WebhookId,
    },
    server::{
        delivery::Delivery,
        store::outbox::{Delivery as StoredDelivery, DeliveryFilter},
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry_all)).routes(routes!(retry)).routes(routes!(cancel))
}

/// Delivery; 503 if a program embeds the router without it.
pub(super) struct Delivering(pub(super) Delivery);

impl FromRequestParts<HttpState> for Delivering {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let none = || Problem::new(Code::Unavailable, "This server runs without webhooks and deliveries.");
        state.options().delivery.clone().map(Self).ok_or_else(none)
    }
}

impl FromSegment for DeliveryId {
    const NAME: &'static str = "id";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }

    fn refused(segment: &str, why: Invalid) -> Problem {
        problem::names_nothing("delivery", segment, &why)
    }
}

/// Which deliveries, as a client writes it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveryParams {
    /// Only deliveries about this notification.
    #[param(value_type = Option<NotificationId>, nullable = false)]
    notification_id: Option<String>,
    /// Only deliveries about the inbox of this user.
    #[param(value_type = Option<UserId>, nullable = false)]
    user_id: Option<String>,
    /// Only deliveries in this state.
    #[param(value_type = Option<DeliveryState>, nullable = false)]
    state: Option<String>,
    /// Only deliveries by this channel.
    #[param(value_type = Option<Channel>, nullable = false)]
    channel: Option<String>,
    /// Only deliveries to this webhook.
    #[param(value_type = Option<WebhookId>, nullable = false)]
    webhook_id: Option<String>,
    /// Most items on a page.
    #[param(value_type = Option<Limit>, nullable = false)]
    limit: Option<String>,
    /// Where the page begins: a value from the `next` link of the previous page.
    #[param(pattern = "^[0-9]{1,18}$", nullable = false)]
    before: Option<String>,
}

impl Parameters for DeliveryParams {
    const NAMES: &'static [&'static str] =
        &["notification_id", "user_id", "state", "channel", "webhook_id", "limit", "before"];
}

impl DeliveryParams {
    fn parse(self) -> Result<(DeliveryFilter, Option<u64>, Limit), Problem> {
        let mut complaints = Complaints::default();
        let filter = DeliveryFilter {
            notification_id: parsed("notification_id", self.notification_id, NotificationId::parse, &mut complaints),
            user_id: parsed("user_id", self.user_id, UserId::parse, &mut complaints),
            state: parsed("state", self.state, DeliveryState::parse, &mut complaints),
            channel: parsed("channel", self.channel, Channel::parse, &mut complaints),
            target: parsed("webhook_id", self.webhook_id, WebhookId::parse, &mut complaints).map(WebhookId::as_uuid),
            since: None,
        };
        let limit = parsed("limit", self.limit, Limit::parse, &mut complaints).unwrap_or_default();
        let before = parsed("before", self.before, place, &mut complaints);
        if complaints.is_empty() { Ok((filter, before, limit)) } else { Err(Problem::invalid(complaints)) }
    }
}

fn parsed<T>(
    name: &'static str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    complaints: &mut Complaints,
) -> Option<T> {
    match parse(&text?) {
        Ok(value) => Some(value),
        Err(why) => {
            complaints.add(|| FieldError::new(name, why));
            None
        }
    }
}

fn place(text: &str) -> Result<u64, Invalid> {
    let is_one = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    let place = is_one.then(|| text.parse().ok()).flatten();
    place.ok_or_else(|| Invalid::new("This is not a cursor. Take `before` from the `next` link of the previous page."))
}

/// List deliveries, newest first
///
/// Users see the deliveries about their own inbox. `sent` means that the next hop accepted the message.
#[utoipa::path(
    get, path = "/api/deliveries", operation_id = "listDeliveries", tag = "deliveries", params(DeliveryParams),
    responses(
        (status = 200, description = "One page", body = Vec<DeliveryView>,
         headers(("Link" = String, description = "Where the next page is, as `<…>; rel=\"next\"`; absent on the last page"))),
    )
)]
async fn list(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    RawQuery(query): RawQuery,
    Query(params): Query<DeliveryParams>,
) -> Result<(HeaderMap, Json<Vec<DeliveryView>>), Problem> {
    let (filter, before, limit) = params.parse()?;
    let page = delivery.deliveries(&principal, &filter, before, limit.get()).await?;
    let mut headers = HeaderMap::new();
    if let Some(next) = page.next
        && let Ok(link) = HeaderValue::from_str(&next_link("/api/deliveries", query.as_deref(), next))
    {
        headers.insert(header::LINK, link);
    }
    Ok((headers, Json(page.deliveries.into_iter().map(StoredDelivery::view).collect())))
}

/// Send a delivery again
///
/// A finished delivery that was not sent is sent again as a new delivery, at once. A delivery that is `ready` is tried
/// at once, without a new one.
#[utoipa::path(
    post, path = "/api/deliveries/{id}/retry", operation_id = "retryDelivery", tag = "deliveries",
    params(("id" = DeliveryId, Path, description = "Id of the delivery")),
    responses(
        (status = 200, description = "The new delivery, or the one that was waiting", body = DeliveryView),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The delivery was sent, or is in a state from which it cannot be sent again; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn retry(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<DeliveryId>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<Json<DeliveryView>, Problem> {
    Ok(Json(delivery.retry(&principal, id).await?.view()))
}

/// Cancel a delivery that is not finished
///
/// A message that is being sent at that moment may still arrive.
#[utoipa::path(
    post, path = "/api/deliveries/{id}/cancel", operation_id = "cancelDelivery", tag = "deliveries",
    params(("id" = DeliveryId, Path, description = "Id of the delivery")),
    responses(
        (status = 200, description = "The delivery in its present state", body = DeliveryView),
        (status = 404, description = "Nothing with this id exists, or the caller may not see it", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The delivery is already finished; nothing changed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn cancel(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(id): Path<DeliveryId>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<Json<DeliveryView>, Problem> {
    Ok(Json(delivery.cancel(&principal, id).await?.view()))
}

/// Selects the deliveries to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what is read")]
struct RetryMany {
    /// Only deliveries in this state.
    state: RetriedState,
    /// Only deliveries by this channel.
    channel: Option<Channel>,
    /// Only deliveries to this webhook.
    webhook_id: Option<WebhookId>,
    /// Only deliveries decided at this time or later.
    since: Option<Timestamp>,
}

/// State from which deliveries can be sent again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RetriedState {
    /// They were given up.
    Dead,
    /// A rule kept them from being sent.
    Skipped,
    /// They were cancelled.
    Cancelled,
    /// Their notifications had expired.
    Expired,
    /// They wait for their next attempt, and are tried at once.
    Ready,
}

/// Number of retried deliveries.
#[derive(Serialize, ToSchema)]
struct Retried {
    /// Always true.
    ok: bool,
    /// Number of retried deliveries.
    retried: u64,
}

fn read_many(body: &JsonBody) -> Result<DeliveryFilter, Problem> {
    const NAMES: [&str; 4] = ["state", "channel", "webhook_id", "since"];
    let mut complaints = Complaints::default();
    let fields = body.object(&NAMES, Unknown::Refused, r#"{"state": "dead"}"#, &mut complaints)?;
    let mut texts = fields.into_iter().zip(NAMES).map(|(field, name)| match json::text(field) {
        Ok(text) => text,
        Err(why) => {
            complaints.add(|| FieldError::new(name, why));
            None
        }
    });
    let [state, channel, webhook_id, since] = std::array::from_fn(|_| texts.next().flatten());
    drop(texts);
    if state.is_none() && complaints.is_empty() {
        complaints.add(|| FieldError::new("state", Invalid::new("Choose dead, skipped, cancelled, expired or ready.")));
    }
    let filter = DeliveryFilter {
        state: parsed("state", state, may_be_retried, &mut complaints),
        channel: parsed("channel", channel, Channel::parse, &mut complaints),
        target: parsed("webhook_id", webhook_id, WebhookId::parse, &mut complaints).map(WebhookId::as_uuid),
        since: parsed("since", since, Timestamp::parse, &mut complaints),
        ..DeliveryFilter::default()
    };
    if complaints.is_empty() { Ok(filter) } else { Err(Problem::invalid(complaints)) }
}

fn may_be_retried(text: &str) -> Result<DeliveryState, Invalid> {
    let state =
        DeliveryState::parse(text).ok().filter(|state| state.may_be_repeated() || *state == DeliveryState::Ready);
    state.ok_or_else(|| {
        Invalid::new("This must be dead, skipped, cancelled, expired or ready: only these can be retried.")
    })
}

/// Send many deliveries again
///
/// Every delivery in this state that was not retried yet is sent again as a new delivery.
#[utoipa::path(
    post, path = "/api/deliveries/retry", operation_id = "retryDeliveries", tag = "deliveries", request_body = RetryMany,
    responses(
        (status = 200, description = "Number of new deliveries", body = Retried),
    )
)]
async fn retry_all(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<Json<Retried>, Problem> {
    let filter = body.read(read_many).await?;
    let retried = delivery.retry_all(&principal, &filter).await?;
    Ok(Json(Retried { ok: true, retried }))
}
