//! A shop that embeds Campanile.
//!
//! The document's "Integration Examples" in Rust: an order sends a notification by calling the
//! service, a profile shows how many are unread, and Campanile's own routes and dashboard are
//! mounted beside the shop's. Expired notifications are deleted in the background, as by the `campanile` command.
//!
//! `cargo run --example embed --features ssr` serves on a free port and prints its address.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use campanile::{
    model::{Problem, UserId},
    server::{
        config::{Settings, SettingsInput},
        identity::Principal,
        run::Campanile,
        service::NotificationService,
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// After a successful order, notifies its user.
async fn order(
    State(notifications): State<NotificationService>,
    Path((user_id, order)): Path<(String, u64)>,
) -> Result<Json<Value>, Problem> {
    let content = format!("Your order #{order} has been confirmed!");
    notifications.notify(&Principal::operator(), &user_id, &content).await?;
    Ok(Json(json!({"order": order})))
}

/// A user's profile shows how many notifications are unread.
async fn profile(
    State(notifications): State<NotificationService>,
    Path(user_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let user =
        UserId::parse(&user_id).map_err(|why| Problem::new(campanile::model::Code::InvalidInput, why.to_string()))?;
    let unread_count = notifications.unread_count(&Principal::operator(), &user).await?;
    Ok(Json(json!({"user_id": user_id, "unread_notifications": unread_count})))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Each flag of `campanile serve` is a field; missing ones have their defaults.
    let settings =
        Settings::from_input(&SettingsInput { store: Some("memory:".to_owned()), ..SettingsInput::default() })?;
    let campanile = Campanile::start(&settings).await?;
    let shop = Router::new()
        .route("/orders/{user_id}/{order}", post(order))
        .route("/profile/{user_id}", get(profile))
        .with_state(campanile.service().clone());
    let app = campanile.router().merge(shop);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("The shop is open: http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await?;
    campanile.stop().await;
    Ok(())
}
