//! Carries out the effects of the core: requests to the server, calls to the browser, and timers.

use std::{cell::Cell, rc::Rc};

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use wasm_bindgen::JsCast;

use super::{
    core::{Effect, Message},
    row::element_id,
    signals::Board,
};
use crate::{
    app::{
        browser::{self, place},
        page::Address,
        server_fns,
    },
    model::NotificationId,
};

impl Board {
    pub(super) fn carry_out(self, effect: Effect) {
        match effect {
            Effect::After(millis, message) => browser::after(millis, move || self.send(message)),
            Effect::NextFrame(message) => browser::before_next_frame(move || self.send(message)),
            Effect::Say(text) => self.say(text),
            Effect::Show((key, below)) => browser::after(0, move || place::show(&element_id(key), below)),
            Effect::Focus(id) => browser::focus_soon(id),
            Effect::HandOn(from, to) if browser::has_focus(&from) => browser::focus_soon(to),
            Effect::HandOn(..) => {}
            Effect::MayListen => self.line().into_iter().for_each(|line| line.may_listen()),
            Effect::Hurry => self.line().into_iter().for_each(|line| line.hurry()),
            Effect::Cut => self.line().into_iter().for_each(|line| line.cut()),
            Effect::Ask(..) | Effect::Mark(_) | Effect::MarkAll(_) | Effect::UnmarkAll(_) | Effect::Delete(_) => {
                spawn_local(async move {
                    if let Some(message) = self.call(effect).await {
                        self.send(message);
                    }
                });
            }
        }
    }

    /// Asks the server, and turns its answer into a message.
    async fn call(self, effect: Effect) -> Option<Message> {
        Some(match effect {
            Effect::Ask(ticket, limit) => {
                let Address { user_id, category, unread, q, before, .. } =
                    self.ask(|view| Address::clone(&view.address));
                let answer = server_fns::snapshot(user_id, category, unread, q, before, limit).await;
                Message::Answered(ticket, answer)
            }
            Effect::Mark(marking) => {
                let answer = server_fns::mark(marking.id.to_string(), marking.is_read).await;
                Message::Marked(marking, answer)
            }
            Effect::MarkAll(marking) => {
                let up_to = marking.up_to.map(|up_to| up_to.to_string());
                let answer = server_fns::mark_all(marking.user_id.to_string(), up_to, marking.category.clone()).await;
                Message::AllMarked(marking, answer)
            }
            Effect::UnmarkAll(unmarking) => {
                let by = unmarking.by();
                let user_id = unmarking.user_id().to_string();
                let answer = server_fns::unmark_all(user_id, by.after, by.up_to, by.is_whole).await;
                Message::AllUnmarked(unmarking, answer)
            }
            Effect::Delete(deletion) => {
                let answer = server_fns::delete(deletion.id().to_string()).await;
                Message::Deleted(deletion, answer)
            }
            _ => return None,
        })
    }

    /// Sends every pending deletion now, and continues when the server has answered each, or after two seconds; `false`
    /// when there is none. Until then, a further call only waits.
    pub(crate) fn delete_first(self, go_on: impl FnOnce() + 'static) -> bool {
        if self.is_leaving.get_value() {
            return true;
        }
        let doomed = self.take_doomed();
        if doomed.is_empty() {
            return false;
        }
        self.is_leaving.set_value(true);
        let (left, go_on) = (Rc::new(Cell::new(doomed.len())), Rc::new(Cell::new(Some(go_on))));
        let leave = move || {
            if let Some(go_on) = go_on.take() {
                // The user may stop it, and stay.
                self.is_leaving.set_value(false);
                go_on();
            }
        };
        for id in doomed {
            let (left, leave) = (Rc::clone(&left), leave.clone());
            spawn_local(async move {
                drop(server_fns::delete(id.to_string()).await);
                left.set(left.get() - 1);
                if left.get() == 0 {
                    leave();
                }
            });
        }
        browser::after(2_000, leave);
        true
    }

    /// Sends every pending deletion now, because the user leaves the page. The browser sends these requests even when
    /// the page is gone.
    pub(super) fn delete_before_leaving(self) {
        for id in self.take_doomed() {
            let Ok(form) = web_sys::UrlSearchParams::new() else { continue };
            form.append("id", &id.to_string());
            let url = self.at(<server_fns::Delete as ServerFn>::url());
            // The beacon sends a form that knows its own media type; web-sys lacks this overload.
            let _ = js_sys::Reflect::get(&window().navigator(), &"sendBeacon".into()).and_then(|send| {
                send.unchecked_into::<js_sys::Function>().call2(&window().navigator(), &url.into(), &form)
            });
        }
    }

    fn take_doomed(self) -> Vec<NotificationId> {
        let mut doomed = Vec::new();
        self.view.update_value(|view| doomed = view.take_doomed());
        self.draw();
        doomed
    }
}
