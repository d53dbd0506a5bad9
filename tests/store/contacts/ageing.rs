//! How the state of a contact changes, and how long a contact stays.

use super::*;

contract! {
    async fn a_state_holds_until_the_contact_is_put_again(store) {
        let contact = add(&*store, new("ann", fcm("t"), 10)).await;
        for (second, state) in (10..).zip([ContactState::Suppressed, ContactState::Disabled, ContactState::Dead]) {
            assert!(store.set_contact_state(contact.id, state, at(second), at(second)).await.unwrap());
            let expected = KeptContact { state, since: at(second), ..contact.clone() };
            assert_eq!(store.contact(contact.id).await.unwrap(), Some(expected));
        }
        let renewed = renew(&*store, new("ann", fcm("t"), 20)).await;
        assert_eq!((renewed.state, renewed.since), (ContactState::Active, at(20)));
        // A push service's report about the time before that no longer counts.
        assert!(!store.set_contact_state(contact.id, ContactState::Dead, at(19), at(19)).await.unwrap());
        assert_eq!(store.contact(contact.id).await.unwrap(), Some(renewed));
        // A contact that is renewed while active is still active since then.
        assert_eq!(renew(&*store, new("ann", fcm("t"), 30)).await.since, at(20));
    }

    async fn an_earlier_finding_counts_from_the_time_of_its_record(store) {
        let contact = add(&*store, new("ann", fcm("t"), 10)).await;
        assert!(!store.set_contact_state(contact.id, ContactState::Dead, at(9), at(30)).await.unwrap());
        assert_eq!(store.contact(contact.id).await.unwrap(), Some(contact.clone()));
        assert!(store.set_contact_state(contact.id, ContactState::Dead, at(10), at(30)).await.unwrap());
        let dead = KeptContact { state: ContactState::Dead, since: at(30), ..contact };
        assert_eq!(store.contact(dead.id).await.unwrap(), Some(dead));
    }

    async fn a_push_contact_that_is_dead_goes_in_time(store) {
        let mail = add(&*store, new("ann", email("a@example.com"), 0)).await.id;
        let phone = add(&*store, new("ann", apns('a', Environment::Production), 0)).await.id;
        let browser = add(&*store, new("bob", browser("https://push.example/1", 1), 0)).await.id;
        let disabled = add(&*store, new("bob", apns('b', Environment::Production), 0)).await.id;
        let alive = add(&*store, new("bob", apns('c', Environment::Production), 0)).await.id;
        for id in [mail, phone, browser] {
            assert!(store.set_contact_state(id, ContactState::Dead, at(5), at(5)).await.unwrap());
        }
        assert!(store.set_contact_state(disabled, ContactState::Disabled, at(5), at(5)).await.unwrap());
        assert_eq!(store.drop_gone(at(4), at(59), 10).await.unwrap(), 0);
        // A contact that was registered again is not dead, and one that died again has a later time.
        renew(&*store, new("ann", apns('a', Environment::Production), 6)).await;
        assert_eq!(store.drop_gone(at(5), at(59), 10).await.unwrap(), 1);
        assert_eq!((ids(&*store, "ann").await, ids(&*store, "bob").await), (vec![mail, phone], vec![disabled, alive]));
        assert!(store.set_contact_state(phone, ContactState::Dead, at(7), at(8)).await.unwrap());
        assert_eq!(store.drop_gone(at(7), at(59), 10).await.unwrap(), 0);
        assert_eq!(store.drop_gone(at(8), at(59), 10).await.unwrap(), 1);
        assert_eq!(store.drop_gone(at(59), at(59), 10).await.unwrap(), 0);
        assert_eq!((ids(&*store, "ann").await, store.contact(phone).await.unwrap()), (vec![mail], None));
        // A removed contact may be added again, as a new one.
        assert_ne!(add(&*store, new("ann", apns('a', Environment::Production), 20)).await.id, phone);
    }

    async fn a_contact_of_fcm_that_was_not_seen_for_long_goes_whatever_its_state(store) {
        let silent = add(&*store, new("ann", fcm("silent"), 5)).await.id;
        let seen = add(&*store, new("ann", fcm("seen"), 1)).await.id;
        let disabled = add(&*store, new("ann", fcm("disabled"), 2)).await.id;
        add(&*store, new("bob", apns('a', Environment::Production), 1)).await;
        add(&*store, new("bob", browser("https://push.example/1", 1), 1)).await;
        add(&*store, new("bob", email("b@example.com"), 1)).await;
        assert!(store.set_contact_state(disabled, ContactState::Disabled, at(2), at(2)).await.unwrap());
        renew(&*store, new("ann", fcm("seen"), 6)).await;
        assert_eq!(store.drop_gone(at(0), at(4), 10).await.unwrap(), 1);
        assert_eq!(ids(&*store, "ann").await, [silent, seen]);
        assert_eq!(store.drop_gone(at(0), at(5), 10).await.unwrap(), 1);
        assert_eq!((ids(&*store, "ann").await, ids(&*store, "bob").await.len()), (vec![seen], 3));
    }

    async fn dead_contacts_are_deleted_in_steps_of_limited_size(store) {
        for number in 0..25_u64 {
            let contact = add(&*store, new(&format!("user {number}"), fcm(&number.to_string()), 1)).await;
            // Some are both dead and silent.
            if number % 2 == 0 {
                assert!(store.set_contact_state(contact.id, ContactState::Dead, at(2), at(2)).await.unwrap());
            }
        }
        let mut steps = Vec::new();
        while steps.last() != Some(&0) {
            steps.push(store.drop_gone(at(9), at(9), 10).await.unwrap());
        }
        assert!(steps.iter().all(|step| *step <= 10) && steps.iter().sum::<usize>() == 25, "{steps:?}");
        assert_eq!(steps[..2], [10, 10]);
        assert!(ids(&*store, "user 7").await.is_empty());
    }

    /// A contact that is registered again while it is removed exists in the end, with its old id or a new one.
    async fn a_contact_put_while_it_is_deleted_exists(store) {
        for round in 0..20 {
            add(&*store, new("ann", fcm("t"), 1)).await;
            let (put, drop) = (Arc::clone(&store), Arc::clone(&store));
            let put = tokio::spawn(async move { put.put_contact(&new("ann", fcm("t"), 30)).await.unwrap() });
            let drop = tokio::spawn(async move { drop.drop_gone(at(10), at(10), 10).await.unwrap() });
            let (Put::Added(kept) | Put::Renewed(kept)) = put.await.unwrap() else { panic!("there is room") };
            drop.await.unwrap();
            assert_eq!(ids(&*store, "ann").await, [kept.id], "{round}");
            assert_eq!(store.delete_contacts(&user("ann")).await.unwrap(), 1);
        }
    }
}
