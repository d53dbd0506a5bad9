//! How an event is described to programs: each kind by a schema of its own, told apart by `type`.

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

/// A notification is there that was not.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct CreatedEvent {
    /// What happened.
    #[schema(schema_with = created)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// How many are unread after it.
    unread_count: u64,
    /// The notification as it is now.
    notification: Notification,
    /// Whose inbox, where all inboxes are followed.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// A notification was marked read or unread.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct UpdatedEvent {
    /// What happened.
    #[schema(schema_with = updated)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// How many are unread after it.
    unread_count: u64,
    /// The notification as it is now.
    notification: Notification,
    /// Whose inbox, where all inboxes are followed.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// Everything up to this change number is read.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct AllReadEvent {
    /// What happened.
    #[schema(schema_with = all_read)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// How many are unread after it.
    unread_count: u64,
    /// Whose inbox, where all inboxes are followed.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// A notification is gone: deleted, expired, or out of the window.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
pub(crate) struct DeletedEvent {
    /// What happened.
    #[schema(schema_with = deleted)]
    r#type: String,
    /// The change number of this change.
    modseq: u64,
    /// How many are unread after it.
    unread_count: u64,
    /// Which one it was.
    id: NotificationId,
    /// Whose inbox, where all inboxes are followed.
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
