//! An application that sends important alerts by mail.
//!
//! The document's "Email Notifications" in Rust: `create_notification(user_id, content, send_email)` and
//! `send_email_notification(user_id, notification)`, each one call. It uses a relay that only prints the mails:
//!
//! ```text
//! pip install aiosmtpd
//! python3 -m aiosmtpd -n -l 127.0.0.1:2525
//! cargo run --example mail --features ssr
//! ```

use std::time::Duration;

use campanile::{
    model::{ContactAddress, ContactDraft, EmailAddress, UserId},
    server::{
        config::{Settings, SettingsInput},
        identity::Principal,
        run::Campanile,
        store::outbox::DeliveryFilter,
    },
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::from_input(&SettingsInput {
        store: Some("memory:".to_owned()),
        smtp: Some("smtp://127.0.0.1:2525".to_owned()),
        mail_from: Some("Shop <no-reply@shop.example>".to_owned()),
        app_name: Some("Shop".to_owned()),
        ..SettingsInput::default()
    })?;
    let campanile = Campanile::start(&settings).await?;
    let (notifications, delivery) = (campanile.service(), campanile.delivery());
    let (shop, ann) = (Principal::operator(), UserId::parse("ann")?);

    // The application knows the address of each user, and registers it once.
    let address = ContactAddress::Email { address: EmailAddress::parse("ann@example.com")? };
    delivery.put_contact(&shop, &ann, ContactDraft { address, label: None }).await?;

    // An important notification, sent by mail; and one that turns out to be important later.
    notifications.create_notification(&shop, "ann", "Your order #7 has been shipped.", true).await?;
    let notification = notifications.create_notification(&shop, "ann", "Your parcel waits for you.", false).await?;
    delivery.send_email_notification(&shop, &ann, &notification).await?;

    // The results. A user who has read one by now gets no mail about it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for made in delivery.deliveries(&shop, &DeliveryFilter::default(), None, 10).await?.deliveries {
        println!("{} {}", made.state, made.reason.unwrap_or_default());
    }
    campanile.stop().await;
    Ok(())
}
