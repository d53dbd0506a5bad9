//! A page as JSON, as `GET /api/notifications/list` answers it.

use bytes::Bytes;

use super::StoreError;
use crate::model::{Cursor, Page};

/// A page whose notifications are rendered. A clone is cheap and shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedPage {
    /// The notifications, as a JSON array.
    pub json: Bytes,
    /// The cursor of the next page; absent on the last page.
    pub next: Option<Cursor>,
    /// The change number at which the page was read; only for a page of one inbox.
    pub modseq: Option<u64>,
}

impl RenderedPage {
    /// Renders a page.
    ///
    /// # Errors
    /// When a notification cannot be rendered.
    pub fn of(page: &Page) -> Result<Self, StoreError> {
        // Each with a comma, and the brackets: the page is kept, with all the room that it has.
        let room = 2 + page.notifications.iter().map(|notification| notification.weight() + 1).sum::<usize>();
        let mut json = Vec::with_capacity(room);
        let rendered = serde_json::to_writer(&mut json, &page.notifications);
        rendered.map_err(|error| StoreError::failed("a page could not be rendered").because(error))?;
        Ok(Self { json: json.into(), next: page.next, modseq: page.modseq })
    }
}
