//! `/operations/webhooks`: the webhooks.
//!
//! A secret is shown once. It is in the answer to the form that created it, which nothing stores, and in no URL.

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::Response,
};
use uuid::Uuid;

use super::{
    Visit, delivery_of,
    form::{Form, no_such_deed},
    lead_to, with_status,
};
use crate::{
    app::pages::{Content, Fresh, Tested, TypedWebhook, WebhooksPage},
    model::{Category, Complaints, EventKind, FieldError, Invalid, Problem, UserId, Wanted, WebhookId},
    server::{
        delivery::{WebhookDraft, WebhookPatch},
        http::{extract::Caller, paths::WEBHOOKS, state::HttpState, webhooks::URL_IS_MISSING},
        identity::Principal,
        service::ServiceError,
    },
};

/// The most categories that one webhook names.
const MOST_CATEGORIES: usize = 100;

/// `GET`
pub(super) async fn page(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    head: Parts,
) -> Result<Response, Problem> {
    show(&state, principal, head, None, WebhooksPage::default()).await
}

/// The page, with the result of a form.
async fn show(
    state: &HttpState,
    principal: Principal,
    head: Parts,
    refused: Option<&Problem>,
    page: WebhooksPage,
) -> Result<Response, Problem> {
    let visit = Visit::begin(state, principal, head, refused).await?;
    let content = match delivery_of(state) {
        Ok(delivery) => match delivery.webhooks(&visit.principal).await {
            Ok(webhooks) => {
                let next = Some(WebhookId::new(Uuid::now_v7()));
                Ok(Content::Webhooks(Box::new(WebhooksPage { webhooks, next, ..page })))
            }
            Err(error) => Err(error.into()),
        },
        Err(problem) => Err(problem),
    };
    visit.show(content).await
}

/// The result of a form: a redirect, or a page with contents that no URL may contain.
enum Outcome {
    Led(Response),
    Shown(Box<WebhooksPage>),
}

/// `POST`
pub(super) async fn act(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (form, head) =
        Form::take(request, &["do", "id", "once", "seen", "url", "events", "categories", "user_id"]).await?;
    match deed(&state, &principal, &form).await {
        Ok(Outcome::Led(response)) => Ok(response),
        Ok(Outcome::Shown(page)) => show(&state, principal, head, None, *page).await,
        Err(problem) if form.get("do") == "add" => {
            let page = WebhooksPage { typed: typed(&form), refused: Some(problem.clone()), ..WebhooksPage::default() };
            with_status(show(&state, principal, head, None, page).await?, &problem)
        }
        Err(problem) => {
            let page = show(&state, principal, head, Some(&problem), WebhooksPage::default()).await?;
            with_status(page, &problem)
        }
    }
}

async fn deed(state: &HttpState, principal: &Principal, form: &Form) -> Result<Outcome, Problem> {
    let delivery = delivery_of(state)?;
    let does = form.get("do");
    let fresh = |id, secret| {
        let fresh = Some(Fresh { id, secret });
        Ok(Outcome::Shown(Box::new(WebhooksPage { fresh, ..WebhooksPage::default() })))
    };
    if does == "add" {
        let (webhook, secret) = delivery.add_webhook(principal, draft(form)?).await?;
        return fresh(webhook.id, secret);
    }
    let id = form.read("id", WebhookId::parse)?;
    match does {
        "rotate" => {
            let (webhook, secret) = delivery.rotate_secret(principal, id, form.get("seen").parse().ok()).await?;
            return fresh(webhook.id, secret);
        }
        "test" => {
            // If others are testing, only this webhook's test fails.
            let result = match delivery.test_webhook(principal, id).await {
                Err(busy @ ServiceError::TooMany { .. }) => Err(busy.into()),
                tested => Ok(tested?),
            };
            let tested = Some(Tested { id, result });
            return Ok(Outcome::Shown(Box::new(WebhooksPage { tested, ..WebhooksPage::default() })));
        }
        "enable" => drop(delivery.enable_webhook(principal, id).await?),
        "disable" => {
            let patch = WebhookPatch { is_enabled: Some(false), ..WebhookPatch::default() };
            delivery.change_webhook(principal, id, &patch).await?;
        }
        "delete" => delivery.delete_webhook(principal, id).await?,
        _ => return Err(no_such_deed()),
    }
    Ok(Outcome::Led(lead_to(WEBHOOKS, &[("done", does)])))
}

/// The typed values, to show them again.
fn typed(form: &Form) -> TypedWebhook {
    TypedWebhook {
        url: form.get("url").to_owned(),
        events: form.all("events").map(str::to_owned).collect(),
        categories: form.get("categories").to_owned(),
        user_id: form.get("user_id").to_owned(),
    }
}

/// Parses the typed values. White space around a value is ignored, and an empty field counts as absent.
fn draft(form: &Form) -> Result<WebhookDraft, Problem> {
    let mut complaints = Complaints::default();
    let url = form.get("url").trim().to_owned();
    if url.is_empty() {
        complaints.add(|| FieldError::new("url", Invalid::new(URL_IS_MISSING)));
    }
    let events = each("events", form.all("events"), EventKind::parse, &mut complaints);
    if form.all("events").next().is_none() {
        complaints.add(|| FieldError::new("events", Invalid::new("Choose one event at least.")));
    }
    let names = form.get("categories").split([',', ';', ' ', '\t']).filter(|name| !name.is_empty());
    let categories = each("categories", names, Category::parse, &mut complaints);
    if categories.len() > MOST_CATEGORIES {
        let why = format!("A webhook names at most {MOST_CATEGORIES} categories.");
        complaints.add(|| FieldError::new("categories", Invalid::new(why)));
    }
    let user_id = Some(form.get("user_id").trim()).filter(|user_id| !user_id.is_empty());
    let user_id = each("user_id", user_id.into_iter(), UserId::parse, &mut complaints).pop();
    if !complaints.is_empty() {
        return Err(Problem::invalid(complaints));
    }
    let categories = Some(categories).filter(|categories| !categories.is_empty());
    Ok(WebhookDraft {
        id: WebhookId::parse(form.get("once")).ok(),
        url,
        wanted: Wanted { events, categories, user_id },
    })
}

/// Parses each text, and removes duplicates.
fn each<'a, T: PartialEq>(
    name: &'static str,
    texts: impl Iterator<Item = &'a str>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    complaints: &mut Complaints,
) -> Vec<T> {
    let mut read = Vec::new();
    for text in texts {
        match parse(text) {
            Ok(value) if read.contains(&value) => {}
            Ok(value) => read.push(value),
            Err(why) => complaints.add(|| FieldError::new(name, why)),
        }
    }
    read
}
