//! All data moves from one store to another and comes back unchanged.

mod filled;

use std::{collections::HashMap, time::Duration};

use campanile::{
    model::{DeliveryId, Preferences, Timestamp},
    server::store::{
        Credentials, Deliveries, Outbox, PostgresOptions, PostgresTransfer, Record, Secrets, ServiceKey, SqliteOptions,
        SqliteStore, SqliteTransfer, Store, StoreError, Transfer, Wishes, outbox::Claim, record::Format,
    },
};
use tokio::sync::mpsc;
use uuid::Uuid;

use self::filled::fill;
use super::{credentials::key, inbox, send, user};
use crate::{harness::new_folder, postgres};

/// All data of a store, one record a line.
async fn lines(store: &dyn Transfer) -> Vec<String> {
    let (sender, mut records) = mpsc::channel(100);
    let receive = async {
        let mut lines = Vec::new();
        while let Some(record) = records.recv().await {
            lines.push(serde_json::to_string(&record).unwrap());
        }
        lines
    };
    let (exported, lines) = tokio::join!(store.export(sender), receive);
    exported.unwrap();
    lines
}

async fn put(store: &dyn Transfer, lines: &[String]) -> Result<u64, StoreError> {
    let (sender, records) = mpsc::channel(100);
    let send = async move {
        for line in lines {
            let record = Record::read(line, Format::New)
                .map(|read| read.record)
                .map_err(|why| StoreError::failed(why.to_string()));
            if sender.send(record).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(store.import(records), send).0
}

fn sqlite() -> SqliteTransfer {
    SqliteTransfer(SqliteOptions { window: 400, ..SqliteOptions::new(new_folder().join("campanile.db")) })
}

/// An existing file: a refused import removes only a file that it created itself.
fn empty() -> SqliteTransfer {
    let transfer = sqlite();
    drop(SqliteStore::open(&transfer.0).unwrap());
    transfer
}

async fn postgres() -> PostgresTransfer {
    PostgresTransfer(PostgresOptions { url: postgres::empty_database().await, window: 400, connections: 2 })
}

#[tokio::test]
async fn a_hundred_thousand_go_to_postgresql_and_back_byte_for_byte() {
    let first = sqlite();
    let store = SqliteStore::open(&first.0).unwrap();
    fill(&store, 100_500).await;
    drop(store);
    let before = lines(&first).await;
    let notifications = before.iter().filter(|line| line.starts_with(r#"{"record":"notification""#)).count();
    assert!(notifications >= 99_000, "{notifications}");

    let second = postgres().await;
    assert_eq!(put(&second, &before).await.unwrap(), notifications as u64);
    let between = lines(&second).await;
    assert!(between == before, "PostgreSQL has something else");
    let third = sqlite();
    put(&third, &between).await.unwrap();
    assert!(lines(&third).await == before, "something else came back");

    let of_kind =
        |kind: &str| before.iter().filter(|line| line.starts_with(&format!(r#"{{"record":"{kind}""#))).count();
    assert_eq!(["webhook", "outbox", "delivery", "lane", "contact"].map(of_kind), [2, 2, 12, 2, 2]);
    assert_eq!(["preferences", "secret"].map(of_kind), [2, 2]);
    assert_eq!(before.iter().filter(|line| line.contains(r#""via":""#)).count(), 4);
    assert_eq!(before.iter().filter(|line| line.contains(r#""routing":{"send_email":true,"#)).count(), 1);

    // Service keys are ordered by the time of their creation, and then by id.
    let keys: Vec<_> = before.iter().filter(|line| line.starts_with(r#"{"record":"key""#)).collect();
    assert!(keys.len() == 3 && keys[0].contains("0002") && keys[1].contains("0003") && keys[2].contains("0001"));

    // The imported data can be used: the counts are right, and the next change takes the next number.
    let (old, new) = (SqliteStore::open(&first.0).unwrap(), SqliteStore::open(&third.0).unwrap());
    let postgres = postgres::open(&second.0.url, 400).await;
    for store in [&old as &dyn Store, &new, &postgres] {
        assert_eq!(store.overview(None).await.unwrap().total, notifications as u64);
        assert_eq!(store.overview(None).await.unwrap(), old.overview(None).await.unwrap());
        assert_eq!(
            store.overview(Some(&user("user 7"))).await.unwrap(),
            old.overview(Some(&user("user 7"))).await.unwrap()
        );
    }
    let lanes = old.lanes().await.unwrap();
    assert_eq!(lanes.iter().map(|lane| lane.waiting).collect::<Vec<_>>(), [3, 3, 1]);
    for lanes_there in [new.lanes().await.unwrap(), postgres.lanes().await.unwrap()] {
        assert_eq!(lanes_there, lanes);
    }
    for store in [&old as &dyn Store, &new, &postgres] {
        for _ in 0..3 {
            send(store, "user 7", "after the move").await;
        }
    }
    // An imported digest is sent with its parts.
    let digest = DeliveryId::new(Uuid::from_u128(400));
    let now = Timestamp::parse("2026-01-01T09:00:00Z").unwrap();
    for store in [&old as &dyn Outbox, &new, &postgres] {
        let rooms = HashMap::from([("email".to_owned(), 9)]);
        let claim = Claim { lease: Uuid::from_u128(3), lease_for: Duration::from_secs(60), room: 0, rooms };
        let claimed = store.claim(&claim, now).await.unwrap();
        assert_eq!(claimed.iter().map(|one| one.delivery.id).collect::<Vec<_>>(), [digest]);
        assert_eq!(store.parts(digest).await.unwrap().len(), 2);
    }
    let present = |store: Vec<_>| store.len();
    assert_eq!(present(inbox(&old, &user("user 7")).await), present(inbox(&postgres, &user("user 7")).await));
    assert_eq!(old.unread_count(&user("user 7")).await.unwrap(), postgres.unread_count(&user("user 7")).await.unwrap());
    assert_eq!(old.unread_count(&user("user 7")).await.unwrap(), new.unread_count(&user("user 7")).await.unwrap());
}

#[tokio::test]
async fn an_import_takes_all_or_nothing_and_mixes_nothing() {
    let from = sqlite();
    let store = SqliteStore::open(&from.0).unwrap();
    fill(&store, 1000).await;
    drop(store);
    let good = lines(&from).await;
    let stranger = r#"{"record":"deletion","user_id":"nobody","modseq":1,"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f"}"#;
    let bad: Vec<_> = good.iter().cloned().chain([stranger.to_owned()]).collect();
    let (sqlite, postgres) = (empty(), postgres().await);
    for store in [&sqlite as &dyn Transfer, &postgres] {
        assert!(put(store, &bad).await.unwrap_err().to_string().contains("did not come before"));
        assert!(put(store, &[good[0].clone(), "{}".to_owned()]).await.is_err());
        assert!(lines(store).await.is_empty());
        put(store, &good).await.unwrap();
        assert!(put(store, &good).await.unwrap_err().to_string().contains("not empty"));
        assert!(lines(store).await == good);
    }
}

/// A key may be needed before the import, so existing ones stay.
#[tokio::test]
async fn service_keys_that_are_there_stay_beside_those_that_come() {
    let from = sqlite();
    let store = SqliteStore::open(&from.0).unwrap();
    fill(&store, 500).await;
    drop(store);
    let good = lines(&from).await;
    let at = Timestamp::parse("2026-05-01T00:00:00Z").unwrap();
    let (mine, taken) = (key(9, at), key(2, at));
    let with = |mut lines: Vec<String>, key: &ServiceKey| {
        let is_key = |line: &String| line.starts_with(r#"{"record":"key""#);
        let after = lines.iter().rposition(is_key).map_or(0, |place| place + 1);
        lines.insert(after, serde_json::to_string(&Record::from(key.clone())).unwrap());
        lines
    };
    for key in [&mine, &taken] {
        let (sqlite, postgres) = (sqlite(), postgres().await);
        SqliteStore::open(&sqlite.0).unwrap().add_key(key).await.unwrap();
        postgres::open(&postgres.0.url, 400).await.add_key(key).await.unwrap();
        for store in [&sqlite as &dyn Transfer, &postgres] {
            if key.id == mine.id {
                put(store, &good).await.unwrap();
                assert!(lines(store).await == with(good.clone(), key));
            } else {
                let refused = put(store, &good).await.unwrap_err().to_string();
                assert!(refused.contains("there is a key 0000000000000002 already"), "{refused}");
                assert!(lines(store).await == with(Vec::new(), key));
            }
        }
    }
}

/// A server creates its keys when it starts, and signatures of the imported keys must stay valid.
#[tokio::test]
async fn keys_that_a_server_made_for_itself_give_way_to_those_that_come() {
    let from = sqlite();
    let store = SqliteStore::open(&from.0).unwrap();
    fill(&store, 500).await;
    drop(store);
    let good = lines(&from).await;
    let (sqlite, postgres) = (sqlite(), postgres().await);
    let fresh = [7; 32];
    assert_eq!(SqliteStore::open(&sqlite.0).unwrap().secret("unsubscribe", &fresh).await.unwrap(), fresh);
    assert_eq!(postgres::open(&postgres.0.url, 400).await.secret("unsubscribe", &fresh).await.unwrap(), fresh);
    for store in [&sqlite as &dyn Transfer, &postgres] {
        put(store, &good).await.unwrap();
        assert!(lines(store).await == good);
    }
    let moved = b"unsubscribeunsubscribeunsubscribe";
    assert_eq!(SqliteStore::open(&sqlite.0).unwrap().secret("unsubscribe", &fresh).await.unwrap(), moved);
    assert_eq!(postgres::open(&postgres.0.url, 400).await.secret("unsubscribe", &fresh).await.unwrap(), moved);
}

/// Data of the previous release is exported unchanged, and migrated by a server.
#[tokio::test]
async fn tables_of_before_mail_are_exported_and_brought_up_to_date() {
    const BACK: &str = "DROP INDEX contacts_by_death; DROP INDEX contacts_by_silence; DROP INDEX deliveries_by_via; DROP INDEX OF_LANE;
        ALTER TABLE deliveries DROP COLUMN via; ALTER TABLE outbox DROP COLUMN routing;
        DROP TABLE preferences; DROP TABLE secrets; DELETE FROM refinery_schema_history WHERE version >= ";
    let from = sqlite();
    let store = SqliteStore::open(&from.0).unwrap();
    fill(&store, 500).await;
    drop(store);
    let good = lines(&from).await;
    let to = postgres().await;
    put(&to, &good).await.unwrap();
    let back = format!("{}8;", BACK.replace("OF_LANE", "deliveries_by_lane"))
        + "CREATE INDEX deliveries_by_lane ON deliveries (lane, due_at) WHERE ended_at IS NULL";
    rusqlite::Connection::open(&from.0.path).unwrap().execute_batch(&back).unwrap();
    let back = format!("{}9;", BACK.replace("OF_LANE", "deliveries_by_due"))
        + "CREATE INDEX deliveries_by_due ON deliveries (lane, due_at, seq) WHERE ended_at IS NULL;
           DROP SCHEMA IF EXISTS campanile_v9 CASCADE";
    postgres::connect(&to.0.url).await.batch_execute(&back).await.unwrap();
    let before = |line: &String| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        for name in ["via", "routing"] {
            record.as_object_mut().unwrap().remove(name);
        }
        record.to_string()
    };
    let is_new =
        |line: &&String| ["preferences", "secret"].iter().any(|kind| line.contains(&format!(r#""record":"{kind}""#)));
    let old: Vec<_> = good.iter().filter(|line| !is_new(line)).map(before).collect();
    for _ in 0..2 {
        for store in [&from as &dyn Transfer, &to] {
            assert!(lines(store).await.iter().map(before).collect::<Vec<_>>() == old);
        }
        let (sqlite, postgres) = (SqliteStore::open(&from.0).unwrap(), postgres::open(&to.0.url, 400).await);
        for store in [&sqlite as &dyn Wishes, &postgres] {
            assert_eq!(store.preferences(&user("ann")).await.unwrap(), (Preferences::default(), 0));
        }
        for store in [&sqlite as &dyn Outbox, &postgres] {
            assert_eq!(store.unplanned(9).await.unwrap().len(), 2);
        }
    }
}

#[tokio::test]
async fn a_service_key_that_is_no_such_key_is_refused() {
    let good = serde_json::to_string(&Record::from(key(1, Timestamp::parse("2026-01-01T00:00:00Z").unwrap()))).unwrap();
    let (sqlite, postgres) = (empty(), postgres().await);
    for store in [&sqlite as &dyn Transfer, &postgres] {
        for (right, wrong) in [
            ("0000000000000001", "1"),
            ("send,read", "write"),
            ("key 1", "key\\n1"),
            (r#""hash":""#, r#""hash":"0"#),
            ("created_at", "made_at"),
            (r#""name""#, r#""secret":"","name""#),
        ] {
            assert!(put(store, &[good.replacen(right, wrong, 1)]).await.is_err(), "{wrong}");
        }
        assert!(lines(store).await.is_empty());
        put(store, std::slice::from_ref(&good)).await.unwrap();
        assert!(lines(store).await == [good.as_str()]);
    }
}

/// JSON texts with one notification that has this data.
fn with_data(data: &str) -> [String; 2] {
    let notification = format!(
        r#"{{"record":"notification","modseq":1,"created":1,"notification":{{"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f","user_id":"ann","content":"x","timestamp":"2026-01-01T00:00:00.000000Z","is_read":false,"category":"message","data":{data}}}}}"#
    );
    [r#"{"record":"inbox","user_id":"ann","modseq":1,"forgotten":0,"all_read_modseq":0}"#.to_owned(), notification]
}

#[tokio::test]
async fn data_survives_export_and_import_byte_for_byte() {
    let lines_with_data = with_data(r#"{"a":18446744073709551616,"b":1e400,"c":7.887233511355131e+211}"#);
    for store in [&sqlite() as &dyn Transfer, &postgres().await] {
        put(store, &lines_with_data).await.unwrap();
        assert!(lines(store).await == lines_with_data);
    }
}

#[tokio::test]
async fn numbers_that_do_not_fit_together_are_refused() {
    let [inbox, notification] = with_data("{}");
    let second = |modseq: u64, created: u64| {
        let place = format!(r#""modseq":{modseq},"created":{created}"#);
        notification.replace(r#""modseq":1,"created":1"#, &place).replace("3e4f", "3e50")
    };
    let inbox = inbox.replace(r#""modseq":1"#, r#""modseq":3"#);
    let deletion = r#"{"record":"deletion","user_id":"ann","modseq":1,"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e51"}"#;
    let (sqlite, postgres) = (empty(), postgres().await);
    for store in [&sqlite as &dyn Transfer, &postgres] {
        for wrong in [second(4, 2), second(2, 1), second(1, 1), notification.clone(), deletion.to_owned()] {
            let all = [inbox.clone(), notification.clone(), wrong];
            assert!(put(store, &all).await.is_err(), "{all:?}");
            assert!(lines(store).await.is_empty());
        }
        put(store, &[inbox.clone(), notification.clone(), second(3, 2), second(3, 3)]).await.unwrap_err();
        put(store, &[inbox.clone(), notification.clone(), second(3, 2)]).await.unwrap();
    }
}

/// Only ANALYZE computes the statistics of an expression. When it fails, everything is imported already.
#[tokio::test]
async fn an_import_after_which_analyze_fails_is_done() {
    const FAIL: &str = "CREATE FUNCTION no(of text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
            $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE STATISTICS of_no ON (no(content)) FROM notifications";
    let url = postgres::new_database().await;
    let client = postgres::connect(&url).await;
    client.batch_execute(FAIL).await.unwrap();
    let (store, all) = (PostgresTransfer(PostgresOptions { url, window: 400, connections: 2 }), with_data("{}"));
    assert_eq!(put(&store, &all).await.unwrap(), 1);
    assert!(client.batch_execute("ANALYZE notifications").await.is_err());
    assert!(lines(&store).await == all);
}
