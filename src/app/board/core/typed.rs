//! What is typed into the form that sends, as plain data.

/// What is typed into the form that sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Typed {
    /// The owner of the inbox that receives it.
    pub(crate) user_id: String,
    /// Its text.
    pub(crate) content: String,
    /// Its kind.
    pub(crate) category: Option<String>,
    /// A short heading; may be empty.
    pub(crate) title: String,
    /// The target of a click; may be empty.
    pub(crate) link: String,
    /// When it expires, by the browser's clock; may be empty.
    pub(crate) expires_at: String,
    /// An idempotency key of the user's own; may be empty.
    pub(crate) own_key: String,
}

/// A notification that was sent and not confirmed.
pub(super) struct Unconfirmed {
    pub(super) typed: Typed,
    /// Its idempotency key.
    pub(super) key: String,
    /// The key of the newest row at that time.
    pub(super) after: i64,
}
