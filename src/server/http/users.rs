//! `/api/users`: forgets a user.

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
/// Deletes all notifications, contacts, preferences and deliveries of the user, and ends sessions and tickets. Streams
/// and webhooks receive the deletion of each notification. Repeating the request is safe, also for an unknown user.
/// Later notifications go into an empty inbox, whose change numbers continue.
#[utoipa::path(
    delete, path = "/api/users/{user_id}", operation_id = "forgetUser", tag = "users",
    params(("user_id" = UserId, Path, description = "User to forget")),
    responses(
        (status = 204, description = "Nothing about the user is left"),
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
