//! `/notifications/{id}`: one notification and its deliveries.

use std::collections::HashMap;

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Visit, before, deliveries,
    form::{Form, no_such_deed},
    items, lead_to, with_status,
};
use crate::{
    app::{
        Address,
        pages::{Content, NotificationPage, Older, contact_name, notification_path},
    },
    model::{Code, DeliveryId, Invalid, NotificationId, Problem, UserId},
    server::{
        delivery::Delivery,
        http::{
            extract::{Caller, FromSegment, Path},
            state::HttpState,
        },
        identity::{Principal, Scope},
        store::{ChangeNumbers, outbox::DeliveryFilter},
    },
};

/// The notification that the path names.
pub(super) struct Named(NotificationId);

impl FromSegment for Named {
    const NAME: &'static str = NotificationId::NAME;

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        NotificationId::from_segment(segment).map(Self)
    }

    /// It does not repeat the segment, so that no URL can put text into a page.
    fn refused(_: &str, why: Invalid) -> Problem {
        Problem::new(Code::NotFound, format!("There is no such notification. {why}"))
    }
}

/// `GET`
pub(super) async fn page(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    id: Result<Path<Named>, Problem>,
    head: Parts,
) -> Result<Response, Problem> {
    let mut visit = Visit::begin(&state, principal, head, None).await?;
    let content = match id {
        Ok(Path(Named(id))) => read(&state, &visit, id).await,
        Err(problem) => Err(problem),
    };
    if let Ok(Content::Notification(page)) = &content {
        visit.forget_mark(page.notification.is_read);
    }
    visit.show(content).await
}

async fn read(state: &HttpState, visit: &Visit, id: NotificationId) -> Result<Content, Problem> {
    let principal = &visit.principal;
    let notification = state.service().get(principal, id).await?;
    let ChangeNumbers { created, newest } = state.service().change_numbers(principal, id).await?;
    let before = before(visit.head.uri.query().unwrap_or(""));
    let (mut older, mut shown) = (Older { is_further_down: before.is_some(), ..Older::default() }, None);
    if let Some(delivery) = &state.options().delivery {
        let filter = DeliveryFilter { notification_id: Some(id), ..DeliveryFilter::default() };
        let found = deliveries(delivery, principal, &filter, before).await;
        shown = Some(match found {
            Ok((kept, next)) => {
                older.next = next.map(|next| format!("?before={next}"));
                Ok(items(kept, &names(delivery, principal, &notification.user_id).await?))
            }
            // The notification is shown all the same.
            Err(problem) => Err(problem),
        });
    }
    Ok(Content::Notification(Box::new(NotificationPage {
        notification,
        change_numbers: (created, newest),
        deliveries: shown,
        older,
    })))
}

/// The destinations of deliveries about an inbox, as far as the caller may see them. The URL of a webhook may contain a
/// secret, and is only for callers who may set it.
async fn names(
    delivery: &Delivery,
    principal: &Principal,
    user_id: &UserId,
) -> Result<HashMap<uuid::Uuid, String>, Problem> {
    let mut names = HashMap::new();
    if principal.may_in_either([Scope::Read, Scope::Contacts], Some(user_id)).is_ok() {
        let contacts = delivery.contacts(principal, user_id).await?;
        names.extend(contacts.into_iter().map(|contact| (contact.id.as_uuid(), contact_name(contact))));
    }
    if principal.may(Scope::Admin).is_ok() {
        let webhooks = delivery.webhooks(principal).await?;
        names.extend(webhooks.into_iter().map(|webhook| (webhook.id.as_uuid(), webhook.url)));
    }
    Ok(names)
}

/// `POST`
pub(super) async fn act(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    id: Result<Path<Named>, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let (form, head) = Form::take(request, &["do", "delivery"]).await?;
    let done = match &id {
        Ok(Path(Named(id))) => deed(&state, &principal, *id, &form).await,
        Err(problem) => Err(problem.clone()),
    };
    let problem = match done {
        Ok(response) => return Ok(response),
        Err(problem) => problem,
    };
    let visit = Visit::begin(&state, principal, head, Some(&problem)).await?;
    let content = match id {
        Ok(Path(Named(id))) => read(&state, &visit, id).await,
        Err(problem) => Err(problem),
    };
    with_status(visit.show(content).await?, &problem)
}

async fn deed(state: &HttpState, principal: &Principal, id: NotificationId, form: &Form) -> Result<Response, Problem> {
    let service = state.service();
    let does = form.get("do");
    match does {
        "read" | "unread" => {
            service.set_read(principal, id, does == "read").await?;
        }
        "delete" => {
            let user_id = service.get(principal, id).await?.user_id.clone();
            service.delete(principal, id).await?;
            let inbox = Address::default();
            let inbox = if principal.own_inbox().is_some() { inbox } else { inbox.of_user(Some(user_id.as_str())) };
            return Ok(Redirect::to(&inbox.href()).into_response());
        }
        "retry" | "cancel" => {
            let delivery = super::delivery_of(state)?;
            let which = form.read("delivery", DeliveryId::parse)?;
            if does == "retry" {
                delivery.retry(principal, which).await?;
            } else {
                delivery.cancel(principal, which).await?;
            }
        }
        _ => return Err(no_such_deed()),
    }
    Ok(lead_to(&notification_path(id), &[("done", does)]))
}
