//! Decides which changes of a transaction go into the outbox.

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use super::{Entry, Webhook};
use crate::model::{
    Category, Change, Event, EventKind, Notification, NotificationId, Routing, Timestamp, UserId, Wanted,
};

/// The events that webhooks want. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(in crate::server::store) struct Subscriptions(Arc<[Wanted]>);

/// An event as its receivers read it.
#[derive(Serialize)]
struct Data<'a> {
    user_id: &'a UserId,
    modseq: u64,
    unread_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<&'a Notification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<NotificationId>,
}

impl Subscriptions {
    /// The events that these webhooks want.
    pub(in crate::server::store) fn to<'w>(webhooks: impl IntoIterator<Item = &'w Webhook>) -> Self {
        Self(webhooks.into_iter().map(|webhook| webhook.wanted.clone()).collect())
    }

    /// Whether there is no webhook at all.
    pub(in crate::server::store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entry of a change that is being written now, without its place, if a webhook wants it, it is for contacts,
    /// or its sender asks for a channel. `gone` knows the categories of deleted notifications.
    pub(in crate::server::store) fn entry(
        &self,
        Change { user_id, event }: &Change,
        gone: &HashMap<NotificationId, Category>,
        to_contacts: bool,
        now: Timestamp,
    ) -> Option<Entry> {
        let (kind, notification, deleted) = match event {
            Event::Created { notification, .. } => (EventKind::Created, Some(notification), None),
            Event::Updated { notification, .. } => (EventKind::Updated, Some(notification), None),
            Event::Deleted { id, .. } => (EventKind::Deleted, None, Some(*id)),
            Event::AllRead { .. } => (EventKind::AllRead, None, None),
        };
        let category = match deleted {
            Some(id) => gone.get(&id),
            None => notification.map(|notification| &notification.category),
        };
        let routing = notification.filter(|_| kind == EventKind::Created).map(|notification| &notification.routing);
        let to_contacts = to_contacts || routing.is_some_and(Routing::asks);
        let is_wanted = self.0.iter().any(|wanted| wanted.takes(kind, category, user_id));
        let data = if is_wanted {
            let (modseq, unread_count) = (event.modseq(), event.unread_count());
            // Its content was JSON before, or consists of texts and numbers.
            serde_json::to_string(&Data { user_id, modseq, unread_count, notification, id: deleted }).ok()?
        } else if to_contacts {
            String::new()
        } else {
            return None;
        };
        let at = notification.filter(|_| kind == EventKind::Created).map_or(now, |notification| notification.timestamp);
        Some(Entry {
            seq: 0,
            kind,
            user_id: user_id.clone(),
            category: category.cloned(),
            notification_id: deleted.or(notification.map(|notification| notification.id)),
            expires_at: notification.and_then(|notification| notification.expires_at),
            at,
            data,
            to_contacts,
            routing: routing.filter(|_| to_contacts).cloned().unwrap_or_default(),
        })
    }
}
