//! `/api/contacts`: where channels reach users.

mod read;

use axum::{Json, http::StatusCode};
use serde::Deserialize;
use utoipa::{ToSchema, openapi::schema::Object};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{JsonBody, NoBody},
    deliveries::Delivering,
    extract::{Caller, FromSegment, Nothing, Path, Query},
    state::HttpState,
};
use crate::model::{Code, Contact, ContactId, Environment, FcmKind, Invalid, Problem, UserId, described::only};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list, put)).routes(routes!(delete))
}

impl FromSegment for ContactId {
    const NAME: &'static str = "id";

    fn from_segment(segment: &str) -> Result<Self, Invalid> {
        Self::parse(segment)
    }

    fn refused(why: Invalid) -> Problem {
        Problem::new(Code::NotFound, format!("There is no such contact. {why}"))
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

/// A contact that is to be added.
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

/// An e-mail address. The application sets it, and never the user.
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
    /// What the user calls it.
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
    /// What `PushSubscription.toJSON()` gives.
    subscription: PushSubscription,
    /// What the user calls it.
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
    /// What Firebase gave to the app.
    #[schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$")]
    token: String,
    /// What that is; `token` when nothing is said.
    kind: Option<FcmKind>,
    /// What the user calls it.
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
    /// The bundle id of the app. It may be left out where the server is started with `apns-topic`.
    #[schema(max_length = 255, pattern = r"^[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+$", example = "com.example.app")]
    topic: Option<String>,
    /// Which service it is of; `production` when nothing is said.
    environment: Option<Environment>,
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 64)]
    label: Option<String>,
}

/// What `PushSubscription.toJSON()` gives. Other fields of it are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `read` reads")]
struct PushSubscription {
    /// Where pushes are posted to.
    #[schema(max_length = 2048)]
    endpoint: String,
    /// It is not looked at: the push service says when the subscription is over.
    expiration_time: Option<f64>,
    /// What pushes are encrypted with.
    keys: PushKeys,
}

/// What pushes to a browser are encrypted with, in base64url.
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
/// A token or an endpoint is shown by its last 8 characters.
#[utoipa::path(
    get, path = "/api/contacts/{user_id}", operation_id = "listContacts", tag = "contacts",
    params(("user_id" = UserId, Path, description = "Whose contacts")),
    responses(
        (status = 200, description = "All of them", body = Vec<Contact>),
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

/// Add a contact, or say that it is still there
///
/// One that is known is active again, with this label and these keys. What reaches a browser or device leaves the user
/// who had it. A user has 20 contacts: one more push contact takes the place of the push contact that was not seen for
/// longest. A user may add own browsers and devices; e-mail addresses are for the application to set.
#[utoipa::path(
    post, path = "/api/contacts/{user_id}", operation_id = "putContact", tag = "contacts", request_body = NewContact,
    params(("user_id" = UserId, Path, description = "Whose contact")),
    responses(
        (status = 201, description = "It is new", body = Contact),
        (status = 200, description = "It was known", body = Contact),
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
/// A user may delete own browsers and devices; e-mail addresses are for the application to delete.
#[utoipa::path(
    delete, path = "/api/contacts/{user_id}/{id}", operation_id = "deleteContact", tag = "contacts",
    params(
        ("user_id" = UserId, Path, description = "Whose contact"),
        ("id" = ContactId, Path, description = "Which contact"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "The user has none of that id", body = Problem, content_type = "application/problem+json"),
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
