//! The parts of the page.

mod banner;
pub(super) mod bar;
pub(super) mod commands;
pub(super) mod composer;
mod content;
pub(super) mod empty;
pub(super) mod help;
pub(super) mod icons;
mod inbox;
mod rail;
mod row;
mod search;
mod selection;
pub(super) mod toasts;

pub(super) use self::{bar::Bar, inbox::Inbox, rail::Rail, toasts::Toasts};

use leptos::{
    ev::MouseEvent,
    prelude::{Effect, Read, Signal},
};

use super::{board::Board, browser, page::Address};

/// HTML that never changes: the server renders it, and the browser leaves it as it arrived, so that its code need not be
/// compiled for the browser. For the `inner_html` of an element that is never made in the browser.
macro_rules! still {
    ($view:expr) => {{
        #[cfg(feature = "ssr")]
        let html = Some(leptos::prelude::RenderHtml::to_html(leptos::prelude::IntoView::into_view($view)));
        #[cfg(not(feature = "ssr"))]
        let html: Option<String> = None;
        html
    }};
}
use still;

/// A text that changes.
///
/// Views take these and not closures, and [`click`] and [`effect`] box theirs: each closure has a type of its own, and
/// the code that leptos compiles for each was half of the browser's download.
fn text(of: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    fn derive(of: Box<dyn Fn() -> String + Send + Sync>) -> Signal<String> {
        Signal::derive(of)
    }
    derive(Box::new(of))
}

/// A condition that changes; see [`text`].
fn flag(of: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    fn derive(of: Box<dyn Fn() -> bool + Send + Sync>) -> Signal<bool> {
        Signal::derive(of)
    }
    derive(Box::new(of))
}

/// The value of an attribute that is not always there; see [`text`].
fn optional(of: impl Fn() -> Option<&'static str> + Send + Sync + 'static) -> Signal<Option<&'static str>> {
    fn derive(of: Box<dyn Fn() -> Option<&'static str> + Send + Sync>) -> Signal<Option<&'static str>> {
        Signal::derive(of)
    }
    derive(Box::new(of))
}

/// Why a field of the address is not valid, if it is not.
fn problem_of(board: Board, name: &str) -> Option<String> {
    board.trouble.read().as_ref().and_then(|problem| board.words.field(problem, name)).map(str::to_owned)
}

/// Keeps that at the field with this id, in the browser only; the element that says it has the same id, and `-problem`.
fn follow_problem(board: Board, name: &'static str, field: &'static str) {
    effect(move |_| {
        let problem = problem_of(board, name);
        browser::set_attribute(field, "aria-invalid", problem.as_ref().map(|_| "true"));
        browser::set_text(&(field.to_owned() + "-problem"), &problem.unwrap_or_default());
    });
}

/// The handler of a click; see [`text`].
fn click(act: impl FnMut(MouseEvent) + 'static) -> Box<dyn FnMut(MouseEvent)> {
    Box::new(act)
}

/// Runs now and whenever a value that it reads has changed, in the browser only; its argument says whether this is the
/// first time. See [`text`].
pub(super) fn effect(run: impl FnMut(bool) + 'static) {
    fn start(mut run: Box<dyn FnMut(bool)>) {
        Effect::new(move |before: Option<()>| run(before.is_none()));
    }
    start(Box::new(run));
}

/// Whether a click wants nothing but to follow the link; one that wants a new tab or a download is
/// the browser's.
fn is_plain(event: &MouseEvent) -> bool {
    event.button() == 0
        && !(event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key())
        && !event.default_prevented()
}

/// Follows a link within the page without loading it anew.
fn follow(board: Board, event: &MouseEvent, address: Address) {
    follow_and_focus(board, event, address, None);
}

/// As [`follow`], for a link that is not there afterwards: the focus goes to the element with this id.
fn follow_and_focus(board: Board, event: &MouseEvent, address: Address, heir: Option<&str>) {
    if is_plain(event) {
        event.prevent_default();
        board.go(address);
        heir.into_iter().for_each(|heir| browser::focus_soon(heir.to_owned()));
    }
}
