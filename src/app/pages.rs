//! The documents that only the server makes: the one around the inbox, and the pages beside it, which are one
//! notification, what a user wants to be told of, the ways out of the server, the endpoints of applications, signing
//! in, and ending mails.
//!
//! The pages beside the inbox are documents with forms: no script takes them over. Nothing here is compiled for the
//! browser.

mod channels;
mod deliveries;
mod frame;
mod login;
mod notification;
mod notify_me;
mod parts;
mod shell;
mod unsubscribe;
mod webhooks;
mod words;

use crate::model::{Problem, Timestamp};

use self::frame::{gestures_script, links_to_pages, opened_script};
pub use self::{
    channels::ChannelsPage,
    deliveries::{DeliveryItem, Older},
    frame::document,
    login::{LoginPage, NotKept, login_page},
    notification::NotificationPage,
    notify_me::{Effects, NotifyMePage, TypedRow, TypedWishes, WhosePage, contact_name},
    shell::{OtherPages, PageAssets, shell},
    unsubscribe::{Mails, Unsubscription, unsubscribe_page},
    webhooks::{Fresh, Tested, TypedWebhook, WebhooksPage},
};

/// Where a user chooses what to be told of.
pub const NOTIFY_ME: &str = "/notify-me";
/// Where the ways out of the server are shown.
pub const CHANNELS: &str = "/operations/channels";
/// Where the endpoints of applications are shown.
pub const WEBHOOKS: &str = "/operations/webhooks";

/// A page, and who looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What the paths of this server begin with for the browser: nothing, or such as `/notify`.
    pub base: String,
    /// Who looks at it.
    pub reader: Reader,
    /// What time it is on the server.
    pub now: Timestamp,
    /// What was done a moment ago, or why it was not.
    pub notice: Option<Notice>,
    /// What it shows.
    pub content: Content,
}

/// Who looks at a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right, and none follows from another")]
pub struct Reader {
    /// Whether they look after the server.
    pub is_operator: bool,
    /// Whether there is only one inbox for them.
    pub has_own_inbox: bool,
    /// Whether they may mark and delete.
    pub may_mark: bool,
    /// Whether there is a page of what they, or others, are told of.
    pub may_see_wishes: bool,
    /// Whether they may end a session.
    pub may_sign_out: bool,
}

/// What was done a moment ago, or why it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it was not.
    pub is_bad: bool,
    /// What is said.
    pub text: String,
}

/// What a page shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// One notification.
    Notification(Box<NotificationPage>),
    /// What a user wants to be told of.
    NotifyMe(Box<NotifyMePage>),
    /// The question which user.
    Whose(WhosePage),
    /// The ways out of the server.
    Channels(ChannelsPage),
    /// The endpoints of applications.
    Webhooks(Box<WebhooksPage>),
    /// Nothing; why.
    Trouble(Problem),
}

/// Where the page of a notification is.
#[must_use]
pub fn notification_path(id: crate::model::NotificationId) -> String {
    format!("/notifications/{id}")
}
