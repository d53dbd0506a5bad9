//! The events of live streams: OpenAPI 3.2 has `itemSchema` for them; in 3.1 they are an extension.

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, extensions::Extensions, path::Operation, schema::Object, schema::Schema},
};

use crate::model::described::{AllReadEvent, CreatedEvent, DeletedEvent, UpdatedEvent, only};

/// Defines the events of a stream that are not changes.
macro_rules! signs {
    ($($(#[$about:meta])* $event:ident is $word:ident;)*) => {$(
        fn $word() -> Object {
            only(stringify!($word))
        }

        $(#[$about])*
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "it describes what is written")]
        pub(super) struct $event {
            /// The type of the event.
            #[schema(schema_with = $word)]
            r#type: String,
            /// Number of the newest change; absent in a stream of all inboxes.
            #[schema(nullable = false)]
            modseq: Option<u64>,
            /// Number of unread notifications; absent in a stream of all inboxes.
            #[schema(nullable = false)]
            unread_count: Option<u64>,
        }
    )*};
}

signs! {
    /// The client is up to date; new changes follow.
    HelloEvent is hello;
    /// The server cannot continue from the client's position: list again. New changes follow.
    ResetEvent is reset;
    /// Nothing changed; the present number and count of the inbox.
    HeartbeatEvent is heartbeat;
}

/// What a live stream says: a change to an inbox, or where the stream is.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "type", mapping(
    ("created" = "#/components/schemas/CreatedEvent"),
    ("updated" = "#/components/schemas/UpdatedEvent"),
    ("all_read" = "#/components/schemas/AllReadEvent"),
    ("deleted" = "#/components/schemas/DeletedEvent"),
    ("hello" = "#/components/schemas/HelloEvent"),
    ("reset" = "#/components/schemas/ResetEvent"),
    ("heartbeat" = "#/components/schemas/HeartbeatEvent"),
)))]
#[expect(dead_code, reason = "it describes what is written")]
pub(super) enum StreamEvent {
    Created(CreatedEvent),
    Updated(UpdatedEvent),
    AllRead(AllReadEvent),
    Deleted(DeletedEvent),
    Hello(HelloEvent),
    Reset(ResetEvent),
    Heartbeat(HeartbeatEvent),
}

/// The name of the extension that is `itemSchema` in 3.2.
const ITEM_SCHEMA: &str = "x-itemSchema";

fn stream_event() -> Value {
    json!({"$ref": "#/components/schemas/StreamEvent"})
}

/// One server-sent event, as 3.2 describes it: the fields of the event, and the schema of its data.
fn server_sent_event() -> Value {
    json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "id": {
                "type": "string",
                "pattern": "^[0-9]+$",
                "description": "Change number to continue from; absent in a stream of all inboxes"
            },
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": stream_event()},
            "retry": {"type": "integer", "description": "Milliseconds to wait before reconnecting, sent before the stream ends"}
        }
    })
}

/// Describes the events of a stream; leaves other operations alone.
pub(super) fn tell_of(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status == "101" {
            response.extensions = Some(one(ITEM_SCHEMA, stream_event()));
        }
        let Some(RefOr::T(events)) = response.content.get_mut("text/event-stream") else { continue };
        events.extensions = Some(one(ITEM_SCHEMA, server_sent_event()));
        if let Some(RefOr::T(Schema::Object(text))) = &mut events.schema {
            // For readers who know JSON Schema and not 3.2.
            text.extensions = Some(one("contentSchema", stream_event()));
        }
    }
}

fn one(name: &str, value: Value) -> Extensions {
    [(name.to_owned(), value)].into_iter().collect()
}
