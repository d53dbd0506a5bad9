//! `/unsubscribe`: the target of unsubscribe links in mails (RFC 8058).
//!
//! The link is the only credential: the user does not sign in, and cookies are ignored. Parameters that mail scanners
//! add to its query are ignored too. Reading the page changes nothing, because mail scanners follow links.

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    deliveries::Delivering,
    extract::{FromSegment, Path},
    intake::Whole,
    language::PageLanguage,
    page::{broken, render},
    state::HttpState,
};
use crate::{
    app::{Mails, Unsubscription, unsubscribe_page},
    model::{Code, Invalid, Problem},
    server::{
        assets,
        delivery::{Delivery, Ending, NoEnding},
        service::ServiceError,
        workshop::Broken,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(ask, unsubscribe))
}

/// The token of an unsubscribe link.
struct Token(String);

impl FromSegment for Token {
    const NAME: &'static str = "token";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Ok(Self(segment.to_owned()))
    }

    fn refused(_: &str, why: Invalid) -> Problem {
        Problem::new(Code::NotFound, why.to_string())
    }
}

/// The form that mail clients send (RFC 8058).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is not looked at")]
struct OneClick {
    /// `One-Click`.
    #[schema(rename = "List-Unsubscribe", example = "One-Click", nullable = false)]
    list_unsubscribe: Option<String>,
}

/// Show which mails a link turns off
///
/// Shows a page with a button; opening it changes nothing.
#[utoipa::path(
    get, path = "/unsubscribe/{token}", operation_id = "showUnsubscription", tag = "preferences",
    params(("token" = String, Path, description = "Last part of the link in the mail")),
    responses(
        (status = 200, description = "A page with a button", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link is invalid", body = String, content_type = "text/html"),
        (status = 410, description = "A page that says that the link is no longer valid", body = String, content_type = "text/html"),
    )
)]
async fn ask(
    State(state): State<HttpState>,
    Delivering(delivery): Delivering,
    Path(Token(token)): Path<Token>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let shown = match found(&delivery, &token).await? {
        Ok(ending) => Unsubscription::Asked(mails(&delivery, ending)),
        Err(no) => no,
    };
    show(&state, head, shown).await
}

/// Turn off the mails that a link names
///
/// One click in a mail client (RFC 8058). The link is the only credential, and the body may be a form of either kind.
#[utoipa::path(
    post, path = "/unsubscribe/{token}", operation_id = "unsubscribe", tag = "preferences",
    params(("token" = String, Path, description = "Last part of the link in the mail")),
    request_body(description = "`List-Unsubscribe=One-Click`; ignored", content(
        (OneClick = "application/x-www-form-urlencoded"),
        (OneClick = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The mails are off, and a page says so", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link is invalid; nothing changed", body = String, content_type = "text/html"),
        (status = 410, description = "A page that says that the link is no longer valid; nothing changed", body = String, content_type = "text/html"),
    )
)]
async fn unsubscribe(
    State(state): State<HttpState>,
    Delivering(delivery): Delivering,
    Path(Token(token)): Path<Token>,
    head: Parts,
    _: Whole,
) -> Result<Response, Problem> {
    let shown = match found(&delivery, &token).await? {
        Ok(ending) => {
            delivery.unsubscribe(&ending).await?;
            Unsubscription::Done(mails(&delivery, ending))
        }
        Err(no) => no,
    };
    show(&state, head, shown).await
}

/// The mails that a token turns off, or an error page.
async fn found(delivery: &Delivery, token: &str) -> Result<Result<Ending, Unsubscription>, Problem> {
    let found = delivery.ending(token).await.map_err(ServiceError::from)?;
    Ok(found.map_err(|no| match no {
        NoEnding::Unreadable => Unsubscription::Unknown,
        NoEnding::Unsigned => Unsubscription::Gone,
    }))
}

/// The mails as the page names them.
fn mails(delivery: &Delivery, Ending { user_id, category }: Ending) -> Mails {
    Mails {
        app_name: delivery.app_name().to_owned(),
        user_id: user_id.to_string(),
        is_mandatory: category.as_ref().is_some_and(|category| delivery.is_mandatory(category)),
        category: category.map(|category| category.to_string()),
    }
}

async fn show(state: &HttpState, head: Parts, shown: Unsubscription) -> Result<Response, Problem> {
    let status = match shown {
        Unsubscription::Asked(_) | Unsubscription::Done(_) => StatusCode::OK,
        Unsubscription::Unknown => StatusCode::NOT_FOUND,
        Unsubscription::Gone => StatusCode::GONE,
    };
    let place = state.workshop().place().await.map_err(|Broken| broken())?;
    let base = state.options().base().to_owned();
    let language = PageLanguage::of(state, &head.headers);
    let words = language.language.words();
    let request = Request::from_parts(head, axum::body::Body::empty());
    let page = move || unsubscribe_page(&shown, words, &base, assets::of_the_page());
    let mut response = render(state, place, request, language, || (), page).await?;
    *response.status_mut() = status;
    Ok(response)
}
