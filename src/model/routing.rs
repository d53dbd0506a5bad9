//! The channels that the sender of a notification allows or asks for.

use serde::{Deserialize, Serialize};

use super::{Channel, problem::Invalid};

/// The sender's instructions for the channels to the user. They are not part of the notification: they apply when its
/// deliveries are planned, and are then forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Whether a mail is sent: `true` also where mail is off by default, but never against the user's own "off";
    /// `false` never; absent as the user prefers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_email: Option<bool>,
    /// The only channels that may deliver it, among those that the user wants; absent any. Webhooks receive it all the
    /// same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
}

/// A channel that reaches users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum UserChannel {
    /// An e-mail address.
    Email,
    /// A browser.
    Webpush,
    /// A device, through Firebase Cloud Messaging.
    Fcm,
    /// A device, through Apple's push service.
    Apns,
}

impl Routing {
    /// Whether there are no instructions.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the sender names a channel, so that the result is recorded even where the user has no contact there.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.send_email == Some(true) || self.channels.as_ref().is_some_and(|channels| !channels.is_empty())
    }

    /// Reads the names of channels.
    ///
    /// # Errors
    /// When one is not a channel to users, or is named twice.
    pub fn parse_channels(names: &[String]) -> Result<Vec<Channel>, Invalid> {
        let mut channels = Vec::new();
        for name in names {
            let channel = Channel::parse(name).ok().filter(|channel| *channel != Channel::Webhook);
            let wrong = || Invalid::new("Each of these must be email, webpush, fcm or apns.");
            let channel = channel.ok_or_else(wrong)?;
            if channels.contains(&channel) {
                return Err(Invalid::new(format!("{channel} is named twice; name each once.")));
            }
            channels.push(channel);
        }
        Ok(channels)
    }
}
