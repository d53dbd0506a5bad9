//! Keeping the page up to date: live, or else every five seconds, unless it is hidden.

use leptos::{ev, prelude::*, task::spawn_local};

use super::{Board, Loading};
use crate::app::{browser, page::Address, server_fns::snapshot};

/// How often the page is refreshed, in milliseconds.
const PERIOD: u32 = 5_000;
/// Every how many periods it is refreshed while every change is told anyhow.
const LIVE_PERIODS: u32 = 12;
/// How long the timer of a page may be late, in milliseconds, before the machine must have slept: in
/// the background, browsers let it run once a minute.
const ASLEEP: f64 = 75_000.0;
/// How long loading may take before the page shows that it does.
const UNNOTICED: u32 = 150;
/// How many microseconds old the clock beside the rows may be.
const CLOCK_STEP: i64 = 15_000_000;

impl Board {
    /// Reads what the address asks for and shows it. What a change that is under way makes
    /// pointless is not asked for.
    pub(crate) fn refresh(self) {
        let Some((ticket, limit)) = self.ticket() else { return };
        let Address { user_id, category, unread, q, before, .. } = self.address.get_untracked();
        spawn_local(async move {
            match snapshot(user_id, category, unread, q, before, limit).await {
                Ok(snapshot) => {
                    self.show(ticket, snapshot);
                    self.line().inspect(|line| line.may_listen());
                }
                Err(problem) => {
                    self.was_not_shown();
                    if self.is_current(ticket) {
                        self.wait_as_told(&problem);
                        self.trouble.set(Some(problem));
                        self.loading.set(Loading::Done);
                        self.tick();
                        if self.is_signed_out() {
                            self.line().inspect(|line| line.cut());
                        }
                    }
                }
            }
        });
    }

    /// Goes to another address, as a link does.
    pub(crate) fn go(self, address: Address) {
        let address = self.narrow(address);
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address.href()));
        }
        self.load(address);
        browser::scroll_to_top();
    }

    /// Goes to another address as if this one had never been shown.
    pub(crate) fn go_instead(self, address: Address) {
        let address = self.narrow(address);
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address.href()));
        }
        self.load(address);
        browser::scroll_to_top();
    }

    /// Shows what the address asks for.
    fn load(self, address: Address) {
        let another_inbox = self.address.read_untracked().user_id != address.user_id;
        self.turn(address);
        if another_inbox {
            self.line().inspect(|line| line.follow());
        }
        browser::after(UNNOTICED, move || {
            if self.loading.get_untracked() == Loading::Begun {
                self.loading.set(Loading::Slow);
            }
        });
        self.refresh();
    }

    /// Starts to keep the page up to date. In the browser only.
    pub(crate) fn keep_up_to_date(self) {
        self.is_offline.set(!browser::is_online());
        if let Some(problem) = self.trouble.get_untracked() {
            self.clock.set(self.now());
            self.wait_as_told(&problem);
        }
        let line = self.listen();
        let mut ticked = browser::now_ms();
        let mut since_asked = 0;
        gloo_timers::callback::Interval::new(PERIOD, move || {
            let before = std::mem::replace(&mut ticked, browser::now_ms());
            if ticked - before > ASLEEP {
                line.cut();
                line.hurry();
            }
            since_asked += 1;
            if browser::is_hidden() {
                return;
            }
            self.tick();
            // While every change is told, asking is only for what we did not think of; and a user
            // who is signed out asks by coming back to the page.
            if !self.is_signed_out() && (!self.is_live.get_untracked() || since_asked >= LIVE_PERIODS) {
                since_asked = 0;
                self.refresh_if_asked_for();
            }
        })
        .forget();
        let _ = window_event_listener_untyped("visibilitychange", move |_| {
            if browser::is_hidden() {
                // What was to be shown with the next frame: there will be none for a while.
                self.show_all_heard();
            } else {
                self.tick();
                self.refresh_if_asked_for();
                line.hurry();
            }
        });
        browser::on_scroll(move || self.scrolled());
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
                self.load(address);
            }
        });
        let _ = window_event_listener_untyped("pagehide", move |_| self.delete_before_leaving());
    }

    /// Refreshes if the page is visible; else that is done when the user comes back.
    pub(crate) fn refresh_unless_hidden(self) {
        if !browser::is_hidden() {
            self.refresh();
        }
    }

    /// Refreshes, unless the answer is known: an address that is not legal stays so.
    fn refresh_if_asked_for(self) {
        if self.address.read_untracked().params(0).parse().is_ok() {
            self.refresh();
        }
    }

    /// Moves the clocks of the page.
    fn tick(self) {
        let now = self.now();
        if (now.as_micros() - self.clock.get_untracked().as_micros()).abs() >= CLOCK_STEP {
            self.clock.set(now);
        }
        if let Some(read_at) = self.read_at.get_untracked() {
            self.age.set((now.as_micros() - read_at.as_micros()) / 1_000_000);
        }
    }
}
