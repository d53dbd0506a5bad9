//! An application that pushes to its users' devices by Firebase Cloud Messaging.
//!
//! The document's "Push Notifications" in Rust: `send_push_notification(user_id, notification)` and
//! `get_user_device_token(user_id)`, each one call. It takes the key file of a service account, which the Firebase
//! console creates, and the token that Firebase gave to the app on a device:
//!
//! ```text
//! cargo run --example push --features ssr -- service-account.json DEVICE_TOKEN
//! ```

use std::time::Duration;

use anyhow::Context;
use campanile::{
    model::{ContactAddress, UserId},
    server::{
        config::{Settings, SettingsInput},
        identity::Principal,
        run::Campanile,
        store::outbox::DeliveryFilter,
    },
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (account, token) = arguments.next().zip(arguments.next()).context("usage: push ACCOUNT.json DEVICE_TOKEN")?;
    let settings = Settings::from_input(&SettingsInput {
        store: Some("memory:".to_owned()),
        fcm_service_account: Some(account.into()),
        app_name: Some("Shop".to_owned()),
        ..SettingsInput::default()
    })?;
    let campanile = Campanile::start(&settings).await?;
    let (notifications, delivery) = (campanile.service(), campanile.delivery());
    let (shop, ann) = (Principal::operator(), UserId::parse("ann")?);

    // This notification is created before Ann has a device.
    let shipped = notifications.create_notification(&shop, "ann", "Your order #7 has been shipped.", false).await?;

    // The app on the device reports its token at each start.
    delivery.register_device(&shop, &ann, ContactAddress::fcm(&token)?).await?;
    println!("Ann is reached on {} device", delivery.devices(&shop, &ann).await?.len());

    // Later notifications are pushed automatically; an earlier one needs a call.
    notifications.create_notification(&shop, "ann", "Your parcel waits for you.", false).await?;
    delivery.send_push_notification(&shop, &ann, &shipped).await?;

    // The results. A user who has read one by now gets no push about it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for made in delivery.deliveries(&shop, &DeliveryFilter::default(), None, 10).await?.deliveries {
        let detail = made.attempts.last().and_then(|attempt| attempt.detail.clone());
        println!("{} {} {}", made.state, made.reason.unwrap_or_default(), detail.unwrap_or_default());
    }
    campanile.stop().await;
    Ok(())
}
