//! `POST /api/tickets`: tickets with which a browser opens streams.

use std::sync::Arc;

use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    HttpOptions,
    body::JsonBody,
    extract::{Caller, Nothing, Query},
    json::{self, Unknown},
    state::HttpState,
};
use crate::{
    model::{Code, Complaints, FieldError, Invalid, Problem, Timestamp, UserId},
    server::{
        auth::{AuthError, TicketWish, key::Opaque, standing::Standing},
        identity::{Principal, Scope},
        service::ServiceError,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(give))
}

/// The longest time for which a ticket may be used again, in seconds.
const LONGEST_REUSE: u32 = 3_600;

/// Scope of a ticket. By default it opens one stream of any inbox that the caller may read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what is read field by field")]
struct TicketWanted {
    /// User whose inbox the ticket is bound to.
    #[schema(value_type = Option<UserId>)]
    user_id: Option<String>,
    /// Seconds for which the ticket can be used repeatedly, so that an `EventSource` can reconnect. Such a ticket is
    /// bound to one inbox: a key must name it, a user has one.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3600, example = 600)]
    reuse_for: Option<u32>,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
struct TicketGiven {
    /// The ticket: append `?ticket=…` to the URL of a stream, or offer `bearer.…` as a WebSocket subprotocol.
    #[schema(example = "5f1d…")]
    ticket: String,
    /// Time at which the ticket expires. Streams that it opened continue as long as the caller's credential is valid.
    #[schema(value_type = Option<Timestamp>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// User whose inbox it is bound to.
    #[schema(value_type = Option<UserId>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

/// Get a ticket for live streams
///
/// A browser cannot set the header `Authorization` on a WebSocket or an `EventSource`. A ticket in the address replaces
/// it: it opens one stream, once, within 30 seconds, with the permissions of the caller who created it. With
/// `reuse_for` it opens streams of one inbox for that long, so that a client can reconnect without a new ticket. It
/// ends with the key, token or session that created it.
#[utoipa::path(
    post, path = "/api/tickets", operation_id = "createTicket", tag = "live",
    request_body(content = Option<TicketWanted>, description = "Optional"),
    responses(
        (status = 201, description = "The ticket", body = TicketGiven),
    )
)]
async fn give(
    State(options): State<Arc<HttpOptions>>,
    Caller(principal): Caller,
    _: Query<Nothing>,
    standing: Option<Extension<Standing>>,
    body: Option<JsonBody>,
) -> Result<(StatusCode, Json<TicketGiven>), Problem> {
    if !principal.is_known() {
        return Err(Problem::unauthenticated());
    }
    let wish = match &body {
        Some(body) => read(body)?,
        None => TicketWish::default(),
    };
    let wish = settle(wish, &principal)?;
    let user_id = wish.inbox.clone();
    let given = match (&options.auth, standing) {
        (Some(auth), Some(Extension(standing))) => {
            let ticket = auth.give_ticket(&standing, &wish).await.map_err(|error: AuthError| {
                auth.noted().outage(&error.to_string());
                Problem::new(Code::Unavailable, "Tickets are temporarily unavailable. Try again in a few seconds.")
            })?;
            TicketGiven { ticket: ticket.secret.to_string_once(), expires_at: Some(ticket.expires_at), user_id }
        }
        // Where no authentication is needed, any ticket works.
        _ => TicketGiven { ticket: Opaque::generate().to_string_once(), expires_at: None, user_id },
    };
    Ok((StatusCode::CREATED, Json(given)))
}

fn read(body: &JsonBody) -> Result<TicketWish, Problem> {
    const NAMES: [&str; 2] = ["user_id", "reuse_for"];
    let mut complaints = Complaints::default();
    let [user_id, reuse_for] = body.object(&NAMES, Unknown::Refused, r#"{"user_id": "user_123"}"#, &mut complaints)?;
    let inbox = json::text(user_id).and_then(|text| text.as_deref().map(UserId::parse).transpose());
    let inbox = inbox.unwrap_or_else(|why| {
        complaints.add(|| FieldError::new("user_id", why));
        None
    });
    let seconds = json::whole_number(reuse_for).and_then(|seconds| seconds.map(reuse).transpose());
    let reuse_for = seconds.unwrap_or_else(|why| {
        complaints.add(|| FieldError::new("reuse_for", why));
        None
    });
    if complaints.is_empty() { Ok(TicketWish { inbox, reuse_for }) } else { Err(Problem::invalid(complaints)) }
}

fn reuse(seconds: u64) -> Result<u32, Invalid> {
    let seconds = u32::try_from(seconds).ok().filter(|seconds| (1..=LONGEST_REUSE).contains(seconds));
    seconds.ok_or_else(|| Invalid::new(format!("A ticket may be used again for 1 to {LONGEST_REUSE} seconds.")))
}

/// The ticket to grant: one that may be used again is bound to one inbox.
fn settle(wish: TicketWish, principal: &Principal) -> Result<TicketWish, Problem> {
    if let Some(inbox) = &wish.inbox {
        principal.may_in(Scope::Read, Some(inbox)).map_err(ServiceError::from)?;
    }
    if wish.reuse_for.is_none() || wish.inbox.is_some() {
        return Ok(wish);
    }
    let Some(own) = principal.own_inbox() else {
        let why = Invalid::new("A ticket that may be used again is of one inbox. Give its `user_id`.");
        return Err(Problem::invalid(vec![FieldError::new("user_id", why)]));
    };
    Ok(TicketWish { inbox: Some(own.clone()), ..wish })
}
