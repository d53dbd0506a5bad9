//! `GET /api/notifications/list`.

use axum::{
    body::Bytes,
    extract::{FromRef, FromRequestParts, RawQuery, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{ListParams, Notification, Problem},
    server::{
        http::{
            extract::{Caller, Parameters, Query},
            next_link::next_link,
            state::HttpState,
        },
        service::NotificationService,
    },
};

/// The route.
pub(in crate::server::http) const PATH: &str = "/api/notifications/list";
/// The change number at which a page of one inbox was read.
const MODSEQ: HeaderName = HeaderName::from_static("campanile-modseq");

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list))
}

impl Parameters for ListParams {
    const NAMES: &'static [&'static str] = &["user_id", "limit", "category", "unread", "q", "before"];
}

/// List notifications, newest first
///
/// With `user_id`, lists that inbox; otherwise all inboxes that the caller may read. The header `Link` contains the
/// next page.
#[utoipa::path(
    get, path = PATH, operation_id = "listNotifications", tag = "notifications", params(ListParams),
    responses(
        (status = 200, description = "One page", body = Vec<Notification>,
         headers(
             ("Link" = String, description = "Where the next page is, as `<…>; rel=\"next\"`; absent on the last page"),
             ("Campanile-Modseq" = u64, description = "With `user_id`: the change number of the inbox at the time of the answer, from which to follow it"),
         )),
    )
)]
async fn list(
    State(state): State<HttpState>,
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    RawQuery(query): RawQuery,
    Query(params): Query<ListParams>,
) -> Result<(HeaderMap, Bytes), Problem> {
    let (filter, before, limit) = params.parse().map_err(Problem::invalid)?;
    let page = service.list_rendered(&principal, &filter, before, limit).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(modseq) = page.modseq {
        headers.insert(MODSEQ, HeaderValue::from(modseq));
    }
    let link = page.next.and_then(|next| HeaderValue::from_str(&next_link(PATH, query.as_deref(), next)).ok());
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    state.charge(principal.holder(), 0, page.json.len());
    Ok((headers, page.json))
}

/// Answers a request whose route was matched before.
pub(in crate::server::http) async fn answer(state: HttpState, request: Request) -> Result<(HeaderMap, Bytes), Problem> {
    let (mut head, _) = request.into_parts();
    let Ok(caller) = Caller::from_request_parts(&mut head, &state).await;
    let query = Query::from_request_parts(&mut head, &state).await?;
    let raw = RawQuery(head.uri.query().map(str::to_owned));
    let service = State(FromRef::from_ref(&state));
    list(State(state), service, caller, raw, query).await
}
