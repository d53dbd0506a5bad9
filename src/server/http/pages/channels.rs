//! `/operations/channels`: the channels of delivery, and failed deliveries.

use std::collections::HashMap;

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::Response,
};

use super::{
    Visit, before, deliveries, delivery_of,
    form::{Form, no_such_deed},
    items, lead_to, value_of, with_status,
};
use crate::{
    app::pages::{ChannelsPage, Content, Older},
    model::{Channel, DeliveryId, DeliveryState, Problem, WebhookId},
    server::{
        http::{extract::Caller, paths::CHANNELS, state::HttpState},
        identity::Principal,
        store::outbox::DeliveryFilter,
    },
};

/// `GET`
pub(super) async fn page(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    head: Parts,
) -> Result<Response, Problem> {
    let visit = Visit::begin(&state, principal, head, None).await?;
    let content = read(&state, &visit).await;
    visit.show(content).await
}

async fn read(state: &HttpState, visit: &Visit) -> Result<Content, Problem> {
    let (delivery, principal) = (delivery_of(state)?, &visit.principal);
    let query = visit.head.uri.query().unwrap_or("");
    let (only, before, is_skipped) = (only(query), before(query), is_skipped(query));
    let channels = delivery.channels(principal).await?;
    let webhooks = delivery.webhooks(principal).await?;
    let filter = DeliveryFilter {
        state: Some(state_of(is_skipped)),
        target: only.map(WebhookId::as_uuid),
        ..DeliveryFilter::default()
    };
    let (dead, next) = deliveries(&delivery, principal, &filter, before).await?;
    let names: HashMap<_, _> = webhooks.iter().map(|webhook| (webhook.id.as_uuid(), webhook.url.clone())).collect();
    let older = Older {
        here: address(only, is_skipped, before),
        next: next.map(|next| address(only, is_skipped, Some(next))),
        is_further_down: before.is_some(),
    };
    Ok(Content::Channels(ChannelsPage { channels, webhooks, dead: items(dead, &names), is_skipped, only, older }))
}

/// The webhook that a query names. An invalid one counts as absent.
fn only(query: &str) -> Option<WebhookId> {
    WebhookId::parse(&value_of(query, "webhook_id")?).ok()
}

/// Whether a query selects the skipped deliveries, in place of those that were given up.
fn is_skipped(query: &str) -> bool {
    value_of(query, "state").is_some_and(|state| state == "skipped")
}

fn state_of(is_skipped: bool) -> DeliveryState {
    if is_skipped { DeliveryState::Skipped } else { DeliveryState::Dead }
}

/// The query that selects these deliveries.
fn address(only: Option<WebhookId>, is_skipped: bool, before: Option<u64>) -> String {
    let only = only.map(|id| format!("webhook_id={id}"));
    let state = is_skipped.then(|| "state=skipped".to_owned());
    let before = before.map(|place| format!("before={place}"));
    let query: Vec<_> = only.into_iter().chain(state).chain(before).collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

/// `POST`
pub(super) async fn act(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (form, head) = Form::take(request, &["do", "channel", "delivery", "webhook_id", "state"]).await?;
    let query = head.uri.query().unwrap_or("");
    let (only, skipped) = (only(query), is_skipped(query));
    let problem = match deed(&state, &principal, &form, only, skipped).await {
        Ok(response) => return Ok(response),
        Err(problem) => problem,
    };
    let visit = Visit::begin(&state, principal, head, Some(&problem)).await?;
    let content = read(&state, &visit).await;
    with_status(visit.show(content).await?, &problem)
}

async fn deed(
    state: &HttpState,
    principal: &Principal,
    form: &Form,
    only: Option<WebhookId>,
    skipped: bool,
) -> Result<Response, Problem> {
    let delivery = delivery_of(state)?;
    let does = form.get("do");
    let mut count = None;
    match does {
        "resume" => delivery.resume(principal, form.read("channel", Channel::parse)?).await?,
        "retry" => drop(delivery.retry(principal, form.read("delivery", DeliveryId::parse)?).await?),
        "retry-all" => {
            let target = match form.get("webhook_id") {
                "" => None,
                _ => Some(form.read("webhook_id", WebhookId::parse)?.as_uuid()),
            };
            let filter = DeliveryFilter {
                state: Some(state_of(form.get("state") == "skipped")),
                target,
                ..DeliveryFilter::default()
            };
            count = Some(delivery.retry_all(principal, &filter).await?.to_string());
        }
        _ => return Err(no_such_deed()),
    }
    let only = only.map(|id| id.to_string());
    let query = [
        ("done", Some(does)),
        ("count", count.as_deref()),
        ("webhook_id", only.as_deref()),
        ("state", skipped.then_some("skipped")),
    ];
    let query: Vec<_> = query.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
    Ok(lead_to(CHANNELS, &query))
}
