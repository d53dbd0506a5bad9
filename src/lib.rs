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
///
/// This is `leptos::mount::hydrate_body` without what resources and error boundaries share with the server, of which the
/// page has none: 5 KB less to load.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    use leptos::{
        IntoView,
        prelude::{Owner, RenderHtml},
        tachys::{dom, hydration::Cursor, view::PositionState},
    };

    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    let _ = any_spawner::Executor::init_wasm_bindgen();
    let owner = Owner::new_root(None);
    let page = owner
        .with(|| app::App().into_view().hydrate::<true>(&Cursor::new(dom::body().into()), &PositionState::default()));
    // Both live as long as the page.
    std::mem::forget((owner, page));
}
