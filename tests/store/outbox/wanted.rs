//! Which events are written as entries: those that a webhook wants.

use campanile::{
    model::{EventKind, Marking, NotificationDraft, Wanted},
    server::store::outbox::Webhook,
};

use super::{
    Kept, category, contract,
    entries::{Told, of, words},
    everything,
};
use crate::store::{create, send, user};

/// Makes each event happen once for these users, in an inbox each: two creations, an update, a deletion, and marking
/// all read.
async fn live(kept: &Kept, names: &[&str]) {
    for name in names {
        let alert =
            create(&*kept.inboxes, NotificationDraft { user_id: Some((*name).to_owned()), ..of("alert", "a") }).await;
        let system =
            create(&*kept.inboxes, NotificationDraft { user_id: Some((*name).to_owned()), ..of("system", "b") }).await;
        kept.inboxes.set_read(alert.id, None, true).await.unwrap();
        kept.inboxes.mark_all_read(&user(name), &Marking::default()).await.unwrap();
        kept.inboxes.delete(system.id, None).await.unwrap();
    }
}

contract! {
    async fn without_a_webhook_no_entry_is_written(kept) {
        live(&kept, &["ann"]).await;
        assert!(kept.unplanned().await.is_empty());
        // Events from before the first webhook are not delivered later.
        kept.listen(everything()).await;
        assert!(kept.unplanned().await.is_empty());
    }

    async fn several_webhooks_that_want_the_same_share_an_entry(kept) {
        let told = Told::of(&kept).await;
        for wanted in [everything(), Wanted::default(), everything()] {
            kept.listen(wanted).await;
        }
        send(&*kept.inboxes, "ann", "a").await;
        assert_eq!(words(&told.entries().await), ["created message"]);
    }

    async fn only_the_events_that_a_webhook_wants_leave_entries(kept) {
        kept.listen(Wanted { events: vec![EventKind::Deleted, EventKind::AllRead], ..Wanted::default() }).await;
        live(&kept, &["ann"]).await;
        assert_eq!(words(&kept.unplanned().await), ["all_read", "deleted system"]);
    }

    async fn only_the_categories_that_a_webhook_wants_leave_entries(kept) {
        kept.listen(Wanted { categories: Some(vec![category("odd_1"), category("alert")]), ..everything() }).await;
        live(&kept, &["ann"]).await;
        create(&*kept.inboxes, of("odd_1", "c")).await;
        // Events about a whole inbox are written regardless.
        assert_eq!(words(&kept.unplanned().await), ["created alert", "updated alert", "all_read", "created odd_1"]);
    }

    async fn only_the_inbox_that_a_webhook_wants_leaves_entries(kept) {
        kept.listen(Wanted { user_id: Some(user("ann")), ..everything() }).await;
        live(&kept, &["Ann", "ann", "bob"]).await;
        let entries = kept.unplanned().await;
        let expected = ["created alert", "created system", "updated alert", "all_read", "deleted system"];
        assert_eq!(words(&entries), expected);
        assert!(entries.iter().all(|entry| entry.user_id == user("ann")));
    }

    async fn an_event_that_any_webhook_wants_writes_an_entry(kept) {
        kept.listen(Wanted { user_id: Some(user("bob")), ..Wanted::default() }).await;
        kept.listen(Wanted {
            categories: Some(vec![category("system")]),
            events: vec![EventKind::Deleted],
            user_id: None,
        })
        .await;
        live(&kept, &["ann", "bob"]).await;
        assert_eq!(
            words(&kept.unplanned().await),
            ["deleted system", "created alert", "created system", "deleted system"]
        );
    }

    async fn a_webhook_that_is_changed_or_deleted_takes_effect_for_the_next_write(kept) {
        let told = async |expected: &[&str]| {
            let before = kept.unplanned().await.len();
            let a = create(&*kept.inboxes, of("alert", "a")).await;
            kept.inboxes.set_read(a.id, None, true).await.unwrap();
            assert_eq!(words(&kept.unplanned().await[before..]), expected);
        };
        let webhook = kept.listen(Wanted::default()).await;
        told(&["created alert"]).await;
        let changed = Webhook { wanted: Wanted { events: vec![EventKind::Updated], ..Wanted::default() }, ..webhook };
        assert!(kept.webhooks.change_webhook(&changed).await.unwrap());
        told(&["updated alert"]).await;
        // A refused change of a webhook has no effect.
        assert!(!kept.webhooks.change_webhook(&Webhook { wanted: everything(), ..changed.clone() }).await.unwrap());
        told(&["updated alert"]).await;
        assert!(kept.webhooks.delete_webhook(changed.id).await.unwrap());
        told(&[]).await;
    }

    async fn a_webhook_that_is_disabled_still_has_entries(kept) {
        let webhook = kept.listen(Wanted::default()).await;
        assert!(
            kept.webhooks.change_webhook(&Webhook { disabled: Some("it fails".to_owned()), ..webhook }).await.unwrap()
        );
        send(&*kept.inboxes, "ann", "a").await;
        assert_eq!(words(&kept.unplanned().await), ["created message"]);
    }
}
