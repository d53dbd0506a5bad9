//! A request that was sent before the upgrade, and again after it, is not done twice.

use axum::{
    body::Body,
    http::{Request, header},
};

use super::{Upgraded, of_both};
use crate::harness::{Answer, App};

const CREATE: &str = "/api/notifications/create";
const ONCE: &str = r#"{"user_id":"ann","content":"made once"}"#;
const WITH_DATA: &str = r#"{"user_id":"ann","content":"made once, with data","data":{"b": 1, "a": [1.0, 1e5, "\u0041", 18446744073709551616]},"category":"alert","expires_at":"2090-01-01T00:00:00Z"}"#;
const OF_TWO: &str = r#"{"notifications":[{"user_id":"ann","content":"first of two"},{"user_id":"bob","content":"second of two","title":"Two"}]}"#;

async fn retry(app: &App, path: &str, key: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_owned()));
    app.ask(request.unwrap()).await
}

async fn total(old: &Upgraded) -> u64 {
    old.store.overview(None).await.unwrap().total
}

/// That release hashed its own form of `data`, not the text that was sent.
pub(super) async fn a_retry_with_data(old: &Upgraded) {
    let before = total(old).await;
    let answer = retry(&old.app, CREATE, "young, with data", WITH_DATA).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["id"], "019b7c00-0000-7000-8000-00000000000f");
    assert_eq!(total(old).await, before);
}

of_both! {
    async fn a_retry_gets_the_first_answer(old) {
        for _ in 0..2 {
            let answer = retry(&old.app, CREATE, "young", ONCE).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(answer.json()["id"], "019b7c00-0000-7000-8000-00000000000e");
            assert_eq!(answer.json()["timestamp"], "2026-01-02T10:00:00.000000Z");
        }
        assert_eq!(total(&old).await, 41);
    }

    async fn a_retry_with_data_is_recognised(old) {
        a_retry_with_data(&old).await;
    }

    async fn a_retry_of_a_batch_is_recognised(old) {
        let answer = retry(&old.app, "/api/notifications/batch", "young, of two", OF_TWO).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert!(answer.text().contains("019b7c00-0000-7000-8000-000000000010"), "{}", answer.text());
        assert!(answer.text().contains("019b7c00-0000-7000-8000-000000000011"), "{}", answer.text());
        assert_eq!(total(&old).await, 41);
    }

    async fn another_request_with_such_a_key_is_refused(old) {
        retry(&old.app, CREATE, "young", r#"{"user_id":"ann","content":"something else"}"#).await.problem(422, "invalid_input");
        retry(&old.app, CREATE, "young, with data", &WITH_DATA.replace("1e5", "1e6")).await.problem(422, "invalid_input");
        assert_eq!(total(&old).await, 41);
    }

    async fn a_key_of_the_day_before_is_new(old) {
        let answer = retry(&old.app, CREATE, "old", r#"{"user_id":"ann","content":"long ago"}"#).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_ne!(answer.json()["id"], "019b7c00-0000-7000-8000-000000000012");
        assert_eq!(total(&old).await, 42);
    }
}
