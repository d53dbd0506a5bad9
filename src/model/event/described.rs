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

/// Defines the schema of each kind of event: the fields that all have, with these in the middle.
macro_rules! events {
    ($($(#[$about:meta])* $event:ident is $word:ident { $($fields:tt)* })*) => {$(
        fn $word() -> Object {
            only(stringify!($word))
        }

        $(#[$about])*
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "it describes what is written")]
        pub(crate) struct $event {
            /// The type of the event.
            #[schema(schema_with = $word)]
            r#type: String,
            /// The change number of this change.
            modseq: u64,
            /// Number of unread notifications after this change.
            unread_count: u64,
            $($fields)*
            /// User who owns the inbox, in a stream of all inboxes.
            #[schema(nullable = false)]
            user_id: Option<UserId>,
        }
    )*};
}

events! {
    /// A notification was created.
    CreatedEvent is created {
        /// The notification in its present state.
        notification: Notification,
    }

    /// A notification was marked read or unread.
    UpdatedEvent is updated {
        /// The notification in its present state.
        notification: Notification,
    }

    /// Everything up to this change number is read.
    AllReadEvent is all_read {}

    /// A notification was deleted, expired, or left the window.
    DeletedEvent is deleted {
        /// Id of the notification.
        id: NotificationId,
    }
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
