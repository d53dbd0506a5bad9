//! Pages, filters and searches of a list, against every back end.

use campanile::{
    model::{Category, Event, Filter, Limit, NotificationDraft, Page, Search},
    server::store::{LOOKED_AT, Store},
};

use super::{
    accepted, contents,
    contract::{contract, modseq},
    create, draft, memory, postgres, send, sqlite, user,
};

contract! {
    async fn pages_follow_each_other_without_hole_or_repeat(open) {
        let store = open(1000).await;
        for number in 0..7 {
            send(&*store, "ann", &number.to_string()).await;
            send(&*store, "bob", "noise").await;
        }
        let filter = Filter::inbox(user("ann"));
        let (first, next) = contents(&*store, &filter, None, 3).await;
        assert_eq!(first, ["6", "5", "4"]);
        // A new notification between two pages moves none of them.
        send(&*store, "ann", "late").await;
        let (second, next) = contents(&*store, &filter, next, 3).await;
        assert_eq!(second, ["3", "2", "1"]);
        let (third, next) = contents(&*store, &filter, next, 3).await;
        assert_eq!((third, next), (vec!["0".to_owned()], None));
    }

    async fn the_last_page_has_no_next_even_when_it_is_full(open) {
        let store = open(1000).await;
        for content in ["a", "b"] {
            send(&*store, "ann", content).await;
        }
        assert_eq!(contents(&*store, &Filter::inbox(user("ann")), None, 2).await.1, None);
        assert_eq!(contents(&*store, &Filter::default(), None, 2).await.1, None);
    }

    async fn a_limit_of_nothing_is_an_empty_page(open) {
        let store = open(1000).await;
        send(&*store, "ann", "a").await;
        assert_eq!(contents(&*store, &Filter::default(), None, 0).await, (vec![], None));
    }

    async fn filters_are_met_together(open) {
        let store = open(1000).await;
        for (user_id, category, content) in
            [("ann", "alert", "a"), ("ann", "update", "b"), ("bob", "alert", "c"), ("ann", "alert", "d")]
        {
            let new = NotificationDraft { category: Some(category.to_owned()), ..draft(user_id, content) };
            create(&*store, new).await;
        }
        store.mark_read_at(&user("ann"), 0).await.unwrap();
        let alert = Some(Category::parse("alert").unwrap());
        let all = Filter { category: alert.clone(), ..Filter::default() };
        assert_eq!(contents(&*store, &all, None, 50).await.0, ["d", "c", "a"]);
        let unread = Filter { unread: true, ..all };
        assert_eq!(contents(&*store, &unread, None, 50).await.0, ["c", "a"]);
        let of_ann = Filter { user_id: Some(user("ann")), ..unread };
        assert_eq!(contents(&*store, &of_ann, None, 50).await.0, ["a"]);
    }

    async fn a_search_finds_every_word_in_title_or_content(open) {
        let store = open(1000).await;
        let titled = NotificationDraft { title: Some("ÉCLAIR Shop".to_owned()), ..draft("ann", "parcel 7 is there") };
        create(&*store, titled).await;
        send(&*store, "ann", "Parcel 8 100%_sure 'underway'").await;
        send(&*store, "bob", "parcel 9").await;
        let find = async |user_id: Option<&str>, q: &str| {
            let search = Some(Search::parse(q).unwrap());
            let filter = Filter { user_id: user_id.map(user), search, ..Filter::default() };
            contents(&*store, &filter, None, 50).await.0.len()
        };
        assert_eq!(find(Some("ann"), "parcel").await, 2);
        assert_eq!(find(None, "PARCEL").await, 3);
        assert_eq!(find(Some("ann"), "there éclair").await, 1);
        assert_eq!(find(Some("ann"), "éclair 8").await, 0);
        assert_eq!(find(Some("ann"), "100%_sure").await, 1);
        assert_eq!(find(Some("ann"), "10%sure").await, 0);
        assert_eq!(find(Some("ann"), "E\u{301}CLAIR").await, 1, "the letter in two characters");
        assert_eq!(find(Some("ann"), "'underway'").await, 1);
    }

    async fn a_page_ends_when_much_was_looked_at(open) {
        let store = open(20_000).await;
        send(&*store, "ann", "needle").await;
        for _ in 0..LOOKED_AT / 1000 {
            let hay: Vec<_> = (0..1000).map(|_| accepted(draft("ann", "hay"))).collect();
            store.create(&hay, None).await.unwrap();
        }
        for user_id in [Some(user("ann")), None] {
            let filter = Filter { user_id, search: Some(Search::parse("needle").unwrap()), ..Filter::default() };
            let (found, next) = contents(&*store, &filter, None, 50).await;
            assert!(found.is_empty() && next.is_some());
            assert_eq!(contents(&*store, &filter, next, 50).await, (vec!["needle".to_owned()], None));
        }
    }

    async fn a_cursor_of_one_inbox_tells_nothing_of_others(open) {
        let store = open(1000).await;
        for content in ["1", "2", "3", "4"] {
            send(&*store, "ann", content).await;
        }
        let filter = Filter::inbox(user("ann"));
        let (newest, Some(first)) = contents(&*store, &filter, None, 2).await else { panic!("there is more") };
        assert_eq!(newest, ["4", "3"]);
        for _ in 0..7 {
            send(&*store, "bob", "x").await;
        }
        send(&*store, "ann", "5").await;
        let (newest, Some(second)) = contents(&*store, &filter, None, 2).await else { panic!("there is more") };
        assert_eq!(newest, ["5", "4"]);
        assert_eq!(second.position(), first.position() + 1, "as if no other user had got anything");
        assert!(second.of_kind(true).is_ok());
        assert_eq!(contents(&*store, &filter, Some(first), 9).await, (vec!["2".to_owned(), "1".to_owned()], None));
        let (_, overall) = contents(&*store, &Filter::default(), None, 9).await;
        let overall = overall.unwrap();
        assert!(overall.of_kind(false).is_ok());
        let rest = contents(&*store, &Filter::default(), Some(overall), 9).await;
        assert_eq!(rest, (vec!["3".to_owned(), "2".to_owned(), "1".to_owned()], None));
    }

    async fn a_page_has_at_most_two_mebibytes(open) {
        let store = open(1000).await;
        // Each takes 64 KiB as JSON, and 24 KiB in the store: a database that stops after reading 2 MiB has read enough
        // for the page, and not all.
        let large: Vec<_> = (0..100).map(|_| accepted(draft("ann", &"\u{1}é".repeat(8_192)))).collect();
        store.create(&large, None).await.unwrap();
        let since = modseq(&*store, "ann").await - 100;
        store.mark_read_at(&user("ann"), 70).await.unwrap();
        for filter in [Filter::inbox(user("ann")), Filter::default(), Filter { unread: true, ..Filter::default() }] {
            let (mut seen, mut pages, mut before) = (0, 0, None);
            loop {
                let page = store.list(&filter, before, Limit::new(1000)).await.unwrap();
                assert!(serde_json::to_vec(&page.notifications).unwrap().len() <= Page::MAX_BYTES);
                seen += page.notifications.len();
                pages += 1;
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            let all = if filter.unread { 99 } else { 100 };
            assert_eq!((seen, pages), (all, 4), "{filter:?}");
        }
        let (mut at, mut told) = (since, Vec::new());
        loop {
            let changes = store.changes(&user("ann"), at, Limit::new(1000)).await.unwrap();
            assert!(serde_json::to_vec(&changes).unwrap().len() <= Page::MAX_BYTES);
            told.extend(changes.events.iter().map(Event::modseq));
            at = changes.modseq;
            if !changes.more {
                break;
            }
        }
        let marked = since + 30;
        assert_eq!(told, (since + 1..=since + 101).filter(|modseq| *modseq != marked).collect::<Vec<_>>());
    }
}
