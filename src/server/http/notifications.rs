//! `/api/notifications`: the REST API. One file for each route.

mod batch;
mod changes;
mod create;
mod draft;
mod list;
mod mark_all_read;
mod mark_read;
mod one;
mod stream;
mod unread_count;

use utoipa_axum::router::OpenApiRouter;

use super::state::HttpState;
pub(super) use create::{PATH as CREATE, answer as create};
pub(super) use list::{PATH as LIST, answer as list};
pub(super) use unread_count::{PATH as UNREAD_COUNT, answer as unread_count};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .merge(create::routes())
        .merge(list::routes())
        .merge(mark_read::routes())
        .merge(unread_count::routes())
        .merge(mark_all_read::routes())
        .merge(batch::routes())
        .merge(changes::routes())
        .merge(one::routes())
        .merge(stream::routes())
}
