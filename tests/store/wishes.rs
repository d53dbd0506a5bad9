//! Every rule of preferences and of the server's own keys, by name, against every back end.

use std::{path::PathBuf, sync::Arc};

use campanile::{
    model::Preferences,
    server::store::{MemoryStore, Secrets, SqliteOptions, SqliteStore, Wishes},
};
use serde_json::{Value, json};

use super::user;
use crate::harness::{new_folder, started};

/// A new empty store, by both its interfaces.
#[derive(Clone)]
struct Kept {
    wishes: Arc<dyn Wishes>,
    secrets: Arc<dyn Secrets>,
}

impl Kept {
    fn by<S: Wishes + Secrets>(store: S) -> Self {
        let store = Arc::new(store);
        Self { wishes: Arc::<S>::clone(&store), secrets: store }
    }

    async fn of(&self, user_id: &str) -> (Preferences, u64) {
        self.wishes.preferences(&user(user_id)).await.unwrap()
    }

    async fn set(&self, user_id: &str, preferences: &Preferences, seen: u64) -> bool {
        self.wishes.set_preferences(&user(user_id), preferences, seen).await.unwrap()
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Vec<u8> {
        self.secrets.secret(name, fresh).await.unwrap()
    }
}

fn memory() -> Kept {
    Kept::by(MemoryStore::new(10, started()))
}

fn open_sqlite(path: PathBuf) -> Kept {
    Kept::by(SqliteStore::open(&SqliteOptions::new(path)).unwrap())
}

fn sqlite() -> Kept {
    open_sqlite(new_folder().join("campanile.db"))
}

async fn postgres() -> Kept {
    Kept::by(crate::postgres::open(&crate::postgres::new_database().await, 10).await)
}

/// Defines the rules, and one test of each rule for each back end; a rule gets a new empty store.
macro_rules! contract {
    ($($(#[$doc:meta])* async fn $rule:ident($kept:ident) $body:block)*) => {
        $($(#[$doc])* async fn $rule($kept: Kept) $body)*

        mod memory_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::memory()).await })*
        }

        mod sqlite_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::sqlite()).await })*
        }

        mod postgres_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::postgres().await).await })*
        }
    };
}

fn wanting(wanted: &Value) -> Preferences {
    Preferences::default().merge(wanted).unwrap()
}

/// Preferences that are identified by their number.
fn numbered(number: u64) -> Preferences {
    wanting(&json!({"channels": {"email": {"if_unread_after": number + 1}}}))
}

/// Preferences with all possible settings.
fn full() -> Preferences {
    wanting(&json!({
        "channels": {"email": "off", "push": {"if_unread_after": 60}},
        "categories": {"alert": {"email": "on", "push": {"if_unread_after": 604_800}}, "odd_1": {"push": "off"}},
        "quiet_hours": {"zone": "Europe/Berlin", "from": "22:00", "to": "07:00", "days": ["mon", "sun"]},
        "digest": {"email": "daily 08:00"},
    }))
}

contract! {
    async fn a_user_without_preferences_has_the_defaults(kept) {
        assert_eq!(kept.of("ann").await, (Preferences::default(), 0));
        kept.wishes.forget_preferences(&user("ann")).await.unwrap();
        assert_eq!(kept.of("ann").await, (Preferences::default(), 0));
    }

    async fn preferences_set_at_the_current_version_come_back_unchanged(kept) {
        let odd = "Zoë's \"🎉\" % \\";
        for (number, preferences) in (0..).zip([full(), Preferences::default(), numbered(7), numbered(7)]) {
            assert!(kept.set(odd, &preferences, number).await);
            assert_eq!(kept.of(odd).await, (preferences, number + 1));
        }
        for other in ["Zoë", "zoë's \"🎉\" % \\"] {
            assert_eq!(kept.of(other).await, (Preferences::default(), 0));
        }
    }

    async fn an_outdated_version_changes_nothing(kept) {
        for wrong in [1, 2] {
            assert!(!kept.set("ann", &full(), wrong).await);
            assert_eq!(kept.of("ann").await, (Preferences::default(), 0));
        }
        assert!(kept.set("ann", &numbered(1), 0).await);
        assert!(kept.set("ann", &numbered(2), 1).await);
        for wrong in [0, 1, 3] {
            assert!(!kept.set("ann", &full(), wrong).await);
            assert_eq!(kept.of("ann").await, (numbered(2), 2));
        }
    }

    async fn of_many_concurrent_changes_one_succeeds(kept) {
        for seen in 0..3 {
            let setters: Vec<_> = (0..16)
                .map(|number| {
                    let kept = kept.clone();
                    tokio::spawn(async move { kept.set("ann", &numbered(number), seen).await.then_some(number) })
                })
                .collect();
            let mut done = Vec::new();
            for setter in setters {
                done.extend(setter.await.unwrap());
            }
            let [winner] = done[..] else { panic!("one did it: {done:?}") };
            assert_eq!(kept.of("ann").await, (numbered(winner), seen + 1));
        }
    }

    async fn forgotten_preferences_are_gone_and_those_of_others_stay(kept) {
        for (name, seen) in [("ann", 0), ("ann", 1), ("bob", 0)] {
            assert!(kept.set(name, &full(), seen).await);
        }
        kept.wishes.forget_preferences(&user("ann")).await.unwrap();
        assert_eq!(kept.of("ann").await, (Preferences::default(), 0));
        assert_eq!(kept.of("bob").await, (full(), 1));
        // A client with the old version does not restore them.
        assert!(!kept.set("ann", &full(), 2).await);
        assert!(kept.set("ann", &numbered(1), 0).await);
        assert_eq!(kept.of("ann").await, (numbered(1), 1));
    }

    async fn the_first_secret_of_a_name_stays(kept) {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(kept.secret("unsubscribe", &all).await, all);
        assert_eq!(kept.secret("unsubscribe", b"another").await, all);
        assert_eq!(kept.secret("Unsubscribe", b"another").await, b"another");
        assert_eq!(kept.secret("unsubscribe", b"").await, all);
    }

    async fn concurrent_creations_of_a_secret_return_the_same(kept) {
        let makers: Vec<_> = (0..16_u8)
            .map(|number| {
                let kept = kept.clone();
                tokio::spawn(async move { kept.secret("unsubscribe", &[number; 32]).await })
            })
            .collect();
        let mut made = Vec::new();
        for maker in makers {
            made.push(maker.await.unwrap());
        }
        assert!(made.iter().all(|secret| *secret == made[0]), "{made:?}");
        assert_eq!(kept.secret("unsubscribe", &[99]).await, made[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_stored_when_a_store_is_opened_again() {
    let (path, url) = (new_folder().join("campanile.db"), crate::postgres::new_database().await);
    for kept in [open_sqlite(path.clone()), Kept::by(crate::postgres::open(&url, 10).await)] {
        assert!(kept.set("ann", &full(), 0).await);
        assert_eq!(kept.secret("unsubscribe", &[7; 32]).await, [7; 32]);
    }
    for kept in [open_sqlite(path), Kept::by(crate::postgres::open(&url, 10).await)] {
        assert_eq!(kept.of("ann").await, (full(), 1));
        assert_eq!(kept.secret("unsubscribe", &[9; 32]).await, [7; 32]);
        assert!(!kept.set("ann", &numbered(1), 0).await);
        assert!(kept.set("ann", &numbered(1), 1).await);
    }
}
