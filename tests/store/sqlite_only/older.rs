//! Files that an earlier release wrote.

use campanile::{
    model::{Changes, Timestamp},
    server::store::{Due, Once},
};

use super::*;

/// A file of the previous release, with a request that had a key, is migrated; the request is still answered for a day
/// to every caller, also by the hash that that release stored of its data.
#[tokio::test]
async fn a_file_of_the_release_before_is_brought_up_to_date() {
    let path = new_file();
    let store = open(&path).unwrap();
    let old = send(&store, "ann", "old").await;
    drop(store);
    let past = rusqlite::Connection::open(&path).unwrap();
    let back = "ALTER TABLE inboxes DROP COLUMN newest; DROP TABLE once_by_caller;
        ALTER TABLE notifications DROP COLUMN body; DROP TABLE bodies;
        DROP TABLE contacts; DROP INDEX grants_by_holder; DROP INDEX grants_by_inbox;
        DROP TABLE webhooks; DROP TABLE outbox; DROP TABLE deliveries; DROP TABLE lanes;
        DROP TABLE preferences; DROP TABLE secrets;
        ALTER TABLE grants DROP COLUMN session; ALTER TABLE grants DROP COLUMN inbox;
        ALTER TABLE grants DROP COLUMN reusable;
        DELETE FROM refinery_schema_history WHERE version >= 3";
    past.execute_batch(back).unwrap();
    let at = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let mut made = old.id.as_uuid().as_bytes().to_vec();
    made.extend(old.timestamp.as_micros().to_be_bytes());
    let sql = "INSERT INTO once (key, fingerprint, at, made) VALUES ('k', ?1, ?2, ?3)";
    past.execute(sql, ([7_u8; 32], at.as_micros(), made)).unwrap();
    drop(past);

    let store = open(&path).unwrap();
    assert_eq!(inbox(&store, &user("ann")).await, std::slice::from_ref(&old));
    let again = Creation::Before(vec![(old.id, old.timestamp)]);
    for caller in ["operator", "key:0123456789abcdef"] {
        let same = Once { caller: Some(caller.to_owned()), ..once("k", 7, "2026-01-01T23:59:59Z") };
        let by_its_data = Once { fingerprint: [8; 32], fingerprint_of_old: Some([7; 32]), ..same.clone() };
        for key in [same, by_its_data] {
            assert_eq!(store.once(&key).await.unwrap().as_ref(), Some(&again));
            assert_eq!(store.create(&[accepted(draft("ann", "old"))], Some(&key)).await.unwrap(), again);
        }
        let other = Once { caller: Some(caller.to_owned()), ..once("k", 9, "2026-01-01T23:59:59Z") };
        assert_eq!(store.create(&[accepted(draft("ann", "other"))], Some(&other)).await.unwrap(), Creation::KeyTaken);
    }
    let due = Due { now: Timestamp::parse("2026-01-02T00:00:00Z").unwrap(), accepted_before: None, limit: 10 };
    store.delete_due(&due).await.unwrap();
    assert_eq!(store.once(&once("k", 7, "2026-01-01T23:59:59Z")).await.unwrap(), None);
    assert_eq!(send(&store, "ann", "new").await.timestamp, old.timestamp);
}

#[tokio::test]
async fn rows_that_today_s_rules_would_refuse_are_read_moved_and_deleted() {
    let path = new_file();
    let store = open(&path).unwrap();
    let kept = send(&store, "ann", "kept").await;
    for number in 0..6 {
        send(&store, "ann", &number.to_string()).await;
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(125), "]".repeat(125));
    let raw = rusqlite::Connection::open(&path).unwrap();
    let set = |content: &str, column: &str, value: &dyn rusqlite::ToSql| {
        let sql = format!("UPDATE notifications SET {column} = ?1 WHERE content = '{content}'");
        assert_eq!(raw.execute(&sql, [value]).unwrap(), 1);
    };
    set("0", "category", &"NOT A SLUG");
    set("1", "title", &"\u{200b}");
    set("2", "link", &"javascript:alert(1)");
    set("3", "data", &deep);
    set("4", "data", &"{\"x\":");
    set("5", "expires_at", &i64::MAX);
    raw.execute("UPDATE notifications SET content = CAST(X'61FF' AS TEXT) WHERE content = '5'", ()).unwrap();
    raw.execute("UPDATE inboxes SET user_id = 'a' || char(10) || 'nn'", ()).unwrap();
    drop((raw, store));

    let store = open(&path).unwrap();
    let shown = store.list(&Filter::default(), None, Limit::new(50)).await.unwrap().notifications;
    assert_eq!(shown.len(), 7);
    assert!(shown.iter().all(|notification| notification.user_id.as_str() == "a\nnn"));
    assert_eq!(shown[0].content.as_str(), "a\u{fffd}");
    assert_eq!(shown[0].expires_at.unwrap().to_string(), "9999-12-31T23:59:59.999999Z");
    assert_eq!(shown[1].data.as_ref().unwrap().as_str(), "{}");
    assert_eq!(shown[2].data.as_ref().unwrap().as_str(), deep);
    assert_eq!(shown[5].category.as_str(), "NOT A SLUG");
    assert_eq!(shown[6].id, kept.id);
    let changes = store.changes(&shown[0].user_id, 0, Limit::new(50)).await.unwrap();
    let read: Changes = serde_json::from_str(&serde_json::to_string(&changes).unwrap()).unwrap();
    assert_eq!(read, changes);
    for notification in shown {
        assert_eq!(store.delete(notification.id, None).await.unwrap(), Some(notification));
    }
}
