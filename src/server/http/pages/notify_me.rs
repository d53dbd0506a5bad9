//! `/notify-me`: the preferences of a user.
//!
//! A user sees their own page; other callers name the user with `?user_id=`.

mod wishes;

use axum::{
    extract::{Request, State},
    http::request::Parts,
    response::Response,
};

use self::wishes::{FIELDS, patch, typed, was};
use super::{
    Visit, delivery_of,
    form::{Form, no_such_deed},
    lead_to, value_of, with_status,
};
use crate::{
    app::pages::{Content, NotifyMePage, TypedWishes, WhosePage},
    model::{Choices, ContactId, FieldError, Preferences, Problem, UserId},
    server::{
        delivery::{Delivery, PreferencesView},
        http::{extract::Caller, paths::NOTIFY_ME, state::HttpState},
        identity::{Holder, Principal, Scope},
    },
};

/// The reason why a form was refused.
struct Refused {
    problem: Problem,
    /// The typed values and the preferences at the time the form was made, to show them again.
    typed: Option<(TypedWishes, Preferences)>,
}

impl From<Problem> for Box<Refused> {
    fn from(problem: Problem) -> Self {
        Self::new(Refused { problem, typed: None })
    }
}

/// `GET`
pub(super) async fn page(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    head: Parts,
) -> Result<Response, Problem> {
    let visit = Visit::begin(&state, principal, head, None).await?;
    match whose(&visit.principal, &visit.head) {
        Ok(user_id) => {
            let content = read(&state, &visit.principal, &user_id, None).await;
            visit.show(content).await
        }
        Err(asked) => ask_whose(visit, *asked).await,
    }
}

/// Asks for the user.
async fn ask_whose(visit: Visit, asked: WhosePage) -> Result<Response, Problem> {
    let refused = asked.refused.clone();
    let page = visit.show(Ok(Content::Whose(asked))).await?;
    match refused {
        None => Ok(page),
        Some(problem) => with_status(page, &problem),
    }
}

/// The user whose page is requested; or a page that asks for one, where none is named, or an invalid one.
fn whose(principal: &Principal, head: &Parts) -> Result<UserId, Box<WhosePage>> {
    let query = head.uri.query().unwrap_or("");
    match (value_of(query, "user_id").filter(|named| !named.is_empty()), principal.own_inbox()) {
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => Err(Box::default()),
        (Some(typed), _) => UserId::parse(&typed).map_err(|why| {
            let refused = Some(Problem::invalid(vec![FieldError::new("user_id", why)]));
            // No document can contain it.
            Box::new(WhosePage { typed: typed.replace('\0', ""), refused })
        }),
    }
}

async fn read(
    state: &HttpState,
    principal: &Principal,
    user_id: &UserId,
    refused: Option<Refused>,
) -> Result<Content, Problem> {
    let delivery = delivery_of(state)?;
    let PreferencesView { preferences, effective } = delivery.preferences(principal, user_id).await?;
    let contacts = delivery.contacts(principal, user_id).await?;
    // Only callers who may read the inbox see its categories.
    let overview = state.service().overview(principal, Some(user_id)).await.ok();
    let seen = overview.into_iter().flat_map(|overview| overview.categories).map(|(category, _)| category);
    let without = |channels| Preferences {
        channels,
        categories: effective.keys().map(|category| (category.clone(), Choices::default())).collect(),
        ..Preferences::default()
    };
    let inherited = delivery.view(without(preferences.channels)).effective;
    let defaults = delivery.view(without(Choices::default())).effective;
    let (typed, was, refused) = match refused {
        Some(Refused { problem, typed: Some((typed, was)) }) => (typed, was, Some(problem)),
        _ => (TypedWishes::of(&preferences), preferences, None),
    };
    Ok(Content::NotifyMe(Box::new(NotifyMePage {
        user_id: user_id.clone(),
        is_own: principal.own_inbox() == Some(user_id),
        may_change: principal.may_in(Scope::Contacts, Some(user_id)).is_ok(),
        reaches_browsers: delivery.reaches_browsers(),
        may_remove_addresses: !matches!(principal.holder(), Holder::User(_)),
        was,
        typed,
        refused,
        inherited,
        defaults,
        seen: seen.collect(),
        contacts,
    })))
}

/// `POST`
pub(super) async fn act(
    State(state): State<HttpState>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (form, head) = Form::take(request, &FIELDS).await?;
    let user_id = match whose(&principal, &head) {
        Ok(user_id) => user_id,
        Err(asked) => return ask_whose(Visit::begin(&state, principal, head, None).await?, *asked).await,
    };
    let refused = match deed(&state, &principal, &user_id, &form).await {
        Ok(done) => return Ok(led_back(&principal, &user_id, done)),
        Err(refused) => *refused,
    };
    let problem = refused.problem.clone();
    // Errors in the input are shown beside it.
    let notice = refused.typed.is_none().then_some(&problem);
    let visit = Visit::begin(&state, principal, head, notice).await?;
    let content = read(&state, &visit.principal, &user_id, Some(refused)).await;
    with_status(visit.show(content).await?, &problem)
}

/// Leads to the page, which reports the success.
fn led_back(principal: &Principal, user_id: &UserId, done: &str) -> Response {
    let is_own = principal.own_inbox() == Some(user_id);
    let user_id = (!is_own).then_some(("user_id", user_id.as_str()));
    let query: Vec<_> = user_id.into_iter().chain([("done", done)]).collect();
    lead_to(NOTIFY_ME, &query)
}

/// Carries out the action of the form.
///
/// # Errors
/// Why it failed.
async fn deed(
    state: &HttpState,
    principal: &Principal,
    user_id: &UserId,
    form: &Form,
) -> Result<&'static str, Box<Refused>> {
    let delivery = delivery_of(state)?;
    match form.get("do") {
        "save" => save(&delivery, principal, user_id, form).await,
        "remove" => {
            let contact = form.read("contact", ContactId::parse)?;
            delivery.delete_contact(principal, user_id, contact).await.map_err(Problem::from)?;
            Ok("removed")
        }
        _ => Err(no_such_deed().into()),
    }
}

/// Too many categories are reported where one was added.
fn too_many(mut problem: Problem) -> Problem {
    for error in problem.errors.iter_mut().filter(|error| error.field == "categories") {
        "new".clone_into(&mut error.field);
    }
    problem
}

async fn save(
    delivery: &Delivery,
    principal: &Principal,
    user_id: &UserId,
    form: &Form,
) -> Result<&'static str, Box<Refused>> {
    let (typed, was) = (typed(form)?, was(form)?);
    let changed = match patch(&typed, &was) {
        Ok(patch) => {
            delivery.change_preferences(principal, user_id, &patch).await.map_err(|error| too_many(error.into()))
        }
        Err(errors) => Err(Problem::invalid(errors)),
    };
    match changed {
        Ok(_) => Ok("saved"),
        Err(problem) => Err(Box::new(Refused { problem, typed: Some((typed, was)) })),
    }
}
