//! Deleting: shown at once, really done when it can no longer be undone.

use super::{
    counting,
    message::{Deletion, Effect, Message, Now},
    view::{Doomed, Undo, View},
};
use crate::{
    app::live::Kind,
    model::{Code, NotificationId, Problem},
};

/// How long a deletion can be undone, in milliseconds.
const GRACE: u32 = 6_000;

impl View {
    /// Takes a row off the page, and deletes its notification unless that is undone within six
    /// seconds.
    pub(super) fn delete(&mut self, key: i64) -> Vec<Effect> {
        if self.place_of(key).is_some_and(|place| self.rows[place].is_sending) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        let Some((item, spot)) = self.take(key, &mut effects) else { return effects };
        let id = item.data.id;
        counting::remove(&mut self.overview, &item.data);
        self.doomed.push(Doomed { item, spot, is_unsure: false });
        effects.push(self.toast("Deleted.".to_owned(), Some(Undo::Delete(id))));
        effects.push(Effect::After(GRACE, Message::ReallyDelete(id)));
        effects
    }

    /// Puts a notification that was about to be deleted back.
    pub(super) fn undelete(&mut self, id: NotificationId, now: Now) -> Vec<Effect> {
        let Some(doomed) = self.spare(id) else { return Vec::new() };
        let is_unsure = doomed.is_unsure;
        let mut effects = self.restore(doomed);
        if is_unsure {
            effects.extend(self.refresh(now));
        }
        effects
    }

    /// Deletes what was about to be deleted, and was not put back.
    pub(super) fn really_delete(&mut self, id: NotificationId, now: Now) -> Vec<Effect> {
        let Some(doomed) = self.spare(id) else { return Vec::new() };
        self.dismiss_undo(&Undo::Delete(id));
        vec![Effect::Delete(Deletion { doomed, change: self.changes.begin(now.ms) })]
    }

    /// The server deleted it, or did not.
    pub(super) fn deleted(&mut self, deletion: Deletion, answer: Result<(), Problem>, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        let is_known = answer.is_ok();
        match answer {
            Ok(()) => self.expect(Kind::Deleted, &deletion.doomed.item.data.user_id, deletion.id()),
            // Another client was faster.
            Err(problem) if problem.code == Code::NotFound => {}
            Err(problem) => {
                effects.extend(self.restore(deletion.doomed));
                effects.push(self.toast_refusal("Not deleted.", &problem));
            }
        }
        effects.extend(self.settle(deletion.change, is_known, now));
        effects
    }

    /// What is about to be deleted, which cannot be undone from now on: the page is left.
    pub(crate) fn take_doomed(&mut self) -> Vec<NotificationId> {
        let ids: Vec<_> = self.doomed.drain(..).map(|doomed| doomed.item.data.id).collect();
        for id in &ids {
            self.dismiss_undo(&Undo::Delete(*id));
        }
        ids
    }

    fn spare(&mut self, id: NotificationId) -> Option<Doomed> {
        let place = self.doomed.iter().position(|doomed| doomed.item.data.id == id)?;
        Some(self.doomed.remove(place))
    }

    fn restore(&mut self, doomed: Doomed) -> Vec<Effect> {
        let Doomed { item, spot, .. } = doomed;
        // Another inbox may be shown by now.
        if self.is_in_scope(&item.data.user_id) {
            counting::add(&mut self.overview, &item.data);
        }
        if !self.filter().admits(&item.data) {
            return Vec::new();
        }
        let focus = Effect::Focus(item.element_id());
        self.put_back(item, spot);
        vec![focus]
    }
}
