//! One tab leads, and the others hear through it.
//!
//! The tab that holds the lock of a stream has its connection; when that tab is closed, the browser gives the lock to
//! another. The leader passes on what it hears. Where the browser has no locks, as without TLS, every tab leads.

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

/// A member of the tabs that show the same inbox. Dropping it leaves them.
pub(super) struct Tabs {
    channel: Option<BroadcastChannel>,
    _heard: Closure<dyn FnMut(MessageEvent)>,
    /// Gives the lock back, in the tab that leads.
    pub(super) release: Option<Function>,
}

impl Tabs {
    /// Joins the tabs of this name, and passes their messages to `hear`.
    pub(super) fn join(name: &str, mut hear: impl FnMut(String) + 'static) -> Self {
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                hear(text);
            }
        });
        let channel = BroadcastChannel::new(name).ok();
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        }
        Self { channel, _heard: heard, release: None }
    }

    /// Sends a message to the other tabs.
    pub(super) fn tell(&self, text: &str) {
        if let Some(channel) = &self.channel {
            let _ = channel.post_message(&JsValue::from_str(text));
        }
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.set_onmessage(None);
            channel.close();
        }
        if let Some(release) = &self.release {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Calls `lead` when this tab becomes the leader, which may be at once or never. Its argument releases the lock; it
/// returns whether the tab leads.
pub(super) fn elect(name: &str, lead: impl FnOnce(Option<Function>) -> bool + 'static) {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok().filter(JsValue::is_object);
    let request =
        locks.as_ref().and_then(|locks| Reflect::get(locks, &"request".into()).ok()?.dyn_into::<Function>().ok());
    let (Some(locks), Some(request)) = (locks, request) else {
        lead(None);
        return;
    };
    // The tab holds the lock for as long as the returned promise is pending.
    let granted = Closure::once_into_js(move || {
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let give_back = release.clone();
        if !lead(release)
            && let Some(give_back) = give_back
        {
            let _ = give_back.call0(&JsValue::UNDEFINED);
        }
        JsValue::from(held)
    });
    let _ = request.call2(&locks, &name.into(), &granted);
}
