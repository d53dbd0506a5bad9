//! The sender's choice of channels, stored with the entry.

use campanile::{
    model::{Channel, EventKind, NotificationDraft, Routing, Wanted},
    server::store::outbox::Entry,
};

use super::{cancelling::reach, contract};
use crate::store::{accepted, create, draft};

/// A notification with a sender's choice of channels.
fn asking(user_id: &str, send_email: Option<bool>, channels: Option<&[&str]>) -> NotificationDraft {
    let channels = channels.map(|channels| channels.iter().map(|name| (*name).to_owned()).collect());
    NotificationDraft { send_email, channels, ..draft(user_id, "x") }
}

/// The users of entries, whether they are for contacts, and the senders' choices.
fn routed(entries: &[Entry]) -> Vec<(&str, bool, Routing)> {
    entries.iter().map(|entry| (entry.user_id.as_str(), entry.to_contacts, entry.routing.clone())).collect()
}

contract! {
    async fn the_senders_choice_of_channels_is_stored_until_planning(kept) {
        kept.outbox.reach_contacts();
        reach(&kept, "ann").await;
        let all = [
            asking("ann", Some(false), Some(&["webpush", "email", "apns"])),
            asking("ann", Some(true), None),
            asking("ann", None, Some(&[])),
            asking("ann", Some(false), None),
            draft("ann", "x"),
        ];
        for asked in all {
            let created = create(&*kept.inboxes, asked).await;
            let entries = kept.unplanned().await;
            assert_eq!(entries.last().unwrap().notification_id, Some(created.id));
            kept.inboxes.set_read(created.id, None, true).await.unwrap();
        }
        let said = |send_email, channels: Option<&[Channel]>| {
            ("ann", true, Routing { send_email, channels: channels.map(<[_]>::to_vec) })
        };
        let expected = [
            said(Some(false), Some(&[Channel::Webpush, Channel::Email, Channel::Apns])),
            said(Some(true), None),
            said(None, Some(&[])),
            said(Some(false), None),
            said(None, None),
        ];
        assert_eq!(routed(&kept.unplanned().await), expected);
    }

    async fn a_sender_who_asks_for_a_channel_causes_an_entry_even_without_a_contact(kept) {
        let all = [(None, None), (Some(false), None), (None, Some(&[][..])), (Some(false), Some(&[]))];
        for (send_email, channels) in all {
            create(&*kept.inboxes, asking("ann", send_email, channels)).await;
        }
        assert!(kept.unplanned().await.is_empty());
        let by_mail = create(&*kept.inboxes, asking("ann", Some(true), None)).await;
        create(&*kept.inboxes, asking("bob", Some(false), Some(&["fcm"]))).await;
        kept.inboxes.set_read(by_mail.id, None, true).await.unwrap();
        kept.inboxes.delete(by_mail.id, None).await.unwrap();
        let entries = kept.unplanned().await;
        let mail = Routing { send_email: Some(true), channels: None };
        let push = Routing { send_email: Some(false), channels: Some(vec![Channel::Fcm]) };
        assert_eq!(routed(&entries), [("ann", true, mail), ("bob", true, push)]);
        assert_eq!((entries[0].notification_id, entries[0].at), (Some(by_mail.id), by_mail.timestamp));
        assert!(entries.iter().all(|entry| entry.data.is_empty() && entry.kind == EventKind::Created));
    }

    async fn each_notification_of_a_batch_has_its_own_choice(kept) {
        kept.outbox.reach_contacts();
        reach(&kept, "dan").await;
        let batch = || {
            let asked = [
                asking("ann", Some(true), None),
                draft("bob", "x"),
                asking("carol", None, Some(&["apns"])),
                asking("ann", Some(false), None),
                asking("dan", Some(false), None),
                draft("ann", "x"),
            ];
            asked.map(accepted)
        };
        kept.inboxes.create(&batch(), None).await.unwrap();
        let said = |send_email, channels| Routing { send_email, channels };
        let asked = [
            ("ann", true, said(Some(true), None)),
            ("carol", true, said(None, Some(vec![Channel::Apns]))),
            ("dan", true, said(Some(false), None)),
        ];
        assert_eq!(routed(&kept.unplanned().await), asked);
        // A webhook gets entries for all; only those that are also for contacts store the sender's choice.
        kept.listen(Wanted::default()).await;
        kept.inboxes.create(&batch(), None).await.unwrap();
        let silent = |user_id| (user_id, false, Routing::default());
        let [first, second, third] = asked;
        let all = [first, silent("bob"), second, silent("ann"), third, silent("ann")];
        let entries = kept.unplanned().await;
        assert_eq!(routed(&entries[3..]), all);
        assert!(entries[3..].iter().all(|entry| !entry.data.contains("channels") && !entry.data.contains("email")));
    }
}
