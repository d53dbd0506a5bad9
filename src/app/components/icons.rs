//! The icons: strokes of 1.5 on a grid of 16.

#![cfg_attr(not(feature = "ssr"), expect(dead_code, reason = "some are only in what the server alone renders"))]

use leptos::prelude::*;

/// A speech bubble.
pub(in crate::app) const MESSAGE: &str = "M2.25 3.25h11.5v8H7.5l-3 2.5v-2.5H2.25z";
/// A cog of four teeth.
pub(in crate::app) const SYSTEM: &str = "M8 5.25a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.5zM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4";
/// A warning triangle.
pub(in crate::app) const ALERT: &str = "M8 2.25 14.25 13.25H1.75zM8 6.5v3M8 11.2v.1";
/// An arrow up in a circle.
pub(in crate::app) const UPDATE: &str =
    "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5zM8 11V5.25M5.5 7.5 8 5l2.5 2.5";
/// A label, for every other kind.
pub(in crate::app) const LABEL: &str = "M2.25 2.75h5.5l6 6-5 5-6.5-6.5zM5.25 5.7v.1";
/// A bell.
pub(in crate::app) const BELL: &str =
    "M3 12h10l-1.25-2V6.75a3.75 3.75 0 0 0-7.5 0V10zM6.75 14a1.4 1.4 0 0 0 2.5 0M8 1.5V3";
/// A bell that rings.
pub(in crate::app) const BELL_ON: &str = "M3 12h10l-1.25-2V6.75a3.75 3.75 0 0 0-7.5 0V10zM6.75 14a1.4 1.4 0 0 0 2.5 0M8 1.5V3M1.25 6A5.5 5.5 0 0 1 3 2.25M14.75 6A5.5 5.5 0 0 0 13 2.25";
/// A tick.
pub(in crate::app) const CHECK: &str = "M3 8.5l3.5 3.5L13 4.75";
/// A ring with a dot in it.
pub(in crate::app) const UNREAD: &str =
    "M8 2.25a5.75 5.75 0 1 0 0 11.5 5.75 5.75 0 0 0 0-11.5zM8 7.2a.8.8 0 1 0 0 1.6.8.8 0 0 0 0-1.6z";
/// Two ticks.
pub(in crate::app) const CHECK_ALL: &str = "M1.5 8.75l3 3L11 5M8 11l.75.75L15 5";
/// A bin.
pub(in crate::app) const BIN: &str = "M2.5 4.25h11M6 4V2.25h4V4M3.75 4.25l.75 9.5h7l.75-9.5M6.75 7v4M9.25 7v4";
/// A sun.
pub(in crate::app) const SUN: &str = "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 .9v1.35M8 13.75v1.35M.9 8h1.35M13.75 8h1.35M3 3l.95.95M12.05 12.05 13 13M13 3l-.95.95M3.95 12.05 3 13";
/// A moon.
pub(in crate::app) const MOON: &str = "M13.5 9.75A6 6 0 0 1 6.25 2.5a6 6 0 1 0 7.25 7.25z";
/// A circle whose half is hatched: the system's choice.
pub(in crate::app) const HALF: &str = "M8 1.9a6.1 6.1 0 1 0 0 12.2A6.1 6.1 0 0 0 8 1.9zM8 2v12M10 2.5v11M12 3.6v8.8";
/// A question mark.
pub(in crate::app) const HELP: &str = "M5.25 5.75a2.75 2.75 0 1 1 4 2.45c-.8.4-1.25.9-1.25 1.8M8 12.6v.1";
/// Two sheets.
pub(in crate::app) const COPY: &str = "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3";
/// A cross.
pub(in crate::app) const CROSS: &str = "M3.75 3.75l8.5 8.5M12.25 3.75l-8.5 8.5";
/// A pen.
pub(in crate::app) const PEN: &str = "M2.5 13.5l.75-3.25 7.5-7.5 2.5 2.5-7.5 7.5zM9.25 4.25l2.5 2.5";
/// An arrow that leaves a box.
pub(in crate::app) const LEAVE: &str = "M6.5 3.25h-4v10.25h10.25v-4M9 2.25h4.75V7M13.5 2.5 7.5 8.5";
/// A door, and an arrow that goes out of it.
pub(in crate::app) const DOOR: &str = "M9.75 2.5h-7v11h7M6.25 8h7.5M11 5.25 13.75 8 11 10.75";
/// A magnifying glass.
pub(in crate::app) const SEARCH: &str = "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.25 10.25l3.5 3.5";
/// Three dots.
pub(in crate::app) const DOTS: &str = "M3.5 8h.1M8 8h.1M12.5 8h.1";
/// A tray.
pub(in crate::app) const TRAY: &str = "M2 9.25h3.25l1 2h3.5l1-2H14M2 9.25v4h12v-4l-1.75-6.5h-8.5z";
/// A person.
pub(in crate::app) const PERSON: &str =
    "M8 2.25a2.9 2.9 0 1 0 0 5.8 2.9 2.9 0 0 0 0-5.8zM2.5 14c.5-2.9 2.6-4 5.5-4s5 1.1 5.5 4";
/// An arrow up.
pub(in crate::app) const UP: &str = "M8 13V3.25M3.75 7.25 8 3l4.25 4.25";

/// An icon beside a word with the same meaning.
#[component]
pub(in crate::app) fn Icon(
    /// Its strokes.
    of: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d=of />
        </svg>
    }
}

/// The mark of Campanile: a bell tower, whose bell can ring.
#[cfg(feature = "ssr")]
#[component]
pub(in crate::app) fn Tower() -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M4 14.5h8M5.25 14.5v-7h5.5v7M5.25 7.5 8 2l2.75 5.5M8 .75V2" />
            <path class="bell" d="M6.75 11.5V10.75a1.25 1.25 0 0 1 2.5 0v.75z" />
        </svg>
    }
}

/// An icon that changes.
#[component]
pub(in crate::app) fn ChangingIcon(
    /// Its strokes.
    of: Signal<String>,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d=of />
        </svg>
    }
}

/// The icon of a kind.
pub(in crate::app) fn of_category(category: &str) -> &'static str {
    match category {
        "message" => MESSAGE,
        "system" => SYSTEM,
        "alert" => ALERT,
        "update" => UPDATE,
        _ => LABEL,
    }
}
