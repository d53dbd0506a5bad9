//! The rules of the service: permissions, ids and times, expiry.

use std::sync::Arc;

use campanile::{
    model::{Filter, Limit, Marking, NewNotification, Notification, NotificationDraft, Timestamp},
    server::{
        identity::{Denied, Principal},
        service::{NotificationService, ServiceError},
        store::{MemoryStore, Store},
    },
};
use chrono::TimeDelta;

use crate::{
    harness::{StoppedClock, started},
    store::{draft, user},
};

fn service() -> NotificationService {
    NotificationService::new(MemoryStore::new(1000, started()))
}

async fn sent(service: &NotificationService, user_id: &str) -> Notification {
    service.notify(&Principal::operator(), user_id, "hi").await.unwrap()
}

#[tokio::test]
async fn a_user_has_the_own_inbox() {
    let service = service();
    let ann = Principal::user(user("ann"));
    let mine = sent(&service, "ann").await;
    assert_eq!(service.get(&ann, mine.id).await.unwrap(), mine);
    assert!(service.set_read(&ann, mine.id, true).await.unwrap().is_read);
    service.mark_read_at(&ann, &user("ann"), 0).await.unwrap();
    service.set_read(&ann, mine.id, false).await.unwrap();
    let marked = service.mark_all_read(&ann, &user("ann"), &Marking::default()).await.unwrap();
    assert_eq!(service.unmark_all(&ann, &user("ann"), &marked.by).await.unwrap(), 1);
    service.unread_count(&ann, &user("ann")).await.unwrap();
    service.changes(&ann, &user("ann"), 0, Limit::default()).await.unwrap();
    service.overview(&ann, Some(&user("ann"))).await.unwrap();
    let page = service.list(&ann, &Filter::inbox(user("ann")), None, Limit::default()).await.unwrap();
    assert_eq!(page.notifications.len(), 1);
    service.delete(&ann, mine.id).await.unwrap();
}

#[tokio::test]
async fn a_credential_for_one_inbox_changes_nothing_in_another() {
    let service = service();
    let (anns, bobs) = (sent(&service, "ann").await, sent(&service, "bob").await);
    for (principal, refused) in [
        (Principal::operator().within(user("ann")), vec![&bobs]),
        (Principal::user(user("ann")).within(user("ann")), vec![&bobs]),
        (Principal::user(user("ann")).within(user("bob")), vec![&anns, &bobs]),
    ] {
        for sent in refused {
            let marked = service.set_read(&principal, sent.id, true).await;
            assert!(matches!(marked, Err(ServiceError::NotFound(_))), "{principal:?}: {marked:?}");
            let deleted = service.delete(&principal, sent.id).await;
            assert!(matches!(deleted, Err(ServiceError::NotFound(_))), "{principal:?}: {deleted:?}");
        }
    }
    for sent in [anns, bobs] {
        assert_eq!(service.get(&Principal::operator(), sent.id).await.unwrap(), sent);
    }
}

#[tokio::test]
async fn a_user_has_no_other_inbox() {
    let service = service();
    let ann = Principal::user(user("ann"));
    let bobs = sent(&service, "bob").await;
    // An answer that would reveal whether a notification exists is "not found".
    assert!(matches!(service.get(&ann, bobs.id).await, Err(ServiceError::NotFound(_))));
    assert!(matches!(service.set_read(&ann, bobs.id, true).await, Err(ServiceError::NotFound(_))));
    assert!(matches!(service.delete(&ann, bobs.id).await, Err(ServiceError::NotFound(_))));
    assert!(matches!(service.mark_read_at(&ann, &user("bob"), 0).await, Err(ServiceError::NotFound(_))));
    assert!(matches!(
        service.mark_all_read(&ann, &user("bob"), &Marking::default()).await,
        Err(ServiceError::Denied(Denied::Forbidden(_)))
    ));
    let bobs_all = service.mark_all_read(&Principal::operator(), &user("bob"), &Marking::default()).await.unwrap().by;
    assert!(matches!(
        service.unmark_all(&ann, &user("bob"), &bobs_all).await,
        Err(ServiceError::Denied(Denied::Forbidden(_)))
    ));
    service.unmark_all(&Principal::operator(), &user("bob"), &bobs_all).await.unwrap();
    assert!(matches!(service.unread_count(&ann, &user("bob")).await, Err(ServiceError::Denied(Denied::Forbidden(_)))));
    assert!(matches!(
        service.overview(&ann, Some(&user("bob"))).await,
        Err(ServiceError::Denied(Denied::Forbidden(_)))
    ));
    assert!(matches!(service.follow_all(&ann), Err(ServiceError::Denied(Denied::Forbidden(_)))));
    let changes = service.changes(&ann, &user("bob"), 0, Limit::default()).await;
    assert!(matches!(changes, Err(ServiceError::Denied(Denied::Forbidden(_)))));
    let listed = service.list(&ann, &Filter::inbox(user("bob")), None, Limit::default()).await;
    assert!(matches!(listed, Err(ServiceError::Denied(Denied::Forbidden(_)))));
    // They see only their own data.
    assert_eq!(service.overview(&ann, None).await.unwrap().total, 0);
    assert!(service.list(&ann, &Filter::default(), None, Limit::default()).await.unwrap().notifications.is_empty());
    assert_eq!(service.get(&Principal::operator(), bobs.id).await.unwrap(), bobs);
}

