//! `GET /api/notifications/changes/{user_id}`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::schema::{Object, ObjectBuilder, Type},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    model::{Changes, FieldError, Invalid, Limit, Problem, UserId, WholeNumber, parse_whole_number},
    server::{
        http::{
            extract::{Caller, Parameters, Path, Query},
            state::HttpState,
        },
        service::NotificationService,
    },
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(changes))
}

/// From where, and how much at a time, as text that the server has not checked yet.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChangesParams {
    /// Change number to continue from: the `Campanile-Modseq` of a list, or the `modseq` of the previous answer. 0, the
    /// default, replays the whole inbox.
    #[param(value_type = Option<WholeNumber>, nullable = false)]
    since: Option<String>,
    /// At most this many events, 1 to 1000; 1000 when absent, and never more.
    #[param(schema_with = positive)]
    limit: Option<String>,
}

/// A whole number from 1; however large it is, it is taken.
fn positive() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build()
}

impl Parameters for ChangesParams {
    const NAMES: &'static [&'static str] = &["since", "limit"];
}

impl ChangesParams {
    fn parse(&self) -> Result<(u64, Limit), Vec<FieldError>> {
        let since = self.since.as_deref().map_or(Ok(0), parse_whole_number);
        let limit = self.limit.as_deref().map_or(Ok(Limit::new(u64::MAX)), |text| match Limit::parse(text) {
            Ok(limit) if limit.get() == 0 => Err(Invalid::new("Ask for at least 1 event.")),
            parsed => parsed,
        });
        match (since, limit) {
            (Ok(since), Ok(limit)) => Ok((since, limit)),
            (since, limit) => {
                let since = since.err().map(|invalid| FieldError::new("since", invalid));
                let limit = limit.err().map(|invalid| FieldError::new("limit", invalid));
                Err(since.into_iter().chain(limit).collect())
            }
        }
    }
}

/// List the changes of an inbox after a change number
///
/// The events describe the present state: a notification that changed several times is one event. When `reset` is true,
/// the server cannot continue from `since`: list the inbox again.
#[utoipa::path(
    get, path = "/api/notifications/changes/{user_id}", operation_id = "listChanges", tag = "notifications",
    params(("user_id" = UserId, Path, description = "User who owns the inbox"), ChangesParams),
    responses(
        (status = 200, description = "The changes, in order", body = Changes),
    )
)]
async fn changes(
    State(service): State<NotificationService>,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    Query(params): Query<ChangesParams>,
) -> Result<Json<Changes>, Problem> {
    let (since, limit) = params.parse().map_err(Problem::invalid)?;
    Ok(Json(service.changes(&principal, &user_id, since, limit).await?))
}
