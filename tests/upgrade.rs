//! Data of the first release is read, changed and moved like data of today: see `tests/upgrade/README.md` for its
//! contents.

mod moving;
mod reading;
mod retrying;

use std::{collections::BTreeMap, sync::Arc};

use campanile::{
    model::Timestamp,
    server::{
        clock::{Clock, SystemClock},
        http::HttpOptions,
        service::NotificationService,
        store::{Credentials, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store},
    },
};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    harness::{App, new_folder},
    postgres::{connect, empty_database},
};

/// An export of that release.
const EXPORT: &str = include_str!("upgrade/export.jsonl");
/// Lines that its import accepted.
const IMPORTED: &str = include_str!("upgrade/imported.jsonl");
/// When its clients used their keys, except for the old one.
const YOUNG: &str = "2026-01-02T23:00:00.000000Z";

/// The fields of a notification, each as its JSON text.
type Fields = BTreeMap<String, String>;

fn fields(object: BTreeMap<String, Box<RawValue>>) -> Fields {
    object.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()
}

/// An hour ago: the times of idempotency keys are moved there.
fn an_hour_ago() -> Timestamp {
    Timestamp::new(SystemClock.now().to_utc() - TimeDelta::hours(1))
}

/// A text of that release, as if it had run until an hour ago.
fn until_an_hour_ago(text: &str) -> String {
    let young = Timestamp::parse(YOUNG).unwrap();
    text.replace(YOUNG, &an_hour_ago().to_string())
        .replace(&young.as_micros().to_string(), &an_hour_ago().as_micros().to_string())
}

/// A store that the current code has opened.
struct Upgraded {
    /// Its URL on the command line.
    url: String,
    store: Arc<dyn Store>,
    credentials: Arc<dyn Credentials>,
    app: App,
}

impl Upgraded {
    fn over(url: String, store: impl Store + Credentials) -> Self {
        let both = Arc::new(store);
        let (store, credentials): (Arc<dyn Store>, Arc<dyn Credentials>) = (both.clone(), both);
        let service = NotificationService::over(Arc::clone(&store), SystemClock);
        Self { url, store, credentials, app: App::with(service, &HttpOptions::default()) }
    }

    fn sqlite() -> Self {
        let path = new_folder().join("campanile.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch(&until_an_hour_ago(include_str!("upgrade/sqlite.sql"))).unwrap();
        drop(database);
        Self::open_sqlite(format!("sqlite:{}", path.display()))
    }

    async fn postgres() -> Self {
        let url = empty_database().await;
        connect(&url).await.batch_execute(&until_an_hour_ago(include_str!("upgrade/postgres.sql"))).await.unwrap();
        Self::open_postgres(url).await
    }

    fn open_sqlite(url: String) -> Self {
        let store = SqliteStore::open(&SqliteOptions::new(url.strip_prefix("sqlite:").unwrap())).unwrap();
        Self::over(url, store)
    }

    async fn open_postgres(url: String) -> Self {
        let options = PostgresOptions { url: url.clone(), window: 1000, connections: 4 };
        Self::over(url, PostgresStore::open(&options).await.unwrap())
    }
}

/// One line of an export; these tests need only the notifications and the inboxes.
#[derive(Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Line {
    Inbox {
        user_id: String,
    },
    #[serde(other)]
    Other,
}

/// The data of a line with a notification.
#[derive(Deserialize)]
struct NotificationLine {
    notification: BTreeMap<String, Box<RawValue>>,
}

/// The notifications of an export, oldest first.
fn notifications(export: &str) -> Vec<Fields> {
    let lines = export.lines().filter(|line| line.starts_with(r#"{"record":"notification""#));
    lines.map(|line| fields(serde_json::from_str::<NotificationLine>(line).unwrap().notification)).collect()
}

/// The notifications of the databases: those of the export, and two that this release could not export.
fn all() -> Vec<Fields> {
    let mut all = notifications(EXPORT);
    all.extend(notifications(IMPORTED).into_iter().rev().take(2).rev());
    assert_eq!(all.len(), 41);
    all
}

/// The users of an export.
fn users(export: &str) -> Vec<String> {
    let user = |line| match serde_json::from_str(line) {
        Ok(Line::Inbox { user_id }) => Some(user_id),
        Ok(Line::Other) | Err(_) => None,
    };
    export.lines().filter_map(user).collect()
}

/// A text as one segment of a path, or one value of a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Defines the rules, and a test of each for the database of each engine.
macro_rules! of_both {
    ($($(#[$doc:meta])* async fn $rule:ident($old:ident) $body:block)*) => {
        $($(#[$doc])* async fn $rule($old: $crate::upgrade::Upgraded) $body)*

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() {
                super::$rule($crate::upgrade::Upgraded::sqlite()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() {
                super::$rule($crate::upgrade::Upgraded::postgres().await).await;
            })*
        }
    };
}
use of_both;
