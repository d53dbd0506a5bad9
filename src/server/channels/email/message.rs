//! A message, as the relay receives it (RFC 5322).

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use uuid::Uuid;

use super::{
    super::{channel::Addressed, pages::Pages},
    relay::RelayUrl,
    templates::{Item, Mail, Rendered, Templates},
};
use crate::model::{ContactAddress, DeliveryId, EmailAddress, Notification, Timestamp};

/// The settings for mail.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// The relay.
    pub relay: RelayUrl,
    /// The sender.
    pub from: Mailbox,
    /// The templates.
    pub templates: Arc<Templates>,
    /// How long the relay may take to accept a message: 10 minutes (RFC 5321, section 4.5.3.2.6). When it has not
    /// answered by then, the message is sent again, with the same `Message-ID`.
    pub takes_within: Duration,
}

impl MailOptions {
    /// Default time-out of the relay.
    pub const TAKES_WITHIN: Duration = Duration::from_secs(600);
}

/// Writes messages.
pub(super) struct Writer {
    pub(super) from: Mailbox,
    pub(super) templates: Arc<Templates>,
    /// The name of the application.
    pub(super) app_name: String,
    /// The URLs of pages, if the public URL is known.
    pub(super) pages: Pages,
}

impl Writer {
    /// The mail to one address: its envelope and its bytes. A repeat has the same `Message-ID`.
    ///
    /// # Errors
    /// One sentence about why it cannot be written.
    pub(super) fn write(
        &self,
        id: DeliveryId,
        Addressed { contact, notifications, total, category, unread_count, unsubscribe, .. }: &Addressed,
        now: Timestamp,
    ) -> Result<(Envelope, Vec<u8>), String> {
        let ContactAddress::Email { address } = &contact.address else { return Err("this is no address".to_owned()) };
        let mail = Mail {
            app_name: self.app_name.clone(),
            items: notifications.iter().map(|notification| self.item(notification)).collect(),
            total: *total,
            unread_count: *unread_count,
            inbox: self.pages.inbox(&contact.user_id),
            unsubscribe: unsubscribe.clone(),
            category: category.as_ref().map(ToString::to_string),
            user_id: contact.user_id.to_string(),
        };
        let rendered = self.templates.render(&mail)?;
        let list = category.as_ref().map_or_else(|| "digest".to_owned(), ToString::to_string);
        let list = format!("{} <{list}.{}>", plain(&self.app_name), self.from.email.domain());
        let mut headers = vec![("List-Id", list)];
        if let Some(link) = unsubscribe {
            headers.push(("List-Unsubscribe", format!("<{link}>")));
            headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        compose(&self.from, address, id.as_uuid(), rendered, headers, now)
    }

    fn item(&self, notification: &Notification) -> Item {
        Item {
            title: notification.title.as_ref().map(|title| title.as_str().to_owned()),
            content: notification.content.as_str().to_owned(),
            category: notification.category.to_string(),
            link: notification.link.as_ref().map(|link| self.pages.absolute(link.as_str())),
            at: notification.timestamp.to_string(),
            page: self.pages.notification(notification.id),
        }
    }
}

/// A rendered mail to one address: its envelope and its bytes. A repeat has the same id, and so the same `Message-ID`.
///
/// # Errors
/// One sentence about why it cannot be written.
pub(super) fn compose(
    from: &Mailbox,
    to: &EmailAddress,
    id: Uuid,
    Rendered { subject, text, html }: Rendered,
    headers: Vec<(&'static str, String)>,
    now: Timestamp,
) -> Result<(Envelope, Vec<u8>), String> {
    let to: Address = to.as_str().parse().map_err(|error| format!("the address cannot be written: {error}"))?;
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        // Text that looks encoded would be decoded (RFC 2047), whatever its content.
        .subject(subject.trim().replace("=?", "= ?"))
        .date(SystemTime::from(now.to_utc()))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()));
    for (name, value) in headers {
        message = message.raw_header(header(name, value));
    }
    let message = message.multipart(MultiPart::alternative_plain_html(text, html));
    let message = message.map_err(|error| format!("the message cannot be written: {error}"))?;
    Ok((message.envelope().clone(), message.formatted()))
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// A name without characters that would end it in a header.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|sign| sign.is_ascii_alphanumeric() || matches!(sign, ' ' | '-' | '.' | '_'));
    kept.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}
