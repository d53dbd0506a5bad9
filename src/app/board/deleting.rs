//! Deleting: shown at once, really done when it can no longer be undone.

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use wasm_bindgen::JsCast;

use super::{Board, Row, Undo, counting};
use crate::{
    app::{browser, server_fns},
    model::{Code, NotificationId},
};

/// How long a deletion can be undone, in milliseconds.
const GRACE: u32 = 6_000;

/// A notification that is about to be deleted.
#[derive(Clone)]
pub(crate) struct Doomed {
    /// What was shown.
    pub(crate) row: Row,
    /// Where it was.
    place: usize,
}

impl Doomed {
    /// Which notification.
    pub(crate) fn id(&self) -> NotificationId {
        self.row.id()
    }
}

impl Board {
    /// Takes a row off the page, and deletes its notification unless that is undone within six
    /// seconds.
    pub(crate) fn delete(self, row: &Row) {
        if row.is_sending.get_untracked() {
            return;
        }
        let Some(place) = self.take(row) else { return };
        let id = row.id();
        self.overview.update(|overview| counting::remove(overview, &row.data.read_untracked()));
        self.book.update_value(|book| book.doomed.push(Doomed { row: row.clone(), place }));
        self.toast("Deleted.", Some(Undo::Delete(id)));
        browser::after(GRACE, move || self.really_delete(id));
    }

    /// Puts a notification that was about to be deleted back.
    pub(crate) fn undelete(self, id: NotificationId) {
        if let Some(doomed) = self.spare(id) {
            self.restore(doomed);
        }
    }

    /// Deletes now whatever is about to be deleted, and goes on when that is answered; `false` when there is
    /// nothing.
    pub(crate) fn delete_first(self, go_on: impl FnOnce() + 'static) -> bool {
        let mut doomed = Vec::new();
        self.book.update_value(|book| doomed = std::mem::take(&mut book.doomed));
        if doomed.is_empty() {
            return false;
        }
        spawn_local(async move {
            for id in doomed.iter().map(Doomed::id) {
                self.dismiss_undo(Undo::Delete(id));
                drop(server_fns::delete(id.to_string()).await);
            }
            go_on();
        });
        true
    }

    /// Deletes now whatever is about to be deleted: the page is left. The browser sends this even
    /// when the page is gone.
    pub(crate) fn delete_before_leaving(self) {
        let mut doomed = Vec::new();
        self.book.update_value(|book| doomed = std::mem::take(&mut book.doomed));
        for id in doomed.iter().map(Doomed::id) {
            self.dismiss_undo(Undo::Delete(id));
            let Ok(form) = web_sys::UrlSearchParams::new() else { continue };
            form.append("id", &id.to_string());
            let url = self.at(<server_fns::Delete as ServerFn>::url());
            // The beacon sends a form that knows its own media type; web-sys lacks this overload.
            let _ = js_sys::Reflect::get(&window().navigator(), &"sendBeacon".into()).and_then(|send| {
                send.unchecked_into::<js_sys::Function>().call2(&window().navigator(), &url.into(), &form)
            });
        }
    }

    fn really_delete(self, id: NotificationId) {
        let Some(doomed) = self.spare(id) else { return };
        self.dismiss_undo(Undo::Delete(id));
        let change = self.begin();
        spawn_local(async move {
            match server_fns::delete(id.to_string()).await {
                Ok(()) => {}
                // Another client was faster.
                Err(problem) if problem.code == Code::NotFound => {}
                Err(problem) => {
                    self.restore(doomed);
                    self.toast_refusal("Not deleted.", &problem);
                }
            }
            self.settle(change);
        });
    }

    fn spare(self, id: NotificationId) -> Option<Doomed> {
        let mut spared = None;
        self.book.update_value(|book| {
            let place = book.doomed.iter().position(|doomed| doomed.id() == id);
            spared = place.map(|place| book.doomed.remove(place));
        });
        spared
    }

    fn restore(self, doomed: Doomed) {
        let admitted = self.filter().admits(&doomed.row.data.read_untracked());
        self.overview.update(|overview| counting::add(overview, &doomed.row.data.read_untracked()));
        if admitted {
            let id = doomed.row.element_id();
            self.put_back(doomed.row, doomed.place);
            browser::focus_soon(id);
        }
    }
}
