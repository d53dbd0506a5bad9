//! `/api/users`: what is kept of a user, all together.

use axum::http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::NoBody,
    deliveries::Delivering,
    extract::{Caller, Nothing, Path, Query},
    state::HttpState,
};
use crate::model::{Problem, UserId};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(forget))
}

/// Forget a user
///
/// Deletes all notifications, contacts, preferences and deliveries of the user, and ends sessions and tickets. Streams and
/// webhooks are told of each notification that is deleted. It may be asked for again, also of a user who never was; what is sent
/// to the user later is in an empty inbox, whose change numbers go on.
#[utoipa::path(
    delete, path = "/api/users/{user_id}", operation_id = "forgetUser", tag = "users",
    params(("user_id" = UserId, Path, description = "Whom to forget")),
    responses(
        (status = 204, description = "Nothing of the user is left"),
    )
)]
async fn forget(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<StatusCode, Problem> {
    delivery.forget_user(&principal, &user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
