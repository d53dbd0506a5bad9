//! The documents that only the server renders: the one around the inbox, and the pages beside it, which show one
//! notification, a user's preferences, the channels, the webhooks, signing in, and unsubscribing.
//!
//! The pages beside the inbox are documents with forms: no script takes them over. Nothing here is compiled for the
//! browser.

mod channels;
mod deliveries;
mod evening;
mod frame;
mod language;
mod login;
mod notification;
mod notify_me;
mod parts;
mod shell;
mod unsubscribe;
mod webhooks;
mod words;

use crate::{
    app::words::Words,
    model::{Problem, Timestamp},
};

pub use self::language::ChosenLanguage;
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

/// The path of a user's preferences.
pub const NOTIFY_ME: &str = "/notify-me";
/// The path of the page of channels.
pub const CHANNELS: &str = "/operations/channels";
/// The path of the page of webhooks.
pub const WEBHOOKS: &str = "/operations/webhooks";

/// A page, and its reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The prefix of this server's paths for the browser: nothing, or a path such as `/notify`.
    pub base: String,
    /// The words of the reader's language.
    pub words: &'static Words,
    /// The reader.
    pub reader: Reader,
    /// The present time on the server.
    pub now: Timestamp,
    /// The outcome of the reader's last action.
    pub notice: Option<Notice>,
    /// The content.
    pub content: Content,
}

/// The reader of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right, and none follows from another")]
pub struct Reader {
    /// Whether they are an operator.
    pub is_operator: bool,
    /// Whether they may see one inbox only.
    pub has_own_inbox: bool,
    /// Whether they may mark and delete.
    pub may_mark: bool,
    /// Whether they may see a page of preferences, their own or those of others.
    pub may_see_wishes: bool,
    /// Whether they have a session to end.
    pub may_sign_out: bool,
}

/// The outcome of the reader's last action: that it was done, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it failed.
    pub is_bad: bool,
    /// The sentence to show.
    pub text: String,
}

/// The content of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// One notification.
    Notification(Box<NotificationPage>),
    /// A user's preferences.
    NotifyMe(Box<NotifyMePage>),
    /// The form that asks for a user.
    Whose(WhosePage),
    /// The channels.
    Channels(ChannelsPage),
    /// The webhooks.
    Webhooks(Box<WebhooksPage>),
    /// Only the reason why there is nothing to show.
    Trouble(Problem),
}

/// The path of a notification's page.
#[must_use]
pub fn notification_path(id: crate::model::NotificationId) -> String {
    format!("/notifications/{id}")
}
