//! `/api/preferences`: the preferences of users.

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

/// The preferences of a user, and the choices in force.
#[derive(Serialize, ToSchema)]
#[schema(as = Preferences)]
struct Body {
    /// The choice for each channel, for all categories.
    channels: Choices,
    /// The choices for single categories, which override those for channels.
    categories: BTreeMap<Category, Choices>,
    /// Quiet hours; absent when the user set none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quiet_hours: Option<QuietHours>,
    /// How mails are combined into digests.
    digest: Digests,
    /// The choices in force for the well-known categories, and for those that the user or the operator named.
    #[schema(value_type = BTreeMap<Category, BTreeMap<Way, Effect>>)]
    effective: BTreeMap<Category, BTreeMap<Way, Effect>>,
}

/// How the messages of a channel are combined into digests.
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

/// A change of preferences: a JSON merge patch (RFC 7396). `null` removes a choice.
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
    /// The choice for each channel, for all categories.
    channels: Option<ChoicesPatch>,
    /// The choices for single categories, which override those for channels; at most 100.
    categories: Option<BTreeMap<String, ChoicesPatch>>,
    /// Quiet hours.
    quiet_hours: Option<QuietHoursPatch>,
    /// How mails are combined into digests.
    digest: Option<DigestPatch>,
}

/// The choice for each channel.
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

/// A change of the quiet hours; `zone`, `from` and `to` are required if the user has none yet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Preferences::merge` reads")]
struct QuietHoursPatch {
    /// A time zone of the IANA database.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// Start, in local time.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    from: Option<String>,
    /// End, in local time; on the next day if it is before `from`. If it equals `from`, there are none.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    to: Option<String>,
    /// Days on which they begin; every day by default.
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

/// How mails are combined into digests.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Preferences::merge` reads")]
struct DigestPatch {
    /// `off`; `1h` for one mail an hour, counted from the first notification; or `daily HH:MM`, in the time zone of the
    /// quiet hours, else UTC.
    #[schema(pattern = "^(off|1h|daily ([01][0-9]|2[0-3]):[0-5][0-9])$", example = "daily 08:00")]
    email: Option<String>,
}

/// Get the preferences of a user
///
/// `effective` has the choice in force for each category and channel, and who made it.
#[utoipa::path(
    get, path = "/api/preferences/{user_id}", operation_id = "getPreferences", tag = "preferences",
    params(("user_id" = UserId, Path, description = "User whose preferences they are")),
    responses(
        (status = 200, description = "The preferences, also of a user who never set any", body = Body),
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

/// Change the preferences of a user
///
/// The body is a JSON merge patch (RFC 7396): absent fields stay, and `null` removes a choice. Waiting deliveries of
/// the user follow the new preferences.
#[utoipa::path(
    patch, path = "/api/preferences/{user_id}", operation_id = "updatePreferences", tag = "preferences",
    params(("user_id" = UserId, Path, description = "User whose preferences they are")),
    request_body(content(
        (PreferencesPatch = "application/merge-patch+json"),
        (PreferencesPatch = "application/json"),
    )),
    responses(
        (status = 200, description = "The new preferences", body = Body),
    )
)]
async fn patch(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<Json<Body>, Problem> {
    let patch = body.read(|body| body.tree(r#"{"channels": {"email": "off"}}"#)).await?;
    Ok(Json(delivery.change_preferences(&principal, &user_id, &patch).await?.into()))
}
