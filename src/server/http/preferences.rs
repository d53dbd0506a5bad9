//! `/api/preferences`: what users want to be told of, which way, and when.

use std::collections::BTreeMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::JsonBody,
    deliveries::Delivering,
    extract::{Caller, Nothing, Path, Query},
    state::HttpState,
};
use crate::{
    model::{Category, Choices, Digest, Preferences, Problem, QuietHours, UserId, Way},
    server::delivery::{Effect, PreferencesView},
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get, patch))
}

/// What a user wants, and what holds because of that.
#[derive(Serialize, ToSchema)]
#[schema(as = Preferences)]
struct Body {
    /// For each way, whatever the category.
    channels: Choices,
    /// For each category that the user named, which counts more.
    categories: BTreeMap<Category, Choices>,
    /// When the user is not to be disturbed; absent where they did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quiet_hours: Option<QuietHours>,
    /// How mails are put together.
    digest: Digests,
    /// What holds each way for the well-known categories and all that the user or the operator names.
    #[schema(value_type = BTreeMap<Category, BTreeMap<Way, Effect>>)]
    effective: BTreeMap<Category, BTreeMap<Way, Effect>>,
}

/// How what is sent a way is put together.
#[derive(Serialize, ToSchema)]
struct Digests {
    /// `off`, `1h` for one mail an hour, or `daily HH:MM`.
    #[schema(value_type = String, example = "daily 08:00")]
    email: Digest,
}

impl From<PreferencesView> for Body {
    fn from(PreferencesView { preferences, effective }: PreferencesView) -> Self {
        let Preferences { channels, categories, quiet_hours, digest } = preferences;
        Self { channels, categories, quiet_hours, digest: Digests { email: digest }, effective }
    }
}

/// A change of preferences: a JSON merge patch (RFC 7396). `null` takes back what was said.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "channels": {"email": {"if_unread_after": 600}},
    "categories": {"alert": {"email": "on"}},
    "quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon", "tue", "wed", "thu", "fri"]},
    "digest": {"email": "daily 08:00"}
}))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Preferences::merge` reads")]
struct PreferencesPatch {
    /// For each way, whatever the category.
    channels: Option<ChoicesPatch>,
    /// For each category, which counts more; at most 100.
    categories: Option<BTreeMap<String, ChoicesPatch>>,
    /// When the user is not to be disturbed.
    quiet_hours: Option<QuietHoursPatch>,
    /// How mails are put together.
    digest: Option<DigestPatch>,
}

/// What is chosen for each way.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Preferences::merge` reads")]
struct ChoicesPatch {
    /// For e-mail.
    #[schema(value_type = Option<crate::model::Choice>)]
    email: Option<String>,
    /// For a push.
    #[schema(value_type = Option<crate::model::Choice>)]
    push: Option<String>,
}

/// When a user is not to be disturbed: `zone`, `from` and `to` are needed where there are no quiet hours yet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Preferences::merge` reads")]
struct QuietHoursPatch {
    /// A time zone of the IANA database.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// From when, local time.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    from: Option<String>,
    /// Until when, local time, on the next day where it is before `from`. Where it is `from`, there are none.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    to: Option<String>,
    /// On which days they begin; every day when nothing is said.
    #[schema(min_items = 1, max_items = 7)]
    days: Option<Vec<Day>>,
}

/// A day of the week.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How mails are put together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Preferences::merge` reads")]
struct DigestPatch {
    /// `off`, `1h` for one mail an hour, which the first notification opens, or `daily HH:MM`, in the zone of the quiet
    /// hours, else UTC.
    #[schema(pattern = "^(off|1h|daily ([01][0-9]|2[0-3]):[0-5][0-9])$", example = "daily 08:00")]
    email: Option<String>,
}

/// Get what a user wants to be told of
///
/// `effective` says what holds for each category and way, and whose word that is.
#[utoipa::path(
    get, path = "/api/preferences/{user_id}", operation_id = "getPreferences", tag = "preferences",
    params(("user_id" = UserId, Path, description = "Whose preferences")),
    responses(
        (status = 200, description = "Of a user who never said anything too", body = Body),
    )
)]
async fn get(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
) -> Result<Json<Body>, Problem> {
    Ok(Json(delivery.preferences(&principal, &user_id).await?.into()))
}

/// Change what a user wants to be told of
///
/// The body is a JSON merge patch (RFC 7396): what it does not name stays, and `null` takes back what was said. What
/// waits for the user is judged anew.
#[utoipa::path(
    patch, path = "/api/preferences/{user_id}", operation_id = "updatePreferences", tag = "preferences",
    params(("user_id" = UserId, Path, description = "Whose preferences")),
    request_body(content(
        (PreferencesPatch = "application/merge-patch+json"),
        (PreferencesPatch = "application/json"),
    )),
    responses(
        (status = 200, description = "As they are now", body = Body),
    )
)]
async fn patch(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<Json<Body>, Problem> {
    let patch = body.read(JsonBody::tree).await?;
    Ok(Json(delivery.change_preferences(&principal, &user_id, &patch).await?.into()))
}
