//! Every rule of contacts, by name, against every back end.

use std::{collections::HashSet, sync::Arc};

use campanile::{
    model::{
        ContactAddress, ContactId, ContactState, DeviceToken, EmailAddress, Environment, FcmKind, FcmToken, Label,
        SubscriptionKeys, Timestamp, Topic, UserId,
    },
    server::store::{
        Contacts, MemoryStore, SqliteOptions, SqliteStore,
        contacts::{KeptContact, MOST_CONTACTS, NewContact, Put},
    },
};
use uuid::{NoContext, Uuid};

use super::user;
use crate::harness::{new_folder, started};

/// A key of a browser (RFC 8291, section 5).
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

fn memory() -> Arc<dyn Contacts> {
    Arc::new(MemoryStore::new(10, started()))
}

fn sqlite() -> Arc<dyn Contacts> {
    Arc::new(SqliteStore::open(&SqliteOptions::new(new_folder().join("campanile.db"))).unwrap())
}

async fn postgres() -> Arc<dyn Contacts> {
    Arc::new(crate::postgres::open(&crate::postgres::new_database().await, 10).await)
}

/// Defines the rules, and one test of each rule for each back end; a rule gets a new empty store.
macro_rules! contract {
    ($($(#[$doc:meta])* async fn $rule:ident($store:ident) $body:block)*) => {
        $($(#[$doc])* async fn $rule($store: Arc<dyn Contacts>) $body)*

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

mod ageing;

/// A second of a fixed minute.
fn at(second: u64) -> Timestamp {
    Timestamp::parse(&format!("2026-01-02T03:04:{second:02}.000007Z")).unwrap()
}

fn email(address: &str) -> ContactAddress {
    ContactAddress::Email { address: EmailAddress::parse(address).unwrap() }
}

fn fcm(token: &str) -> ContactAddress {
    ContactAddress::Fcm { token: FcmToken::parse(token).unwrap(), kind: FcmKind::Token }
}

fn browser(endpoint: &str, secret: u8) -> ContactAddress {
    let keys = SubscriptionKeys::new(SubscriptionKeys::parse_p256dh(P256DH).unwrap(), [secret; 16]);
    ContactAddress::Webpush { endpoint: endpoint.to_owned(), keys }
}

fn apns(digit: char, environment: Environment) -> ContactAddress {
    ContactAddress::Apns {
        token: DeviceToken::parse(&digit.to_string().repeat(64)).unwrap(),
        topic: Topic::parse("com.example.app").unwrap(),
        environment,
    }
}

/// A new contact of a user, at this second.
fn new(user_id: &str, address: ContactAddress, second: u64) -> NewContact {
    let id = ContactId::new(Uuid::new_v7(uuid::Timestamp::now(NoContext)));
    NewContact { id, user_id: user(user_id), address, label: None, at: at(second) }
}

/// Adds a new contact.
async fn add(store: &dyn Contacts, contact: NewContact) -> KeptContact {
    match store.put_contact(&contact).await.unwrap() {
        Put::Added(added) => added,
        other => panic!("it is new: {other:?}"),
    }
}

async fn renew(store: &dyn Contacts, contact: NewContact) -> KeptContact {
    match store.put_contact(&contact).await.unwrap() {
        Put::Renewed(renewed) => renewed,
        other => panic!("it is known: {other:?}"),
    }
}

async fn ids(store: &dyn Contacts, user_id: &str) -> Vec<ContactId> {
    store.contacts(&user(user_id)).await.unwrap().iter().map(|contact| contact.id).collect()
}

contract! {
    async fn a_contact_comes_back_as_it_was_put(store) {
        let odd = "Zoë's \"🎉\" % \\";
        let long = "a".repeat(FcmToken::MAX_BYTES);
        let addresses = [
            email("o'hara+%@bücher.example"),
            browser(&format!("https://push.example/{}", "é'\"".repeat(300)), 7),
            fcm(&long),
            ContactAddress::Fcm { token: FcmToken::parse("fid").unwrap(), kind: FcmKind::Fid },
            apns('a', Environment::Sandbox),
        ];
        let mut all = Vec::new();
        for (second, address) in (0..).zip(addresses) {
            let label = (second % 2 == 0).then(|| Label::parse("My \"phone\" 🎉").unwrap());
            let contact = NewContact { label, ..new(odd, address, second) };
            let kept = add(&*store, contact.clone()).await;
            let expected = KeptContact {
                id: contact.id,
                user_id: contact.user_id,
                address: contact.address,
                label: contact.label,
                state: ContactState::Active,
                since: contact.at,
                created_at: contact.at,
                last_seen_at: contact.at,
            };
            assert_eq!(kept, expected);
            assert_eq!(store.contact(kept.id).await.unwrap(), Some(expected));
            all.push(kept);
        }
        assert_eq!(store.contacts(&user(odd)).await.unwrap(), all);
    }

    async fn an_unknown_contact_is_nothing(store) {
        let mine = add(&*store, new("ann", fcm("a"), 0)).await;
        let unknown = new("ann", fcm("b"), 0).id;
        assert_eq!(store.contact(unknown).await.unwrap(), None);
        assert!(!store.delete_contact(&user("ann"), unknown).await.unwrap());
        assert!(!store.set_contact_state(unknown, ContactState::Dead, at(9), at(9)).await.unwrap());
        assert!(store.contacts(&user("bob")).await.unwrap().is_empty());
        assert_eq!(store.delete_contacts(&user("bob")).await.unwrap(), 0);
        assert_eq!(store.contacts(&user("ann")).await.unwrap(), [mine]);
    }

    async fn the_oldest_contact_stands_first_however_often_it_is_seen(store) {
        // The order stays, even if the clock goes back.
        let first = add(&*store, new("ann", fcm("a"), 5)).await.id;
        let second = add(&*store, new("ann", fcm("b"), 3)).await.id;
        let third = add(&*store, new("ann", email("a@example.com"), 4)).await.id;
        renew(&*store, new("ann", fcm("a"), 9)).await;
        assert_eq!(ids(&*store, "ann").await, [first, second, third]);
    }

    async fn a_contact_that_is_put_again_is_renewed(store) {
        let pairs = [
            (email("a@example.com"), email("a@EXAMPLE.com")),
            (browser("https://push.example/1", 1), browser("https://push.example/1", 2)),
            (fcm("t"), ContactAddress::Fcm { token: FcmToken::parse("t").unwrap(), kind: FcmKind::Fid }),
            (apns('a', Environment::Sandbox), apns('A', Environment::Production)),
        ];
        for (before, after) in pairs {
            let label = |text: &str| Some(Label::parse(text).unwrap());
            let known = add(&*store, NewContact { label: label("old"), ..new("ann", before, 1) }).await;
            assert!(store.set_contact_state(known.id, ContactState::Dead, at(2), at(2)).await.unwrap());
            let again = NewContact { label: label("new"), ..new("ann", after.clone(), 3) };
            let expected = KeptContact {
                address: after.clone(),
                label: label("new"),
                state: ContactState::Active,
                since: at(3),
                last_seen_at: at(3),
                ..known
            };
            assert_eq!(renew(&*store, again).await, expected);
            assert_eq!(store.contact(expected.id).await.unwrap(), Some(expected.clone()));
            // A clock that goes back does not make the contact older, and a label that is missing is removed.
            let earlier = KeptContact { label: None, ..expected };
            assert_eq!(renew(&*store, new("ann", after, 2)).await, earlier);
        }
        assert_eq!(ids(&*store, "ann").await.len(), 4);
    }

    async fn one_address_of_two_channels_is_two_contacts(store) {
        let token = "a".repeat(64);
        add(&*store, new("ann", fcm(&token), 0)).await;
        add(&*store, new("ann", apns('a', Environment::Production), 0)).await;
        assert_eq!(ids(&*store, "ann").await.len(), 2);
    }

    async fn users_share_an_e_mail_address(store) {
        let anns = add(&*store, new("ann", email("home@example.com"), 0)).await;
        let bobs = add(&*store, new("bob", email("home@example.com"), 1)).await;
        assert_ne!(anns.id, bobs.id);
        assert_eq!(renew(&*store, new("ann", email("home@example.com"), 2)).await.id, anns.id);
        assert_eq!(store.contacts(&user("bob")).await.unwrap(), [bobs]);
    }

    async fn a_device_that_moves_leaves_its_former_user(store) {
        for address in [fcm("t"), browser("https://push.example/1", 1), apns('0', Environment::Production)] {
            let other = add(&*store, new("ann", fcm("other"), 0)).await.id;
            let anns = add(&*store, new("ann", address.clone(), 1)).await.id;
            let bobs = add(&*store, new("bob", address, 2)).await;
            assert_eq!((bobs.created_at, bobs.id == anns), (at(2), false));
            assert_eq!(store.contact(anns).await.unwrap(), None);
            assert_eq!(ids(&*store, "ann").await, [other]);
            assert_eq!(ids(&*store, "bob").await, [bobs.id]);
            assert_eq!(store.delete_contacts(&user("ann")).await.unwrap(), 1);
            assert_eq!(store.delete_contacts(&user("bob")).await.unwrap(), 1);
        }
    }

    async fn one_more_device_takes_the_place_of_the_longest_silent(store) {
        let mail = add(&*store, new("ann", email("a@example.com"), 0)).await.id;
        let mut devices = Vec::new();
        for number in 1..MOST_CONTACTS as u64 {
            devices.push(add(&*store, new("ann", fcm(&number.to_string()), number)).await.id);
        }
        renew(&*store, new("ann", fcm("1"), 40)).await;
        let more = add(&*store, new("ann", browser("https://push.example/1", 1), 41)).await.id;
        let mut expected = devices.clone();
        expected.remove(1);
        expected.insert(0, mail);
        expected.push(more);
        assert_eq!(ids(&*store, "ann").await, expected);
        // A contact that moves here removes the oldest too; renewing a known one does not.
        let bobs = add(&*store, new("bob", fcm("moves"), 42)).await.id;
        let moved = add(&*store, new("ann", fcm("moves"), 43)).await.id;
        expected.remove(2);
        expected.push(moved);
        renew(&*store, new("ann", fcm("moves"), 44)).await;
        assert_eq!(ids(&*store, "ann").await, expected);
        assert_eq!((store.contact(bobs).await.unwrap(), store.contact(devices[2]).await.unwrap()), (None, None));
        // A removed contact may be added again.
        let back = add(&*store, new("ann", fcm("2"), 45)).await.id;
        assert!(ids(&*store, "ann").await.ends_with(&[moved, back]));
    }

    async fn one_more_e_mail_address_is_refused(store) {
        for number in 0..MOST_CONTACTS as u64 {
            let address = if number == 0 { email("a@example.com") } else { fcm(&number.to_string()) };
            add(&*store, new("ann", address, number)).await;
        }
        let before = store.contacts(&user("ann")).await.unwrap();
        assert_eq!(store.put_contact(&new("ann", email("b@example.com"), 50)).await.unwrap(), Put::Full);
        assert_eq!(store.contacts(&user("ann")).await.unwrap(), before);
        renew(&*store, new("ann", email("a@example.com"), 51)).await;
        assert!(store.delete_contact(&user("ann"), before[7].id).await.unwrap());
        add(&*store, new("ann", email("b@example.com"), 52)).await;
    }

    async fn a_device_is_refused_where_all_are_e_mail_addresses(store) {
        for number in 0..MOST_CONTACTS as u64 {
            add(&*store, new("ann", email(&format!("{number}@example.com")), number)).await;
        }
        let before = store.contacts(&user("ann")).await.unwrap();
        let bobs = add(&*store, new("bob", fcm("t"), 0)).await;
        for token in ["t", "u"] {
            assert_eq!(store.put_contact(&new("ann", fcm(token), 50)).await.unwrap(), Put::Full);
        }
        assert_eq!(store.contacts(&user("ann")).await.unwrap(), before);
        assert_eq!(store.contacts(&user("bob")).await.unwrap(), [bobs]);
    }

    async fn a_contact_is_deleted_by_its_user_and_id(store) {
        let mine = add(&*store, new("ann", fcm("a"), 0)).await.id;
        let other = add(&*store, new("ann", email("a@example.com"), 0)).await.id;
        assert!(!store.delete_contact(&user("bob"), mine).await.unwrap());
        assert!(store.delete_contact(&user("ann"), mine).await.unwrap());
        assert!(!store.delete_contact(&user("ann"), mine).await.unwrap());
        assert_eq!(ids(&*store, "ann").await, [other]);
        assert_ne!(add(&*store, new("ann", fcm("a"), 1)).await.id, mine);
    }

    async fn all_contacts_of_a_user_are_deleted_together(store) {
        for address in [fcm("a"), email("a@example.com"), browser("https://push.example/1", 1)] {
            add(&*store, new("ann", address, 0)).await;
        }
        let bobs = add(&*store, new("bob", email("a@example.com"), 0)).await;
        assert_eq!(store.delete_contacts(&user("ann")).await.unwrap(), 3);
        assert_eq!(store.delete_contacts(&user("ann")).await.unwrap(), 0);
        assert!(ids(&*store, "ann").await.is_empty());
        assert_eq!(store.contacts(&user("bob")).await.unwrap(), [bobs]);
        add(&*store, new("ann", fcm("a"), 1)).await;
    }

    async fn of_many_users_who_put_one_device_at_once_one_has_it(store) {
        let tasks: Vec<_> = (0..50u64)
            .map(|number| {
                let (store, who) = (Arc::clone(&store), if number % 2 == 0 { "ann" } else { "bob" });
                tokio::spawn(async move { store.put_contact(&new(who, fcm("t"), number)).await.unwrap() })
            })
            .collect();
        let mut last = HashSet::new();
        for task in tasks {
            match task.await.unwrap() {
                Put::Added(contact) | Put::Renewed(contact) => last.insert(contact.id),
                Put::Full => panic!("there is room"),
            };
        }
        let owners: Vec<_> = [ids(&*store, "ann").await, ids(&*store, "bob").await].concat();
        assert_eq!(owners.len(), 1, "{owners:?}");
        assert!(last.contains(&owners[0]));
    }

    async fn many_concurrent_additions_stay_within_the_limit(store) {
        let tasks: Vec<_> = (0..30u64)
            .map(|number| {
                let store = Arc::clone(&store);
                let mail = || email(&format!("{number}@example.com"));
                let address = if number % 3 == 0 { mail() } else { fcm(&number.to_string()) };
                tokio::spawn(async move {
                    let put = store.put_contact(&new("ann", address, number)).await.unwrap();
                    (put, store.contacts(&user("ann")).await.unwrap().len())
                })
            })
            .collect();
        for task in tasks {
            let (_, present) = task.await.unwrap();
            assert!(present <= MOST_CONTACTS, "{present}");
        }
        assert_eq!(ids(&*store, "ann").await.len(), MOST_CONTACTS);
    }

    /// Contacts that move between users at their limit: no request waits for ever, and no user exceeds the limit.
    async fn devices_that_change_hands_between_full_users_settle(store) {
        for number in 0..2 * MOST_CONTACTS as u64 {
            let who = if number % 2 == 0 { "ann" } else { "bob" };
            add(&*store, new(who, fcm(&number.to_string()), number)).await;
        }
        let tasks: Vec<_> = (0..120u64)
            .map(|number| {
                let (store, who) = (Arc::clone(&store), if number % 3 == 0 { "ann" } else { "bob" });
                let token = (number % 44).to_string();
                tokio::spawn(async move { store.put_contact(&new(who, fcm(&token), number % 60)).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let mut tokens = HashSet::new();
        for who in ["ann", "bob"] {
            let contacts = store.contacts(&UserId::parse(who).unwrap()).await.unwrap();
            assert!(contacts.len() <= MOST_CONTACTS);
            for contact in contacts {
                assert!(tokens.insert(contact.address.identity(&contact.user_id)));
            }
        }
    }
}
