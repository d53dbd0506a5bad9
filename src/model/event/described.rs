//! The schemas of events in OpenAPI: one for each kind, told apart by `type`.

use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use super::{Notification, NotificationId, UserId};

/// A text that is always this word.
pub(crate) fn only(word: &'static str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([word])).build()
}

fn created() -> Object {
    only("created")
}

fn updated() -> Object {
    only("updated")
}

fn all_read() -> Object {
    only("all_read")
}

fn deleted() -> Object {
    only("deleted")
}

/// A notification was created.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct CreatedEvent {
    /// The type of the event.
    #[schema(schema_with = created)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// Number of unread notifications after this change.
    unread_count: u64,
    /// The notification in its present state.
    notification: Notification,
    /// User who owns the inbox, in a stream of all inboxes.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// A notification was marked read or unread.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct UpdatedEvent {
    /// The type of the event.
    #[schema(schema_with = updated)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// Number of unread notifications after this change.
    unread_count: u64,
    /// The notification in its present state.
    notification: Notification,
    /// User who owns the inbox, in a stream of all inboxes.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// Everything up to this change number is read.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct AllReadEvent {
    /// The type of the event.
    #[schema(schema_with = all_read)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// Number of unread notifications after this change.
    unread_count: u64,
    /// User who owns the inbox, in a stream of all inboxes.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// A notification was deleted, expired, or left the window.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct DeletedEvent {
    /// The type of the event.
    #[schema(schema_with = deleted)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// Number of unread notifications after this change.
    unread_count: u64,
    /// Id of the notification.
    id: NotificationId,
    /// User who owns the inbox, in a stream of all inboxes.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// A change to an inbox.
///
/// It always carries the change number (`modseq`) and the unread count that hold after it. A client ignores an event that
/// is not newer than what it has, so its count cannot drift.
#[derive(ToSchema)]
#[schema(as = Event)]
#[serde(untagged)]
#[schema(discriminator(property_name = "type", mapping(
    ("created" = "#/components/schemas/CreatedEvent"),
    ("updated" = "#/components/schemas/UpdatedEvent"),
    ("all_read" = "#/components/schemas/AllReadEvent"),
    ("deleted" = "#/components/schemas/DeletedEvent"),
)))]
#[expect(dead_code, reason = "it describes what is written")]
pub(super) enum AnyEvent {
    Created(CreatedEvent),
    Updated(UpdatedEvent),
    AllRead(AllReadEvent),
    Deleted(DeletedEvent),
}
