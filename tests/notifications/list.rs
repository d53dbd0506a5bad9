//! `GET /api/notifications/list`.

use serde_json::Value;

use crate::harness::{Answer, App};

fn contents(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    list.as_array().unwrap().iter().map(|n| n["content"].as_str().unwrap().to_owned()).collect()
}

async fn filled(count: usize) -> App {
    let app = App::new();
    for number in 0..count {
        app.notify("ann", &number.to_string()).await;
    }
    app
}

#[tokio::test]
async fn an_empty_list_is_an_empty_array() {
    let answer = App::new().get("/api/notifications/list").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, serde_json::json!([])));
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn newest_first_and_filtered_by_user() {
    let app = App::new();
    for (user_id, content) in [("ann", "a"), ("bob", "b"), ("ann", "c")] {
        app.notify(user_id, content).await;
    }
    assert_eq!(contents(&app.get("/api/notifications/list").await), ["c", "b", "a"]);
    assert_eq!(contents(&app.get("/api/notifications/list?user_id=ann&limit=20").await), ["c", "a"]);
    assert_eq!(contents(&app.get("/api/notifications/list?user_id=nobody").await), Vec::<String>::new());
}

#[tokio::test]
async fn fifty_by_default_and_a_thousand_at_most() {
    let app = filled(1005).await;
    assert_eq!(contents(&app.get("/api/notifications/list").await).len(), 50);
    for limit in ["1000", "1001", "99999999999999999999999999", "0001000"] {
        let all = contents(&app.get(&format!("/api/notifications/list?limit={limit}")).await);
        // The documented window: the last 1000 are stored.
        assert_eq!((all.len(), all[0].as_str(), all[999].as_str()), (1000, "1004", "5"), "{limit}");
    }
    assert_eq!(contents(&app.get("/api/notifications/list?limit=1").await), ["1004"]);
    assert_eq!(contents(&app.get("/api/notifications/list?limit=0").await), Vec::<String>::new());
}

#[tokio::test]
async fn the_next_link_leads_through_all_of_it() {
    let app = filled(7).await;
    let mut path = "/api/notifications/list?user_id=ann&limit=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = app.get(&path).await;
        seen.extend(contents(&answer));
        let link = answer.header("link");
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            assert_eq!(link, "");
            break;
        };
        next.clone_into(&mut path);
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);
}

#[tokio::test]
async fn a_cursor_is_refused_where_the_other_kind_belongs() {
    let app = App::new();
    for content in ["a", "b"] {
        app.notify("ann", content).await;
    }
    let next = async |path: &str| {
        let link = app.get(path).await.header("link").to_owned();
        link.split_once("before=").unwrap().1.split_once('>').unwrap().0.to_owned()
    };
    let overall = next("/api/notifications/list?limit=1").await;
    let in_inbox = next("/api/notifications/list?user_id=ann&limit=1").await;
    assert!(overall.bytes().all(|b| b.is_ascii_digit()) && in_inbox.starts_with('i'), "{overall} {in_inbox}");
    for (path, own, other) in [
        ("/api/notifications/list?", &overall, &in_inbox),
        ("/api/notifications/list?user_id=ann&", &in_inbox, &overall),
    ] {
        assert_eq!(contents(&app.get(&format!("{path}before={own}")).await), ["a"]);
        app.get(&format!("{path}before={other}")).await.refused_field("before");
    }
}

#[tokio::test]
async fn category_and_unread_filter() {
    let app = App::new();
    for (category, content) in [("alert", "a"), ("update", "b"), ("alert", "c")] {
        let body = serde_json::json!({"user_id": "ann", "content": content, "category": category});
        app.post_json("/api/notifications/create", &body).await;
    }
    app.post("/api/notifications/mark-read/ann/0").await;
    assert_eq!(contents(&app.get("/api/notifications/list?category=alert").await), ["c", "a"]);
    assert_eq!(contents(&app.get("/api/notifications/list?unread=true").await), ["b", "a"]);
    assert_eq!(contents(&app.get("/api/notifications/list?unread=false").await), ["c", "b", "a"]);
    assert_eq!(contents(&app.get("/api/notifications/list?category=alert&unread=true&user_id=ann").await), ["a"]);
    assert_eq!(contents(&app.get("/api/notifications/list?category=unheard-of").await), Vec::<String>::new());
}

#[tokio::test]
async fn with_a_user_the_answer_has_the_change_number() {
    let app = App::new();
    app.notify("ann", "a").await;
    let answer = app.get("/api/notifications/list?user_id=ann").await;
    let modseq: u64 = answer.header("campanile-modseq").parse().unwrap();
    app.notify("ann", "b").await;
    let changes = app.get(&format!("/api/notifications/changes/ann?since={modseq}")).await.json();
    assert_eq!(changes["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(app.get("/api/notifications/list").await.header("campanile-modseq"), "");
}

#[tokio::test]
async fn eight_writers_at_once_lose_nothing() {
    let app = App::new();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let app = app.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    let body = serde_json::json!({"user_id": format!("w{writer}"), "content": number.to_string()});
                    assert_eq!(app.post_json("/api/notifications/create", &body).await.status, 201);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = app.get("/api/notifications/list?limit=1000").await.json();
    let ids: std::collections::HashSet<_> = all.as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 800);
    for writer in 0..8 {
        let own = contents(&app.get(&format!("/api/notifications/list?user_id=w{writer}&limit=1000")).await);
        assert_eq!(own, (0..100).rev().map(|n| n.to_string()).collect::<Vec<_>>());
        let count: Value = app.get(&format!("/api/notifications/unread-count/w{writer}")).await.json();
        assert_eq!(count["unread_count"], 100);
    }
}
