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
    /// More bytes than most notifications take.
    const ROOM_FOR_ONE: usize = 256;

    /// Renders a page.
    ///
    /// # Errors
    /// When a notification cannot be rendered.
    pub fn of(page: &Page) -> Result<Self, StoreError> {
        // A small buffer would grow, and be copied, again and again.
        let mut json = Vec::with_capacity(2 + page.notifications.len() * Self::ROOM_FOR_ONE);
        let rendered = serde_json::to_writer(&mut json, &page.notifications);
        rendered.map_err(|error| StoreError::failed("a page could not be rendered").because(error))?;
        Ok(Self { json: json.into(), next: page.next, modseq: page.modseq })
    }
}
