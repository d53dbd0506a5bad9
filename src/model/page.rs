//! Pages: their limit and their cursor.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Category, Notification, UserId, problem::Invalid};

/// One page of notifications, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The notifications.
    pub notifications: Vec<Notification>,
    /// The cursor of the next page; absent on the last page.
    pub next: Option<Cursor>,
    /// The change number at which the page was read; only for a page of one inbox.
    pub modseq: Option<u64>,
}

/// Position at which a page ended.
///
/// A position in one inbox counts only that inbox, so that paging through it reveals nothing about others. A position
/// in the list of all inboxes is of another kind, and each is refused in place of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ssr", schema(value_type = String, pattern = "^i?[0-9]{1,18}$", example = "i1024"))]
pub struct Cursor(Place);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    InInbox(u64),
    Overall(u64),
}

impl Cursor {
    /// A position in one inbox: after the notification that the change `created` created. Written `i17`.
    #[must_use]
    pub fn in_inbox(created: u64) -> Self {
        Self(Place::InInbox(created))
    }

    /// A position in the list of all inboxes: after the notification that was accepted as number `seq` of all. Written
    /// `1024`.
    #[must_use]
    pub fn overall(seq: u64) -> Self {
        Self(Place::Overall(seq))
    }

    /// Its number.
    #[must_use]
    pub fn position(self) -> u64 {
        match self.0 {
            Place::InInbox(position) | Place::Overall(position) => position,
        }
    }

    /// Reads the output of [`std::fmt::Display`].
    ///
    /// # Errors
    /// When it is anything but 1 to 18 digits, after an `i` or not.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("This is not a cursor. Take `before` from the `next` link of the previous page.");
        let in_inbox = text.strip_prefix('i');
        let digits = in_inbox.unwrap_or(text);
        if digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let make = if in_inbox.is_some() { Self::in_inbox } else { Self::overall };
        digits.parse().map(make).map_err(|_| wrong())
    }

    /// This cursor, if it is of this kind: in one inbox, or over all.
    ///
    /// # Errors
    /// When it is of the other kind.
    pub fn of_kind(self, in_inbox: bool) -> Result<Self, Invalid> {
        let why = match (self.0, in_inbox) {
            (Place::InInbox(_), true) | (Place::Overall(_), false) => return Ok(self),
            (Place::InInbox(_), false) => {
                "This is a position in one inbox. Name the inbox, or start at the first page."
            }
            (Place::Overall(_), true) => "This is a position over all inboxes. Start at the first page of the inbox.",
        };
        Err(Invalid::new(why))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Place::InInbox(created) => write!(f, "i{created}"),
            Place::Overall(seq) => seq.fmt(f),
        }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Page {
    /// The most bytes of its notifications as JSON. A single larger notification is a page of its own. A page that this
    /// limit ends has a next page.
    pub const MAX_BYTES: usize = 2 * 1024 * 1024;
}

/// Most notifications on a page: 0 to 1000, 50 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ssr", schema(value_type = u64, default = 50, example = 20))]
pub struct Limit(u16);

impl Limit {
    /// The most items of one page; a higher limit counts as this.
    pub const MAX: u16 = 1000;

    /// This many, but never more than [`Self::MAX`].
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(u16::try_from(limit).map_or(Self::MAX, |limit| limit.min(Self::MAX)))
    }

    /// Reads a whole number; however large, it counts as at most [`Self::MAX`].
    ///
    /// # Errors
    /// When it is not a whole number from 0.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_whole_number(text).map(Self::new)
    }

    /// Most items on a page.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// The schema of a whole number from 0. Any size is accepted; the format is for programs that would otherwise reserve
/// 32 bits, which are too few for a change number.
#[cfg(feature = "ssr")]
pub struct WholeNumber;

#[cfg(feature = "ssr")]
impl utoipa::PartialSchema for WholeNumber {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
        ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(0)).into()
    }
}

#[cfg(feature = "ssr")]
impl utoipa::ToSchema for WholeNumber {}

/// Reads a whole number from 0. One that does not fit becomes the largest possible: both are beyond every limit and
/// every change number.
///
/// # Errors
/// When it is anything but digits.
pub fn parse_whole_number(text: &str) -> Result<u64, Invalid> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Invalid::new("This must be a whole number, 0 or greater."));
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// Number of unread notifications in an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UnreadCount {
    /// User who owns the inbox.
    pub user_id: UserId,
    /// Number of unread notifications; 0 for a user without an inbox.
    pub unread_count: u64,
}

/// Counts beside a list: in total, and by category.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The number of notifications.
    pub total: u64,
    /// The number of unread ones.
    pub unread_count: u64,
    /// How many are unread of each category that is there, well-known ones first, then by name. Over all inboxes they are
    /// those of the newest notifications, as many as a list examines.
    pub categories: Vec<(Category, u64)>,
    /// The inboxes that received something last, newest first; for one inbox, itself.
    pub recent: Vec<UnreadCount>,
}
