//! Several servers on one outbox.

use std::{collections::HashSet, sync::Arc};

use super::*;

/// Each entry is planned once and each delivery claimed once by any number of servers, without a deadlock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_servers_share_the_work() {
    const SENT: usize = 120;
    let url = new_database().await;
    let stores = [Arc::new(open(&url, 1_000).await), Arc::new(open(&url, 1_000).await)];
    stores[0].add_webhook(&webhook(everything())).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&stores[number % 2]);
            tokio::spawn(async move {
                for _ in 0..SENT / 8 {
                    send(&*store, &format!("user {number}"), "x").await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&stores[number % 2]);
            tokio::spawn(async move {
                let (mut planned, mut sent) = (0, Vec::new());
                for round in 0..60 {
                    let mut entries = store.unplanned(20).await.unwrap();
                    if number % 3 == 0 {
                        entries.reverse();
                    }
                    let lane = |seq: i64, more: i64| format!("webhook:{}", (seq + more) % 5);
                    let plans = entries.iter().map(|entry| Planned {
                        entry: entry.seq,
                        deliveries: (0..2).map(|more| new_delivery(&lane(entry.seq, more * 3))).collect(),
                    });
                    planned += store.plan(plans.collect(), ROOM, never()).await.unwrap();
                    let asked = claim(3);
                    let mut claimed = store.claim(&asked, never()).await.unwrap();
                    if number % 2 == 0 {
                        claimed.reverse();
                    }
                    let settlements = claimed.iter().map(|claimed| Settlement {
                        id: claimed.delivery.id,
                        lease: asked.lease,
                        attempts: Vec::new(),
                        refund: false,
                        next: Next::Over { state: DeliveryState::Dead, reason: None },
                        worked: Some(false),
                        pause: None,
                    });
                    let healths = store.settle(settlements.collect(), never()).await.unwrap();
                    assert!(healths.iter().all(Option::is_some));
                    sent.extend(claimed.iter().map(|claimed| claimed.delivery.id));
                    if round % 10 == 0 {
                        store.resume("webhook").await.unwrap();
                    }
                }
                (planned, sent)
            })
        })
        .collect();
    let (mut planned, mut sent) = (0, Vec::new());
    for worker in workers {
        let (more, ids) = worker.await.unwrap();
        planned += more;
        sent.extend(ids);
    }
    assert_eq!((planned, sent.len()), (SENT * 2, SENT * 2));
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), SENT * 2);
    assert_eq!(stores[1].unplanned(1).await.unwrap(), []);
    assert!(stores[1].lanes().await.unwrap().iter().all(|lane| lane.waiting == 0));
}

/// A cancelling transaction may lock an inbox, and a claiming one serves every lane: neither waits for the other's
/// locks.
#[tokio::test]
async fn cancelling_waits_for_no_row_and_claiming_for_no_lane() {
    const AT_ONCE: Duration = Duration::from_secs(3);
    let url = new_database().await;
    let store = open(&url, 100).await;
    assert!(store.add_webhook(&webhook(everything())).await.unwrap());
    let about = send(&store, "ann", "x").await;
    let mails = [(); 2].map(|()| NewDelivery {
        notification_id: Some(about.id),
        channel: Channel::Email,
        ..new_delivery("email")
    });
    let [held, free] = mails.each_ref().map(|mail| mail.id);
    let hook = new_delivery("webhook:1");
    let told = hook.id;
    plan(&store, mails.into_iter().chain([hook]).collect(), ROOM).await;

    let mut other = connect(&url).await;
    let other = other.transaction().await.unwrap();
    other.execute("SELECT 1 FROM deliveries WHERE id = $1 FOR UPDATE", &[&held.as_uuid()]).await.unwrap();
    let read = tokio::time::timeout(AT_ONCE, store.set_read(about.id, None, true)).await;
    read.expect("it does not wait for the row").unwrap();
    assert_eq!(delivery(&store, free).await.state, DeliveryState::Cancelled);
    // The worker reads the inbox before it sends.
    assert_eq!(delivery(&store, held).await.state, DeliveryState::Ready);

    other.execute("SELECT 1 FROM lanes WHERE lane = 'email' FOR NO KEY UPDATE", &[]).await.unwrap();
    let claimed = tokio::time::timeout(AT_ONCE, store.claim(&claim(10), never())).await;
    let claimed = claimed.expect("it does not wait for the lane").unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.delivery.id).collect::<Vec<_>>(), [told]);
    let waiting = async || {
        let lanes = store.lanes().await.unwrap();
        lanes.iter().find(|lane| lane.lane == "email").map(|lane| lane.waiting)
    };
    assert_eq!(waiting().await, Some(2));
    // Outstanding changes to the lane's counts are applied as soon as it is unlocked.
    other.rollback().await.unwrap();
    store.claim(&claim(0), never()).await.unwrap();
    assert_eq!(waiting().await, Some(1));
}

#[tokio::test]
async fn a_lane_is_not_forgotten_while_something_is_being_planned() {
    let url = new_database().await;
    let (store, planner) = (open(&url, 10).await, connect(&url).await);
    let sql = async |sql: &str| planner.batch_execute(sql).await.unwrap();
    let forget = async || store.forget_idle_lanes("webpush", never(), 10).await.unwrap();
    sql("INSERT INTO lanes (lane) VALUES ('webpush:a')").await;
    // It finds the existing lane, and locks it in its next statement.
    sql("BEGIN; INSERT INTO lanes (lane) VALUES ('webpush:a') ON CONFLICT DO NOTHING").await;
    assert_eq!(forget().await, 0);
    sql("UPDATE lanes SET waiting = 1; COMMIT").await;
    assert_eq!(forget().await, 0);
    // Outstanding changes to its counts would be applied to those of its successor.
    sql("UPDATE lanes SET waiting = 0; INSERT INTO lane_debts VALUES ('webpush:a', 1, 1)").await;
    assert_eq!(forget().await, 0);
    // A lane that another transaction has locked is skipped.
    sql("DELETE FROM lane_debts; BEGIN; SELECT 1 FROM lanes FOR NO KEY UPDATE").await;
    assert_eq!(forget().await, 0);
    sql("COMMIT").await;
    assert_eq!((forget().await, forget().await), (1, 0));
}
