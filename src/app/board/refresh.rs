//! Keeping the page up to date: live, or else every five seconds, unless it is hidden.

use leptos::{ev, prelude::*};

use super::{
    core::{At, Message, View, element_id},
    row::key_of,
    signals::Board,
};
use crate::app::{
    browser::{self, place},
    page::Address,
};

/// How often the page is refreshed, in milliseconds.
const PERIOD: u32 = 5_000;
/// How long the timer of a page may be late, in milliseconds, before the machine must have slept: in
/// the background, browsers let it run once a minute.
const ASLEEP: f64 = 75_000.0;

impl Board {
    /// Goes to another address, as a link does.
    pub(crate) fn go(self, address: Address) {
        let address = self.narrow(address);
        self.push(&address);
        self.send(Message::Leave(self.place()));
        self.load(address, Message::Turn);
        browser::scroll_to_top();
    }

    /// Replaces the present address by another one in the history of the browser.
    pub(crate) fn go_instead(self, address: Address) {
        let address = self.narrow(address);
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address.href()));
        }
        self.load(address, Message::Turn);
        browser::scroll_to_top();
    }

    /// Goes on with what is older where a list is as long as it can be; `false` where it is not known how.
    pub(super) fn go_further(self) -> bool {
        let Some(address) = self.ask(View::further) else { return false };
        let at = self.place();
        self.push(&address);
        self.send(Message::Leave(at));
        self.load(address, move |address| Message::Further(address, at));
        true
    }

    fn push(self, address: &Address) {
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address.href()));
        }
    }

    /// Where in the list the user is.
    pub(super) fn place(self) -> Option<At> {
        let on_the_way = self.placing.get_value();
        if on_the_way.is_some() {
            return on_the_way;
        }
        let (element_id, below) = place::at()?;
        Some((key_of(&element_id)?, below))
    }

    /// The place in the list of the first row that begins in sight.
    pub(crate) fn first_in_sight(self) -> Option<usize> {
        self.place().and_then(|at| self.ask(|view| view.first_in_sight(at)))
    }

    /// Shows what the address asks for.
    fn load(self, address: Address, how: impl FnOnce(Address) -> Message) {
        self.placing.set_value(None);
        let another_inbox = self.ask(|view| view.address.user_id != address.user_id);
        self.send(how(address));
        if another_inbox {
            self.line().into_iter().for_each(|line| line.follow());
        }
    }

    /// Shows the new notifications that wait above the list.
    pub(crate) fn release(self) {
        browser::scroll_to_top();
        browser::focus("inbox-name");
        self.send(Message::Refresh);
    }

    /// Starts to keep the page up to date. In the browser only.
    pub(crate) fn keep_up_to_date(self) {
        self.is_offline.set(!browser::is_online());
        self.send(Message::Begin);
        if let Some(kept) = place::kept() {
            self.send(Message::Resume(kept));
        }
        self.keep_attending();
        let line = self.listen();
        let mut ticked = browser::now_ms();
        gloo_timers::callback::Interval::new(PERIOD, move || {
            let before = std::mem::replace(&mut ticked, browser::now_ms());
            if ticked - before > ASLEEP {
                line.cut();
                line.hurry();
            }
            if !browser::is_hidden() {
                self.send(Message::Period);
            }
        })
        .forget();
        let _ = window_event_listener_untyped("visibilitychange", move |_| {
            if browser::is_hidden() {
                // Show now what waits for the next frame: there will be none for a while.
                self.send(Message::ShowAll);
            } else {
                self.send(Message::Tick);
                self.refresh_if_asked_for();
                line.hurry();
            }
        });
        browser::on_scroll("scroll", move || self.scrolled());
        self.keep_place_across_layouts();
        let _ = window_event_listener(ev::online, move |_| {
            self.is_offline.set(false);
            self.refresh_if_asked_for();
            line.hurry();
        });
        let _ = window_event_listener(ev::offline, move |_| {
            self.is_offline.set(true);
            line.cut();
        });
        let _ = window_event_listener(ev::popstate, move |_| {
            let query = location().search().unwrap_or_default();
            let address = self.narrow(Address::parse(&query));
            // The skip link changes only the fragment.
            if *self.address.read_untracked() != address {
                self.send(Message::Leave(self.place()));
                self.load(address, Message::Return);
            }
        });
        let _ = window_event_listener_untyped("pagehide", move |_| {
            self.keep_place();
            self.delete_before_leaving();
        });
    }

    /// Where the list begins or ends to scroll by itself, as it does when a tablet is turned, another element scrolls from
    /// then on, from its top: brings a user who was not at the top back to the same row.
    fn keep_place_across_layouts(self) {
        let at = StoredValue::new(None);
        browser::on_scroll("scrollend", move || at.set_value(self.place()));
        let had_columns = StoredValue::new(browser::has_columns());
        let _ = window_event_listener_untyped("resize", move |_| {
            let has_columns = browser::has_columns();
            let had_columns = had_columns.try_update_value(|had| std::mem::replace(had, has_columns));
            if had_columns == Some(!has_columns)
                && self.is_at_top.get_value() == Some(false)
                && let Some((key, below)) = at.get_value()
            {
                place::show(&element_id(key), below);
            }
        });
    }

    /// Leaves where in the list the user is, who may come back.
    fn keep_place(self) {
        let kept = self.place().and_then(|at| self.ask(|view| view.kept(at)));
        place::keep(false);
        place::leave(&kept.unwrap_or_default());
    }

    /// Refreshes, unless the answer is known: an address that is not valid stays so.
    fn refresh_if_asked_for(self) {
        if self.ask(|view| view.address.params(0).parse().is_ok()) {
            self.send(Message::Refresh);
        }
    }

    /// The user scrolled.
    fn scrolled(self) {
        let is_at_top = browser::is_at_top();
        self.is_at_top.set_value(Some(is_at_top));
        if self.status.read_untracked().held > 0 {
            self.send(Message::Scrolled);
        }
    }
}
