//! The pages beside the inbox: one notification, preferences, channels, and webhooks.
//!
//! A form is sent to the path of its page. A success leads to a page (303) that reports it in fixed words; a refusal is
//! reported by the page that answers the form.

mod channels;
mod form;
mod notification;
mod notify_me;
mod webhooks;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use uuid::Uuid;

use super::{
    gate::RefusedPage,
    language::PageLanguage,
    page::{broken, render},
    paths::{CHANNELS, NOTIFICATION, NOTIFY_ME, OPERATIONS, WEBHOOKS, sign_in_for},
    state::HttpState,
};
use crate::{
    app::{
        Language,
        pages::{Content, DeliveryItem, Notice, Page, Reader, document},
        percent_pairs,
    },
    model::Problem,
    server::{
        assets,
        delivery::Delivery,
        identity::{Denied, Principal, Scope},
        service::ServiceError,
        store::outbox::{Delivery as StoredDelivery, DeliveryFilter},
        workshop::{self, Broken},
    },
};

/// How many deliveries a page has.
const DELIVERIES: usize = 50;

pub(super) fn routes(state: &HttpState) -> Router<HttpState> {
    Router::new()
        .route(NOTIFICATION, get(notification::page).post(notification::act))
        .route(NOTIFY_ME, get(notify_me::page).post(notify_me::act))
        .route(OPERATIONS, get(|| async { Redirect::to(CHANNELS) }))
        .route(CHANNELS, get(channels::page).post(channels::act))
        .route(WEBHOOKS, get(webhooks::page).post(webhooks::act))
        .route_layer(from_fn_with_state(state.clone(), turn_away))
}

/// Leads callers who are not signed in to the sign-in page, and shows the others that they may not see a page.
async fn turn_away(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let Some(RefusedPage(why)) = request.extensions().get().copied() else { return next.run(request).await };
    if why == Denied::Unauthenticated {
        return Redirect::to(&sign_in_for(request.uri())).into_response();
    }
    let (head, _) = request.into_parts();
    let principal = head.extensions.get().cloned().unwrap_or(Principal::anonymous());
    let visit = Visit::begin(&state, principal, head, None).await;
    let shown = match visit {
        Ok(visit) => visit.show(Err(ServiceError::from(why).into())).await,
        Err(problem) => Err(problem),
    };
    shown.unwrap_or_else(IntoResponse::into_response)
}

/// A page in progress. It has a place in the workshop, so nothing slow is done while it exists.
struct Visit {
    state: HttpState,
    place: workshop::Place,
    head: Parts,
    principal: Principal,
    language: PageLanguage,
    notice: Option<Notice>,
}

impl Visit {
    /// Begins a page; with the reason of a refused form, if any.
    async fn begin(
        state: &HttpState,
        principal: Principal,
        head: Parts,
        refused: Option<&Problem>,
    ) -> Result<Self, Problem> {
        let place = state.workshop().place().await.map_err(|Broken| broken())?;
        let language = PageLanguage::of(state, &head.headers);
        let notice = match refused {
            Some(problem) => Some(Notice { is_bad: true, text: language.language.detail(problem).to_owned() }),
            None => done(head.uri.query().unwrap_or(""), language.language),
        };
        Ok(Self { state: state.clone(), place, head, principal, language, notice })
    }

    /// Says no more that the notification was marked as read, or as unread, where that is over: the user may have come
    /// back to this address.
    fn forget_mark(&mut self, is_read: bool) {
        let over = if is_read { "unread" } else { "read" };
        if value_of(self.head.uri.query().unwrap_or(""), "done").is_some_and(|done| done == over) {
            self.notice = None;
        }
    }

    /// Shows this content, or why it cannot be shown.
    async fn show(self, content: Result<Content, Problem>) -> Result<Response, Problem> {
        let Self { state, place, head, principal, language, notice } = self;
        let options = state.options();
        let reader = Reader {
            is_operator: principal.may(Scope::Admin).is_ok(),
            has_own_inbox: principal.own_inbox().is_some(),
            may_see_wishes: may_see_wishes(options.delivery.as_ref(), &principal),
            may_mark: principal.may(Scope::Mark).is_ok(),
            may_sign_out: options.cookie().session(&head.headers).is_some(),
        };
        let (content, trouble) = match content {
            Ok(content) => (content, None),
            Err(problem) => (Content::Trouble(problem.clone()), Some(problem)),
        };
        let notice = notice.filter(|_| trouble.is_none());
        let now = state.service().now();
        let words = language.language.words();
        let page = Arc::new(Page { base: options.base().to_owned(), words, reader, now, notice, content });
        let request = Request::from_parts(head, Body::empty());
        let make = move || document(&page, assets::of_the_page());
        let shown = render(&state, place, request, language, || (), make).await?;
        match trouble {
            None => Ok(shown),
            Some(problem) => with_status(shown, &problem),
        }
    }
}

