//! Output outside of the page: desktop notifications, and the count on the app's icon.

use js_sys::{Function, Promise, Reflect};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Notification as Shown, NotificationOptions, NotificationPermission};

use crate::app::{browser, text::bidi::visible, words::Words};
use crate::model::Notification;

/// The name under which the user's choice is remembered.
const WANTED: &str = "campanile.desktop";
/// How many characters of a text are shown.
const LONGEST: usize = 160;

/// Whether the user wants notifications and the browser allows them.
pub(crate) fn is_on() -> bool {
    browser::remembered(WANTED).as_deref() == Some("on") && may_show()
}

fn may_show() -> bool {
    is_known() && Shown::permission() == NotificationPermission::Granted
}

/// Whether the browser supports them at all.
fn is_known() -> bool {
    Reflect::has(&window(), &"Notification".into()).unwrap_or(false)
}

/// Turns them off.
pub(crate) fn turn_off() {
    browser::remember(WANTED, "off");
}

/// Turns them on. The first time, the browser asks the user for permission. `done` receives the reason if they stay
/// off.
pub(crate) fn turn_on(words: &'static Words, done: impl FnOnce(Result<(), &'static str>) + 'static) {
    if !is_known() {
        return done(Err(words.no_desktop));
    }
    let Ok(asked) = Shown::request_permission() else { return };
    spawn_local(async move {
        // Whatever the promise returns, the permission has the answer.
        let _ = JsFuture::from(asked).await;
        if may_show() {
            browser::remember(WANTED, "on");
            done(Ok(()));
        } else {
            done(Err(words.desktop_refused));
        }
    });
}

/// Shows a notification that arrived while the page was hidden.
pub(crate) fn show(notification: &Notification) {
    if !browser::is_hidden() || !is_on() {
        return;
    }
    let text: String = notification.content.as_str().chars().take(LONGEST).collect();
    let options = NotificationOptions::new();
    // The browser shows the same notification once, however many tabs ask.
    options.set_tag(&notification.id.to_string());
    let title = notification
        .title
        .as_ref()
        .map_or_else(|| visible(notification.user_id.as_str()), |title| title.as_str().to_owned());
    options.set_body(&text);
    if let Ok(shown) = Shown::new_with_options(&title, &options) {
        let look = Closure::once_into_js(|| {
            let _ = window().focus();
        });
        shown.set_onclick(Some(look.unchecked_ref()));
    }
}

/// Puts the count on the app's icon, where the page is installed as an app.
pub(crate) fn badge(unread: u64) {
    let navigator = window().navigator();
    let set = Reflect::get(&navigator, &"setAppBadge".into()).ok().and_then(|it| it.dyn_into::<Function>().ok());
    let Some(set) = set else { return };
    #[expect(clippy::cast_precision_loss, reason = "no user has that many")]
    let count = JsValue::from_f64(unread as f64);
    if let Some(done) = set.call1(&navigator, &count).ok().and_then(|it| it.dyn_into::<Promise>().ok()) {
        // A page that is not installed as an app may be refused, which is no error.
        spawn_local(async move {
            let _ = JsFuture::from(done).await;
        });
    }
}
