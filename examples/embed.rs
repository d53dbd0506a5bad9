//! A shop that has Campanile inside.
//!
//! The document's "Integration Examples" in Rust: an order sends a notification by calling the
//! service, a profile shows how many are unread, and Campanile's own routes and dashboard are
//! mounted beside the shop's.
//!
//! `cargo run --example embed --features ssr` serves on a free port and prints where.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use campanile::{
    model::{Problem, UserId},
    server::{
        clock::{Clock, SystemClock},
        http::{HttpOptions, router},
        identity::Principal,
        service::NotificationService,
        store::MemoryStore,
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// After a successful order, its user is told.
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
async fn main() -> std::io::Result<()> {
    let store = MemoryStore::new(MemoryStore::DEFAULT_WINDOW, SystemClock.now());
    let notifications = NotificationService::new(store);
    let shop = Router::new()
        .route("/orders/{user_id}/{order}", post(order))
        .route("/profile/{user_id}", get(profile))
        .with_state(notifications.clone());
    let app = router(notifications, &HttpOptions::default()).merge(shop);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("The shop is open: http://{}/", listener.local_addr()?);
    axum::serve(listener, app).await
}
