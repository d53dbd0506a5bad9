//! `campanile send-test`: sends one message by a channel to test its settings. No store is opened.

use anyhow::{Context, Result, anyhow};

use crate::{
    model::{ContactAddress, EmailAddress, Timestamp},
    server::{
        channels::email::send_test,
        config::Settings,
        delivery::{DeliveryOptions, push_test},
    },
};

/// Sends a test mail by the relay, at this time, and returns the relay's answer.
///
/// # Errors
/// One line with the reason for the failure, and what to do.
pub async fn send_test_mail(settings: &Settings, to: &EmailAddress, now: Timestamp) -> Result<String> {
    let DeliveryOptions { mail, app_name, public_url, .. } = &settings.delivery;
    let mail = mail.as_ref().context(
        "smtp: there is no relay that takes mail. Set smtp and mail-from, such as smtps://USER:PASSWORD@HOST:465 and \
         you@example.com.",
    )?;
    let sent = send_test(mail, app_name, public_url.as_ref(), to, now).await;
    let answer = sent.map_err(|refusal| anyhow!("smtp: {refusal}"))?;
    Ok(format!("ok: the relay took it: {answer}"))
}

/// Pushes a test to a device by FCM or APNs, at this time, and returns the push service's acceptance.
///
/// # Errors
/// One line with the reason for the failure, and what to do.
pub async fn send_test_push(settings: &Settings, to: ContactAddress, now: Timestamp) -> Result<String> {
    push_test(&settings.delivery, to, now).await.map_err(anyhow::Error::msg)
}