#[tokio::test]
async fn a_user_never_sends() {
    let service = service();
    let ann = Principal::user(user("ann"));
    let new = NewNotification::parse(draft("ann", "hi")).unwrap();
    assert!(matches!(service.create(&ann, new.clone()).await, Err(ServiceError::Denied(Denied::Forbidden(_)))));
    assert!(matches!(
        service.create_batch(&ann, vec![new], None).await,
        Err(ServiceError::Denied(Denied::Forbidden(_)))
    ));
    assert_eq!(service.unread_count(&Principal::operator(), &user("ann")).await.unwrap(), 0);
}

#[tokio::test]
async fn time_comes_from_the_clock_and_ids_are_version_7() {
    let moment = Timestamp::parse("2026-03-04T05:06:07.891011Z").unwrap();
    let service = NotificationService::with_clock(MemoryStore::new(10, started()), StoppedClock(moment));
    let first = sent(&service, "ann").await;
    let second = sent(&service, "ann").await;
    assert_eq!(first.timestamp.to_string(), "2026-03-04T05:06:07.891011Z");
    assert_eq!(first.id.as_uuid().get_version_num(), 7);
    let (seconds, nanos) = first.id.as_uuid().get_timestamp().unwrap().to_unix();
    assert_eq!((seconds, nanos / 1_000_000), (1_772_600_767, 891));
    assert_ne!(first.id, second.id);
    // Two with the same time are still in the order of their creation.
    let page = service.list(&Principal::operator(), &Filter::default(), None, Limit::default()).await.unwrap();
    assert_eq!(page.notifications, [second, first]);
}

#[tokio::test]
async fn everything_that_expired_is_deleted_however_much_it_is() {
    let moment = Timestamp::parse("2026-03-04T00:00:00Z").unwrap();
    let service = NotificationService::with_clock(MemoryStore::new(5000, started()), StoppedClock(moment));
    let new = |expires_at: &str| {
        let expires_at = Some(expires_at.to_owned());
        NewNotification::parse(NotificationDraft { expires_at, ..draft("ann", "x") }).unwrap()
    };
    for _ in 0..1200 {
        service.create(&Principal::operator(), new("2026-03-03T00:00:00Z")).await.unwrap();
    }
    service.create(&Principal::operator(), new("2026-03-04T00:00:00.000001Z")).await.unwrap();
    assert_eq!(service.delete_due().await.unwrap(), 1200);
    assert_eq!(service.unread_count(&Principal::operator(), &user("ann")).await.unwrap(), 1);
}

#[tokio::test]
async fn old_notifications_are_deleted() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(10, started()));
    let at = |moment: &str| {
        let clock = StoppedClock(Timestamp::parse(moment).unwrap());
        NotificationService::over(Arc::clone(&store), clock).max_age(Some(TimeDelta::days(30)))
    };
    sent(&at("2026-01-01T00:00:00Z"), "ann").await;
    let young = sent(&at("2026-01-10T00:00:00Z"), "ann").await;
    assert_eq!(at("2026-01-31T00:00:00Z").delete_due().await.unwrap(), 0);
    assert_eq!(at("2026-01-31T00:00:01Z").delete_due().await.unwrap(), 1);
    let left = store.list(&Filter::inbox(user("ann")), None, Limit::default()).await.unwrap();
    assert_eq!(left.notifications, [young]);
}
