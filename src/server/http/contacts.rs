//! `/api/contacts`: the contacts of users.

mod read;

use axum::{Json, http::StatusCode};
use serde::Deserialize;
use utoipa::{ToSchema, openapi::schema::Object};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{JsonBody, NoBody},
    deliveries::Delivering,
    extract::{Caller, FromSegment, Nothing, Path, Query},
    problem,
    state::HttpState,
};
use crate::model::{Contact, ContactId, Environment, FcmKind, Invalid, Problem, UserId, described::only};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list, put)).routes(routes!(delete))
}

impl FromSegment for ContactId {
    const NAME: &'static str = "id";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }

    fn refused(segment: &str, why: Invalid) -> Problem {
        problem::names_nothing("contact", segment, &why)
    }
}

fn email() -> Object {
    only("email")
}

fn webpush() -> Object {
    only("webpush")
}

fn fcm() -> Object {
    only("fcm")
}

fn apns() -> Object {
    only("apns")
}

/// A contact to add.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "channel", mapping(
    ("email" = "#/components/schemas/NewEmail"),
    ("webpush" = "#/components/schemas/NewBrowser"),
    ("fcm" = "#/components/schemas/NewFcmDevice"),
    ("apns" = "#/components/schemas/NewApnsDevice"),
)))]
#[expect(dead_code, reason = "it describes what `read` reads")]
enum NewContact {
    Email(NewEmail),
    Webpush(NewBrowser),
    Fcm(NewFcmDevice),
    Apns(NewApnsDevice),
}

/// An e-mail address, which only the application may add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct NewEmail {
    /// `email`.
    #[schema(schema_with = email)]
    channel: String,
    /// The address.
    #[schema(max_length = 254, example = "ann@example.com")]
    address: String,
    /// Label that the user gives it.
    #[schema(min_length = 1, max_length = 64)]
    label: Option<String>,
}

/// A browser.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct NewBrowser {
    /// `webpush`.
    #[schema(schema_with = webpush)]
    channel: String,
    /// The result of `PushSubscription.toJSON()`.
    subscription: PushSubscription,
    /// Label that the user gives it.
    #[schema(min_length = 1, max_length = 64)]
    label: Option<String>,
}

/// A device, through Firebase Cloud Messaging.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct NewFcmDevice {
    /// `fcm`.
    #[schema(schema_with = fcm)]
    channel: String,
    /// Token that Firebase issued to the app.
    #[schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$")]
    token: String,
    /// Kind of the token; `token` by default.
    kind: Option<FcmKind>,
    /// Label that the user gives it.
    #[schema(min_length = 1, max_length = 64)]
    label: Option<String>,
}

/// A device, through Apple's push service.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct NewApnsDevice {
    /// `apns`.
    #[schema(schema_with = apns)]
    channel: String,
    /// The device token, in hexadecimal.
    #[schema(min_length = 64, max_length = 200, pattern = "^([0-9A-Fa-f]{2})+$")]
    token: String,
    /// Bundle id of the app; optional when the server is started with `--apns-topic`.
    #[schema(max_length = 255, pattern = r"^[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+$", example = "com.example.app")]
    topic: Option<String>,
    /// Push service that issued the token; `production` by default.
    environment: Option<Environment>,
    /// Label that the user gives it.
    #[schema(min_length = 1, max_length = 64)]
    label: Option<String>,
}

/// The result of `PushSubscription.toJSON()`; other fields are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct PushSubscription {
    /// URL that pushes are posted to.
    #[schema(max_length = 2048)]
    endpoint: String,
    /// Ignored: the push service reports when the subscription ends.
    expiration_time: Option<f64>,
    /// Keys that encrypt pushes.
    keys: PushKeys,
}

/// The keys that encrypt pushes to a browser, in base64url.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct PushKeys {
    /// Its public key: a point of P-256, not compressed.
    p256dh: String,
    /// 16 bytes.
    auth: String,
}

/// List the contacts of a user, the oldest first
///
/// Of a token or an endpoint, only the last 8 characters are shown.
#[utoipa::path(
    get, path = "/api/contacts/{user_id}", operation_id = "listContacts", tag = "contacts",
    params(("user_id" = UserId, Path, description = "User whose contacts to list")),
    responses(
        (status = 200, description = "The complete list", body = Vec<Contact>),
    )
)]
async fn list(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
) -> Result<Json<Vec<Contact>>, Problem> {
    Ok(Json(delivery.contacts(&principal, &user_id).await?))
}

/// Add a contact, or confirm that it still exists
///
/// A known contact becomes active again, with this label and these keys. A browser or device that belonged to another
/// user moves to this one. A user has at most 20 contacts; a further push contact replaces the one that was not
/// confirmed for longest. Users may add their own browsers and devices; only the application may add e-mail addresses.
#[utoipa::path(
    post, path = "/api/contacts/{user_id}", operation_id = "putContact", tag = "contacts", request_body = NewContact,
    params(("user_id" = UserId, Path, description = "User who owns the contact")),
    responses(
        (status = 201, description = "The contact is new", body = Contact),
        (status = 200, description = "The contact was known", body = Contact),
    )
)]
async fn put(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path(user_id): Path<UserId>,
    _: Query<Nothing>,
    body: JsonBody,
) -> Result<(StatusCode, Json<Contact>), Problem> {
    let topic = delivery.apns_topic().cloned();
    let draft = body.read(move |body| read::draft(body, topic.as_ref())).await?;
    let (contact, is_new) = delivery.put_contact(&principal, &user_id, draft).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(contact)))
}

/// Delete a contact
///
/// Users may delete their own browsers and devices; only the application may delete e-mail addresses.
#[utoipa::path(
    delete, path = "/api/contacts/{user_id}/{id}", operation_id = "deleteContact", tag = "contacts",
    params(
        ("user_id" = UserId, Path, description = "User who owns the contact"),
        ("id" = ContactId, Path, description = "Id of the contact"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "The user has no contact with this id", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete(
    Delivering(delivery): Delivering,
    Caller(principal): Caller,
    Path((user_id, id)): Path<(UserId, ContactId)>,
    _: Query<Nothing>,
    _: NoBody,
) -> Result<StatusCode, Problem> {
    delivery.delete_contact(&principal, &user_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
