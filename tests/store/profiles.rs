//! A user's profile for delivery, read at once, equals its parts read one by one, in every back end.

use std::sync::Arc;

use campanile::{
    model::{ContactAddress, ContactId, EmailAddress, NotificationId, Preferences, UserId},
    server::store::{MemoryStore, Profile, Profiles, SqliteOptions, SqliteStore, Store, contacts::NewContact},
};
use serde_json::json;
use uuid::Uuid;

use super::{send, user};
use crate::harness::{new_folder, started};

async fn all() -> [Arc<dyn Profiles>; 3] {
    [
        Arc::new(MemoryStore::new(10, started())),
        Arc::new(SqliteStore::open(&SqliteOptions::new(new_folder().join("campanile.db"))).unwrap()),
        Arc::new(crate::postgres::open(&crate::postgres::new_database().await, 10).await),
    ]
}

async fn modseq(store: &dyn Store, user_id: &UserId) -> u64 {
    store.ends(std::slice::from_ref(user_id)).await.unwrap()[0].0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_equals_its_parts() {
    for store in all().await {
        let (ann, nowhere) = (user("ann"), NotificationId::new(Uuid::from_u128(9)));
        for about in [None, Some(nowhere)] {
            let nothing = Profile { modseq: modseq(&*store, &ann).await, ..Profile::default() };
            assert_eq!(store.profile(&ann, about).await.unwrap(), nothing);
        }
        for address in ["ann@example.com", "ann@home.example"] {
            let address = ContactAddress::Email { address: EmailAddress::parse(address).unwrap() };
            let id = ContactId::new(Uuid::now_v7());
            let contact = NewContact { id, user_id: ann.clone(), address, label: None, at: started() };
            store.put_contact(&contact).await.unwrap();
        }
        let preferences = Preferences::default().merge(&json!({"channels": {"push": "off"}})).unwrap();
        assert!(store.set_preferences(&ann, &preferences, 0).await.unwrap());
        let first = send(&*store, "ann", "Hello").await;
        let second = send(&*store, "ann", "Hello").await;
        store.set_read(first.id, None, true).await.unwrap();
        send(&*store, "bob", "Hello").await;
        let (contacts, modseq) = (store.contacts(&ann).await.unwrap(), modseq(&*store, &ann).await);
        assert_eq!(contacts.len(), 2);
        for id in [first.id, second.id, nowhere] {
            let notification = store.get(id).await.unwrap();
            let (contacts, preferences) = (contacts.clone(), preferences.clone());
            let expected = Profile { contacts, preferences, modseq, unread_count: 1, notification };
            assert_eq!(store.profile(&ann, Some(id)).await.unwrap(), expected);
        }
    }
}