/// Whether the caller may see a page of preferences, their own or those of others. Where nothing reaches users, there
/// is none.
pub(super) fn may_see_wishes(delivery: Option<&Delivery>, principal: &Principal) -> bool {
    let reaches = delivery.is_some_and(Delivery::reaches_users);
    reaches && principal.may_either([Scope::Read, Scope::Contacts]).is_ok()
}

/// A page that reports a problem, with the problem's status.
fn with_status(mut page: Response, problem: &Problem) -> Result<Response, Problem> {
    *page.status_mut() = StatusCode::from_u16(problem.status).map_err(|_| broken())?;
    if let Some(seconds) = problem.retry_after {
        page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(page)
}

/// The notice for the result of a form, from the URL of the page. Its words are fixed, so that no URL can put text into
/// a page.
fn done(query: &str, language: &'static Language) -> Option<Notice> {
    let value = |wanted: &str| value_of(query, wanted);
    let of = &language.desk().done;
    let text = match value("done")?.as_str() {
        "read" => of.read,
        "unread" => of.unread,
        "retry" => of.retry,
        "retry-all" => match value("count")?.parse::<u64>().ok()? {
            0 => of.nothing_retried,
            count => return Some(Notice { is_bad: false, text: language.words().count(of.retried, count) }),
        },
        "cancel" => of.cancel,
        "saved" => of.saved,
        "removed" => of.removed,
        "resume" => of.resume,
        "enable" => of.enable,
        "disable" => of.disable,
        "delete" => of.delete,
        _ => return None,
    };
    Some(Notice { is_bad: false, text: text.to_owned() })
}

/// The first value of this name in a query.
fn value_of(query: &str, wanted: &str) -> Option<String> {
    percent_pairs(query).find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Leads to the page at this path, which reports the success.
fn lead_to(path: &str, query: &[(&str, &str)]) -> Response {
    let query: Vec<_> =
        query.iter().map(|(name, value)| format!("{name}={}", crate::app::percent_encoded(value))).collect();
    Redirect::to(&format!("{path}?{}", query.join("&"))).into_response()
}

/// Delivery.
fn delivery_of(state: &HttpState) -> Result<Delivery, Problem> {
    let none = || {
        let why = "This server runs without webhooks and deliveries.";
        Problem::new(crate::model::Code::Unavailable, why)
    };
    state.options().delivery.clone().ok_or_else(none)
}

/// Some deliveries, newest first, and the place before which the next ones are. A page of the store may be short where
/// its filter selects few, so several are joined.
async fn deliveries(
    delivery: &Delivery,
    principal: &Principal,
    filter: &DeliveryFilter,
    before: Option<u64>,
) -> Result<(Vec<StoredDelivery>, Option<u64>), Problem> {
    const PAGES: usize = 4;
    let (mut found, mut before) = (Vec::new(), before);
    for _ in 0..PAGES {
        let page = delivery.deliveries(principal, filter, before, DELIVERIES - found.len()).await?;
        found.extend(page.deliveries);
        before = page.next;
        if before.is_none() || found.len() >= DELIVERIES {
            break;
        }
    }
    Ok((found, before))
}

/// Deliveries as a page shows them; their destinations get these names.
fn items(kept: Vec<StoredDelivery>, names: &HashMap<Uuid, String>) -> Vec<DeliveryItem> {
    let item = |kept: StoredDelivery| {
        let (to, is_repeated) = (names.get(&kept.target).cloned(), kept.is_replayed);
        DeliveryItem { delivery: kept.view(), to, is_repeated }
    };
    kept.into_iter().map(item).collect()
}

/// The place at which a query begins. An invalid one counts as absent: a user may have typed it.
fn before(query: &str) -> Option<u64> {
    value_of(query, "before")?.parse().ok().filter(|place| i64::try_from(*place).is_ok())
}
