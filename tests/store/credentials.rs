//! Every rule of keys, sessions and tickets, by name, against every back end.

use std::sync::Arc;

use campanile::{
    model::{Timestamp, UserId},
    server::{
        auth::key::{KeySecret, Opaque},
        identity::{Holder, KeyId, Scopes},
        store::{
            Credentials, Grant, GrantKind, MemoryStore, ServiceKey, SqliteCredentials, SqliteOptions, SqliteStore,
            StoreError,
        },
    },
};

use crate::harness::{new_folder, started};

fn memory() -> Arc<dyn Credentials> {
    Arc::new(MemoryStore::new(10, started()))
}

fn sqlite() -> Arc<dyn Credentials> {
    Arc::new(SqliteStore::open(&SqliteOptions::new(new_folder().join("campanile.db"))).unwrap())
}

/// A store that uses a file in the way of the command.
fn beside() -> Arc<dyn Credentials> {
    let options = SqliteOptions::new(new_folder().join("campanile.db"));
    drop(SqliteStore::open(&options).unwrap());
    Arc::new(SqliteCredentials::open(&options).unwrap().unwrap())
}

async fn postgres() -> Arc<dyn Credentials> {
    Arc::new(crate::postgres::open(&crate::postgres::new_database().await, 10).await)
}

/// Defines the rules, and one test of each rule for each back end; a rule gets a new empty store.
macro_rules! contract {
    ($($(#[$doc:meta])* async fn $rule:ident($store:ident) $body:block)*) => {
        $($(#[$doc])* async fn $rule($store: Arc<dyn Credentials>) $body)*

        mod memory_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::memory()).await })*
        }

        mod sqlite_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::sqlite()).await })*
        }

        mod sqlite_beside {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::beside()).await })*
        }

        mod postgres_store {
            $(#[tokio::test(flavor = "multi_thread")] async fn $rule() { super::$rule(super::postgres().await).await })*
        }
    };
}

/// A time on a fixed day.
fn at(time: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-01-02T{time}Z")).unwrap()
}

