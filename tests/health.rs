//! `GET /healthz`, `/readyz`.

use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn healthz_and_readyz_answer_ok() {
    for path in ["/healthz", "/readyz"] {
        let answer = App::new().get(path).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"status": "ok"})));
    }
}

#[tokio::test]
async fn a_task_that_ended_is_named_while_requests_are_served() {
    let app = App::new();
    let mut first = true;
    let task = app.service.tasks().spawn("expiry", move || {
        let is_first = std::mem::take(&mut first);
        async move {
            assert!(!is_first, "it ends once");
            std::future::pending::<()>().await;
        }
    });
    while app.service.tasks().ended_lately().is_empty() {
        tokio::task::yield_now().await;
    }
    let answer = app.get("/readyz").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"status": "degraded", "tasks": ["expiry"]})));
    assert_eq!(app.get("/healthz").await.json(), json!({"status": "ok"}));
    task.abort();
}
