//! The settings of push: to browsers, and to devices by FCM and APNs.

mod apns;
mod fcm;
mod webpush;

use anyhow::Result;

use super::SettingsInput;
use crate::server::channels::{ApnsOptions, FcmOptions, WebPushOptions};

/// The settings for pushes; `None` where a channel is not set up.
pub(super) struct PushOptions {
    /// To browsers.
    pub(super) webpush: Option<WebPushOptions>,
    /// By FCM.
    pub(super) fcm: Option<FcmOptions>,
    /// By APNs.
    pub(super) apns: Option<ApnsOptions>,
}

/// # Errors
/// One sentence about the first setting that is invalid or does not fit the others.
pub(super) fn settle(input: &SettingsInput) -> Result<PushOptions> {
    Ok(PushOptions { webpush: webpush::settle(input)?, fcm: fcm::settle(input)?, apns: apns::settle(input)? })
}
