//! Campanile: a notification service in one binary.
//!
//! Applications send notifications over REST or by calling [`server::service::NotificationService`]; users read them in
//! a dashboard that is rendered on the server and hydrated in the browser.
//!
//! Three rings, and dependencies point inward:
//!
//! - [`model`]: the data that both sides share, and its parsing. No I/O, no clock.
//! - [`app`]: the dashboard, for the server and for the browser.
//! - `server`: the parts that only the server has: the service, its stores, HTTP, settings.
//!
//! `ARCHITECTURE.md` has the map and the rules that hold between the rooms.

// The views of the dashboard are deeply nested types.
#![recursion_limit = "256"]

pub mod app;
pub mod model;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(test)]
mod work;

/// Takes over the page that the server rendered. The script of the page calls it once.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
