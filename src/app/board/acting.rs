//! Carries out the effects of the core: requests to the server, calls to the browser, and timers.

use std::{cell::Cell, rc::Rc};

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use wasm_bindgen::JsCast;

use super::{
    core::{At, Deletion, Effect, MOST_AT_ONCE, Marking, Message, TOWER, element_id},
    signals::Board,
};
use crate::{
    app::{
        browser::{self, place},
        page::Address,
        server_fns,
        text::joined,
    },
    model::{Code, NotificationId, Problem},
};

impl Board {
    /// Carries out effects: what is marked alike, or deleted, by one request.
    pub(super) fn carry_out(self, effects: Vec<Effect>) {
        let (mut read, mut unread, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Mark(marking) if marking.is_read => read.push(marking),
                Effect::Mark(marking) => unread.push(marking),
                Effect::Delete(deletion) => deleted.push(deletion),
                effect => self.act(effect),
            }
        }
        for (mut markings, is_read) in [(read, true), (unread, false)] {
            while !markings.is_empty() {
                let later = markings.split_off(markings.len().min(MOST_AT_ONCE));
                self.mark(std::mem::replace(&mut markings, later), is_read);
            }
        }
        while !deleted.is_empty() {
            let later = deleted.split_off(deleted.len().min(MOST_AT_ONCE));
            self.delete(std::mem::replace(&mut deleted, later));
        }
    }

    fn act(self, effect: Effect) {
        match effect {
            Effect::After(millis, message) => browser::after(millis, move || self.send(message)),
            Effect::NextFrame(message) => browser::before_next_frame(move || self.send(message)),
            Effect::Ring => ring(),
            Effect::Say(text) => self.say(text),
            Effect::Show(at) => self.show(at),
            Effect::Go(address) => self.go(address),
            Effect::Focus(to) => self.focus(to),
            Effect::HandOn(from, to) if browser::has_focus(&from) => self.focus(to),
            Effect::HandOn(..) => {}
            Effect::MayListen => self.line().into_iter().for_each(|line| line.may_listen()),
            Effect::Hurry => self.line().into_iter().for_each(|line| line.hurry()),
            Effect::Cut => self.line().into_iter().for_each(|line| line.cut()),
            effect => spawn_local(async move {
                if let Some(message) = self.call(effect).await {
                    self.send(message);
                }
            }),
        }
    }

    /// Scrolls the list to where the user left it, once it is drawn, unless the user has left it again.
    fn show(self, at: At) {
        // At the first row, the user is at the top all the while.
        let is_first = self.ask(|view| view.rows.first().is_some_and(|first| first.key == at.0));
        self.placing.set_value((!is_first).then_some(at));
        self.once_drawn(move || {
            if is_first || self.placing.get_value() == Some(at) {
                self.placing.set_value(None);
                place::show(&element_id(at.0), at.1);
            }
        });
    }

    /// Moves the focus to the element with this id, once the rows are drawn, unless the user has moved it meanwhile. Of
    /// several, the last is meant.
    fn focus(self, to: String) {
        let before = browser::focused();
        self.heir.set_value(Some(to.clone()));
        self.once_drawn(move || {
            let is_left = browser::focused() == before || browser::is_focus_lost();
            // Of a later call, that one's turn is yet to come.
            if is_left && self.heir.get_value().as_ref() == Some(&to) {
                browser::focus(&to);
            }
        });
    }

    fn mark(self, markings: Vec<Marking>, is_read: bool) {
        spawn_local(async move {
            let answer = server_fns::mark(named(markings.iter().map(|marking| marking.id)), is_read).await;
            let answered = markings.into_iter().map(|marking| {
                let id = marking.id;
                let own = of_one(&answer, |found| found.iter().find(|it| it.id == id).cloned());
                Message::Marked(marking, own)
            });
            self.send(Message::Each(answered.collect()));
        });
    }

    fn delete(self, deletions: Vec<Deletion>) {
        spawn_local(async move {
            let answer = server_fns::delete(named(deletions.iter().map(Deletion::id))).await;
            let answered = deletions.into_iter().map(|deletion| {
                let id = deletion.id();
                let own = of_one(&answer, |found| found.contains(&id).then_some(()));
                Message::Deleted(deletion, own)
            });
            self.send(Message::Each(answered.collect()));
        });
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
        let go_on = Rc::new(Cell::new(Some(go_on)));
        let leave = move || {
            if let Some(go_on) = go_on.take() {
                // The user may stop it, and stay.
                self.is_leaving.set_value(false);
                go_on();
            }
        };
        let answered = leave.clone();
        spawn_local(async move {
            for some in doomed.chunks(MOST_AT_ONCE) {
                drop(server_fns::delete(named(some.iter().copied())).await);
            }
            answered();
        });
        browser::after(2_000, leave);
        true
    }

    /// Sends every pending deletion now, because the user leaves the page. The browser sends these requests even when
    /// the page is gone.
    pub(super) fn delete_before_leaving(self) {
        for some in self.take_doomed().chunks(MOST_AT_ONCE) {
            let Ok(form) = web_sys::UrlSearchParams::new() else { continue };
            form.append("id", &named(some.iter().copied()));
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

/// Lets the tower ring once. The style sheet has the movement, which is over when the attribute goes.
fn ring() {
    const RINGING: &str = "data-rings";
    browser::set_attribute(TOWER, RINGING, Some(""));
    browser::after(1_000, || browser::set_attribute(TOWER, RINGING, None));
}

/// The ids as a request has them.
fn named(ids: impl Iterator<Item = NotificationId>) -> String {
    joined(ids.map(|id| id.to_string()), ",")
}

/// What the answer to a request for several says about one of them, which `find` finds there.
fn of_one<T, U>(answer: &Result<T, Problem>, find: impl Fn(&T) -> Option<U>) -> Result<U, Problem> {
    let found = answer.as_ref().map_err(Problem::clone)?;
    find(found).ok_or_else(|| Problem::new(Code::NotFound, ""))
}