/// A key that was created at this time, and never expires.
pub(super) fn key(number: u64, created_at: Timestamp) -> ServiceKey {
    ServiceKey {
        id: KeyId::new(number),
        name: format!("key {number}"),
        scopes: Scopes::parse("send,read").unwrap(),
        hash: KeySecret::generate().hash(),
        created_at,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

/// A grant for an operator, until noon.
fn grant(kind: GrantKind) -> Grant {
    let hash = Opaque::generate().hash();
    Grant {
        hash,
        kind,
        holder: Holder::Operator,
        expires_at: at("12:00:00"),
        until: None,
        session: None,
        inbox: None,
        is_reusable: false,
    }
}

contract! {
    async fn a_key_comes_back_as_it_was_added(store) {
        let plain = key(u64::MAX, at("01:00:00"));
        let full = ServiceKey {
            scopes: Scopes::parse("admin").unwrap(),
            expires_at: Some(at("02:00:00.000001")),
            last_used_at: Some(at("03:00:00.123456")),
            revoked_at: Some(at("04:00:00")),
            ..key(0, at("01:00:00.5"))
        };
        for key in [&plain, &full] {
            store.add_key(key).await.unwrap();
            assert!(store.key(key.id).await.unwrap().as_ref() == Some(key));
        }
        assert!(store.keys().await.unwrap() == [plain, full]);
    }

    async fn an_unknown_key_is_nothing(store) {
        store.add_key(&key(1, at("01:00:00"))).await.unwrap();
        assert!(store.key(KeyId::new(2)).await.unwrap().is_none());
        assert!(!store.revoke_key(KeyId::new(2), at("02:00:00")).await.unwrap());
        store.note_uses(&[(KeyId::new(2), at("02:00:00"))]).await.unwrap();
        assert_eq!(store.keys().await.unwrap().len(), 1);
    }

    async fn a_second_key_of_an_id_is_refused_and_the_first_stays(store) {
        let first = key(1, at("01:00:00"));
        store.add_key(&first).await.unwrap();
        let refused = store.add_key(&key(1, at("02:00:00"))).await;
        assert!(matches!(&refused, Err(StoreError::Failed { why, .. }) if why.contains("0000000000000001")), "{refused:?}");
        assert!(store.keys().await.unwrap() == [first]);
    }

    async fn keys_stand_in_the_order_in_which_they_were_made(store) {
        for (number, time) in [(7, "03:00:00"), (9, "01:00:00"), (2, "02:00:00"), (5, "01:00:00"), (1, "04:00:00")] {
            store.add_key(&key(number, at(time))).await.unwrap();
        }
        let numbers: Vec<_> = store.keys().await.unwrap().iter().map(|key| key.id.number()).collect();
        assert_eq!(numbers, [5, 9, 2, 7, 1]);
    }

    async fn a_name_is_kept_byte_for_byte(store) {
        let longest = "🎉".repeat(ServiceKey::NAME_MAX_CHARS);
        let names = ["Zoë's \"naïve\" key", "'; DROP TABLE service_keys; --", "\\x00 $1 ?1 %s {}", " a  b ", "e\u{301}", &longest];
        for (number, name) in names.into_iter().enumerate() {
            let name = ServiceKey::parse_name(name).unwrap();
            store.add_key(&ServiceKey { name, ..key(number as u64, at("01:00:00")) }).await.unwrap();
        }
        let kept: Vec<_> = store.keys().await.unwrap().into_iter().map(|key| key.name).collect();
        assert_eq!(kept, names);
    }

    async fn a_key_is_revoked_once(store) {
        let (mine, other) = (key(1, at("01:00:00")), key(2, at("01:00:00")));
        store.add_key(&mine).await.unwrap();
        store.add_key(&other).await.unwrap();
        assert!(store.revoke_key(mine.id, at("02:00:00")).await.unwrap());
        assert!(!store.revoke_key(mine.id, at("03:00:00")).await.unwrap());
        let revoked = ServiceKey { revoked_at: Some(at("02:00:00")), ..mine };
        assert!(!revoked.is_good(at("01:30:00")));
        assert!(store.keys().await.unwrap() == [revoked, other]);
    }

    async fn a_key_that_expired_can_still_be_revoked(store) {
        let over = ServiceKey { expires_at: Some(at("02:00:00")), ..key(1, at("01:00:00")) };
        store.add_key(&over).await.unwrap();
        assert!(over.is_good(at("01:59:59.999999")) && !over.is_good(at("02:00:00")));
        assert!(store.revoke_key(over.id, at("03:00:00")).await.unwrap());
    }

    async fn of_many_concurrent_revocations_one_succeeds(store) {
        store.add_key(&key(1, at("01:00:00"))).await.unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.revoke_key(KeyId::new(1), at("02:00:00")).await.unwrap() })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += usize::from(task.await.unwrap());
        }
        assert_eq!(done, 1);
    }

    async fn the_last_use_never_goes_back(store) {
        let (first, second, third) = (KeyId::new(1), KeyId::new(2), KeyId::new(3));
        for id in [first, second, third] {
            store.add_key(&key(id.number(), at("01:00:00"))).await.unwrap();
        }
        store.note_uses(&[]).await.unwrap();
        store.note_uses(&[(first, at("02:00:00")), (second, at("05:00:00"))]).await.unwrap();
        // One key is used several times, and the order is mixed.
        let uses = [(second, at("03:00:00")), (first, at("03:00:00")), (first, at("06:00:00")), (first, at("04:00:00"))];
        store.note_uses(&uses).await.unwrap();
        let noted: Vec<_> = store.keys().await.unwrap().into_iter().map(|key| key.last_used_at).collect();
        assert_eq!(noted, [Some(at("06:00:00")), Some(at("05:00:00")), None]);
    }

    async fn uses_that_are_noted_at_once_leave_the_newest(store) {
        for number in 0..8 {
            store.add_key(&key(number, at("01:00:00"))).await.unwrap();
        }
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for minute in 0..10 {
                        let time = at(&format!("02:{minute:02}:{task:02}"));
                        let mut uses: Vec<_> = (0..8).map(|number| (KeyId::new(number), time)).collect();
                        if task % 2 == 0 {
                            uses.reverse();
                        }
                        store.note_uses(&uses).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(store.keys().await.unwrap().iter().all(|key| key.last_used_at == Some(at("02:09:15"))));
    }

    async fn a_grant_is_found_by_its_kind_and_hash_until_it_ends(store) {
        let (session, ticket) = (grant(GrantKind::Session), grant(GrantKind::Ticket));
        for grant in [&session, &ticket] {
            store.add_grant(grant).await.unwrap();
        }
        let last = at("11:59:59.999999");
        assert!(store.grant(GrantKind::Session, &session.hash, last).await.unwrap() == Some(session.clone()));
        assert!(store.grant(GrantKind::Session, &session.hash, last).await.unwrap() == Some(session.clone()));
        assert!(store.grant(GrantKind::Ticket, &ticket.hash, last).await.unwrap() == Some(ticket.clone()));
        assert!(store.grant(GrantKind::Ticket, &session.hash, last).await.unwrap().is_none());
        assert!(store.grant(GrantKind::Session, &ticket.hash, last).await.unwrap().is_none());
        assert!(store.grant(GrantKind::Session, &Opaque::generate().hash(), last).await.unwrap().is_none());
        assert!(store.grant(GrantKind::Session, &session.hash, at("12:00:00")).await.unwrap().is_none());
    }

    async fn of_many_keys_those_are_found_that_are_there(store) {
        let keys = [1, 2, 3].map(|number| key(number, at("10:00:00")));
        for key in &keys {
            store.add_key(key).await.unwrap();
        }
        store.revoke_key(keys[1].id, at("10:30:00")).await.unwrap();
        let many: Vec<_> = (2..5_000).map(KeyId::new).collect();
        let mut found = store.keys_of(&many).await.unwrap();
        found.sort_by_key(|key| key.id);
        assert_eq!(found.iter().map(|key| key.id).collect::<Vec<_>>(), [keys[1].id, keys[2].id]);
        assert_eq!(found[0].revoked_at, Some(at("10:30:00")));
        assert!(found[1] == keys[2]);
        assert!(store.keys_of(&[]).await.unwrap().is_empty());
    }

    async fn of_many_sessions_those_are_named_that_are_good(store) {
        let until = |time: &str| Grant { expires_at: at(time), ..grant(GrantKind::Session) };
        let (good, later, ended, signed_out) = (until("12:00:00"), until("13:00:00"), until("11:00:00"), until("12:00:00"));
        let ticket = grant(GrantKind::Ticket);
        for grant in [&good, &later, &ended, &signed_out, &ticket] {
            store.add_grant(grant).await.unwrap();
        }
        store.take_grant(GrantKind::Session, &signed_out.hash, at("10:00:00")).await.unwrap();
        let unknown = Opaque::generate().hash();
        let asked = [good.hash, later.hash, ended.hash, signed_out.hash, ticket.hash, unknown, good.hash];
        let found = store.good_sessions(&asked, at("11:00:00")).await.unwrap();
        assert_eq!(found, [good.hash, later.hash].into());
        assert!(store.good_sessions(&[], at("11:00:00")).await.unwrap().is_empty());
        let many: Vec<_> = (0..5_000).map(|_| Opaque::generate().hash()).chain([later.hash]).collect();
        assert_eq!(store.good_sessions(&many, at("12:30:00")).await.unwrap(), [later.hash].into());
    }

    async fn a_grant_that_was_taken_is_gone(store) {
        let (ticket, other) = (grant(GrantKind::Ticket), grant(GrantKind::Ticket));
        store.add_grant(&ticket).await.unwrap();
        store.add_grant(&other).await.unwrap();
        assert!(store.take_grant(GrantKind::Session, &ticket.hash, at("11:00:00")).await.unwrap().is_none());
        assert!(store.take_grant(GrantKind::Ticket, &ticket.hash, at("12:00:00")).await.unwrap().is_none());
        assert!(store.take_grant(GrantKind::Ticket, &ticket.hash, at("11:00:00")).await.unwrap() == Some(ticket.clone()));
        assert!(store.take_grant(GrantKind::Ticket, &ticket.hash, at("11:00:00")).await.unwrap().is_none());
        assert!(store.grant(GrantKind::Ticket, &ticket.hash, at("11:00:00")).await.unwrap().is_none());
        assert!(store.grant(GrantKind::Ticket, &other.hash, at("11:00:00")).await.unwrap().is_some());
    }

    async fn of_many_callers_who_take_a_grant_at_once_one_gets_it(store) {
        for _ in 0..20 {
            let ticket = grant(GrantKind::Ticket);
            store.add_grant(&ticket).await.unwrap();
            let tasks: Vec<_> = (0..16)
                .map(|_| {
                    let (store, hash) = (Arc::clone(&store), ticket.hash);
                    tokio::spawn(async move { store.take_grant(GrantKind::Ticket, &hash, at("11:00:00")).await.unwrap() })
                })
                .collect();
            let mut given = Vec::new();
            for task in tasks {
                given.extend(task.await.unwrap());
            }
            assert!(given == [ticket]);
        }
    }

    async fn grants_that_ended_are_forgotten_and_no_others(store) {
        let until = |time: &str| Grant { expires_at: at(time), ..grant(GrantKind::Session) };
        let (past, present, future) = (until("09:00:00"), until("10:00:00"), until("10:00:00.000001"));
        for grant in [&future, &past, &present] {
            store.add_grant(grant).await.unwrap();
        }
        let taken = until("08:00:00");
        store.add_grant(&taken).await.unwrap();
        store.take_grant(GrantKind::Session, &taken.hash, at("07:00:00")).await.unwrap();
        assert_eq!(store.forget_grants(at("10:00:00")).await.unwrap(), 2);
        assert_eq!(store.forget_grants(at("10:00:00")).await.unwrap(), 0);
        // A deleted grant is not found for any time.
        for (grant, is_there) in [(past, false), (present, false), (future, true)] {
            let found = store.grant(GrantKind::Session, &grant.hash, at("01:00:00")).await.unwrap();
            assert!(found == is_there.then_some(grant));
        }
    }

    async fn forgetting_from_many_sides_at_once_counts_each_once(store) {
        for _ in 0..50 {
            store.add_grant(&grant(GrantKind::Ticket)).await.unwrap();
        }
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.forget_grants(at("13:00:00")).await.unwrap() })
            })
            .collect();
        let mut forgotten = 0;
        for task in tasks {
            forgotten += task.await.unwrap();
        }
        assert_eq!(forgotten, 50);
    }

    async fn a_grant_speaks_for_the_same_holder_when_it_comes_back(store) {
        let names = ["ann", "operator", "key:0000000000000001", "user:x", ":", "Zoë's \"🎉\" % \\", " "];
        let users = names.into_iter().map(|name| Holder::User(UserId::parse(name).unwrap()));
        let longest = Holder::User(UserId::parse(&"🎉".repeat(UserId::MAX_CHARS)).unwrap());
        let others = [Holder::Operator, Holder::Key(KeyId::new(1)), Holder::Key(KeyId::new(u64::MAX)), longest];
        for (number, holder) in users.chain(others).enumerate() {
            let until = (number % 2 == 0).then(|| at("13:00:00.000007"));
            let session = Grant { holder, until, ..grant(GrantKind::Session) };
            store.add_grant(&session).await.unwrap();
            assert!(store.grant(GrantKind::Session, &session.hash, at("01:00:00")).await.unwrap() == Some(session.clone()));
            assert!(store.take_grant(GrantKind::Session, &session.hash, at("01:00:00")).await.unwrap() == Some(session));
        }
    }
}
